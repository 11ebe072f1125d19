"""Trouble to order, as a vendor has it: for tests of what the other side does then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .errors import Refusal, too_many_requests

Operation = Literal["message", "typing", "change", "attachment", "file", "token", "openid", "keys", "*"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one call. Make one with the functions below."""

    refusal: Refusal | None = None
    """Answered instead of doing anything."""
    page: str | None = None
    """Answered instead of the refusal's JSON, or with 200 if there is no refusal and the call was `done`."""
    hang: float | None = None
    """Seconds without an answer before the connection is closed."""
    done: bool = False
    """Whether the call takes effect before its answer is lost."""


def throttle(retry_after: int) -> Fault:
    return Fault(refusal=too_many_requests(retry_after))


def refuse(status: int, code: str = "", message: str = "", *, page: str | None = None) -> Fault:
    """`page`: what a proxy in front answers, instead of the vendor's JSON."""
    return Fault(refusal=Refusal(status=status, code=code, message=message), page=page)


def answer_with(page: str) -> Fault:
    """The call takes effect and is answered 200 with something else than usual."""
    return Fault(page=page, done=True)


def hang(seconds: float = 3600, *, done: bool = False) -> Fault:
    """No answer until the caller gives up; with `done` the message was taken all the same."""
    return Fault(hang=seconds, done=done)


def close_connection(*, done: bool = True) -> Fault:
    """The connection closes without an answer; with `done` after the message was taken."""
    return Fault(done=done)


@dataclass(kw_only=True)
class FaultPlan:
    """Faults wait per operation, first ordered first served; `*` stands for every one."""

    _waiting: dict[str, list[Fault]] = field(default_factory=dict)

    def order(self, operation: Operation, fault: Fault, *, times: int = 1) -> None:
        self._waiting.setdefault(operation, []).extend([fault] * times)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, operation: str) -> Fault | None:
        for name in (operation, "*"):
            if self._waiting.get(name):
                return self._waiting[name].pop(0)
        return None
