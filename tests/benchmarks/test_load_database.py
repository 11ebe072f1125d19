"""The core's stand-in leaves behind what the core does, and the large database is one that the product knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.load.ballast import old_database
from benchmarks.load.database import create, migrate
from benchmarks.load.echo import answer
from bot.core.claims import claim_waiting, commit_turn, next_message
from bot.core.turn import Reply, Turn
from bot.gateway.accept import accept_all
from bot.store.database import connect, reading, transaction
from bot.store.tables import conversations, messages
from channels.contract import Content, Inbound, Text
from tests.database import NOON
from tests.database import engine as engine

_DIFFERENT = (
    *("id", "conversation_id", "customer_id", "served_by"),
    *("address", "identity_id", "dedupe_key", "cause_id", "trace"),
)
_MOMENTS = ("finished_at", "taken_at", "due_at", "created_at")


def says(customer: str, text: str) -> Inbound:
    return Inbound(
        channel="telegram",
        external_id=customer,
        address=customer,
        dedupe_key=f"{customer}:{text}",
        said=Text(text=text),
    )


async def test_the_stand_in_leaves_what_the_core_leaves(engine: AsyncEngine) -> None:
    await accept_all(engine, [says("1", "hello")], channel="telegram", body=b"", now=NOON)
    async with transaction(engine) as connection:
        (claim,) = await claim_waiting(connection, "core", NOON, timedelta(seconds=15), most=1)
        message = await next_message(connection, claim)
        assert message is not None
        turn = Turn(first_event=1, replies=(Reply(content=Content(text="hello")),))
        await commit_turn(connection, claim, message, turn, NOON, began=NOON)
    await accept_all(engine, [says("2", "hello")], channel="telegram", body=b"", now=NOON)

    assert await answer(engine, "echo") == 1
    assert await answer(engine, "echo") == 0

    async with reading(engine) as connection:
        mine, its = (await connection.execute(sa.select(conversations).order_by(conversations.c.served_by))).all()
        of_mine, of_its = await said_in(connection, mine.id), await said_in(connection, its.id)
    assert like(mine) == like(its)
    assert [like(row) for row in of_mine] == [like(row) for row in of_its]
    asked, answered = of_its
    assert (answered.cause_id, answered.trace) == (asked.id, asked.trace)
    assert (answered.address, answered.identity_id) == (asked.address, asked.identity_id)


async def test_several_messages_of_one_customer_are_answered_in_order(engine: AsyncEngine) -> None:
    said = [says("1", text) for text in ("one", "two", "three")]
    await accept_all(engine, said, channel="telegram", body=b"", now=NOON)

    assert await answer(engine, "echo") == 1

    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(messages.c.content).where(messages.c.direction == "out").order_by(messages.c.seq)
        )
        assert [row.content["text"] for row in found] == ["one", "two", "three"]


async def test_the_large_database_is_made_once_and_goes_on(postgres_server: str) -> None:
    said: list[str] = []
    url = await old_database(postgres_server, customers=100, each=4, progress=said.append)
    assert await old_database(postgres_server, customers=100, each=4, progress=said.append) == url
    assert len([line for line in said if "making" in line]) == 1
    empty = await create(postgres_server, "with_nothing")
    await migrate(empty)
    old, fresh = connect(url), connect(empty)

    await accept_all(old, [says("77", "I am back")], channel="telegram", body=b"", now=NOON)

    async with reading(old) as connection, reading(fresh) as other:
        assert await indexes(connection) == await indexes(other)
        talk = (
            sa.select(messages.c.seq, messages.c.direction, messages.c.state)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(messages.c.address == "77")
            .order_by(messages.c.seq)
        )
        found = [tuple(row) for row in await connection.execute(talk)]
    await old.dispose()
    await fresh.dispose()
    before = [(1, "in", "done"), (2, "out", "sent"), (3, "in", "done"), (4, "out", "sent")]
    assert found == [*before, (5, "in", "waiting")]


async def said_in(connection: AsyncConnection, conversation: str) -> Sequence[Any]:
    of = messages.c.conversation_id == conversation
    return (await connection.execute(sa.select(messages).where(of).order_by(messages.c.seq))).all()


def like(row: Any) -> dict[str, Any]:
    """What two rows have in common to which the same happened; of moments, whether there is one."""
    common = {name: value for name, value in row._mapping.items() if name not in _DIFFERENT}
    return {name: value is not None if name in _MOMENTS else value for name, value in common.items()}


async def indexes(connection: AsyncConnection) -> set[str]:
    found = await connection.execute(sa.text("SELECT indexdef FROM pg_indexes WHERE tablename = 'messages'"))
    return set(found.scalars())
