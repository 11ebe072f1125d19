"""For the tests of other desks: the core's turns as far as the desk goes, and a helpdesk that takes webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.database import database_url, transaction
from bot.store.desk_tables import outside_events
from bot.store.handoffs import Change, ask_desk, read_open, settle
from bot.store.numbering import take_numbers
from bot.store.ownership import ASK, QUEUED, Doing, Ownership, Refused, after
from bot.store.tables import conversations, identities, messages
from bot.store.wake import notify, open_wake
from tests.database import fresh_postgres, fresh_sqlite

Json = dict[str, Any]

SECRET = "whsec_" + base64.b64encode(b"the kettle sings at seven o'clock").decode()
TOKEN = "a-token-that-nobody-guesses-in-their-life"


@dataclass
class Core:
    """Takes the turns of what waits: the same state machine, and the same writing, as the real one's."""

    engine: AsyncEngine
    clock: Callable[[], datetime]
    fails: str | None = None
    """Why what agents say has failed before anybody looks."""
    _at_work: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, conversation: str, *, why: str = "asked", **started: Any) -> None:
        """The customer has asked for people, and waits."""
        change = Change(now=Ownership(QUEUED), doing=Doing(ASK, "bot"))
        async with transaction(self.engine) as connection:
            await settle(connection, conversation, change, self.clock(), why=why, **started)
            await notify(connection)

    async def do(self, conversation: str, do: str, by: str, **more: Any) -> str | None:
        """What somebody at the desk here does; the error, if it is refused."""
        async with transaction(self.engine) as connection:
            doing = {"do": do, "by": by, **more}
            message = await ask_desk(connection, conversation, doing, agent=by, now=self.clock())
        await self.turns()
        async with transaction(self.engine) as connection:
            row = (await connection.execute(sa.select(messages).where(messages.c.id == message))).one()
        return row.error if row.state == "refused" else None

    async def turns(self) -> int:
        """All that wait, in order; how many."""
        async with self._at_work:
            taken = 0
            while await self._next():
                taken += 1
            return taken

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Core]:
        """It takes turns as they come."""
        wake = await open_wake(database_url(self.engine.url.render_as_string(hide_password=False)))
        stopping = asyncio.Event()

        async def run() -> None:
            while not stopping.is_set():
                if not await self.turns():
                    await wake.wait(0.2)

        task = asyncio.create_task(run())
        try:
            yield self
        finally:
            stopping.set()
            await task
            await wake.close()

    async def _next(self) -> bool:
        async with transaction(self.engine) as connection:
            waiting = sa.select(messages).where(messages.c.direction == "in", messages.c.state == "waiting")
            row = (await connection.execute(waiting.order_by(messages.c.id).limit(1))).first()
            if row is None:
                return False
            error = await self._turn(connection, row) if row.content.get("type") == "desk" else None
            state = {"state": "refused" if error else "done", "error": error, "finished_at": self.clock()}
            await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(**state))
            more = sa.select(sa.func.min(messages.c.due_at)).where(
                messages.c.conversation_id == row.conversation_id, messages.c.state == "waiting"
            )
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == row.conversation_id)
                .values(done_seq=row.seq, waiting_since=more.scalar_subquery())
            )
            await notify(connection)
            return True

    async def _turn(self, connection: AsyncConnection, row: Any) -> str | None:
        handoff, said = await read_open(connection, row.conversation_id), row.content
        ownership = handoff.ownership if handoff else Ownership()
        if said["do"] == "say":
            if ownership.agent != said["agent"]:
                return "not_yours"
            await self._answer(connection, row, said)
            await settle(connection, row.conversation_id, Change(now=ownership, answered=True), self.clock())
            return None
        if said["do"] == "set_slot":
            return None
        doing = Doing(
            said["do"], said["by"], agent=said.get("agent"), team=said.get("team"), over=said.get("over", False)
        )
        now = after(ownership, doing)
        if isinstance(now, Refused):
            return now.reason
        change = Change(now=now, doing=doing, reason=said.get("reason"))
        await settle(connection, row.conversation_id, change, self.clock())
        return None

    async def _answer(self, connection: AsyncConnection, row: Any, said: Json) -> None:
        to = sa.select(identities).where(identities.c.id == said["to"])
        place = (await connection.execute(to)).one()
        await connection.execute(
            sa.insert(messages).values(
                conversation_id=row.conversation_id,
                seq=await take_numbers(connection, row.conversation_id),
                direction="out",
                author="agent",
                agent_id=said["agent"],
                channel=place.channel,
                address=place.address,
                identity_id=place.id,
                content=said["content"],
                cause_id=row.id,
                state="failed" if self.fails else "queued",
                error=self.fails,
                attempts=0,
                due_at=self.clock(),
                created_at=self.clock(),
            )
        )


@dataclass
class Told:
    """One webhook that came."""

    id: str
    type: str
    data: Json
    signed: bool


@dataclass
class Helpdesk:
    """A company's own. It checks signatures by itself, and answers as `answers` says, 200 once that is empty."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    attempts: list[Told] = field(default_factory=list)
    taken: list[Told] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = json.loads(body)
        told = Told(
            id=request.headers["webhook-id"],
            type=said["type"],
            data=said["data"],
            signed=_is_signed(request.headers, body),
        )
        self.attempts.append(told)
        status = self.answers.pop(0) if self.answers else 200
        if status < 300:
            self.taken.append(told)
        async with self._came:
            self._came.notify_all()
        return web.Response(status=status)

    async def has(self, count: int, *, of: str | None = None, attempts: bool = False) -> list[Told]:
        """Wait until so many were taken (or attempted), all in all or of one type."""

        def those() -> list[Told]:
            return [one for one in (self.attempts if attempts else self.taken) if of in (None, one.type)]

        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(those()) >= count)
        return those()

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.taken]


@asynccontextmanager
async def helpdesk() -> AsyncIterator[Helpdesk]:
    desk = Helpdesk()
    app = web.Application()
    app.router.add_post("/hook", desk.receive)
    server = TestServer(app)
    await server.start_server()
    desk.url = str(server.make_url("/hook"))
    try:
        yield desk
    finally:
        await server.close()


def _is_signed(headers: Mapping[str, str], body: bytes) -> bool:
    """As https://www.standardwebhooks.com has it."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


async def told(engine: AsyncEngine) -> list[Any]:
    """The rows of what is to be told, in order."""
    async with transaction(engine) as connection:
        return list((await connection.execute(sa.select(outside_events).order_by(outside_events.c.id))).all())


async def a_database(kind: str, folder: Any, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return fresh_sqlite(folder)
    return await fresh_postgres(request.getfixturevalue("postgres_server"))


async def change(engine: AsyncEngine, message: int, **values: Any) -> None:
    """What the sender, or a platform, notes of a message."""
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(**values))
        await notify(connection)
