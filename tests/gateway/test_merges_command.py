"""`throughline merges` and `throughline unmerge`, as operators type them, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.merges import known, listed, unmerge
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import transaction
from bot.store.merging import separate
from bot.store.tables import conversations, merges, messages
from tests.gateway.people import conversation_of, rows
from tests.gateway.test_merging import Town


@pytest.fixture
def settings(engine: AsyncEngine) -> Settings:
    return Settings(database_url=engine.url.render_as_string(hide_password=False))


@pytest.fixture
async def town(engine: AsyncEngine) -> Town:
    """Bob, who opened Alice's link, and Carol, who is herself."""
    town = Town(engine)
    for who, channel in (("Alice", "webchat"), ("bob", "telegram"), ("carol", "whatsapp")):
        await town.say(who, "hello", channel)
    await town.link("bob", "telegram", "Alice", "webchat")
    return town


async def test_merges_are_listed_with_both_conversations(town: Town, settings: Settings) -> None:
    [merge] = await rows(town.engine, merges)
    said = listed(await known(settings))
    assert merge.into_conversation in said
    assert merge.from_conversation in said
    assert "joined; telegram came along" in said


@pytest.mark.parametrize(("who", "channel", "found"), [("Alice", "webchat", 1), ("carol", "whatsapp", 0)])
async def test_of_one_conversation_or_one_identity(
    town: Town, settings: Settings, who: str, channel: str, found: int
) -> None:
    conversation = await conversation_of(town.engine, who, channel)
    assert len(await known(settings, conversation=conversation)) == found
    assert len(await known(settings, identity=f"{channel}:{who}")) == found


async def test_where_there_is_none_it_is_said(town: Town, settings: Settings) -> None:
    assert listed(await known(settings, identity="whatsapp:carol")) == "No customers have turned out to be one here."


async def test_unmerge_queues_it_behind_what_waits(town: Town, settings: Settings) -> None:
    [merge] = await rows(town.engine, merges)
    await unmerge(settings, merge.id)

    [queued] = await rows(town.engine, messages, author="agent")
    [shared] = await rows(town.engine, conversations, id=merge.into_conversation)
    assert queued.content == {"type": "separate", "merge": merge.id, "by": "operator"}
    assert (queued.conversation_id, queued.state, queued.identity_id) == (shared.id, "waiting", None)
    assert shared.inbound_seq == shared.last_seq == queued.seq > shared.done_seq
    assert shared.waiting_since is not None
    [merge] = await rows(town.engine, merges)
    assert merge.undone_at is None


async def test_unmerge_says_what_is_wrong(town: Town, settings: Settings) -> None:
    [merge] = await rows(town.engine, merges)
    with pytest.raises(CannotRun, match="there is no merge 77"):
        await unmerge(settings, 77)
    async with transaction(town.engine) as connection:
        await separate(connection, merge.id, by="customer", now=town.now)
    with pytest.raises(CannotRun, match="was undone already, on 2026-11-21 12:00 UTC by: customer"):
        await unmerge(settings, merge.id)
    assert "by customer" in listed(await known(settings))


@pytest.mark.parametrize(
    ("which", "error"),
    [
        ({"conversation": "nobody"}, "there is no conversation nobody"),
        ({"identity": "telegram"}, "written as channel:id"),
        ({"identity": "telegram:77"}, "nobody on telegram is known by this id"),
    ],
)
async def test_who_is_not_there_is_said_to_be_so(
    town: Town, settings: Settings, which: dict[str, str], error: str
) -> None:
    with pytest.raises(CannotRun, match=error):
        await known(settings, **which)
