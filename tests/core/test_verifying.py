"""The assistant wants an account shown: a code is queued for its holder, few of them, and none is kept."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.core.meaning import text_for_rasa
from bot.core.questions import Asking
from bot.core.replies import command_of
from bot.core.turn import Command
from bot.store.database import reading, transaction
from bot.store.tables import customers, identities, messages, verifications
from tests.core.playing import Actions
from tests.core.test_links import Person
from tests.core.test_worker import Office, office

__all__ = ["office"]

ALICE = {"type": "verify", "account": "C-1004", "address": "alice@example.com", "order": "1042"}


@pytest.fixture
async def phone(office: Office) -> Person:
    return await Person(office, "telegram").begin()


def wants(actions: Actions, command: dict[str, Any]) -> None:
    actions.body = {"events": [], "responses": [{"text": "A code is on its way"}, {"custom": command}]}


async def queued(office: Office, channel: str = "email") -> list[Any]:
    async with reading(office.engine) as connection:
        found = await connection.execute(sa.select(messages).where(messages.c.channel == channel))
        return [row for row in found.all() if row.content.get("invite") == "verification"]


async def asked(office: Office) -> list[Any]:
    async with reading(office.engine) as connection:
        return list((await connection.execute(sa.select(verifications))).all())


async def holds_account(office: Office, person: Person, account: str, assurance: str) -> None:
    async with transaction(office.engine) as connection:
        customer = await person.customer()
        await connection.execute(sa.update(customers).where(customers.c.id == customer).values(account=account))
        await connection.execute(
            sa.update(identities).where(identities.c.id == person.identity).values(assurance=assurance)
        )


def told(actions: Actions) -> dict[str, Any]:
    """The metadata of the newest call."""
    metadata: dict[str, Any] = actions.calls[-1]["tracker"]["latest_message"]["metadata"]
    return metadata


def test_the_command_is_read_from_a_custom_reply() -> None:
    assert command_of({**ALICE, "via": "linked", "text": "…"}) == Command(
        do="verify", account="C-1004", address="alice@example.com", order="1042", via="linked"
    )
    assert command_of({"type": "verify", "account": {"no": "text"}}) == Command(do="verify")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"type": "verified"}, "/identity_verified{}"),
        ({"type": "link_refused", "problem": "expired"}, '/link_refused{"link_problem": "expired"}'),
        (
            {"type": "link_refused", "problem": "expired", "label": "••••-••••"},
            '/link_refused{"link_problem": "code_expired"}',
        ),
        (
            {"type": "link_refused", "problem": "too_many", "label": "••••-••••"},
            '/link_refused{"link_problem": "too_many"}',
        ),
    ],
)
def test_what_came_of_a_code_is_told_to_the_assistant(said: dict[str, Any], text: str) -> None:
    asking = Asking(slot=None, since=None)
    intents = ["identity_verified", "link_refused"]
    assert text_for_rasa(said, question=None, asked_again=None, asking=asking, intents=intents) == text
    assert text_for_rasa(said, question=None, asked_again=None, asking=asking, intents=[]) is None


async def test_a_mail_is_queued_that_holds_no_code(office: Office, actions: Actions, phone: Person) -> None:
    wants(actions, ALICE)
    async with office.worker():
        answer = await phone.says("look up")
        await office.people.waits_for(answer)

    [mail] = await queued(office)
    assert (mail.address, mail.state, mail.content) == ("alice@example.com", "queued", {"invite": "verification"})
    assert (mail.conversation_id, mail.identity_id) == (await phone.conversation(), phone.identity)
    [row] = await asked(office)
    assert (row.identity_id, row.account, row.about, row.code_hash) == (phone.identity, "C-1004", "1042", None)
    assert row.message_id == mail.id


async def test_three_codes_an_hour_for_one_person(office: Office, actions: Actions, phone: Person) -> None:
    left = []
    async with office.worker():
        for number in range(5):
            wants(actions, {**ALICE, "address": f"a{number}@example.com"})
            await office.people.waits_for(await phone.says("look up"))
            left.append(told(actions)["codes_left"])

    assert left == [3, 2, 1, 0, 0]
    assert [mail.address for mail in await queued(office)] == [f"a{number}@example.com" for number in range(3)]


async def test_three_codes_an_hour_for_one_address(office: Office, actions: Actions) -> None:
    wants(actions, ALICE)
    async with office.worker():
        for number in range(5):
            person = await Person(office, f"channel{number}").begin()
            await office.people.waits_for(await person.says("look up"))

    assert len(await queued(office)) == 3


async def test_a_channel_that_is_surely_theirs_may_take_the_place_of_mail(
    office: Office, actions: Actions, phone: Person
) -> None:
    sure = await Person(office, "whatsapp").begin()
    await holds_account(office, sure, "C-1004", "code")
    wants(actions, {**ALICE, "via": "linked"})
    async with office.worker():
        await office.people.waits_for(await phone.says("look up"))

    assert await queued(office) == []
    [message] = await queued(office, "whatsapp")
    assert (message.address, message.conversation_id) == ("whatsapp", await sure.conversation())
    assert message.cause_id is None


@pytest.mark.parametrize(("channel", "assurance"), [("whatsapp", "none"), ("webchat", "signed_in")])
async def test_a_channel_that_is_not_or_that_many_may_read_does_not(
    office: Office, actions: Actions, phone: Person, channel: str, assurance: str
) -> None:
    await holds_account(office, await Person(office, channel).begin(), "C-1004", assurance)
    wants(actions, {**ALICE, "via": "linked"})
    async with office.worker():
        await office.people.waits_for(await phone.says("look up"))

    assert [mail.address for mail in await queued(office)] == ["alice@example.com"]


async def test_actions_are_told_whose_account_it_is_and_how_sure_that_is(
    office: Office, actions: Actions, phone: Person
) -> None:
    async with office.worker():
        await office.people.waits_for(await phone.says("look up"))
        assert (told(actions)["account"], told(actions)["assured"]) == (None, ["none"])
        await holds_account(office, phone, "C-1004", "code")
        await office.people.waits_for(await phone.says("look up"))
        assert told(actions)["account"] == "C-1004"
        assert told(actions)["assured"] == ["none", "confirmed", "code"]


async def test_a_group_is_told_of_no_account(office: Office, actions: Actions) -> None:
    async with office.worker():
        message = await office.people.says("group", "look up")
        await office.people.waits_for(message)
    assert (told(actions)["account"], told(actions)["codes_left"]) == (None, 0)
