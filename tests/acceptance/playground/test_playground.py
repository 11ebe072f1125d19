"""Teams end to end: Microsoft's own Agents Playground, the real gateway and the trained model.

The Playground signs nothing, so this is the development mode that takes loopback only. How requests are signed, and how
they are refused, is in tests/channels/teams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
import yaml

from bot.store.tables import messages
from sandbox.journeys.stack import ROOT, Stack, running_stack
from tests.acceptance.playground.playground import Playground, buttons, missing, playground
from tests.acceptance.transcripts import rows

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(missing()), reason=missing() or "nothing is missing"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """With a bot that answers greetings in groups, and nothing else: what is public is its builder's to say. On SQLite:
    what the Playground sends and shows depends on no database."""
    folder = tmp_path_factory.mktemp("playground")
    endpoints = yaml.safe_load((ROOT / "endpoints.yml").read_text(encoding="utf-8"))
    (folder / "endpoints.yml").write_text(yaml.safe_dump(endpoints | {"groups": {"answers": ["greet"]}}))
    settings = {"TEAMS_DEVELOPMENT": "true", "ENDPOINTS": str(folder / "endpoints.yml")}
    async with running_stack(folder, settings=settings) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def teams(stack: Stack) -> AsyncIterator[Playground]:
    async with playground(f"{stack.gateway_url}/api/messages", stack.folder) as teams:
        yield teams


async def test_app_that_is_installed_welcomes(teams: Playground) -> None:
    await teams.happens("install")
    welcome = await teams.hears("this is Hearthside")
    assert welcome["conversation"] == teams.chat
    assert "Track an order" in [button["title"] for button in buttons(welcome)]


async def test_text_is_answered(teams: Playground) -> None:
    await teams.say(teams.chat, "Where is my order 1047?")
    assert (await teams.hears("1047"))["conversation"] == teams.chat


async def test_card_is_submitted_and_its_buttons_are_taken_off(teams: Playground) -> None:
    await teams.say(teams.chat, "I want to return the blue kettle from order 1042")
    question = await teams.hears("reason for returning")
    await teams.submit(question, "Damaged or faulty")
    await teams.hears("refund or an exchange")
    settled = await teams.hears("reason for returning", action="updateMessage")
    assert settled["messageId"] == question["messageId"]
    assert buttons(settled) == []
    await teams.say(teams.chat, "cancel")
    await teams.hears("stopped the return")


async def test_action_that_waits_for_its_answer_is_answered_twice(teams: Playground) -> None:
    """At once, so that the button does not spin on, and by the bot's message."""
    await teams.say(teams.chat, "I want to return the mug set from order 1042")
    question = await teams.hears("reason for returning")
    told = await teams.execute(question, "Changed my mind")
    assert told == {"type": "application/vnd.microsoft.activity.message", "value": "Thank you"}
    await teams.hears("refund or an exchange")


@pytest.mark.parametrize("where", ["group", "channel"])
async def test_group_is_answered_where_it_mentions_the_bot(teams: Playground, where: str) -> None:
    """In the middle of what its member is telling the bot alone."""
    group = teams.group if where == "group" else teams.channel
    await teams.say(group, "hello", mention=True)
    greeting = await teams.hears("this is Hearthside")
    assert str(greeting["conversation"]).partition(";")[0] == group
    assert "mug set" not in str(greeting)


async def test_group_is_not_listened_to(teams: Playground, stack: Stack) -> None:
    await teams.say(teams.group, "shall we ask the shop?")
    await teams.say(teams.group, "hello", mention=True)
    await teams.hears("Hearthside")
    heard = [row for row in await rows(stack, sa.select(messages)) if row.direction == "in"]
    assert [row for row in heard if "shall we" in str(row.content)] == []


async def test_nothing_of_a_members_conversation_enters_the_groups(teams: Playground, stack: Stack) -> None:
    for conversation in (teams.chat, teams.group, teams.channel):
        await teams.say(conversation, "hello", mention=True)
        await teams.hears("Hearthside" if conversation != teams.chat else "")
    heard = await rows(stack, sa.select(messages).where(messages.c.direction == "in"))
    grouped = {row.conversation_id for row in heard if row.content.get("audience")}
    alone = {row.conversation_id for row in heard if not row.content.get("audience")}
    assert (len(grouped), len(alone), grouped & alone) == (2, 1, set())
