"""The id that all has in common that one request, one frame or one doing of the product's own brought about: in every
log line, in the rows of `messages`, and as the trace id of OpenTelemetry (https://www.w3.org/TR/trace-context/#trace-id).
"""

from __future__ import annotations

import secrets


def new_trace() -> str:
    """32 hexadecimal digits, minted here: what somebody outside says of itself would lead into other people's lines."""
    return secrets.token_hex(16)
