"""A company's own helpdesk is the desk: told by webhooks, answering by the API, on a whole gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.store.database import transaction
from bot.store.desk_tables import agents, audit
from bot.store.handoffs import Wanted, begin
from bot.store.tables import identities, messages
from bot.store.wake import notify
from tests.database import utc_now
from tests.gateway.desk.outside import SECRET, TOKEN, Core, Helpdesk, a_database, change, helpdesk
from tests.gateway.people import accepted, rows, says
from tests.gateway.running import Gateway, running_gateway

MAYA, TOM = {"id": "maya@example.com", "name": "Maya"}, {"id": "tom", "name": "Tom"}
KEY = "0c6b2f5e-7a43-4d0a-9f3e-2f6f0a1b2c3d"


@dataclass(frozen=True, kw_only=True)
class Scene:
    gateway: Gateway
    desk: Helpdesk
    core: Core

    async def customer(self, who: str = "alice") -> str:
        """Somebody who waits for people; their conversation."""
        asked = await accepted(self.gateway.engine, says(who, "a person please"), utc_now())
        await self.core.turns()
        await self.core.begin(asked.conversation)
        return asked.conversation

    async def says(self, text: str, who: str = "alice") -> None:
        await accepted(self.gateway.engine, says(who, text), utc_now())
        async with transaction(self.gateway.engine) as connection:
            await notify(connection)

    async def do(
        self, conversation: str, body: Any, *, key: str | None = KEY, token: str = TOKEN
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        url = f"{self.gateway.url}/desk/outside/conversations/{conversation}/doings"
        async with self.gateway.http.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, *, token: str = TOKEN) -> tuple[int, dict[str, Any]]:
        url = f"{self.gateway.url}/desk/outside/conversations/{path}"
        async with self.gateway.http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status, await answer.json()


@pytest.fixture(params=["sqlite", "postgresql"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    url = await a_database(request.param, tmp_path, request)
    settings: dict[str, Any] = {
        "desk_webhook_secret": SECRET,
        "desk_api_token": TOKEN,
        "public_url": "https://chat.example.com",
    }
    async with (
        helpdesk() as desk,
        running_gateway(tmp_path, database_url=url, desk_webhook_url=desk.url, **settings) as gateway,
        Core(gateway.engine, utc_now).running() as core,
    ):
        yield Scene(gateway=gateway, desk=desk, core=core)


async def test_a_whole_stretch_with_people(scene: Scene) -> None:
    alice = await scene.customer()
    [queued] = await scene.desk.has(1)
    assert (queued.type, queued.signed, queued.data["conversation"]) == ("conversation.queued", True, alice)
    assert [one["text"] for one in queued.data["transcript"]] == ["a person please"]

    assert await scene.do(alice, {"do": "take", "agent": MAYA}) == (200, {"done": (await _newest(scene)).id})
    assert await _has(scene, alice) == {**MAYA, "desk": "webhook"}
    status, _ = await scene.do(alice, {"do": "say", "agent": MAYA, "text": "How can I help?"}, key="words-00001")
    assert status == 200
    await scene.says("my kettle is broken")
    await scene.desk.has(4)
    status, _ = await scene.do(
        alice, {"do": "hand_back", "agent": MAYA, "slots": {"return_reason": "damaged"}}, key="return-00001"
    )
    assert status == 200
    *_, end = await scene.desk.has(5)
    await scene.says("for the bot alone")

    told = scene.desk.taken
    assert [one.type for one in told] == [
        "conversation.queued",
        "conversation.assigned",
        "message.created",
        "message.created",
        "conversation.returned",
    ]
    assert (told[2].data["message"]["text"], told[2].data["message"]["reference"]) == (
        "How can I help?",
        {"desk": "webhook", "key": "words-00001"},
    )
    assert told[3].data["message"]["text"] == "my kettle is broken"
    assert (end.data["by"], end.data["agent"]["id"]) == ("agent", "maya@example.com")
    assert all(one.signed for one in told)
    [row] = [row for row in await rows(scene.gateway.engine, messages) if row.content.get("do") == "hand_back"]
    assert row.content["slots"] == {"return_reason": "damaged"}


async def test_nobody_gets_in_without_the_token(scene: Scene) -> None:
    alice = await scene.customer()
    take = {"do": "take", "agent": MAYA}
    for token in ("", "wrong", TOKEN[:-1], TOKEN + "x", "ümlaut"):
        assert await scene.do(alice, take, token=token) == (401, {"error": "unauthorized"})
        assert (await scene.get(alice, token=token))[0] == 401
        assert (await scene.get(f"{alice}/transcript", token=token))[0] == 401
    assert [row for row in await rows(scene.gateway.engine, messages) if row.content.get("type") == "desk"] == []


async def test_the_same_doing_sent_twice_is_done_once(scene: Scene) -> None:
    alice = await scene.customer()
    await scene.do(alice, {"do": "take", "agent": MAYA}, key="take-000001")
    words = {"do": "say", "agent": MAYA, "text": "hello"}
    first = await scene.do(alice, words)
    assert first[0] == 200
    assert await scene.do(alice, words) == first
    assert await scene.do(alice, {**words, "text": "something else"}) == (422, {"error": "key_used"})
    bob = await scene.customer("bob")
    assert await scene.do(bob, {"do": "take", "agent": MAYA}, key="take-000001") == (422, {"error": "key_used"})
    said = [
        row for row in await rows(scene.gateway.engine, messages) if row.author == "agent" and row.direction == "out"
    ]
    assert [row.content["text"] for row in said] == ["hello"]


async def test_who_is_too_late_is_told_who_has_it(scene: Scene) -> None:
    alice = await scene.customer()
    assert (await scene.do(alice, {"do": "take", "agent": MAYA}, key="take-000001"))[0] == 200
    status, said = await scene.do(alice, {"do": "take", "agent": TOM}, key="take-000002")
    assert (status, said) == (409, {"error": "taken", "has_it": {**MAYA, "desk": "webhook"}})
    status, _ = await scene.do(alice, {"do": "transfer", "agent": MAYA, "to": TOM}, key="give-000001")
    assert (status, await _has(scene, alice)) == (200, {**TOM, "desk": "webhook"})
    status, _ = await scene.do(alice, {"do": "take", "agent": MAYA, "over": True}, key="take-000003")
    assert (status, await _has(scene, alice)) == (200, {**MAYA, "desk": "webhook"})
    status, _ = await scene.do(alice, {"do": "requeue", "agent": MAYA}, key="back-000001")
    assert (status, await _has(scene, alice)) == (200, None)
    status, _ = await scene.do(alice, {"do": "close", "agent": TOM, "reason": "solved"}, key="over-000001")
    assert (status, (await scene.get(alice))[1]["state"]) == (200, "closed")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"do": "take"}, 422, "invalid"),
        ({"do": "take", "agent": "maya"}, 422, "invalid"),
        ({"do": "take", "agent": {"id": "a b", "name": "Maya"}}, 422, "invalid"),
        ({"do": "snooze", "agent": MAYA}, 422, "invalid"),
        ({"do": "say", "agent": MAYA}, 422, "empty"),
        ({"do": "say", "agent": MAYA, "content": {"image": "vault:0123"}}, 422, "invalid"),
        ({"do": "say", "agent": MAYA, "text": "hello", "to": 4711}, 422, "invalid"),
        ({"do": "transfer", "agent": MAYA}, 422, "invalid"),
        ([], 400, "malformed"),
    ],
)
async def test_what_cannot_be_is_refused(scene: Scene, body: Any, status: int, error: str) -> None:
    answer = await scene.do(await scene.customer(), body)
    assert (answer[0], answer[1]["error"]) == (status, error)


async def test_a_key_is_needed(scene: Scene) -> None:
    alice = await scene.customer()
    for key in (None, "short", "x" * 65, "with space"):
        assert (await scene.do(alice, {"do": "take", "agent": MAYA}, key=key))[0] == 422


async def test_a_conversation_that_is_only_the_bots_is_not_shown(scene: Scene) -> None:
    bob = await accepted(scene.gateway.engine, says("bob", "hello"), utc_now())
    for path in (bob.conversation, f"{bob.conversation}/transcript", "nobody", "nobody/transcript"):
        assert await scene.get(path) == (404, {"error": "unknown"})
    assert (await scene.do(bob.conversation, {"do": "take", "agent": MAYA}))[0] == 404


async def test_a_customer_who_has_blocked_us_is_not_written_to(scene: Scene) -> None:
    alice = await scene.customer()
    await scene.do(alice, {"do": "take", "agent": MAYA}, key="take-000001")
    async with transaction(scene.gateway.engine) as connection:
        await connection.execute(identities.update().values(blocked_at=utc_now()))
    answer = await scene.do(alice, {"do": "say", "agent": MAYA, "text": "hello"})
    assert answer == (409, {"error": "blocked", "possible": []})


async def test_the_transcript_is_read_page_by_page_and_the_look_is_noted(scene: Scene) -> None:
    for number in range(5):
        await scene.says(f"word {number}")
    alice = await scene.customer()
    status, page = await scene.get(f"{alice}/transcript?limit=2")
    assert status == 200
    assert ([one["text"] for one in page["messages"]], page["more"]) == (["word 4", "a person please"], True)
    _, page = await scene.get(f"{alice}/transcript?limit=4&before={page['messages'][0]['id']}")
    assert ([one["text"] for one in page["messages"]], page["more"]) == ([f"word {n}" for n in range(4)], False)
    assert (await scene.get(f"{alice}/transcript?limit=0"))[0] == 422
    looks = [row for row in await rows(scene.gateway.engine, audit) if row.what == "looked"]
    assert [row.conversation_id for row in looks] == [alice]


async def test_somebody_is_there_as_long_as_the_other_desk_takes_what_it_is_told(scene: Scene) -> None:
    asked = await accepted(scene.gateway.engine, says("alice", "a person please"), utc_now())
    await scene.core.turns()
    async with transaction(scene.gateway.engine) as connection:
        news = await begin(connection, asked.conversation, Wanted(why="asked"), language="en", now=utc_now())
        await notify(connection)
    assert news == {"type": "handoff", "news": "queued"}
    await scene.desk.has(1)
    [itself] = [row for row in await rows(scene.gateway.engine, agents) if row.login == "webhook:"]
    assert (itself.capacity, itself.password_hash) == (0, None)


async def test_what_was_not_taken_is_told_again_with_the_same_id_and_in_order(scene: Scene) -> None:
    scene.desk.answers[:] = [500, 302, 200]
    await scene.customer()
    await scene.says("one")
    await scene.says("two")
    await scene.desk.has(3)
    assert [one.id for one in scene.desk.attempts[:3]] == [scene.desk.attempts[0].id] * 3
    assert [one.data.get("message", {}).get("text") for one in scene.desk.taken] == [None, "one", "two"]


async def test_a_restart_of_the_gateway_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    settings: dict[str, Any] = {"desk_webhook_secret": SECRET, "desk_api_token": TOKEN}
    async with running_gateway(
        tmp_path, database_url=url, desk_webhook_url="http://127.0.0.1:9/", **settings
    ) as gateway:
        asked = await accepted(gateway.engine, says("alice", "a person please"), utc_now())
        core = Core(gateway.engine, utc_now)
        await core.turns()
        await core.begin(asked.conversation)
        await accepted(gateway.engine, says("alice", "one"), utc_now())
    async with (
        helpdesk() as desk,
        running_gateway(tmp_path, database_url=url, desk_webhook_url=desk.url, **settings) as gateway,
    ):
        await accepted(gateway.engine, says("alice", "two"), utc_now())
        await desk.has(3)
    assert [one.data.get("message", {}).get("text") for one in desk.taken] == [None, "one", "two"]


async def test_delivery_is_told(scene: Scene) -> None:
    alice = await scene.customer()
    await scene.do(alice, {"do": "take", "agent": MAYA}, key="take-000001")
    await scene.do(alice, {"do": "say", "agent": MAYA, "text": "hello"})
    [_, _, created] = await scene.desk.has(3)
    said = created.data["message"]["id"]
    await change(scene.gateway.engine, said, state="sent", delivered_at=utc_now())
    [updated, *_] = await scene.desk.has(1, of="message.updated")
    assert updated.data["message"]["id"] == said


async def _newest(scene: Scene) -> Any:
    return [row for row in await rows(scene.gateway.engine, messages) if row.direction == "in"][-1]


async def _has(scene: Scene, conversation: str) -> Any:
    return (await scene.get(conversation))[1]["agent"]
