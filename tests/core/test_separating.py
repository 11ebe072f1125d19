"""A merge is undone at an operator's word: in the conversation's own queue, and both sides are told."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.database import reading, transaction
from bot.store.merging import join_customers, separate
from bot.store.separating import ask_to_separate
from bot.store.tables import merges, messages, open_channels
from tests.core.playing import Actions
from tests.core.test_links import Person, slots_of
from tests.core.test_worker import Office, now, office

__all__ = ["office"]


@pytest.fixture
async def website(office: Office) -> Person:
    return await served(office, "webchat")


@pytest.fixture
async def phone(office: Office) -> Person:
    return await served(office, "telegram")


async def served(office: Office, channel: str) -> Person:
    async with transaction(office.engine) as connection:
        await connection.execute(sa.insert(open_channels).values(name=channel, opened_at=now()))
    return await Person(office, channel).begin()


async def only_merge(office: Office) -> Any:
    async with reading(office.engine) as connection:
        return (await connection.execute(sa.select(merges).order_by(merges.c.id).limit(1))).one()


async def asks_to_separate(office: Office) -> int:
    """The message that waits in the queue."""
    merge = (await only_merge(office)).id
    async with transaction(office.engine) as connection:
        assert await ask_to_separate(connection, merge, by="operator", now=now())
        found = await connection.execute(sa.select(sa.func.max(messages.c.id)))
        return int(found.scalar_one())


async def told(office: Office) -> list[tuple[str, str]]:
    """Who has been told: the channel and the conversation."""
    async with reading(office.engine) as connection:
        found = await connection.execute(
            sa.select(messages).where(messages.c.direction == "out").order_by(messages.c.channel)
        )
        return [
            (row.channel, row.conversation_id) for row in found if row.content.get("text") == "Separated by a colleague"
        ]


async def everything_is_answered(office: Office) -> None:
    async with reading(office.engine) as connection:
        waiting = (await connection.execute(sa.select(messages.c.id).where(messages.c.direction == "in"))).scalars()
        numbers = list(waiting)
    await office.people.waits_for(*numbers)


async def test_what_was_said_before_is_answered_first_and_both_are_told(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    async with office.worker():
        assert await website.says_and_hears("good day") == ["Hi"]
        assert await phone.says_and_hears("return") == ["Which item?"]
        theirs = await phone.conversation()
        await office.people.waits_for(await phone.opens_link_of(website))
    said = await phone.says("the lamp")
    asked = await asks_to_separate(office)
    async with office.worker():
        await office.people.waits_for(said, asked)
        await everything_is_answered(office)

    assert await phone.conversation() == theirs != await website.conversation()
    assert await slots_of(office, phone) == ("return_form", "the lamp")
    assert await slots_of(office, website) == (None, None)
    assert await told(office) == [("telegram", theirs), ("webchat", await website.conversation())]
    merge = await only_merge(office)
    assert (merge.undone_by, merge.undone_at is None) == ("operator", False)


async def test_one_that_became_part_of_a_third_is_separated_where_both_speak_now(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    third = await served(office, "whatsapp")
    async with office.worker():
        await website.says_and_hears("good day")
        await phone.says_and_hears("good day")
        theirs = await phone.conversation()
        await office.people.waits_for(await phone.opens_link_of(website))
    asked = await asks_to_separate(office)
    async with transaction(office.engine) as connection:
        await join_customers(connection, one=await website.customer(), into=await third.customer(), now=now())
    async with office.worker():
        await office.people.waits_for(asked)
        await everything_is_answered(office)

    assert await phone.conversation() == theirs
    assert await website.conversation() == await third.conversation()
    assert (await only_merge(office)).undone_by == "operator"


async def test_what_the_customer_undid_meanwhile_is_left_at_that(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    async with office.worker():
        await website.says_and_hears("good day")
        await phone.says_and_hears("good day")
        await office.people.waits_for(await phone.opens_link_of(website))
    asked = await asks_to_separate(office)
    async with transaction(office.engine) as connection:
        await separate(connection, (await only_merge(office)).id, by="customer", now=now())
    async with office.worker():
        await office.people.waits_for(asked)

    assert (await only_merge(office)).undone_by == "customer"
    assert await told(office) == []


async def test_there_is_nothing_to_separate_where_nothing_was_joined(office: Office) -> None:
    async with transaction(office.engine) as connection:
        assert not await ask_to_separate(connection, 7, by="operator", now=now())
