"""Turns that cannot be taken now: an action server that is away, a fault that stays, and customers who would rather
have people."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from bot.core.failures import Absence
from bot.store.content import content_to_json
from bot.store.database import transaction
from bot.store.numbering import take_numbers
from bot.store.offers import PEOPLE, offer_people
from bot.store.tables import conversations, messages
from channels.contract import Content
from sandbox.ports import free_port
from tests.core.playing import Actions
from tests.core.test_handing import Desk, desk, served, settled
from tests.core.test_links import Person
from tests.core.test_worker import Office, now, office

__all__ = ["desk", "office"]

_SEEN_BY_ANOTHER = "the action server is away: another turn has just seen it"


async def test_turns_wait_for_an_action_server_that_is_away_and_are_taken_once(office: Office) -> None:
    """Though it stumbles when it comes back."""
    port = free_port()
    office.endpoints.write_text(f"action_endpoint:\n  url: http://127.0.0.1:{port}/webhook\n")
    people, actions = office.people, Actions()
    asked = [await people.says(name, "look up") for name in ("alice", "bob")]
    await _have_waited(office)
    async with office.worker():
        await _finds_nobody(office, "alice")
        await _finds_nobody(office, "bob")
        actions.status = 500
        runner = web.AppRunner(actions.app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await _half_a_minute_passes(office, then=1.1)
        await _fails(office, "alice", "the action server answered 500")
        actions.status = 200
        actions.calls.clear()
        await people.waits_for(*asked)
        await runner.cleanup()
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]
    assert sorted(call["sender_id"] for call in actions.calls) == ["alice", "bob"]


async def test_of_many_that_wait_one_looks_whether_the_action_server_is_back(office: Office, actions: Actions) -> None:
    """A turn is dear, and each would find out the same."""
    names, people = [f"customer-{number}" for number in range(12)], office.people
    actions.status = 503
    asked = [await people.says(name, "look up") for name in names]
    await _have_waited(office)
    async with office.worker():
        for name in names:
            await _fails(office, name, "the action server is away: answered 503")
        actions.calls.clear()
        await _half_a_minute_passes(office)
        believed = [name for name in names if await _fails_again(office, name) == _SEEN_BY_ANOTHER]
        assert len(actions.calls) == len(names) - len(believed) < len(names) / 2
        new = await people.says("newcomer", "look up")  # nobody knows whether it needs an action
        await _fails(office, "newcomer", "the action server is away: answered 503")
        actions.status = 200
        await _half_a_minute_passes(office, then=1.1)
        await people.waits_for(*asked, new)
    assert await people.transcript("customer-3") == [("in", "look up"), ("out", "Found it")]


async def test_whoever_gets_an_apology_is_offered_people_and_gets_them_without_any_action(
    office: Office, desk: Desk, actions: Actions
) -> None:
    actions.status = 500
    alice = await served(office, "telegram")
    await desk.opens("Maya")
    failing = await alice.says("look up")
    async with transaction(office.engine) as connection:  # it has been tried often enough
        await connection.execute(sa.update(messages).values(attempts=8))
    async with office.worker():
        await office.people.waits_for(failing)
        [apology] = await office.people.replies(await alice.conversation())
        assert [option["payload"] for option in apology.content["options"]] == [PEOPLE]
        calls = len(actions.calls)
        await alice.says(_tap(apology.id))
        await settled(office)
        assert (await desk.owner(alice), len(actions.calls)) == ("queue", calls)
    assert (await desk.handoff()).why == "asked"


async def test_whoever_chooses_people_waits_for_nothing_else(office: Office, desk: Desk) -> None:
    office.endpoints.write_text(f"action_endpoint:\n  url: http://127.0.0.1:{free_port()}/webhook\n")
    alice = await served(office, "telegram")
    await desk.opens("Maya")
    async with office.worker():
        waiting = await alice.says("look up")
        await _finds_nobody(office, await alice.conversation())
        await alice.says(_tap(await _is_warned(office, alice)))
        await settled(office)
        assert await desk.owner(alice) == "queue"
    assert await office.people.state_of(waiting) == "failed"


async def test_what_the_product_offers_is_no_question_to_words(office: Office) -> None:
    """A number is meant for what the bot asked."""
    alice = await served(office, "webchat")
    async with office.worker():
        assert await alice.says_and_hears("return") == ["Which item?"]
        await _is_warned(office, alice)
        assert await alice.says_and_hears("2") == ["Why?"]
        await _is_warned(office, alice)
        assert await alice.says_and_hears("1") == ["chair goes back"]


async def _have_waited(office: Office) -> None:
    """For so long that whoever finds nobody looks again after half a minute."""
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(messages).values(created_at=now() - timedelta(minutes=10)))


async def _finds_nobody(office: Office, conversation: str) -> None:
    await _fails(office, conversation, "the action server is away: ClientConnectorError")


async def _fails(office: Office, conversation: str, reason: str) -> None:
    """Until the turn of the conversation's first message has failed for this reason."""
    deadline = asyncio.get_running_loop().time() + 20
    while (await office.people.rows(conversation))[0].error != reason:
        assert asyncio.get_running_loop().time() < deadline, "it did not fail"
        await asyncio.sleep(0.02)


async def _fails_again(office: Office, conversation: str) -> str:
    """Once more, after half a minute has passed; the reason."""
    deadline = asyncio.get_running_loop().time() + 20
    while (row := (await office.people.rows(conversation))[0]).due_at <= now():
        assert asyncio.get_running_loop().time() < deadline, "it was not tried again"
        await asyncio.sleep(0.02)
    return str(row.error)


async def _half_a_minute_passes(office: Office, *, then: float = 0.0) -> None:
    """And so many seconds, after which an action server that was away is looked at again."""
    await asyncio.sleep(then)
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.state == "waiting").values(due_at=now()))
        waits = conversations.c.waiting_since.isnot(None)
        await connection.execute(sa.update(conversations).where(waits).values(waiting_since=now()))


def _tap(message: int) -> dict[str, Any]:
    return {"type": "choice", "message": message, "option": 0, "label": "Talk to a person"}


async def _is_warned(office: Office, person: Person) -> int:
    """As the gateway does it."""
    conversation = await person.conversation()
    async with transaction(office.engine) as connection:
        result = await connection.execute(
            sa.insert(messages).values(
                conversation_id=conversation,
                seq=await take_numbers(connection, conversation),
                direction="out",
                author="product",
                channel=person.channel,
                address=person.channel,
                identity_id=person.identity,
                content=content_to_json(Content(text="It takes longer", options=(offer_people("en"),))),
                state="queued",
                attempts=0,
                due_at=now(),
                created_at=now(),
            )
        )
        return int(result.inserted_primary_key[0])


async def test_what_one_turn_sees_of_the_action_server_holds_for_the_others_for_a_second() -> None:
    passed = 0.0
    absence = Absence(lambda: passed)
    assert not await absence.lasts()
    absence.noted()
    assert await absence.lasts()
    passed = 1.0
    assert not await absence.lasts()
    others = [asyncio.ensure_future(absence.lasts()) for _ in range(3)]
    await asyncio.sleep(0)
    absence.over()
    assert await asyncio.gather(*others) == [False] * 3


async def test_who_looks_and_does_not_come_to_it_holds_up_nobody_for_long() -> None:
    passed = 0.0
    absence = Absence(lambda: passed)
    absence.noted()
    passed = 1.0
    assert (await absence.lasts(), await absence.lasts()) == (False, True)
