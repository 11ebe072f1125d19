"""Signing what is told, as Standard Webhooks has it: https://www.standardwebhooks.com, version 1.0.0. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the specification has it."""


def secret_bytes(text: str) -> bytes:
    """The key in a secret such as `whsec_` and base64. Raises ValueError."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be {PREFIX} and base64") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"must be {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes")
    return key


def signed_headers(key: bytes, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt. `timestamp`: of the attempt, in seconds since 1970."""
    content = b".".join((id.encode(), str(timestamp).encode(), body))
    digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{digest}"}
