"""One-time codes from an app, as a second factor.

RFC 6238 with SHA-1, 30 seconds and six digits, which is what all apps can do. A code is good once, and for a step to
either side, since clocks differ.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

import segno

STEP = 30
_DIGITS = 6
_BYTES = 20
"""As long as the hash: RFC 4226, section 4, requirement 6."""


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether it is one that `new_secret` could have made."""
    try:
        return len(base64.b32decode(text)) == _BYTES
    except (binascii.Error, ValueError):
        return False


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that `code` is of; None if it is none of now."""
    here = int(now.timestamp()) // STEP
    given = code.replace(" ", "").encode("utf-8", "replace")
    for step in (here - 1, here, here + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), given):
            return step
    return None


def code_of(secret: str, step: int) -> str:
    """RFC 4226, section 5.3."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def uri_of(secret: str, login: str) -> str:
    """What an app reads: https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    issuer = "Throughline"
    return f"otpauth://totp/{issuer}:{quote(login, safe='')}?" + urlencode({"secret": secret, "issuer": issuer})


def picture_of(uri: str) -> str:
    """The QR code as an SVG document."""
    out = io.BytesIO()
    segno.make(uri, error="m").save(out, kind="svg", scale=5, border=4, dark="#000", light="#fff")
    return out.getvalue().decode()
