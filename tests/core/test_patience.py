"""Turns that cannot be taken now: an action server that is away, a fault that stays, and customers who would rather
have people."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from bot.store.content import content_to_json
from bot.store.database import transaction
from bot.store.numbering import take_numbers
from bot.store.offers import PEOPLE, offer_people
from bot.store.tables import conversations, messages
from channels.contract import Content
from tests.core.playing import Actions, free_port
from tests.core.test_handing import Desk, desk, served, settled
from tests.core.test_links import Person
from tests.core.test_worker import Office, now, office

__all__ = ["desk", "office"]


async def test_turns_wait_for_an_action_server_that_is_away_and_are_taken_once(office: Office) -> None:
    """Though it stumbles when it comes back."""
    port = free_port()
    office.endpoints.write_text(f"action_endpoint:\n  url: http://127.0.0.1:{port}/webhook\n")
    people, actions = office.people, Actions()
    asked = [await people.says(name, "look up") for name in ("alice", "bob")]
    async with transaction(office.engine) as connection:  # they have been at it for a while
        await connection.execute(sa.update(messages).values(created_at=now() - timedelta(minutes=10)))
    async with office.worker():
        await _finds_nobody(office, "alice")
        await _finds_nobody(office, "bob")
        actions.status = 500
        runner = web.AppRunner(actions.app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await _half_a_minute_passes(office)
        await _fails(office, "alice", "the action server answered 500")
        actions.status = 200
        actions.calls.clear()
        await people.waits_for(*asked)
        await runner.cleanup()
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]
    assert sorted(call["sender_id"] for call in actions.calls) == ["alice", "bob"]


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


async def _finds_nobody(office: Office, conversation: str) -> None:
    await _fails(office, conversation, "the action server could not be asked: ClientConnectorError")


async def _fails(office: Office, conversation: str, reason: str) -> None:
    """Until the turn of the conversation's first message has failed for this reason."""
    deadline = asyncio.get_running_loop().time() + 20
    while (await office.people.rows(conversation))[0].error != reason:
        assert asyncio.get_running_loop().time() < deadline, "it did not fail"
        await asyncio.sleep(0.02)


async def _half_a_minute_passes(office: Office) -> None:
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
