"""What a button sends: an intent and its entities, as Rasa reads them."""

from __future__ import annotations

import json
import re

_PAYLOAD = re.compile(r"/(?P<intent>\w+)(?P<entities>\{.*\})?")


def payload(intent: str, **entities: str) -> str:
    """`/inform{"order_number": "1042"}`."""
    return f"/{intent}{json.dumps(entities, ensure_ascii=False)}" if entities else f"/{intent}"


def read_payload(text: str) -> tuple[str, dict[str, str]] | None:
    """The intent and its entities; None for words."""
    found = _PAYLOAD.fullmatch(text)
    return (found["intent"], json.loads(found["entities"] or "{}")) if found else None
