"""`throughline unread`: the webhooks that could not be read, or not whole, and were kept for somebody to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import connect, database_url, reading
from bot.store.outage import POSSIBLE
from bot.store.tables import unread_webhooks

NEWEST = 100
"""So many are listed."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A webhook, without its body, which may hold a customer's words."""

    id: int
    channel: str
    reason: str
    received_at: datetime


async def kept(settings: Settings) -> list[Kept]:
    """The newest, in the order in which they came. Raises CannotRun."""
    table = unread_webhooks.c
    newest = sa.select(table.id, table.channel, table.reason, table.received_at).order_by(table.id.desc()).limit(NEWEST)
    async with _open(settings) as connection:
        found = [Kept(**row) for row in (await connection.execute(newest)).mappings()]
    return found[::-1]


async def body_of(settings: Settings, number: int) -> bytes:
    """The very bytes that the platform sent. Raises CannotRun."""
    async with _open(settings) as connection:
        body = await connection.scalar(sa.select(unread_webhooks.c.body).where(unread_webhooks.c.id == number))
    if body is None:
        raise CannotRun(f"there is no unread webhook {number}. `throughline unread` lists those that there are.")
    return bytes(body)


def listed(found: Sequence[Kept]) -> str:
    """For a terminal."""
    if not found:
        return "Every webhook so far could be read."
    lines = [f"{'id':>6}  {'received (UTC)':<19}  {'channel':<9} reason"]
    for one in found:
        lines.append(f"{one.id:>6}  {one.received_at:%Y-%m-%d %H:%M:%S}  {one.channel:<9} {one.reason}")
    if len(found) == NEWEST:
        lines.append(f"These are the newest {NEWEST}.")
    return "\n".join(lines)


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A view to read from. Raises CannotRun."""
    engine = connect(database_url(settings.database_url))
    try:
        async with reading(engine) as connection:
            yield connection
    except POSSIBLE as error:
        name = type(error).__name__
        raise CannotRun(f"the database cannot be read ({name}): `throughline doctor` says more.") from None
    finally:
        await engine.dispose()
