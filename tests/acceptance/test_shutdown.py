"""Processes that are told to stop in the middle of work: what they have begun is finished, the rest is anybody's. And
what an operator sees of them meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.store.tables import conversations, messages, workers
from sandbox.journeys.stack import until
from sandbox.telegram import User
from tests.acceptance.test_crashes import QUESTION, Shop, heard, open_shop, undisturbed, uttered
from tests.acceptance.transcripts import rows
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = ("Alice", "Carol", "Dave", "Erin", "Frank", "Grace")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Shop]:
    """A worker that takes two conversations at a time, so that others wait."""
    settings = {"DATABASE_URL": await new_database(), "WORKER_CONCURRENCY": "2", "LOG_FORMAT": "json"}
    async with open_shop(tmp_path_factory.mktemp("shop"), settings) as shop:
        yield shop


async def everybody_asks(shop: Shop) -> list[User]:
    people = [shop.telegram.user(name) for name in PEOPLE]
    for person in people:
        await (await person.say(shop.bot, QUESTION)).taken()
    return people


async def held_by_the_worker(shop: Shop) -> list[Any]:
    """Conversations that are claimed, or whose lease has to end first."""
    held = conversations.c.claimed_by.is_not(None) | conversations.c.lease_until.is_not(None)
    return await rows(shop.stack, sa.select(conversations.c.id).where(held))


async def held_by_the_gateway(shop: Shop) -> list[Any]:
    """Messages that are being sent, or whose lease has to end first."""
    held = (messages.c.state == "sending") | messages.c.lease_until.is_not(None)
    return await rows(shop.stack, sa.select(messages.c.id).where(held))


async def answered_once(shop: Shop, people: list[User], expected: list[str]) -> None:
    """Beside the answers people may have been told, once, that it takes a moment."""

    def answers(person: User) -> list[str]:
        return [words for words in heard(person) if words in expected]

    await until(lambda: all(len(answers(person)) >= len(expected) for person in people), "all answers")
    # Whatever were said twice would have been said by the time the next one is answered.
    last = shop.telegram.user("Zoe")
    await (await last.say(shop.bot, QUESTION)).taken()
    await until(lambda: len(answers(last)) == len(expected), "the last answer")
    assert {person.id: answers(person) for person in people} == {person.id: expected for person in people}
    assert [await uttered(shop.stack, person.id) for person in people] == [1] * len(people)


async def test_a_worker_finishes_its_turns_and_leaves_the_rest_to_others(shop: Shop) -> None:
    expected = await undisturbed(shop)
    core = shop.stack.processes["core"]
    shop.gate.shut()
    people = await everybody_asks(shop)
    await shop.gate.called()
    core.signal(signal.SIGTERM)
    shop.gate.open()
    assert await core.end() == 0
    assert await held_by_the_worker(shop) == []
    assert await rows(shop.stack, sa.select(workers.c.id)) == []
    waiting = await rows(shop.stack, sa.select(messages.c.id).where(messages.c.state == "waiting"))
    assert 0 < len(waiting) < len(people)

    await shop.stack.start("core")
    await answered_once(shop, people, expected)


async def test_a_gateway_finishes_its_sends_and_leaves_the_rest_to_others(shop: Shop) -> None:
    expected = await undisturbed(shop)
    gateway = shop.stack.processes["gateway"]
    people = await everybody_asks(shop)
    await until(lambda: any(heard(person) for person in people), "the first answer")
    assert await gateway.end() == 0
    assert await held_by_the_gateway(shop) == []

    await shop.stack.start("gateway")
    await answered_once(shop, people, expected)


def told(shop: Shop) -> list[dict[str, Any]]:
    """All lines of the gateways and the workers, in the order of their times."""
    logs = [log for log in shop.stack.logs if log.name.startswith(("gateway-", "core-"))]
    lines = [json.loads(line) for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    return sorted(lines, key=lambda line: str(line["timestamp"]))


async def test_one_id_leads_from_the_webhook_over_the_turn_to_the_reply(shop: Shop) -> None:
    alice = shop.telegram.user("Alice Liddell")
    await (await alice.say(shop.bot, QUESTION)).taken()
    await until(lambda: bool(heard(alice)), "the answer")
    hers = (messages.c.direction == "in") & (messages.c.address == str(alice.id))
    [(trace, asked)] = await rows(shop.stack, sa.select(messages.c.trace, messages.c.id).where(hers))
    await until(lambda: "send.sent" in [line["event"] for line in told(shop) if line.get("trace") == trace], "the log")
    story = [line for line in told(shop) if line.get("trace") == trace]
    assert [(line["process"], line["event"]) for line in story] == [
        ("gateway", "webhook.accepted"),
        ("core", "turn.answered"),
        ("gateway", "send.sent"),
    ]
    assert (story[0]["messages"], story[1]["message"]) == ([asked], asked)
    assert not [line for line in told(shop) if "Liddell" in str(line) or str(alice.id) in str(line)]


async def test_what_the_worker_did_is_among_the_gateways_metrics(shop: Shop) -> None:
    answered = 'throughline_turns_total{channel="telegram",outcome="done",worker="'
    text = ""
    async with aiohttp.ClientSession() as http, asyncio.timeout(60):
        while answered not in text:  # with the worker's next heartbeat
            await asyncio.sleep(0.1)
            async with http.get(f"{shop.stack.gateway_url}/metrics") as answer:
                text = await answer.text()
    assert "throughline_turn_seconds_bucket" in text
    assert "throughline_workers_alive 1.0" in text
    assert "throughline_gateways_alive 1.0" in text
