"""Customers whose dialogues become one in a turn, and two again by what the assistant wants done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.database import reading, transaction
from bot.store.merging import join_customers, turn_of_merge
from bot.store.people import begin_customer
from bot.store.tables import conversations, events, identities, messages
from tests.core.playing import Actions
from tests.core.test_worker import Office, now, office

__all__ = ["office"]


class Person:
    """Somebody on one channel."""

    def __init__(self, office: Office, channel: str) -> None:
        self._office = office
        self.channel = channel
        self.identity = 0

    async def begin(self) -> Person:
        async with transaction(self._office.engine) as connection:
            customer, _ = await begin_customer(connection, None, now())
            result = await connection.execute(
                sa.insert(identities).values(
                    channel=self.channel,
                    external_id=self.channel,
                    customer_id=customer,
                    address=self.channel,
                    assurance="none",
                    linked_how="first_contact",
                    linked_at=now(),
                )
            )
            self.identity = int(result.inserted_primary_key[0])
        return self

    async def customer(self) -> str:
        async with reading(self._office.engine) as connection:
            found = await connection.execute(
                sa.select(identities.c.customer_id).where(identities.c.id == self.identity)
            )
            return str(found.scalar_one())

    async def conversation(self) -> str:
        async with reading(self._office.engine) as connection:
            found = await connection.execute(
                sa.select(conversations.c.id).where(conversations.c.customer_id == await self.customer())
            )
            return str(found.scalar_one())

    async def says(self, said: str | dict[str, Any]) -> int:
        return await self._office.people.says(
            await self.conversation(), said, channel=self.channel, identity=self.identity
        )

    async def says_and_hears(self, said: str | dict[str, Any]) -> list[str]:
        """What the bot answers."""
        message = await self.says(said)
        await self._office.people.waits_for(message)
        async with reading(self._office.engine) as connection:
            found = await connection.execute(
                sa.select(messages.c.content).where(messages.c.cause_id == message).order_by(messages.c.id)
            )
            return [content.get("text") for content in found.scalars()]

    async def opens_link_of(self, other: Person) -> int:
        """As accept has it; returns the message."""
        async with transaction(self._office.engine) as connection:
            merge = await join_customers(connection, one=await self.customer(), into=await other.customer(), now=now())
        message = await self.says({"type": "linked", "from": other.channel, "merge": merge})
        async with transaction(self._office.engine) as connection:
            assert merge is not None
            await turn_of_merge(connection, merge, message)
        return message


@pytest.fixture
async def website(office: Office) -> Person:
    return await Person(office, "webchat").begin()


@pytest.fixture
async def phone(office: Office) -> Person:
    return await Person(office, "telegram").begin()


async def slots_of(office: Office, person: Person) -> tuple[str | None, Any]:
    """The open form and what is returned."""
    async with reading(office.engine) as connection:
        rows = await connection.execute(
            sa.select(events.c.data)
            .where(events.c.conversation_id == await person.conversation())
            .order_by(events.c.seq)
        )
        written = list(rows.scalars())
    form, item = None, None
    for event in written:
        if event["event"] == "active_loop":
            form = event["name"]
        elif event["event"] == "slot" and event["name"] == "item":
            item = event["value"]
    return form, item


async def test_a_form_that_was_open_elsewhere_goes_on_after_the_link_and_is_given_back_by_undoing_it(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    async with office.worker():
        assert await website.says_and_hears("good day") == ["Hi"]
        assert await phone.says_and_hears("return") == ["Which item?"]
        assert await phone.says_and_hears("the lamp") == ["Why?"]
        theirs = await phone.conversation()
        linked = await phone.opens_link_of(website)
        await office.people.waits_for(linked)
        assert await phone.conversation() == await website.conversation() != theirs
        assert await slots_of(office, website) == ("return_form", "the lamp")

        actions.body = {"events": [], "responses": [{"custom": {"type": "undo_link"}}, {"text": "Separated"}]}
        assert "Separated" in await phone.says_and_hears("look up")
        assert await phone.conversation() == theirs
        assert await slots_of(office, phone) == ("return_form", "the lamp")
        assert await slots_of(office, website) == (None, None)
        assert await phone.says_and_hears("broken") == ["the lamp goes back"]
        assert await website.says_and_hears("good day") == ["Hi"]


async def test_the_other_dialogue_has_its_own_turns_first(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    await website.says("good day")
    theirs = await phone.conversation()
    actions.hold(theirs)
    waiting = [await phone.says("look up"), await phone.says("return")]
    linked = await phone.opens_link_of(website)
    async with office.worker():
        await asyncio.sleep(1)
        assert await office.people.state_of(linked) == "waiting"
        actions.let_go()
        await office.people.waits_for(*waiting, linked)
    assert (await slots_of(office, website))[0] == "return_form"


async def test_an_unlinked_channel_starts_anew(
    office: Office, actions: Actions, website: Person, phone: Person
) -> None:
    async with office.worker():
        await website.says_and_hears("return")
        await office.people.waits_for(await phone.opens_link_of(website))
        actions.body = {
            "events": [],
            "responses": [{"custom": {"type": "unlink", "channel": "telegram"}}, {"text": "Forgotten"}],
        }
        assert "Forgotten" in await website.says_and_hears("look up")
        assert await phone.conversation() != await website.conversation()
        assert await slots_of(office, phone) == (None, None)
        assert (await slots_of(office, website))[0] == "return_form"
