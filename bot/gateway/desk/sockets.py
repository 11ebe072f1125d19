"""What an agent's window says by its socket: what it looks at, how far it was read, that somebody is typing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import structlog
from aiohttp import WSMsgType, web
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway import metrics
from bot.gateway.desk.access.sessions import Agent, open_sessions
from bot.gateway.desk.live import Live
from bot.gateway.desk.people import Known, find
from bot.gateway.desk.seats import Seat
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.serving import close_sockets
from bot.gateway.throttle import Throttle
from bot.store.auditing import note_look
from bot.store.database import reading, transaction
from bot.store.desk_tables import seen
from bot.store.outage import POSSIBLE
from bot.store.tables import messages

log = structlog.get_logger()

_LARGEST_FRAME = 4 * 1024
_HEARTBEAT = 25
_NEWEST = 2**53


class Sockets:
    """The route, and all sockets of this gateway."""

    def __init__(self, around: Surroundings, live: Live) -> None:
        self._around = around
        self._live = live
        self._open: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_LARGEST_FRAME)
        await socket.prepare(request)
        self._open.add(socket)
        seat = Seat(agent, socket)
        sending = asyncio.create_task(seat.send())
        try:
            with metrics.sockets_open.labels("desk").track_inprogress():
                await self._live.join(seat)
                await self._listen(socket, seat)
        finally:
            await self._live.leave(seat)
            await sending
            self._open.discard(socket)
        return socket

    async def close(self) -> None:
        """The pages come back by themselves, to this gateway's successor."""
        await close_sockets(self._open)
        await self._live.close()

    async def _listen(self, socket: web.WebSocketResponse, seat: Seat) -> None:
        pace = Throttle(at_once=60, a_second=10)
        async for message in socket:
            frame = _frame(message.data) if message.type is WSMsgType.TEXT else None
            if frame is None or not pace.allows():
                continue
            try:
                await self._take(seat, frame)
            except POSSIBLE as error:
                log.error("desk.unavailable", error=type(error).__name__)

    async def _take(self, seat: Seat, frame: Mapping[str, Any]) -> None:
        match frame.get("type"):
            case "open":
                known = await self._look(seat, frame)
                if known is not None:
                    await self._live.look_at(seat, known, after=_number(frame.get("after")))
            case "close":
                await self._live.look_at(seat, None)
            case "typing":
                self._live.types(seat, str(frame.get("conversation")))
            case "seen":
                await self._seen(seat, frame)
            case "since":
                if await self._is_open(seat):
                    await self._live.catch_up(seat, _number(frame.get("version")))

    async def _look(self, seat: Seat, frame: Mapping[str, Any]) -> Known | None:
        """To look at a customer's conversation is noted."""
        now = self._around.clock()
        async with transaction(self._around.engine) as connection:
            known = await self._theirs(connection, seat, frame)
            if known is not None:
                await note_look(connection, seat.agent.id, known.id, customer=known.customer, now=now)
        return known

    async def _seen(self, seat: Seat, frame: Mapping[str, Any]) -> None:
        async with transaction(self._around.engine, durable=False) as connection:
            known = await self._theirs(connection, seat, frame)
            if known is None or not await note_seen(
                connection, seat.agent.id, known, up_to=_number(frame.get("message"))
            ):
                return
        await self._live.touched(known.id)

    async def _is_open(self, seat: Seat) -> bool:
        async with reading(self._around.engine) as connection:
            return bool(await open_sessions(connection, {seat.agent.session}, self._around.clock()))

    async def _theirs(self, connection: AsyncConnection, seat: Seat, frame: Mapping[str, Any]) -> Known | None:
        """The conversation that is meant, if the session is not over."""
        if not await open_sessions(connection, {seat.agent.session}, self._around.clock()):
            return None
        return await find(connection, str(frame.get("conversation")))


async def note_seen(connection: AsyncConnection, agent: str, known: Known, *, up_to: int) -> bool:
    """The agent has read up to this message. False where that was known."""
    newest = sa.select(sa.func.max(messages.c.seq)).where(
        messages.c.conversation_id == known.id, messages.c.id <= up_to
    )
    seq = (await connection.execute(newest)).scalar_one_or_none()
    if seq is None:
        return False
    mine = (seen.c.agent_id == agent, seen.c.conversation_id == known.id)
    before = (await connection.execute(sa.select(seen.c.seq).where(*mine))).scalar_one_or_none()
    if before is None:
        try:
            async with connection.begin_nested():
                row = {"agent_id": agent, "conversation_id": known.id, "seq": seq}
                await connection.execute(sa.insert(seen).values(**row))
        except IntegrityError:
            return False  # another window of theirs has just said so
        return True
    if before >= seq:
        return False
    await connection.execute(sa.update(seen).where(*mine, seen.c.seq < seq).values(seq=seq))
    return True


def _frame(data: str) -> Mapping[str, Any] | None:
    try:
        frame = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def _number(value: Any) -> int:
    """The id of a message; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _NEWEST else 0
