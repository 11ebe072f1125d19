"""What people sent along, with its bytes: pasted pictures on the connector, and files on their OneDrive.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""The smallest picture there is."""


@dataclass(frozen=True, kw_only=True)
class File:
    content: bytes = field(repr=False)
    content_type: str
    name: str = ""
    permission: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """`tempauth` of the address that lets anybody have it."""

    def opens_with(self, permission: str) -> bool:
        return hmac.compare_digest(self.permission.encode(), permission.encode())


@dataclass(kw_only=True)
class Files:
    """By an id that is made up for each."""

    pasted: dict[str, File] = field(default_factory=dict)
    onedrive: dict[str, File] = field(default_factory=dict)

    def paste(self, content: bytes, content_type: str) -> str:
        number = f"0-frca-d{secrets.randbelow(9) + 1}-{secrets.token_hex(16)}"
        self.pasted[number] = File(content=content, content_type=content_type)
        return number

    def upload(self, content: bytes, name: str) -> str:
        number = secrets.token_hex(16)
        self.onedrive[number] = File(content=content, content_type="application/octet-stream", name=name)
        return number
