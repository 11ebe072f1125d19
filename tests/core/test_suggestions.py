"""What a telephone number suggests, where a code could go, and where somebody would rather be written to: what the
assistant is told of it, and what is kept of what it wants kept."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.core.replies import command_of
from bot.core.turn import Command
from bot.store.database import reading, transaction
from bot.store.tables import customers, identities, suggestions
from tests.core.playing import Actions
from tests.core.test_links import Person
from tests.core.test_verifying import holds_account, told
from tests.core.test_worker import Office, office

__all__ = ["office"]

NUMBER = "6581230101"


@pytest.fixture
async def phone(office: Office) -> Person:
    """Alice on WhatsApp, whose number Meta tells."""
    alice = await Person(office, "whatsapp").begin()
    await has_number(office, alice, NUMBER)
    return alice


async def has_number(office: Office, person: Person, number: str | None) -> None:
    async with transaction(office.engine) as connection:
        await connection.execute(
            sa.update(identities).where(identities.c.id == person.identity).values(known_as=number)
        )


async def does(office: Office, actions: Actions, person: Person, *commands: dict[str, Any]) -> None:
    """The assistant wants this done, in one turn."""
    actions.body = {"events": [], "responses": [{"text": "Yes"}, *({"custom": command} for command in commands)]}
    await office.people.waits_for(await person.says("look up"))
    actions.body = None


async def is_told(office: Office, actions: Actions, person: Person) -> dict[str, Any]:
    """What the assistant is told beside the person's next message."""
    await office.people.waits_for(await person.says("look up"))
    return {name: told(actions)[name] for name in ("account", "assured", "phone", "suggested")}


def suggestion(state: str, account: str = "C-1001") -> dict[str, str]:
    return {"type": "suggestion", "account": account, "state": state}


def test_the_command_is_read_from_a_custom_reply() -> None:
    assert command_of(suggestion("offered")) == Command(do="suggestion", account="C-1001", state="offered")


async def test_a_confirmed_suggestion_is_more_than_nothing_and_less_than_a_code(
    office: Office, actions: Actions, phone: Person
) -> None:
    nothing = {"account": None, "assured": ["none"], "phone": "+6581230101"}
    async with office.worker():
        assert await is_told(office, actions, phone) == {**nothing, "suggested": None}
        await does(office, actions, phone, suggestion("offered"))
        offered = {"account": "C-1001", "state": "offered"}
        assert await is_told(office, actions, phone) == {**nothing, "suggested": offered}
        await does(office, actions, phone, suggestion("confirmed"))
        assert await is_told(office, actions, phone) == {
            "account": "C-1001",
            "assured": ["none", "confirmed"],
            "phone": "+6581230101",
            "suggested": {"account": "C-1001", "state": "confirmed"},
        }


async def test_a_no_is_remembered(office: Office, actions: Actions, phone: Person) -> None:
    async with office.worker():
        await does(office, actions, phone, suggestion("offered"), suggestion("declined"))
        after = await is_told(office, actions, phone)
    assert (after["account"], after["suggested"]) == (None, {"account": "C-1001", "state": "declined"})


@pytest.mark.parametrize(
    "commands",
    [
        [suggestion("confirmed")],
        [suggestion("offered"), suggestion("confirmed", "C-1002")],
        [suggestion("sure")],
    ],
    ids=["never offered", "another one", "no such state"],
)
async def test_only_what_was_offered_can_be_confirmed(
    office: Office, actions: Actions, phone: Person, commands: list[dict[str, str]]
) -> None:
    async with office.worker():
        await does(office, actions, phone, *commands)
        assert (await is_told(office, actions, phone))["account"] is None


@pytest.mark.parametrize("number", ["6589999999", None])
async def test_with_another_number_or_none_a_confirmation_counts_no_more(
    office: Office, actions: Actions, phone: Person, number: str | None
) -> None:
    async with office.worker():
        await does(office, actions, phone, suggestion("offered"), suggestion("confirmed"))
        await has_number(office, phone, number)
        after = await is_told(office, actions, phone)
    assert (after["account"], after["assured"], after["suggested"]) == (None, ["none"], None)


async def test_a_channel_that_is_unlinked_forgets_what_was_confirmed(
    office: Office, actions: Actions, phone: Person
) -> None:
    async with office.worker():
        await does(office, actions, phone, suggestion("offered"), suggestion("confirmed"))
        await does(office, actions, phone, {"type": "unlink", "channel": "whatsapp"})
        assert await is_told(office, actions, phone) == {
            "account": None,
            "assured": ["none"],
            "phone": "+6581230101",
            "suggested": None,
        }


async def test_two_who_confirm_one_account_stay_two(office: Office, actions: Actions, phone: Person) -> None:
    async with office.worker():
        other = await Person(office, "telegram").begin()
        await holds_account(office, other, "C-1001", "code")
        await does(office, actions, phone, suggestion("offered"), suggestion("confirmed"))
        assert (await is_told(office, actions, phone))["assured"] == ["none", "confirmed"]
        assert await phone.customer() != await other.customer()
        assert await phone.conversation() != await other.conversation()
    async with reading(office.engine) as connection:
        found = await connection.execute(sa.select(customers.c.id).where(customers.c.account == "C-1001"))
        assert list(found.scalars()) == [await other.customer()]


async def test_what_was_shown_counts_more_than_what_was_confirmed(
    office: Office, actions: Actions, phone: Person
) -> None:
    async with office.worker():
        await does(office, actions, phone, suggestion("offered"), suggestion("confirmed"))
        await holds_account(office, phone, "C-1001", "code")
        assert (await is_told(office, actions, phone))["assured"] == ["none", "confirmed", "code"]
        await holds_account(office, phone, "C-2002", "none")
        after = await is_told(office, actions, phone)
        assert (after["account"], after["assured"]) == ("C-2002", ["none"])


async def test_a_channel_that_vouches_for_no_number_tells_none(office: Office, actions: Actions) -> None:
    async with office.worker():
        telegram = await Person(office, "telegram").begin()
        await has_number(office, telegram, NUMBER)
        await does(office, actions, telegram, suggestion("offered"))
        assert (await is_told(office, actions, telegram))["phone"] is None
        assert await office.count(suggestions) == 0


@pytest.mark.parametrize(("assurance", "linked"), [("code", "yes"), ("none", "no")])
async def test_the_assistant_is_told_in_a_turn_of_its_own_whether_a_linked_channel_could_take_a_code(
    office: Office, actions: Actions, phone: Person, assurance: str, linked: str
) -> None:
    async with office.worker():
        other = await Person(office, "telegram").begin()
        await holds_account(office, other, "C-1001", assurance)
        await does(office, actions, phone, {"type": "ways", "account": "C-1001"})
        rows = await office.people.rows(await phone.conversation())
        # There may be more, where the played assistant has asked again before it was told not to.
        asked = next(row for row in rows if row.content.get("type") == "ways")
        await office.people.waits_for(asked.id)
    assert (asked.author, asked.identity_id) == ("product", phone.identity)
    assert (asked.channel, asked.address) == (rows[0].channel, rows[0].address)
    message = actions.calls[-1]["tracker"]["latest_message"]
    assert message["intent"]["name"] == "verification_ways"
    assert [entity["value"] for entity in message["entities"]] == [linked]


async def test_the_preferred_channel_is_kept_and_told(office: Office, actions: Actions, phone: Person) -> None:
    async with office.worker():
        await does(office, actions, phone, {"type": "prefer", "channel": "telegram"})
        await office.people.waits_for(await phone.says("look up"))
    assert told(actions)["preferred"] == "telegram"
