"""A running gateway with a desk, agents who work at it in browsers, and a core that knows nothing but who owns what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientWebSocketResponse
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.accept import Accepted
from bot.gateway.desk.people import find
from bot.store.content import content_from_json, content_to_json
from bot.store.database import reading, transaction
from bot.store.handoffs import Change, Wanted, begin, place_of, read_open, settle, where_last_heard
from bot.store.numbering import take_numbers
from bot.store.ownership import Doing, Ownership, Refused, after
from bot.store.tables import conversations, identities, messages
from bot.store.wake import notify, open_wake
from channels.contract import Content
from tests.database import Clock
from tests.gateway.desk.staff import Browser, hire
from tests.gateway.people import accepted, conversation_of, says
from tests.gateway.running import Gateway, running_gateway

WHATSAPP: dict[str, Any] = {
    "whatsapp_access_token": "token",
    "whatsapp_app_secret": "secret",
    "whatsapp_verify_token": "verify",
    "whatsapp_phone_number_id": "106540352242922",
    "whatsapp_api_url": "http://127.0.0.1:9/v26.0",
}


@dataclass(kw_only=True)
class Office:
    gateway: Gateway
    engine: AsyncEngine
    clock: Clock
    agents: dict[str, str] = field(default_factory=dict)
    """Logins and ids."""
    _browsers: list[Browser] = field(default_factory=list)

    async def comes(self, login: str, role: str = "agent") -> Browser:
        """An agent sits down, and is hired first if there is no such agent."""
        if login not in self.agents:
            self.agents[login] = await hire(self.engine, login, role=role)
        browser = Browser(self.gateway.url)
        self._browsers.append(browser)
        assert (await browser.log_in(login))[0] == 200
        return browser

    async def goes_home(self) -> None:
        for browser in self._browsers:
            await browser.__aexit__()

    async def writes(self, who: str, words: str, channel: str = "telegram") -> Accepted:
        """A customer does."""
        self.clock.forward(seconds=1)
        return await accepted(self.engine, says(who, words, channel=channel), self.clock())

    async def asks_for_people(self, who: str, channel: str = "telegram", **asked: Any) -> str:
        """A customer does, and waits; their conversation."""
        await self.writes(who, "a human, please", channel)
        conversation = await conversation_of(self.engine, who, channel)
        async with transaction(self.engine) as connection:
            await begin(connection, conversation, Wanted(message=True, **asked), language="en", now=self.clock())
            await connection.execute(sa.text("UPDATE handoffs SET left_message = false"))
            await notify(connection)
        return conversation

    @asynccontextmanager
    async def window(self, browser: Browser) -> AsyncIterator[Window]:
        """The desk's page is open there."""
        url = f"{self.gateway.url}/desk/socket"
        async with browser.http.ws_connect(url, headers={"Origin": self.gateway.url}) as socket:
            yield Window(socket)


@dataclass(frozen=True)
class Window:
    socket: ClientWebSocketResponse

    async def say(self, type: str, **frame: Any) -> None:
        await self.socket.send_json({"type": type, **frame})

    async def hears(self, type: str, **like: Any) -> Any:
        """The next frame of this type that has these values."""
        while True:
            frame = await self.socket.receive_json(timeout=30)
            if frame["type"] == type and all(frame.get(name) == value for name, value in like.items()):
                return frame

    async def hears_of(self, conversation: str, **like: Any) -> Any:
        """The next state of this conversation in the lists that has these values."""
        while True:
            frame = await self.hears("items")
            for item in frame["items"]:
                if item["id"] == conversation and all(item[name] == value for name, value in like.items()):
                    return item

    async def hears_line(self, conversation: str, **like: Any) -> Any:
        """The next line there that has these values."""
        while True:
            frame = await self.hears("lines", conversation=conversation)
            for line in frame["lines"]:
                if all(line[name] == value for name, value in like.items()):
                    return line


