"""The app package, by the rules of
https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/apps-package
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import Any

import pytest

from channels.teams.manifest import App, package

HEARTHSIDE: dict[str, str] = {
    "app_id": "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10",
    "name": "Hearthside",
    "developer": "Hearthside Ltd",
    "website_url": "https://hearthside.example",
    "privacy_url": "https://hearthside.example/privacy",
    "terms_url": "https://hearthside.example/terms",
}


def files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pixels(png: bytes) -> tuple[int, int, set[bytes]]:
    """Width, height and the colours there are. Raises zlib.error for broken pictures."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    [length] = struct.unpack(">I", png[start - 8 : start - 4])
    rows = zlib.decompress(png[start : start + length])
    assert len(rows) == height * (1 + 4 * width)
    lines = [rows[at + 1 : at + 1 + 4 * width] for at in range(0, len(rows), 1 + 4 * width)]
    return width, height, {line[at : at + 4] for line in lines for at in range(0, 4 * width, 4)}


def test_package_holds_a_manifest_and_two_icons_at_its_root() -> None:
    assert files(package(App(**HEARTHSIDE))).keys() == {"manifest.json", "color.png", "outline.png"}


def test_manifest_is_for_personal_chats_and_groups() -> None:
    manifest = json.loads(files(package(App(**HEARTHSIDE)))["manifest.json"])
    assert manifest == {
        "$schema": "https://developer.microsoft.com/en-us/json-schemas/teams/v1.17/MicrosoftTeams.schema.json",
        "manifestVersion": "1.17",
        "version": "1.0.0",
        "id": "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10",
        "developer": {
            "name": "Hearthside Ltd",
            "websiteUrl": "https://hearthside.example",
            "privacyUrl": "https://hearthside.example/privacy",
            "termsOfUseUrl": "https://hearthside.example/terms",
        },
        "name": {"short": "Hearthside", "full": "Hearthside"},
        "description": {
            "short": "Talk to customer service",
            "full": "Talk to customer service, and go on with a conversation that you began on another channel.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#2F4F4F",
        "bots": [
            {
                "botId": "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10",
                "scopes": ["personal", "team", "groupChat"],
                "supportsFiles": True,
                "isNotificationOnly": False,
            }
        ],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [],
    }


def test_icons_are_of_the_sizes_and_colours_that_teams_takes() -> None:
    found = files(package(App(**HEARTHSIDE, accent="#102030")))
    assert pixels(found["color.png"]) == (192, 192, {b"\x10\x20\x30\xff", b"\xff\xff\xff\xff"})
    assert pixels(found["outline.png"]) == (32, 32, {b"\xff\xff\xff\x00", b"\xff\xff\xff\xff"})


def test_same_settings_give_the_same_package() -> None:
    assert package(App(**HEARTHSIDE)) == package(App(**HEARTHSIDE))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"app_id": ""}, "app_id"),
    ({"app_id": "hearthside"}, "app_id"),
    ({"name": "x" * 31}, "name"),
    ({"name": ""}, "name"),
    ({"developer": "x" * 33}, "developer"),
    ({"short_description": "x" * 81}, "short_description"),
    ({"privacy_url": "http://hearthside.example"}, "privacy_url"),
    ({"version": "1"}, "version"),
    ({"accent": "green"}, "accent"),
]


@pytest.mark.parametrize(("field", "name"), WRONG)
def test_what_teams_would_refuse_is_named(field: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        App(**HEARTHSIDE | field)
