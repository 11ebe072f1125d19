"""The people and servers around the worker in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.turn import Message
from bot.store.database import reading, transaction
from bot.store.tables import conversations, messages
from bot.store.wake import notify

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Actions:
    """An action server whose behaviour a test can change."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[dict[str, Any]] = []
        self.status = 200
        self.body: Any = None
        self._gate: asyncio.Event | None = None
        self._held: Callable[[str], bool] = lambda conversation: False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhook", self._answer)
        return app

    def hold(self, *conversations: str) -> None:
        """Let these conversations' actions take until `let_go`."""
        self._gate, self._held = asyncio.Event(), lambda asked: asked in conversations

    def let_go(self) -> None:
        if self._gate is not None:
            self._gate.set()

    async def _answer(self, request: web.Request) -> web.Response:
        call = await request.json()
        self.calls.append(call)
        if self._gate is not None and self._held(call["sender_id"]):
            await self._gate.wait()
        if self.status != 200:
            return web.json_response({"error": "no", "action_name": call["next_action"]}, status=self.status)
        return web.json_response(self.body if self.body is not None else answer_of(call["next_action"]))


def answer_of(action: str) -> dict[str, Any]:
    """What the small assistant's custom actions do."""
    events: dict[str, list[dict[str, Any]]] = {
        "action_pause": [{"event": "pause"}],
        "action_people": [{"event": "pause"}],
        "action_resume": [{"event": "resume"}],
        "action_forget": [{"event": "reset_slots"}],
        "action_walk": [{"event": "slot", "name": "walked", "value": "far"}],
    }
    words = {"action_look_up": "Found it", "action_catch_up": "You were returning something"}
    wanted: dict[str, dict[str, Any]] = {
        "action_people": {"type": "handoff", "why": "asked", "topic": "returns"},
        "action_rate": {"type": "rate", "score": "4"},
    }
    responses: list[dict[str, Any]] = [{"text": words[action]}] if action in words else []
    if action in wanted:
        responses.append({"custom": wanted[action]})
    return {"events": events.get(action, []), "responses": responses}


class People:
    """Customers who write, as accept stores what they say."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    async def says(
        self,
        conversation: str,
        said: str | dict[str, Any],
        *,
        channel: str = "webchat",
        identity: int | None = None,
        trace: str | None = None,
    ) -> int:
        """A message at the conversation's end; returns its id."""
        content = {"type": "text", "text": said} if isinstance(said, str) else said
        now = self._clock()
        async with transaction(self._engine) as connection:
            await self._begin(connection, conversation)
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == conversation)
                .values(
                    last_seq=conversations.c.last_seq + 1,
                    inbound_seq=conversations.c.last_seq + 1,
                    waiting_since=sa.func.coalesce(
                        conversations.c.waiting_since, sa.literal(now, conversations.c.waiting_since.type)
                    ),
                    waiting_channel=sa.case(
                        (conversations.c.waiting_since.is_(None), sa.literal(channel)),
                        else_=conversations.c.waiting_channel,
                    ),
                )
            )
            seq = (
                await connection.execute(sa.select(conversations.c.last_seq).where(conversations.c.id == conversation))
            ).scalar_one()
            result = await connection.execute(
                sa.insert(messages).values(
                    conversation_id=conversation,
                    seq=seq,
                    direction="in",
                    author="customer",
                    channel=channel,
                    address=f"{channel}:{conversation}",
                    identity_id=identity,
                    trace=trace,
                    content=content,
                    state="waiting",
                    attempts=0,
                    due_at=now,
                    created_at=now,
                )
            )
            await notify(connection)
            return int(result.inserted_primary_key[0])

    async def _begin(self, connection: Any, conversation: str) -> None:
        there = await connection.execute(sa.select(conversations.c.id).where(conversations.c.id == conversation))
        if there.first() is None:
            await connection.execute(
                sa.insert(conversations).values(
                    id=conversation,
                    owner="bot",
                    last_seq=0,
                    inbound_seq=0,
                    done_seq=0,
                    epoch=0,
                    created_at=self._clock(),
                )
            )

    async def transcript(self, conversation: str) -> list[tuple[str, str]]:
        """Everything said, in order: (direction, words)."""
        rows = await self.rows(conversation)
        return [(row.direction, row.content.get("text") or row.content.get("type")) for row in rows]

    async def rows(self, conversation: str) -> list[Any]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                sa.select(messages).where(messages.c.conversation_id == conversation).order_by(messages.c.seq)
            )
            return list(found.all())

    async def replies(self, conversation: str) -> list[Any]:
        return [row for row in await self.rows(conversation) if row.direction == "out"]

    async def state_of(self, message: int) -> str:
        async with reading(self._engine) as connection:
            found = await connection.execute(sa.select(messages.c.state).where(messages.c.id == message))
            return str(found.scalar_one())

    async def waits_for(self, *numbers: int, seconds: float = 60.0) -> None:
        """Until these messages have had their turns."""
        deadline = asyncio.get_running_loop().time() + seconds
        while [state for state in [await self.state_of(number) for number in numbers] if state == "waiting"]:
            assert asyncio.get_running_loop().time() < deadline, "the messages' turns did not come"
            await asyncio.sleep(0.02)


async def eventually(happened: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until it has happened."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not happened():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


def message_of(
    said: dict[str, Any], *, conversation: str = "alice", number: int = 1, channel: str = "webchat"
) -> Message:
    """An inbound message that no database holds."""
    return Message(
        id=number,
        conversation=conversation,
        seq=number,
        channel=channel,
        address=f"{channel}:{conversation}",
        said=said,
        language=None,
        attempts=0,
        due_at=NOON,
        created_at=NOON,
    )
