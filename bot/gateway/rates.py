"""One book of rates for all gateways, in the database: two that speak for one account keep its limits together.

What is asked for while a transaction is under way is written together in the next one, so that a busy gateway pays for
one now and then and not for one a call. A row is locked from the look to the commit, and the time is the database's, so
limits are kept exactly, whatever the machines' clocks say.

While the database does not answer, this process's own book is asked, in which everything that it began stands as well:
it keeps the limits alone, and for that while, several gateways may break them together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog
from sqlalchemy.engine import URL

from bot.gateway.together import Together
from bot.store.outage import POSSIBLE
from channels.pacing import Book, Line, OwnBook, Page, turn_page

log = structlog.get_logger()

_AWAY = (*POSSIBLE, asyncpg.PostgresError)
_AT_ONCE = 64
_ANSWERS_WITHIN = 2.0
_REST = 1.0
"""Seconds after a failure in which the database is not asked again."""
_SWEEP_EVERY = 60.0
_SWEPT_AT_ONCE = 2_000

# Rows come locked, in the order of their keys, so that no two transactions wait for each other; each with the time once
# it was locked. An update that changes nothing indexed is cheap, so `until` is in whole minutes.
_LOCK = """
INSERT INTO paces (key, data, until)
SELECT key, '{}', clock_timestamp() FROM unnest($1::text[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, data, extract(epoch FROM clock_timestamp())::float8 AS now
"""
_WRITE = """
UPDATE paces SET data = page.data::json, until = greatest(paces.until, to_timestamp(page.until))
FROM unnest($1::text[], $2::text[], $3::float8[]) AS page (key, data, until)
WHERE paces.key = page.key
"""
_SWEEP = """
DELETE FROM paces WHERE key IN (
    SELECT key FROM paces WHERE until < clock_timestamp() ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED
)
"""


class GatewaysBook(Book, Protocol):
    """Close it with `close`, once nothing is sent any more."""

    async def close(self) -> None: ...


def book_of(url: URL) -> GatewaysBook:
    """The book for the gateways on this database. SQLite has one gateway, whose own will do."""
    return _Alone() if url.drivername.startswith("sqlite") else PostgresBook(url)


class _Alone(OwnBook):
    async def close(self) -> None:
        return


@dataclass(frozen=True, kw_only=True)
class _Asked:
    lines: Sequence[Line]
    hold: float | None = None
    """Seconds; None: to begin."""


class PostgresBook:
    """A connection of its own, made when it is first needed and again when it was lost."""

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._own = OwnBook()
        self._asking: Together[_Asked, float] = Together(self._answer, most=_AT_ONCE, alone=lambda _: False)
        self._connection: Any = None
        self._failed_at = -math.inf
        self._swept_at = -math.inf

    async def begin(self, lines: Sequence[Line]) -> float:
        wait = await self._ask(_Asked(lines=lines))
        if wait is None:
            return await self._own.begin(lines)
        if wait == 0:
            self._own.note(lines)
        return wait

    async def hold(self, line: Line, seconds: float) -> None:
        await self._own.hold(line, seconds)
        await self._ask(_Asked(lines=[line], hold=seconds))

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _ask(self, asked: _Asked) -> float | None:
        """As `begin`; None while the database does not answer."""
        if time.monotonic() < self._failed_at + _REST:
            return None
        try:
            return await self._asking.do(asked)
        except _AWAY:
            return None

    async def _answer(self, together: Sequence[_Asked]) -> list[float]:
        try:
            return await self._settle(await self._connected(), together)
        except _AWAY as error:
            log.warning("rates.unavailable", error=type(error).__name__)
            self._failed_at = time.monotonic()
            self._hang_up()
            raise

    async def _settle(self, connection: Any, together: Sequence[_Asked]) -> list[float]:
        keys = {line: _key(line) for asked in together for line in asked.lines}
        async with connection.transaction():
            rows = await connection.fetch(_LOCK, sorted(set(keys.values())))
            now = max(row["now"] for row in rows)
            kept = {row["key"]: _page(row["data"]) for row in rows}
            pages = {line: kept[key] for line, key in keys.items()}
            waits = [_settle(pages, asked, now) for asked in together]
            until = {key: _until(line, kept[key]) for line, key in keys.items()}
            written = [(key, _data(page), until[key]) for key, page in kept.items()]
            await connection.execute(_WRITE, *(list(column) for column in zip(*written, strict=True)))
        await self._sweep(connection)
        return waits

    async def _sweep(self, connection: Any) -> None:
        """Whoever comes by forgets what is over."""
        if time.monotonic() < self._swept_at + _SWEEP_EVERY:
            return
        swept = await connection.execute(_SWEEP, _SWEPT_AT_ONCE)
        if swept != f"DELETE {_SWEPT_AT_ONCE}":
            self._swept_at = time.monotonic()

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._address,
                timeout=_ANSWERS_WITHIN,
                command_timeout=_ANSWERS_WITHIN,
                server_settings={
                    # A power cut may undo the last moment; a gateway that hangs keeps the rows from nobody for long.
                    "synchronous_commit": "off",
                    "idle_in_transaction_session_timeout": f"{_ANSWERS_WITHIN * 1000:.0f}",
                },
            )
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*POSSIBLE):
                connection.terminate()


def _settle(pages: dict[Line, Page], asked: _Asked, now: float) -> float:
    if asked.hold is None:
        return turn_page(pages, asked.lines, now)
    for line in asked.lines:
        pages[line].held_until = max(pages[line].held_until, now + asked.hold)
    return 0.0


def _key(line: Line) -> str:
    """Whom it is about stands there as a hash: a telephone number or an address is of no use to this table."""
    return line.name if not line.who else f"{line.name} {hashlib.sha256(line.who.encode()).hexdigest()[:32]}"


def _until(line: Line, page: Page) -> float:
    return math.ceil(max(page.held_until, line.rule.until(page.times)) / 60) * 60


def _page(data: str) -> Page:
    kept = json.loads(data)
    return Page(times=kept.get("times", []), held_until=kept.get("held_until", 0.0))


def _data(page: Page) -> str:
    return json.dumps({"times": page.times, "held_until": page.held_until}, separators=(",", ":"))
