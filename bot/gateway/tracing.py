"""OpenTelemetry, for those who want it: what one request brought about, as spans.

On by the standard variables (https://opentelemetry.io/docs/specs/otel/protocol/exporter/), with the extra `otel`; off,
nothing of it is imported. Rasa's process has old pins and opens nothing, so the gateway that sends a reply tells of its
turn too, as the database has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

_ON = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Traces(Protocol):
    """Who is told. Times are nanoseconds since 1970; nothing waits and nothing raises."""

    def webhook(self, trace: str, channel: str, status: int, began: int, ended: int) -> None:
        """A platform, or a web chat's frame, was answered."""

    def sent(self, message: int, outcome: str, began: int, ended: int) -> None:
        """An attempt to send an outbound message is over, and recorded."""

    async def close(self) -> None:
        """Hand over what is left."""


class TracesMissing(Exception):
    """Wanted, and not installed."""


def traces_of(engine: AsyncEngine, environment: Mapping[str, str] = os.environ) -> Traces:
    """As the environment has it. Raises TracesMissing."""
    wanted = any(environment.get(name) for name in _ON)
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Untraced()
    try:
        from bot.gateway.spans import Exported
    except ImportError as error:
        raise TracesMissing(f"OTEL_EXPORTER_OTLP_ENDPOINT is set: install throughline[otel] ({error.name})") from None
    return Exported(engine)


class Untraced:
    """Nobody wants to know."""

    def webhook(self, trace: str, channel: str, status: int, began: int, ended: int) -> None:
        pass

    def sent(self, message: int, outcome: str, began: int, ended: int) -> None:
        pass

    async def close(self) -> None:
        pass
