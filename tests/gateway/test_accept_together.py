"""However many requests share a transaction, what is stored is the same."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Acceptor, Brought, store
from bot.gateway.migrate import upgrade
from bot.store.database import connect, reading
from bot.store.tables import conversations, customers, identities, messages, unread_webhooks
from channels.contract import Inbound, Media, Reach, Receipt, Text, Unread
from tests.database import NOON, Clock
from tests.gateway.people import says

PEOPLE = ("Alice", "Bob", "Carol", "Dave", "Erin")


def somebody_says(chance: random.Random, number: int) -> Inbound:
    inbound = says(chance.choice(PEOPLE), f"line {number}", key=str(number))
    match chance.randrange(12):
        case 0:
            return replace(inbound, address=f"elsewhere-{chance.randrange(2)}")
        case 1:
            return replace(inbound, audience=True, external_id="family", address="family")
        case 2:
            return replace(inbound, said=Text(text="ABCD-2345"))  # in a code's shape
        case 3:
            return replace(inbound, said=Media(kind="picture", ref=f"file-{number}"))
        case 4:
            return replace(inbound, known_as=f"phone-{chance.randrange(2)}")
        case 5:
            return replace(inbound, name="Another Name")
        case _:
            return inbound


def requests(seed: int) -> list[Brought]:
    chance = random.Random(seed)
    brought = []
    for number in range(40):
        inbound = somebody_says(chance, number)
        one = Brought(read=[inbound], channel="telegram", body=b"{}", trace=f"{number:032x}")
        match chance.randrange(10):
            case 0:
                one = replace(one, read=[inbound, Unread(reason="odd"), somebody_says(chance, 100 + number)])
            case 1:
                one = replace(one, read=[], news=[Receipt(platform_id=f"p{number}", state="read", at=NOON)])
            case 2:
                one = replace(one, news=[Reach(external_id=inbound.external_id, reachable=False)])
        brought.append(one)
        if chance.random() < 0.2:
            brought.append(chance.choice(brought))  # delivered again
    return brought


async def stored(engine: AsyncEngine) -> dict[str, Any]:
    """Everything but what is random; a conversation is known by the first that was said in it."""
    async with reading(engine) as connection:
        said = (await connection.execute(sa.select(messages).order_by(messages.c.id))).all()
        talks = (await connection.execute(sa.select(conversations))).all()
        who = (
            await connection.execute(
                sa.select(identities, customers.c.name).join(customers, customers.c.id == identities.c.customer_id)
            )
        ).all()
        odd = (await connection.execute(sa.select(sa.func.count()).select_from(unread_webhooks))).scalar_one()
    first: dict[str, str] = {}
    for row in said:
        first.setdefault(row.conversation_id, row.dedupe_key)
    names = {row.id: row.external_id for row in who}
    return {
        "messages": [
            (
                *(first[row.conversation_id], row.seq, row.dedupe_key, row.address, row.state, row.trace, row.due_at),
                names.get(row.identity_id),
                {name: value for name, value in row.content.items() if name != "media"},
            )
            for row in sorted(said, key=lambda row: str(row.dedupe_key))
        ],
        "conversations": sorted(
            (first[row.id], row.last_seq, row.inbound_seq, str(row.waiting_since), row.waiting_channel)
            for row in talks
            if row.id in first
        ),
        "people": sorted(
            (row.external_id, row.address, str(row.known_as), str(row.name), str(row.blocked_at)) for row in who
        ),
        "unread": odd,
    }


@pytest.mark.parametrize("seed", range(4))
async def test_together_is_as_one_by_one(
    engine: AsyncEngine, seed: int, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    brought = requests(seed)
    together = [one for accepted in await store(engine, brought, NOON) for one in accepted]

    alone_engine = connect(f"sqlite:///{tmp_path}/alone.db")
    await upgrade(alone_engine)
    alone = [one for each in brought for one in (await store(alone_engine, [each], NOON))[0]]
    assert await stored(engine) == await stored(alone_engine)
    assert [one.repeated for one in together] == [one.repeated for one in alone]
    assert [one.with_people for one in together] == [one.with_people for one in alone]
    await alone_engine.dispose()


async def test_a_request_that_cannot_be_stored_takes_no_other_with_it(engine: AsyncEngine, clock: Clock) -> None:
    """PostgreSQL takes no text with a zero byte."""
    acceptor = Acceptor(engine, clock)
    bad = Inbound(channel="telegram", external_id="x\0", address="x", dedupe_key="x", said=Text(text="hello"))
    outcomes = await asyncio.gather(
        *(
            acceptor.accept(Brought(read=[inbound], channel="telegram", body=b"{}"))
            for inbound in (says("Alice", "hello"), bad, says("Bob", "hello"))
        ),
        return_exceptions=True,
    )
    if engine.dialect.name == "postgresql":
        assert isinstance(outcomes[1], Exception)
    assert [isinstance(outcome, Exception) for outcome in (outcomes[0], outcomes[2])] == [False, False]
    async with reading(engine) as connection:
        found = await connection.execute(sa.select(messages.c.address).order_by(messages.c.address))
        assert {"Alice@telegram", "Bob@telegram"} <= set(found.scalars())


async def test_many_gateways_and_the_same_strangers(engine: AsyncEngine, clock: Clock) -> None:
    """Platforms deliver to whichever gateway, and twice: each person and each message is there once, in order."""
    gateways = [Acceptor(engine, clock) for _ in range(3)]
    lines = [says(who, f"line {number}", key=f"{who}{number}") for number in range(6) for who in PEOPLE]
    await asyncio.gather(
        *(
            gateway.accept(Brought(read=[inbound], channel="telegram", body=b"{}"))
            for inbound in lines
            for gateway in random.Random(1).sample(gateways, 2)
        )
    )
    async with reading(engine) as connection:
        people = (await connection.execute(sa.select(identities.c.external_id))).scalars().all()
        rows = (await connection.execute(sa.select(messages.c.dedupe_key, messages.c.seq))).all()
    assert len(people) == len(PEOPLE)
    assert len(rows) == len(lines)
    assert sorted(row.seq for row in rows) == sorted(list(range(1, 7)) * len(PEOPLE))
