"""Whom a channel's ids belong to, where it has two for one person and numbers that are given to others."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.tables import identities
from channels.contract import Inbound
from tests.database import Clock
from tests.gateway.people import accepted, rows, says


def writes(id: str, text: str, *, number: str | None = None) -> Inbound:
    return replace(says(id, text, channel="whatsapp"), address=id, known_as=number)


async def test_who_was_known_by_number_alone_stays_who_they_are(engine: AsyncEngine, clock: Clock) -> None:
    first = await accepted(engine, writes("4917012345", "hello"), clock())
    clock.forward(days=44)
    second = await accepted(engine, writes("DE.77", "me again", number="4917012345"), clock())
    assert second.conversation == first.conversation
    [row] = await rows(engine, identities)
    assert (row.external_id, row.known_as, row.address) == ("DE.77", "4917012345", "DE.77")


async def test_a_number_that_was_silent_for_long_may_be_somebody_elses_now(engine: AsyncEngine, clock: Clock) -> None:
    first = await accepted(engine, writes("4917012345", "hello"), clock())
    clock.forward(days=46)
    second = await accepted(engine, writes("DE.77", "hello", number="4917012345"), clock())
    assert second.conversation != first.conversation


async def test_a_new_owner_of_a_number_is_somebody_new(engine: AsyncEngine, clock: Clock) -> None:
    first = await accepted(engine, writes("DE.77", "hello", number="4917012345"), clock())
    second = await accepted(engine, writes("DE.88", "hello", number="4917012345"), clock())
    assert second.conversation != first.conversation


async def test_a_number_alone_does_not_lead_to_somebody_who_is_known_by_more(engine: AsyncEngine, clock: Clock) -> None:
    first = await accepted(engine, writes("DE.77", "hello", number="4917012345"), clock())
    second = await accepted(engine, writes("4917012345", "hello"), clock())
    assert second.conversation != first.conversation


async def test_a_new_number_of_the_same_person_is_noted(engine: AsyncEngine, clock: Clock) -> None:
    first = await accepted(engine, writes("DE.77", "hello", number="4917012345"), clock())
    second = await accepted(engine, writes("DE.77", "hello", number="4915199999"), clock())
    assert second.conversation == first.conversation
    [row] = await rows(engine, identities)
    assert row.known_as == "4915199999"
