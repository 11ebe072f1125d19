"""Chatwoot is the desk: its agents answer our customers on whatever channel those are, on a whole gateway with a strict
stand-in of Chatwoot's API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.gateway.desk.outside.chatwoot import DESK
from bot.gateway.desk.outside.staff import agent_id
from bot.gateway.media.vault import Vault
from bot.store.database import transaction
from bot.store.desk_tables import agents, handoffs, outside_conversations
from bot.store.tables import identities, media, messages
from bot.store.wake import notify
from channels.contract import Media
from sandbox.chatwoot import LOST, ChatwootServer, Inbox, User
from tests.database import utc_now
from tests.gateway.desk.outside import Core, a_database, change
from tests.gateway.desk.staff import hire
from tests.gateway.people import accepted, rows, says
from tests.gateway.running import Gateway, running_gateway

SECRET = "the-secret-of-the-inbox"


@dataclass(frozen=True, kw_only=True)
class Scene:
    gateway: Gateway
    chatwoot: ChatwootServer
    inbox: Inbox
    core: Core
    maya: User
    tom: User

    async def customer(self, who: str = "alice", **started: Any) -> str:
        """Somebody who waits for people; their conversation."""
        asked = await accepted(self.gateway.engine, says(who, "a person please"), utc_now())
        await self.core.turns()
        await self.core.begin(asked.conversation, **started)
        return asked.conversation

    async def says(self, text: str, who: str = "alice", channel: str = "telegram") -> int:
        said = await accepted(self.gateway.engine, says(who, text, channel=channel), utc_now())
        async with transaction(self.gateway.engine) as connection:
            await notify(connection)
        return said.message

    async def settled(self) -> None:
        """All webhooks are answered, and all that they asked for had its turn."""
        await self.chatwoot.webhooks.delivered()
        await self.core.turns()

    async def said(self) -> list[str]:
        """What customers were told by agents."""
        found = await rows(self.gateway.engine, messages, direction="out", author="agent")
        return [row.content["text"] for row in found]

    async def stretch(self, conversation: str) -> Any:
        return (await rows(self.gateway.engine, handoffs, conversation_id=conversation))[-1]

    async def asked(self) -> list[tuple[str, str, str | None]]:
        """All that agents wanted done: what, and what came of it."""
        found = await rows(self.gateway.engine, messages, channel="product")
        return [(row.content["do"], row.state, row.error) for row in found if row.content["type"] == "desk"]


@asynccontextmanager
async def scene_on(url: str, folder: Path, **inbox_is: Any) -> AsyncIterator[Scene]:
    async with ChatwootServer() as chatwoot:
        inbox = chatwoot.inbox(webhook_url="", secret=SECRET, **inbox_is)
        integration = chatwoot.administrator("Integration")
        settings: dict[str, Any] = {
            "chatwoot_url": chatwoot.url,
            "chatwoot_account_id": chatwoot.account.id,
            "chatwoot_inbox_id": inbox.id,
            "chatwoot_api_token": integration.token,
            "chatwoot_webhook_secret": SECRET,
        }
        async with running_gateway(folder, database_url=url, **settings) as gateway:
            inbox.webhook_url = f"{gateway.url}/desk/outside/chatwoot"
            async with Core(gateway.engine, utc_now).running() as core:
                yield Scene(
                    gateway=gateway,
                    chatwoot=chatwoot,
                    inbox=inbox,
                    core=core,
                    maya=chatwoot.agent("Maya"),
                    tom=chatwoot.agent("Tom"),
                )
                await chatwoot.webhooks.delivered()


@pytest.fixture(params=["sqlite", "postgresql"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_on(await a_database(request.param, tmp_path, request), tmp_path) as scene:
        yield scene


async def test_a_whole_stretch_with_people(scene: Scene) -> None:
    alice = await scene.customer(topic="returns", language="en")
    conversation = await scene.chatwoot.conversation(1)
    begun = await conversation.message("a person please")
    assert (conversation.status, begun.private, begun.type) == ("open", True, "outgoing")
    assert "Topic: returns" in begun.content

    answer = scene.maya.write(conversation, "How can **I** help?")
    await scene.settled()
    stretch = await scene.stretch(alice)
    assert (stretch.state, stretch.agent_id) == ("agent", agent_id(DESK, str(scene.maya.id)))
    assert await scene.said() == ["How can **I** help?"]

    await scene.says("my kettle is broken")
    heard = await conversation.message("my kettle is broken")
    assert (heard.type, heard.private, heard.content) == ("incoming", False, "[Telegram] my kettle is broken")

    [told] = await rows(scene.gateway.engine, messages, direction="out", author="agent")
    await change(scene.gateway.engine, told.id, state="sent", delivered_at=utc_now())
    await answer.status_becomes("delivered")
    await change(scene.gateway.engine, told.id, read_at=utc_now())
    await answer.status_becomes("read")

    scene.maya.set_status(conversation, "resolved")
    await scene.settled()
    assert ((await scene.stretch(alice)).state, (await scene.stretch(alice)).reason) == ("closed", "resolved")
    await scene.says("for the bot alone")
    assert [one.content for one in conversation.messages if one.type == "incoming"] == [heard.content]


async def test_a_customer_is_one_contact_with_a_conversation_for_each_stretch(scene: Scene) -> None:
    alice = await scene.customer()
    first = await scene.chatwoot.conversation(1)
    await first.message("a person please")
    await scene.core.do(alice, "back", "customer")
    await first.status_becomes("pending")
    assert (await first.message("gone back to the bot")).private
    await scene.core.begin(alice)
    second = await scene.chatwoot.conversation(2)
    assert (second.contact, second.source_id) == (first.contact, first.source_id)
    assert len(scene.chatwoot.account.contacts) == 1


async def test_pending_gives_it_back_to_the_bot(scene: Scene) -> None:
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.maya.assign(conversation, scene.maya)
    await scene.settled()
    scene.maya.set_status(conversation, "pending")
    await scene.settled()
    assert (await scene.stretch(alice)).state == "returned"


async def test_who_is_assigned_has_it_and_who_is_not_any_more_has_it_not(scene: Scene) -> None:
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    hands = []
    for assignee in (scene.maya, scene.tom, None):
        scene.tom.assign(conversation, assignee)
        await scene.settled()
        stretch = await scene.stretch(alice)
        hands.append((stretch.state, stretch.agent_id))
    assert hands == [
        ("agent", agent_id(DESK, str(scene.maya.id))),
        ("agent", agent_id(DESK, str(scene.tom.id))),
        ("queued", None),
    ]


async def test_notes_are_for_agents_alone(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.maya.write(conversation, "she sounds upset", private=True)
    await scene.settled()
    assert (await scene.said(), await scene.asked()) == ([], [])


async def test_doubled_and_late_webhooks_change_nothing(scene: Scene) -> None:
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.chatwoot.webhooks.doubled = True
    scene.maya.write(conversation, "hello")
    await scene.settled()
    with scene.chatwoot.webhooks.held():
        scene.maya.assign(conversation, scene.tom)
        scene.maya.assign(conversation, scene.maya)
    await scene.settled()
    assert (await scene.stretch(alice)).agent_id == agent_id(DESK, str(scene.maya.id))
    with scene.chatwoot.webhooks.held():
        scene.maya.assign(conversation, scene.tom)
        scene.maya.set_status(conversation, "resolved")
    await scene.settled()
    assert (await scene.said(), (await scene.stretch(alice)).state) == (["hello"], "closed")

    await scene.core.begin(alice)
    await scene.chatwoot.conversation(2)
    before = await scene.asked()
    for webhook in list(scene.chatwoot.webhooks.sent):
        assert await scene.chatwoot.webhooks.repeat(webhook) == 200
    await scene.core.turns()
    assert await scene.asked() == before
    assert (await scene.said(), (await scene.stretch(alice)).state) == (["hello"], "queued")


async def test_what_happens_at_once_is_all_done(scene: Scene) -> None:
    """Chatwoot tells of it side by side: whoever has it by then, the customer hears what was written."""
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.tom.assign(conversation, scene.tom)
    scene.maya.write(conversation, "hello")
    scene.tom.write(conversation, "hello from me too")
    await scene.settled()
    assert sorted(await scene.said()) == ["hello", "hello from me too"]


async def test_a_webhook_that_is_not_chatwoots_is_refused(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.maya.write(conversation, "hello", private=True)
    await scene.settled()
    webhook = scene.chatwoot.webhooks.sent[-1]
    webhook.json["private"] = False
    assert await scene.chatwoot.webhooks.repeat(webhook, age=600) == 401
    scene.inbox.secret = "another"
    assert await scene.chatwoot.webhooks.repeat(webhook) == 401
    async with scene.gateway.http.post(scene.inbox.webhook_url, json=webhook.json) as answer:
        assert answer.status == 401
    assert await scene.said() == []


async def test_what_is_written_after_the_end_is_shown_as_failed_and_reaches_nobody(scene: Scene) -> None:
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    await scene.core.do(alice, "back", "customer")
    await conversation.status_becomes("pending")
    late = scene.maya.write(conversation, "hello?")
    await late.status_becomes("failed")
    assert late.error == "The conversation is with the bot again."
    assert (await conversation.message("did not reach the customer")).private
    assert (await scene.said(), (await scene.stretch(alice)).state) == ([], "returned")


async def test_a_customer_who_cannot_be_written_to_is_not(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    async with transaction(scene.gateway.engine) as connection:
        await connection.execute(identities.update().values(blocked_at=utc_now()))
    message = scene.maya.write(conversation, "hello")
    await message.status_becomes("failed")
    assert (message.error, await scene.said()) == ("The customer has blocked us.", [])


async def test_what_had_failed_before_it_was_looked_at_is_shown_as_failed(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.core.fails = "the chat is gone"
    message = scene.maya.write(conversation, "hello")
    await message.status_becomes("failed")
    assert message.error == "the chat is gone"


async def test_what_the_bot_and_the_other_desk_say_is_a_note(scene: Scene) -> None:
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    nora = await hire(scene.gateway.engine, "nora")
    await scene.core.do(alice, "take", nora, agent=nora)
    [place] = await rows(scene.gateway.engine, identities)
    await scene.core.do(alice, "say", nora, agent=nora, content={"text": "I see"}, to=place.id)
    note = await conversation.message("I see")
    assert (note.private, note.content) == (True, "Nora (at the other desk) [Telegram]: I see")
    assert (await conversation.message("Nora has it now")).private
    await scene.core.do(alice, "close", nora, reason="solved", ask_rating=False)
    await conversation.status_becomes("resolved")


async def test_an_attempt_whose_answer_was_lost_is_not_made_twice(scene: Scene) -> None:
    scene.chatwoot.faults[:] = [0, 0, LOST]
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    await conversation.message("a person please")
    scene.chatwoot.faults[:] = [LOST]
    await scene.says("one")
    await scene.says("two")
    await conversation.message("two")
    assert [one.content for one in conversation.messages if one.type == "incoming"] == [
        "[Telegram] one",
        "[Telegram] two",
    ]
    assert (len(scene.chatwoot.account.contacts), len(scene.chatwoot.account.conversations)) == (1, 1)
    assert len([one for one in conversation.messages if one.private]) == 1


async def test_chatwoot_that_is_away_for_a_moment_misses_nothing(scene: Scene) -> None:
    scene.chatwoot.faults[:] = [503, 404]
    await scene.customer()
    await scene.says("one")
    conversation = await scene.chatwoot.conversation(1)
    await conversation.message("one")
    assert [status for *_, status in scene.chatwoot.calls][:3] == [503, 404, 200]


async def test_our_calls_are_what_chatwoot_publishes(scene: Scene) -> None:
    """It refuses fields that it does not know; nothing of ours was refused."""
    alice = await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    message = scene.maya.write(conversation, "hello")
    await scene.settled()
    [told] = await rows(scene.gateway.engine, messages, direction="out", author="agent")
    await change(scene.gateway.engine, told.id, state="failed", error="the chat is gone")
    await message.status_becomes("failed")
    await scene.core.do(alice, "requeue", "product", agent=agent_id(DESK, str(scene.maya.id)), why="gone")
    await conversation.message("waits for somebody again")
    await scene.core.do(alice, "close", "product", reason="solved", ask_rating=False)
    await conversation.status_becomes("resolved")
    assert {status for *_, status in scene.chatwoot.calls} == {200}


async def test_its_agents_are_known_and_cannot_log_in(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    scene.maya.write(conversation, "hello")
    await scene.settled()
    found = {row.name: row for row in await rows(scene.gateway.engine, agents)}
    assert set(found) == {"Chatwoot", "Maya"}
    assert {(row.password_hash, row.capacity) for row in found.values()} == {(None, 0)}


async def test_files_of_an_agent_are_sent_one_by_one(scene: Scene) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    files = [("image", "https://chatwoot.example.com/a.png"), ("file", "https://chatwoot.example.com/label.pdf?x=1")]
    scene.maya.write(conversation, "print this", files=files)
    await scene.settled()
    found = await rows(scene.gateway.engine, messages, direction="out", author="agent")
    assert [row.content for row in found] == [
        {"text": "print this", "image": "https://chatwoot.example.com/a.png"},
        {"file": {"url": "https://chatwoot.example.com/label.pdf?x=1", "name": "label.pdf"}},
    ]


async def test_a_customers_file_is_handed_on_once_it_is_here(scene: Scene, tmp_path: Path) -> None:
    await scene.customer()
    conversation = await scene.chatwoot.conversation(1)
    coming = Media(kind="picture", ref="ref", text="look", name="kettle.png")
    said = await accepted(scene.gateway.engine, says("alice", coming), utc_now())
    first = await conversation.message("look")
    assert (first.content, scene.chatwoot.uploads) == ("[Telegram] look\n(picture: kettle.png)", [])

    sha256 = await Vault(tmp_path / "media").put(b"\x89PNG of a kettle")
    async with transaction(scene.gateway.engine) as connection:
        stored = {"state": "stored", "sha256": sha256, "size": 16, "type": "image/png", "settled_at": utc_now()}
        await connection.execute(sa.update(media).values(**stored))
    [file] = await rows(scene.gateway.engine, media)
    [row] = await rows(scene.gateway.engine, messages, id=said.message)
    here = {**row.content, "outcome": "stored", "media": file.id, "mime": "image/png", "size": 16}
    await change(scene.gateway.engine, said.message, content=here)
    await scene.chatwoot.account.until(lambda: bool(scene.chatwoot.uploads), "an upload")
    assert scene.chatwoot.uploads == [("kettle.png", "image/png", b"\x89PNG of a kettle")]
    assert {status for *_, status in scene.chatwoot.calls} == {200}


@pytest.mark.parametrize("inbox_is", [{"bot": True}, {"one_conversation": True}])
async def test_inboxes_of_other_kinds(tmp_path: Path, inbox_is: dict[str, bool]) -> None:
    async with scene_on(f"sqlite:///{tmp_path / 'one.db'}", tmp_path, **inbox_is) as scene:
        alice = await scene.customer()
        conversation = await scene.chatwoot.conversation(1)
        await conversation.status_becomes("open")
        await scene.settled()
        scene.maya.write(conversation, "hello")
        await scene.settled()
        scene.maya.set_status(conversation, "resolved")
        await scene.settled()
        assert ((await scene.stretch(alice)).state, await scene.said()) == ("closed", ["hello"])
        await scene.core.begin(alice)
        again = await scene.chatwoot.conversation(1 if "one_conversation" in inbox_is else 2)
        await again.status_becomes("open")
        await scene.says("and again")
        await again.message("and again")
        scene.maya.write(again, "hello again")
        await scene.settled()
        assert await scene.said() == ["hello", "hello again"]
        assert len(await rows(scene.gateway.engine, outside_conversations)) == 2
