"""Keeping a platform's limits before it has to say so: how many calls may begin within how many seconds.

A call that is due within a moment waits here; one that has to wait longer is handed back as a SendError that says when,
so that a slow recipient holds up nobody else.

When calls began stands in a book. One process has its own; several that speak for the same account share one
(bot/gateway/rates.py), and so keep its limits together.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from channels.contract import SendError

_MOMENT = 1.5
"""Seconds that a call may wait here, where nothing else waits for it but its own recipient."""
_PAGES_MAX = 20_000


class Rule(Protocol):
    """How often something may begin, as a pure decision about the times that a book has kept of it. All times are
    seconds, by the book's clock."""

    def wait(self, times: Sequence[float], now: float) -> float:
        """Seconds until one more may begin; 0 or less: now."""

    def begin(self, times: Sequence[float], now: float) -> list[float]:
        """What is to be kept once one more has begun."""

    def until(self, times: Sequence[float]) -> float:
        """When all of it can be forgotten."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one call counts under.

    name:  whose limit it is, such as `telegram`
    who:   and towards whom; empty for all together
    """

    name: str
    who: str = ""
    rule: Rule


class Book(Protocol):
    """What has begun, and what is held."""

    async def begin(self, lines: Sequence[Line]) -> float:
        """0: one call counts as begun under every line. Otherwise the seconds until one may, with nothing counted."""

    async def hold(self, line: Line, seconds: float) -> None:
        """Nothing is to begin there for so long."""


@dataclass
class Page:
    """What a book has kept of one line."""

    times: list[float] = field(default_factory=list)
    held_until: float = 0.0


def turn_page(pages: Mapping[Line, Page], lines: Sequence[Line], now: float) -> float:
    """`Book.begin`, on what was kept. Pure but for the pages."""
    waits = (max(pages[line].held_until - now, line.rule.wait(pages[line].times, now)) for line in lines)
    wait = max([0.0, *waits])
    if wait == 0:
        for line in lines:
            pages[line].times = line.rule.begin(pages[line].times, now)
    return wait


class OwnBook:
    """Of this process alone. Under each name, whoever was not asked about for the longest time is forgotten, beyond a
    number that fits into memory with ease."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pages: defaultdict[str, OrderedDict[str, Page]] = defaultdict(OrderedDict)

    async def begin(self, lines: Sequence[Line]) -> float:
        return turn_page({line: self._page(line) for line in lines}, lines, self._clock())

    async def hold(self, line: Line, seconds: float) -> None:
        page = self._page(line)
        page.held_until = max(page.held_until, self._clock() + seconds)

    def note(self, lines: Sequence[Line]) -> None:
        """A call has begun that another book has let pass."""
        for line in lines:
            page = self._page(line)
            page.times = line.rule.begin(page.times, self._clock())

    def _page(self, line: Line) -> Page:
        pages = self._pages[line.name]
        page = pages.setdefault(line.who, Page())
        pages.move_to_end(line.who)
        if len(pages) > _PAGES_MAX:
            pages.popitem(last=False)
        return page


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `calls` begin within any `seconds`."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Window:
    """All of the limits. Kept is when calls began, as far back as the longest limit looks."""

    limits: tuple[Limit, ...]

    def wait(self, times: Sequence[float], now: float) -> float:
        full = (limit for limit in self.limits if len(times) >= limit.calls)
        return max((times[-limit.calls] + limit.seconds - now for limit in full), default=0.0)

    def begin(self, times: Sequence[float], now: float) -> list[float]:
        longest = max((limit.seconds for limit in self.limits), default=0.0)
        most = max((limit.calls for limit in self.limits), default=0)
        return [*(began for began in times if began > now - longest), now][-most:] if most else []

    def until(self, times: Sequence[float]) -> float:
        return times[-1] + max(limit.seconds for limit in self.limits) if times else 0.0


class Pace:
    """The limits of one account with one platform.

    name:     the account's, in the book
    overall:  for all calls together
    each:     for the calls to one recipient
    """

    def __init__(
        self,
        *,
        name: str = "",
        overall: Sequence[Limit] = (),
        each: Sequence[Limit] = (),
        book: Book | None = None,
    ) -> None:
        self._name = name
        self._all = Line(name=name, rule=Window(tuple(overall)))
        self._each = Window(tuple(each))
        self._book = book or OwnBook()

    async def turn(self, recipient: str, *, patience: float = _MOMENT) -> None:
        """Return when a call to the recipient may begin; it then counts as begun. Raises SendError, with nothing
        counted, if that is more than `patience` seconds away."""
        while (wait := await self._book.begin((self._all, self._line(recipient)))) > 0:
            if wait > patience:
                raise SendError("held back to keep the platform's limits", retry_after=wait, held_back=True)
            patience -= wait
            await asyncio.sleep(wait)

    async def hold(self, recipient: str, seconds: float) -> None:
        """The platform asked for a pause with this recipient."""
        await self._book.hold(self._line(recipient), seconds)

    async def hold_all(self, seconds: float) -> None:
        """The platform asked for a pause altogether."""
        await self._book.hold(self._all, seconds)

    def _line(self, recipient: str) -> Line:
        return Line(name=self._name, who=recipient, rule=self._each)
