"""The whole product while an action takes its time: who waits is kept company, and told what can be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.gateway.waiting import WORDS
from bot.store.tables import conversations, messages
from sandbox.journeys.stack import until
from tests.acceptance.test_crashes import QUESTION, Shop, open_shop
from tests.acceptance.transcripts import change, rows
from tests.database import NewDatabase

OUT = sa.select(messages.c.state).where(messages.c.direction == "out")
WARNING, COMFORT = (word.text["en"] for word in WORDS)


@pytest.fixture
async def shop(tmp_path: Path, new_database: NewDatabase) -> AsyncIterator[Shop]:
    settings = {"DATABASE_URL": await new_database(), "COMFORT_AFTER": "4", "WARN_AFTER": "60"}
    async with open_shop(tmp_path, settings) as shop:
        yield shop


async def test_who_waits_for_an_action_is_kept_company_and_answered_once(shop: Shop) -> None:
    """Also by a gateway that was not there when the wait began."""
    alice = shop.telegram.user("Alice")
    shop.gate.shut()
    await (await alice.say(shop.bot, QUESTION)).taken()
    assert (await alice.next_event("action"))["action"] == "typing"
    assert (await alice.next_message())["text"] == COMFORT

    async def recorded() -> bool:
        return [row.state for row in await rows(shop.stack, OUT)] == ["sent"]

    await until(recorded, "the kind word to be recorded as sent")
    await shop.stack.processes["gateway"].kill()
    await a_minute_passes(shop)
    await shop.stack.start("gateway")
    offered = await alice.next_message(timeout=60)
    assert offered["text"] == WARNING
    tap = await alice.tap(offered, "Talk to a person")
    await tap.taken()
    shop.gate.open()
    assert "Order 1043" in (await alice.next_message())["text"]
    assert (await alice.next_message())["text"].startswith("Nobody is at the desk")


async def a_minute_passes(shop: Shop) -> None:
    """For her who waits."""
    since = conversations.c.unanswered_since
    [waiting] = await rows(shop.stack, sa.select(since).where(since.is_not(None)))
    earlier = waiting.unanswered_since - timedelta(minutes=1)
    await change(shop.stack, sa.update(conversations).where(since.is_not(None)).values(unanswered_since=earlier))
