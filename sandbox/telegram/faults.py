"""Trouble to order, as a vendor has it: for tests of what the other side does then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .errors import Refusal, migrated, too_many_requests


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one call. Make one with the functions below."""

    refusal: Refusal | None = None
    """Answered instead of doing anything."""
    html: bool = False
    """The error page of a proxy in front, instead of JSON."""
    hang: float | None = None
    """Seconds without an answer before the connection is closed."""
    done: bool = False
    """Whether the call takes effect before its answer is lost."""

    @property
    def answers(self) -> bool:
        return self.refusal is not None


def flood_wait(retry_after: int) -> Fault:
    return Fault(refusal=too_many_requests(retry_after))


def server_error(code: Literal[500, 502, 503, 504] = 500, *, html: bool = False) -> Fault:
    words = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
    return Fault(refusal=Refusal(code=code, description=words[code]), html=html)


def refuse(code: int, description: str) -> Fault:
    return Fault(refusal=Refusal(code=code, description=description))


def chat_migrated(to_chat_id: int) -> Fault:
    return Fault(refusal=migrated(to_chat_id))


def hang(seconds: float = 3600, *, done: bool = False) -> Fault:
    """No answer until the caller gives up; with `done` the message was taken all the same."""
    return Fault(hang=seconds, done=done)


def close_connection(*, done: bool = True) -> Fault:
    """The connection closes without an answer; with `done` after the message was taken."""
    return Fault(done=done)


@dataclass(kw_only=True)
class FaultPlan:
    """Faults wait per method, first ordered first served; `*` stands for every method."""

    _waiting: dict[str, list[Fault]] = field(default_factory=dict)

    def order(self, method: str, fault: Fault, *, times: int = 1) -> None:
        self._waiting.setdefault(method.lower(), []).extend([fault] * times)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str) -> Fault | None:
        for name in (method.lower(), "*"):
            if self._waiting.get(name):
                return self._waiting[name].pop(0)
        return None
