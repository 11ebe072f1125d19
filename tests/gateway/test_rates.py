"""Gateways on one database keep each limit together, and each by itself while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.migrate import upgrade
from bot.gateway.rates import PostgresBook, book_of
from bot.gateway.throttle import Throttles
from bot.store.database import connect, database_url, transaction
from bot.store.tables import messages, paces
from channels.contract import Content, SendError
from channels.pacing import Limit, OwnBook, Pace
from sandbox.telegram import TelegramServer, flood_wait
from tests.database import Clock, fresh_postgres
from tests.gateway.desk.office import tells
from tests.gateway.people import accepted, says
from tests.gateway.people import rows as stored
from tests.gateway.running import TOKEN, running_gateway

EACH = [Limit(calls=3, seconds=3600)]


@pytest.fixture
async def url(postgres_server: str) -> AsyncIterator[str]:
    url = await fresh_postgres(postgres_server)
    engine = connect(url)
    await upgrade(engine)
    yield url
    await engine.dispose()


@pytest.fixture
async def books(url: str) -> AsyncIterator[list[PostgresBook]]:
    """Of two gateways."""
    books = [PostgresBook(database_url(url)) for _ in range(2)]
    yield books
    for book in books:
        await book.close()


async def begins(pace: Pace, recipient: str) -> bool:
    try:
        await pace.turn(recipient, patience=0)
    except SendError:
        return False
    return True


async def rows(url: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch("SELECT * FROM paces ORDER BY key"))
    finally:
        await connection.close()


def test_one_gateway_on_sqlite_needs_no_database_for_it() -> None:
    assert isinstance(book_of(database_url("sqlite:///nowhere.db")), OwnBook)


async def test_two_gateways_have_one_limit_together(books: list[PostgresBook]) -> None:
    """However many ask at once, at either of them."""
    paces = [Pace(name="telegram", overall=[Limit(calls=20, seconds=3600)], each=EACH, book=book) for book in books]
    begun = await asyncio.gather(*(begins(pace, f"chat {n % 5}") for n in range(30) for pace in paces))
    assert sum(begun) == 15  # five chats, three each
    begun = await asyncio.gather(*(begins(pace, f"another {n}") for n in range(30) for pace in paces))
    assert sum(begun) == 5  # and twenty in all


async def test_no_window_holds_more_calls_than_the_limit_whoever_makes_them(
    url: str, books: list[PostgresBook]
) -> None:
    limits = [Limit(calls=3, seconds=600), Limit(calls=5, seconds=2400)]
    paces = [Pace(name="telegram", overall=limits, book=book) for book in books]
    begun = []
    for _ in range(7):
        begun.append(sum(await asyncio.gather(*(begins(pace, "Alice") for pace in paces for _ in range(3)))))
        await _passes(url, 600)
    assert begun == [3, 2, 0, 0, 3, 2, 0]


async def test_accounts_and_recipients_are_counted_apart(books: list[PostgresBook]) -> None:
    one, other = (Pace(name=name, each=EACH, book=books[0]) for name in ("telegram", "whatsapp"))
    begun = [await begins(pace, who) for pace in (one, other) for who in ("Alice", "Bob") for _ in range(4)]
    assert begun == [True, True, True, False] * 4


async def test_a_pause_that_a_platform_asked_for_is_kept_by_all(books: list[PostgresBook]) -> None:
    here, there = (Pace(name="telegram", book=book) for book in books)
    await here.hold("Alice", 30)
    assert (await begins(there, "Alice"), await begins(there, "Bob")) == (False, True)
    await here.hold_all(30)
    with pytest.raises(SendError) as held:
        await there.turn("Bob")
    assert 29 < (held.value.retry_after or 0) <= 30


async def test_a_peer_has_one_bucket_at_all_gateways(books: list[PostgresBook]) -> None:
    doors = [Throttles(name="sessions", at_once=10, a_second=0.001, book=book) for book in books]
    allowed = await asyncio.gather(*(door.allows("198.51.100.7") for _ in range(20) for door in doors))
    assert sum(allowed) == 10
    assert await doors[0].allows("198.51.100.8")


async def test_nobodys_number_or_address_stands_there(url: str, books: list[PostgresBook]) -> None:
    assert await begins(Pace(name="whatsapp", each=EACH, book=books[0]), "6591234567")
    alice = (await rows(url))[-1]
    assert alice["key"].startswith("whatsapp ")
    assert "6591234567" not in str(dict(alice))


async def test_what_is_over_is_forgotten_by_whoever_comes_by(url: str, books: list[PostgresBook]) -> None:
    engine = connect(url)
    async with transaction(engine) as connection:
        old = sa.insert(paces).values(
            key="telegram of yesterday", data={}, until=sa.func.now() - sa.text("interval '1 day'")
        )
        await connection.execute(old)
    await engine.dispose()
    assert await begins(Pace(name="teams", each=EACH, book=books[0]), "Alice")
    assert [row["key"].partition(" ")[0] for row in await rows(url)] == ["teams"]


async def test_whoever_has_no_database_keeps_the_limit_alone_with_what_it_began_before(
    url: str, books: list[PostgresBook]
) -> None:
    here, there = (Pace(name="telegram", each=EACH, book=book) for book in books)
    assert await begins(here, "Alice")
    assert await begins(there, "Alice")
    await _cut_off(url)
    # One of its own stands; of the other gateway's it knows nothing now.
    assert [await begins(here, "Alice") for _ in range(3)] == [True, True, False]


async def test_it_is_shared_again_once_the_database_is_back(url: str, books: list[PostgresBook]) -> None:
    here, there = (Pace(name="telegram", each=EACH, book=book) for book in books)
    assert await begins(here, "Alice")
    await _cut_off(url)
    assert await begins(here, "Alice")
    await _let_in(url)
    # The other gateway was not asked meanwhile, and finds the database there: one call stands in it.
    assert [await begins(there, "Alice") for _ in range(3)] == [True, True, False]


async def test_what_a_platform_told_one_gateway_another_one_heeds(url: str, clock: Clock, tmp_path: Path) -> None:
    async with TelegramServer() as telegram, AsyncExitStack() as stack:
        shop = telegram.bot(TOKEN)
        alice = telegram.user("Alice", language="en")
        await alice.start(shop)
        shop.faults.order("sendMessage", flood_wait(3600))
        engine = connect(url)
        stack.push_async_callback(engine.dispose)
        await _reply(engine, str(alice.id), clock)
        for _ in range(2):
            due = (await stored(engine, messages, direction="out"))[0].due_at
            async with running_gateway(tmp_path, clock=clock, database_url=url, telegram_url=telegram.url):
                async with asyncio.timeout(60):
                    while (await stored(engine, messages, direction="out"))[0].due_at == due:
                        await asyncio.sleep(0.05)
            clock.forward(hours=2)
        told = [call for method, call in shop.calls if method == "sendMessage"]
        assert [str(call["chat_id"]) for call in told].count(str(alice.id)) == 1


async def _reply(engine: AsyncEngine, address: str, clock: Clock) -> None:
    """The bot has an answer for that chat."""
    asked = await accepted(engine, says("alice", "hello"), clock())
    async with transaction(engine) as connection:
        await tells(connection, asked.conversation, Content(text="hi"), clock(), address=address, state="queued")


async def test_a_gateway_that_hangs_with_the_rows_locked_stops_nobody(url: str, books: list[PostgresBook]) -> None:
    pace = Pace(name="telegram", each=EACH, book=books[0])
    assert await begins(pace, "Alice")
    hanging = await asyncpg.connect(url.replace("+asyncpg", ""))
    async with hanging.transaction():
        await hanging.execute("SELECT * FROM paces FOR UPDATE")
        assert [await begins(pace, "Alice") for _ in range(3)] == [True, True, False]
    await hanging.close()


async def _passes(url: str, seconds: float) -> None:
    """All that the database knows is so much older."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        older = (
            "UPDATE paces SET data = json_build_object('times', coalesce((SELECT json_agg(time::float8 - $1)"
            " FROM json_array_elements_text(data->'times') AS time), '[]'))"
        )
        await connection.execute(older, seconds)
    finally:
        await connection.close()


async def _cut_off(url: str) -> None:
    """The database lets nobody in, and those who were in are out."""
    await _on_the_server(url, "ALTER DATABASE {name} ALLOW_CONNECTIONS false", _END)


async def _let_in(url: str) -> None:
    await _on_the_server(url, "ALTER DATABASE {name} ALLOW_CONNECTIONS true")


_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


async def _on_the_server(url: str, *statements: str) -> None:
    address = database_url(url)
    connection = await asyncpg.connect(
        address.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    )
    try:
        for statement in statements:
            await connection.execute(statement.format(name=address.database))
    finally:
        await connection.close()
