"""Trouble to order, as a vendor has it: for tests of what the other side does then."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Refusal


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


def refuse(code: int, title: str = "", *, status: int = 400, details: str = "") -> Fault:
    return Fault(refusal=Refusal(status=status, code=code, title=title, details=details))


def server_error(status: int = 500, *, html: bool = False) -> Fault:
    return Fault(refusal=Refusal(status=status, code=131000, title="Something went wrong"), html=html)


def hang(seconds: float = 3600, *, done: bool = False) -> Fault:
    """No answer until the caller gives up; with `done` the message was taken all the same."""
    return Fault(hang=seconds, done=done)


def close_connection(*, done: bool = True) -> Fault:
    """The connection closes without an answer; with `done` after the message was taken."""
    return Fault(done=done)


@dataclass(kw_only=True)
class FaultPlan:
    """Faults wait per kind of call (`text`, `interactive`, `read`, …), first ordered first served; `*` is any."""

    _waiting: dict[str, list[Fault]] = field(default_factory=dict)

    def order(self, kind: str, fault: Fault, *, times: int = 1) -> None:
        self._waiting.setdefault(kind, []).extend([fault] * times)

    def take(self, kind: str) -> Fault | None:
        for name in (kind, "*"):
            if self._waiting.get(name):
                return self._waiting[name].pop(0)
        return None
