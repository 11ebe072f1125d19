"""A short code, shown on one channel and typed on another; and whoever guesses."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
from prometheus_client import generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.gateway import metrics
from bot.gateway.codes import new_code, shown
from bot.gateway.guessing import OF_ALL, OF_ONE
from bot.gateway.linking import TYPED, mint
from bot.store.database import transaction
from bot.store.tables import identities, link_codes, merges, messages, wrong_codes
from channels.contract import Inbound, Link, Said, Text
from tests.database import NOON, Clock
from tests.gateway.people import accepted, conversation_of, customer_of, rows, says


async def shown_to(engine: AsyncEngine, who: str, channel: str, now: datetime) -> str:
    customer = await customer_of(engine, who, channel)
    async with transaction(engine) as connection:
        return shown(await mint(connection, customer, from_channel=channel, to_channel=TYPED, now=now))


@pytest.fixture
async def code(engine: AsyncEngine, clock: Clock) -> str:
    """Alice is on Telegram and is shown this code."""
    await accepted(engine, says("Alice", "hello"), clock())
    return await shown_to(engine, "Alice", "telegram", clock())


async def last_content(engine: AsyncEngine) -> Any:
    """What is kept of the newest message, but for what a transcript shows instead of a code."""
    return {name: part for name, part in (await rows(engine, messages))[-1].content.items() if name != "label"}


def in_group(group: str, said: Said) -> Inbound:
    return Inbound(
        channel="telegram",
        external_id=f"group:{group}",
        address=group,
        dedupe_key=f"{group}{said}",
        said=said,
        audience=True,
    )


async def test_who_types_the_code_elsewhere_is_joined(engine: AsyncEngine, clock: Clock, code: str) -> None:
    joined = await accepted(engine, says("alice_w", f" {code.lower().replace('-', ' ')} ", channel="whatsapp"), clock())

    assert joined.conversation == await conversation_of(engine, "Alice", "telegram")
    [identity] = await rows(engine, identities, external_id="alice_w")
    assert (identity.assurance, identity.linked_how, identity.linked_at) == ("code", "short_code", NOON)
    [merge] = await rows(engine, merges)
    assert await last_content(engine) == {"type": "linked", "from": "telegram", "merge": merge.id}
    assert merge.message_id == joined.message


@pytest.mark.parametrize("to", ["whatsapp", "teams", "webchat"])
async def test_it_is_good_on_every_channel(engine: AsyncEngine, clock: Clock, code: str, to: str) -> None:
    await accepted(engine, says("alice_2", code, channel=to), clock())

    assert await customer_of(engine, "alice_2", to) == await customer_of(engine, "Alice", "telegram")


async def test_the_code_itself_is_stored_nowhere(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_w", code, channel="whatsapp"), clock())

    for table in (link_codes, messages, identities, merges, wrong_codes):
        kept = repr(await rows(engine, table)).upper()
        assert code not in kept
        assert code.replace("-", "") not in kept


async def test_a_transcript_shows_that_a_code_was_typed(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_w", code, channel="whatsapp"), clock())

    assert (await rows(engine, messages))[-1].content["label"] == "••••-••••"


async def test_it_works_once(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_w", code, channel="whatsapp"), clock())
    await accepted(engine, says("Mallory", code, channel="teams"), clock())

    assert await last_content(engine) == {"type": "link_refused", "problem": "used"}
    assert await customer_of(engine, "Mallory", "teams") != await customer_of(engine, "Alice", "telegram")


async def test_of_many_who_type_it_at_once_one_is_joined(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await asyncio.gather(*(accepted(engine, says(f"p{n}", code, channel="whatsapp"), clock()) for n in range(6)))

    alice = await customer_of(engine, "Alice", "telegram")
    assert len([row for row in await rows(engine, identities, channel="whatsapp") if row.customer_id == alice]) == 1


async def test_it_works_for_ten_minutes(engine: AsyncEngine, clock: Clock, code: str) -> None:
    clock.forward(minutes=10)
    await accepted(engine, says("alice_w", code, channel="whatsapp"), clock())

    assert await last_content(engine) == {"type": "link_refused", "problem": "expired"}


async def test_whoever_types_their_own_code_stays_who_they_are(engine: AsyncEngine, clock: Clock, code: str) -> None:
    before = await customer_of(engine, "Alice", "telegram")
    await accepted(engine, says("Alice", code), clock())

    assert await customer_of(engine, "Alice", "telegram") == before
    assert await rows(engine, merges) == []


async def test_a_cycle_of_codes_is_one_customer(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_w", "hello", channel="whatsapp"), clock())
    back = await shown_to(engine, "alice_w", "whatsapp", clock())
    await accepted(engine, says("alice_w", code, channel="whatsapp"), clock())
    await accepted(engine, says("Alice", back), clock())

    assert await customer_of(engine, "alice_w", "whatsapp") == await customer_of(engine, "Alice", "telegram")
    assert len(await rows(engine, merges)) == 1


async def test_a_short_code_is_no_deep_link(engine: AsyncEngine, clock: Clock, code: str) -> None:
    for spelled in (code, code.replace("-", "")):
        await accepted(engine, says("Mallory", Link(code=spelled), channel="whatsapp"), clock())
        assert await last_content(engine) == {"type": "link_refused", "problem": "unknown"}


async def test_a_deep_links_code_is_none_to_type(engine: AsyncEngine, clock: Clock, code: str) -> None:
    customer = await customer_of(engine, "Alice", "telegram")
    async with transaction(engine) as connection:
        deep = await mint(connection, customer, from_channel="telegram", to_channel="whatsapp", now=clock())
    await accepted(engine, says("Mallory", deep, channel="whatsapp"), clock())

    assert await last_content(engine) == {"type": "text", "text": deep}


async def test_words_of_that_shape_stay_words(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("Bob", "item 1042"), clock())

    assert await last_content(engine) == {"type": "text", "text": "item 1042"}


async def test_a_code_of_nobodys_is_refused_and_not_kept(engine: AsyncEngine, clock: Clock, code: str) -> None:
    with capture_logs() as logs:
        await accepted(engine, says("Mallory", "AAAA-2222"), clock())

    assert await last_content(engine) == {"type": "link_refused", "problem": "unknown"}
    [warning] = [line for line in logs if line["event"] == "code.refused"]
    assert (warning["log_level"], warning["problem"]) == ("warning", "unknown")
    assert "2222" not in repr(warning)


async def test_a_group_joins_nobody_and_spoils_what_it_shows(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, in_group("g", Text(text=code.replace("-", ""))), clock())
    assert await last_content(engine) == {"type": "link_refused", "problem": "unknown", "audience": True}

    await accepted(engine, says("Mallory", code, channel="whatsapp"), clock())
    assert await last_content(engine) == {"type": "link_refused", "problem": "used"}


async def test_a_group_that_opens_a_link_joins_nobody(engine: AsyncEngine, clock: Clock, code: str) -> None:
    customer = await customer_of(engine, "Alice", "telegram")
    async with transaction(engine) as connection:
        deep = await mint(connection, customer, from_channel="webchat", to_channel="telegram", now=clock())
    placed = await accepted(engine, in_group("g", Link(code=deep)), clock())

    assert await last_content(engine) == {"type": "link_refused", "problem": "unknown", "audience": True}
    assert placed.conversation != await conversation_of(engine, "Alice", "telegram")
    assert await rows(engine, identities, address="g") == []


# --- Guessing ---------------------------------------------------------------------------------------------------------


async def guesses(engine: AsyncEngine, who: str, count: int, now: datetime) -> list[str]:
    problems = []
    for _ in range(count):
        await accepted(engine, says(who, shown(new_code())), now)
        problems.append((await last_content(engine))["problem"])
    return problems


async def test_after_five_wrong_codes_not_even_the_right_one_counts(
    engine: AsyncEngine, clock: Clock, code: str
) -> None:
    assert await guesses(engine, "Mallory", OF_ONE, clock()) == ["unknown"] * OF_ONE
    await accepted(engine, says("Mallory", code), clock())
    assert await last_content(engine) == {"type": "link_refused", "problem": "too_many"}

    clock.forward(minutes=9, seconds=59)
    await accepted(engine, says("Mallory", code), clock())
    assert await last_content(engine) == {"type": "link_refused", "problem": "too_many"}


async def test_ten_minutes_later_codes_are_looked_at_again(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await guesses(engine, "Bob", OF_ONE, clock())
    clock.forward(minutes=10)
    fresh = await shown_to(engine, "Alice", "telegram", clock())
    await accepted(engine, says("Bob", fresh), clock())

    assert (await last_content(engine))["type"] == "linked"


async def test_guesses_without_a_dash_are_counted_too(engine: AsyncEngine, clock: Clock, code: str) -> None:
    for _ in range(OF_ONE):
        await accepted(engine, says("Mallory", new_code()), clock())
    await accepted(engine, says("Mallory", code.replace("-", "")), clock())

    assert (await last_content(engine))["type"] == "text"
    assert await customer_of(engine, "Mallory", "telegram") != await customer_of(engine, "Alice", "telegram")


async def test_many_guesses_at_once_have_no_more_tries(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("Mallory", "hello"), clock())
    await asyncio.gather(*(accepted(engine, says("Mallory", shown(new_code())), clock()) for _ in range(20)))

    problems = [row.content.get("problem") for row in await rows(engine, messages, address="Mallory@telegram")]
    assert problems.count("unknown") == OF_ONE
    assert len(await rows(engine, wrong_codes)) == OF_ONE


async def test_a_million_guesses_would_take_a_week_and_are_noticed(
    engine: AsyncEngine, clock: Clock, code: str
) -> None:
    """However many people the guesser pretends to be: so many are looked at in a minute, and no more."""
    with capture_logs() as logs:
        found = [problem for n in range(30) for problem in await guesses(engine, f"m{n}", OF_ONE, clock())]

    assert found == ["unknown"] * OF_ALL + ["too_many"] * (30 * OF_ONE - OF_ALL)
    assert len([line for line in logs if line.get("problem") == "too_many"]) == 30 * OF_ONE - OF_ALL
    assert b'throughline_codes_typed_total{outcome="too_many"}' in generate_latest(metrics.REGISTRY)
    assert 1_000_000 / OF_ALL / 60 / 24 > 6  # days

    await accepted(engine, says("Carol", code, channel="whatsapp"), clock())
    assert (await last_content(engine))["problem"] == "too_many"
    clock.forward(minutes=1)
    await accepted(engine, says("Carol", code, channel="whatsapp"), clock())
    assert (await last_content(engine))["type"] == "linked"
