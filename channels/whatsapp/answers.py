"""What the Graph API answers, as far as it can be read. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .payload import Json

_LONGEST_WAIT = 3600.0


def json_object(content: bytes) -> Json | None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, where the header gives them."""
    value = headers.get("Retry-After", "")
    return min(_LONGEST_WAIT, float(value)) if value.isascii() and value.isdigit() else None
