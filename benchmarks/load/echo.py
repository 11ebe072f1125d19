"""`python -m benchmarks.load.echo`: the core's stand-in. It answers every message with its own words, at once.

It claims as the core does and leaves behind what the core's commit does (bot/core/claims.py), for many conversations in
one transaction, so that little of the machine goes into it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.claims import claim_waiting
from bot.store.content import content_to_json
from bot.store.database import connect, transaction
from bot.store.tables import Utc, conversations, messages
from bot.store.wake import notify, open_wake
from channels.contract import Content

_AT_ONCE = 64
_LEASE = timedelta(seconds=15)
_POLL = 1.0
_BREATH = 0.01
"""Seconds between two looks, in which more comes together."""

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_NOW = sa.bindparam("now", type_=Utc())
_WAITING = (
    sa.select(messages)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(
        conversations.c.id.in_(_IDS),
        messages.c.seq > conversations.c.done_seq,
        messages.c.direction == "in",
        messages.c.state == "waiting",
    )
    .order_by(messages.c.id)
)
_LAST = sa.select(conversations.c.id, conversations.c.last_seq).where(conversations.c.id.in_(_IDS))
_FINISH = sa.update(messages).where(messages.c.id.in_(_IDS)).values(state="done", taken_at=_NOW, finished_at=_NOW)
_STEP_ON = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"))
    .values(
        done_seq=conversations.c.inbound_seq,
        last_seq=sa.bindparam("last"),
        waiting_since=None,
        unanswered_since=None,
        claimed_by=None,
        begun=0,
        lease_until=None,
    )
)


async def run(url: str) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = connect(url)
    wake = await open_wake(engine.url)
    name = f"echo-{os.getpid()}"
    print("echo: ready", flush=True)
    while not stop.is_set():
        if await answer(engine, name):
            await asyncio.sleep(_BREATH)
        else:
            await wake.wait(_POLL)
    await wake.close()
    await engine.dispose()


async def answer(engine: AsyncEngine, name: str) -> int:
    """Take the turns of conversations that wait. Returns of how many."""
    now = datetime.now(timezone.utc)
    async with transaction(engine) as connection:
        claimed = await claim_waiting(connection, name, now, _LEASE, most=_AT_ONCE)
        if claimed:
            await _answer(connection, [claim.conversation for claim in claimed], now)
    return len(claimed)


async def _answer(connection: AsyncConnection, claimed: Sequence[str], now: datetime) -> None:
    """All that waits there; nothing is added meanwhile, since their rows are locked."""
    waiting = (await connection.execute(_WAITING, {"ids": claimed})).all()
    numbers = {row.id: row.last_seq for row in await connection.execute(_LAST, {"ids": claimed})}
    await connection.execute(sa.insert(messages), list(_replies(waiting, numbers, now)))
    await connection.execute(_FINISH, {"ids": [row.id for row in waiting], "now": now})
    said = dict.fromkeys(claimed, 0)
    for row in waiting:
        said[row.conversation_id] += 1
    steps = [{"conversation": one, "last": numbers[one] + count} for one, count in said.items()]
    await connection.execute(_STEP_ON, steps)
    await notify(connection)


def _replies(waiting: Sequence[Any], numbers: Mapping[str, int], now: datetime) -> Iterator[dict[str, Any]]:
    """One row each, numbered on."""
    numbered = dict(numbers)
    for row in waiting:
        numbered[row.conversation_id] += 1
        yield {
            "conversation_id": row.conversation_id,
            "seq": numbered[row.conversation_id],
            "direction": "out",
            "author": "bot",
            "channel": row.channel,
            "address": row.address,
            "content": content_to_json(Content(text=row.content.get("text", "…"))),
            "cause_id": row.id,
            "identity_id": row.identity_id,
            "trace": row.trace,
            "state": "queued",
            "attempts": 0,
            "due_at": now,
            "created_at": now,
        }


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(run(os.environ["DATABASE_URL"]))