class Core:
    """Takes the desk's turns in the place of Rasa's process: who owns what is decided by the same state machine and
    written by the same function, and agents' words become messages. Nothing else is answered."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._stopping = False

    async def run(self) -> None:
        wake = await open_wake(self._engine.url)
        while not self._stopping:
            await self.take_turns()
            await wake.wait(0.05)
        await wake.close()

    def stop(self) -> None:
        self._stopping = True

    async def take_turns(self) -> None:
        waiting = sa.select(messages).where(messages.c.direction == "in", messages.c.state == "waiting")
        async with reading(self._engine) as connection:
            rows = (await connection.execute(waiting.order_by(messages.c.id))).all()
        for row in rows:
            async with transaction(self._engine) as connection:
                refused = await self._turn(connection, row) if row.content["type"] == "desk" else None
                await connection.execute(
                    sa.update(messages)
                    .where(messages.c.id == row.id)
                    .values(state="refused" if refused else "done", error=refused)
                )
                await connection.execute(
                    sa.update(conversations)
                    .where(conversations.c.id == row.conversation_id)
                    .values(done_seq=row.seq, waiting_since=None)
                )
                await notify(connection)

    async def _turn(self, connection: AsyncConnection, row: Any) -> str | None:
        said, now = row.content, self._clock()
        handoff = await read_open(connection, row.conversation_id)
        ownership = handoff.ownership if handoff else Ownership()
        if said["do"] == "say":
            return await self._say(connection, row, ownership)
        if said["do"] == "set_slot":
            return None
        until = datetime.fromisoformat(said["until"]) if said.get("until") else None
        doing = Doing(said["do"], said["by"], said.get("agent"), said.get("team"), said.get("over", False), until)
        decided = after(ownership, doing)
        if isinstance(decided, Refused):
            return decided.reason
        change = Change(now=decided, doing=doing, reason=said.get("reason"), note=said.get("note"))
        await settle(connection, row.conversation_id, change, now)
        return None

    async def _say(self, connection: AsyncConnection, row: Any, ownership: Ownership) -> str | None:
        said = row.content
        if ownership.agent != said["agent"]:
            return "not_yours"
        place = await (
            place_of(connection, row.conversation_id, said["to"])
            if said.get("to")
            else where_last_heard(connection, row.conversation_id)
        )
        assert place is not None
        await settle(connection, row.conversation_id, Change(now=ownership, answered=True), self._clock())
        await tells(
            connection,
            row.conversation_id,
            content_from_json(said["content"]),
            self._clock(),
            author="agent",
            agent_id=said["agent"],
            channel=place.channel,
            address=place.address,
            identity_id=place.identity,
            cause_id=row.id,
            state="queued",
        )
        return None


async def tells(connection: AsyncConnection, conversation: str, content: Content, now: datetime, **columns: Any) -> int:
    """Something is said to the customer; the message's id. It is sent already, unless a state is given."""
    row = {
        "conversation_id": conversation,
        "seq": await take_numbers(connection, conversation),
        "direction": "out",
        "author": "bot",
        "channel": "telegram",
        "address": "nobody",
        "content": content_to_json(content),
        "state": "sent",
        "attempts": 0,
        "due_at": now,
        "created_at": now,
        **columns,
    }
    result = await connection.execute(sa.insert(messages).values(**row).returning(messages.c.id))
    await notify(connection)
    return int(result.scalar_one())


async def identity_of(engine: AsyncEngine, who: str, channel: str) -> int:
    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(identities.c.id).where(identities.c.external_id == who, identities.c.channel == channel)
        )
        return int(found.scalar_one())


async def known(engine: AsyncEngine, conversation: str) -> Any:
    async with reading(engine) as connection:
        return await find(connection, conversation)


@asynccontextmanager
async def open_office(
    engine: AsyncEngine, clock: Clock, folder: Path, *, core: bool = True, **settings: Any
) -> AsyncIterator[Office]:
    url = engine.url.render_as_string(hide_password=False)
    async with running_gateway(folder, clock=clock, database_url=url, **settings) as gateway:
        turns = Core(engine, clock)
        taking = asyncio.create_task(turns.run()) if core else None
        office = Office(gateway=gateway, engine=engine, clock=clock)
        yield office
        await office.goes_home()
        turns.stop()
        if taking is not None:
            await taking


@pytest.fixture
async def office(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(engine, clock, tmp_path) as office:
        yield office
