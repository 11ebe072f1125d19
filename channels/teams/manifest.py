"""The app package with which the bot comes into Teams: a zip of a manifest and two icons. Pure.

https://learn.microsoft.com/microsoftteams/platform/resources/schema/manifest-schema
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

from .icons import color_icon, outline_icon

SCHEMA_VERSION = "1.17"
SCHEMA = f"https://developer.microsoft.com/en-us/json-schemas/teams/v{SCHEMA_VERSION}/MicrosoftTeams.schema.json"

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_LIMITS = {"name": 30, "developer": 32, "short_description": 80, "description": 4000}
_URLS = ("website_url", "privacy_url", "terms_url")
_SAME_TIME = (1980, 1, 1, 0, 0, 0)
"""The same package for the same settings, byte for byte."""


@dataclass(frozen=True, kw_only=True)
class App:
    """What Teams shows of the bot, and checks. Raises ValueError, naming the field, if Teams would refuse it."""

    app_id: str
    name: str
    developer: str
    website_url: str
    privacy_url: str
    terms_url: str
    short_description: str = "Talk to customer service"
    description: str = "Talk to customer service, and go on with a conversation that you began on another channel."
    version: str = "1.0.0"
    accent: str = "#2F4F4F"

    def __post_init__(self) -> None:
        patterns = {"app_id": _GUID, "version": _VERSION, "accent": _COLOR}
        for field, pattern in patterns.items():
            if not pattern.fullmatch(getattr(self, field)):
                raise ValueError(f"{field} is not as Teams wants it: {pattern.pattern}")
        for field, limit in _LIMITS.items():
            if not 0 < len(getattr(self, field)) <= limit:
                raise ValueError(f"{field} must have 1 to {limit} characters")
        for field in _URLS:
            if not getattr(self, field).startswith("https://"):
                raise ValueError(f"{field} must be an https address")


def package(app: App) -> bytes:
    """The zip to upload in the Teams admin center, or with "Upload a custom app" in Teams."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(app).items():
            archive.writestr(zipfile.ZipInfo(name, _SAME_TIME), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def manifest(app: App) -> dict[str, Any]:
    """For personal chats, and for groups, where the bot is told what it is mentioned in."""
    return {
        "$schema": SCHEMA,
        "manifestVersion": SCHEMA_VERSION,
        "version": app.version,
        "id": app.app_id,
        "developer": {
            "name": app.developer,
            "websiteUrl": app.website_url,
            "privacyUrl": app.privacy_url,
            "termsOfUseUrl": app.terms_url,
        },
        "name": {"short": app.name, "full": app.name},
        "description": {"short": app.short_description, "full": app.description},
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": app.accent,
        "bots": [
            {
                "botId": app.app_id,
                "scopes": ["personal", "team", "groupChat"],
                "supportsFiles": True,
                "isNotificationOnly": False,
            }
        ],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [],
    }


def _files(app: App) -> dict[str, bytes]:
    return {
        "manifest.json": json.dumps(manifest(app), ensure_ascii=False, indent=2).encode(),
        "color.png": color_icon(app.accent),
        "outline.png": outline_icon(),
    }
