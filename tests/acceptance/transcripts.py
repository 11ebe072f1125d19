"""What the product's database holds after people have talked to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import connect, reading, transaction
from bot.store.tables import messages
from sandbox.journeys.stack import Stack


async def rows(stack: Stack, query: sa.Select[Any] | sa.TextClause) -> list[Any]:
    async with database(stack) as engine, reading(engine) as connection:
        return list((await connection.execute(query)).all())


async def change(stack: Stack, statement: sa.Update) -> None:
    """Behind the product's back."""
    async with database(stack) as engine, transaction(engine) as connection:
        await connection.execute(statement)


@asynccontextmanager
async def database(stack: Stack) -> AsyncIterator[AsyncEngine]:
    engine = connect(stack.database_url)
    try:
        yield engine
    finally:
        await engine.dispose()


async def conversation_with(stack: Stack, channel: str, *, newest: bool) -> str:
    """The conversation in which something was said last (or first) on this channel."""
    order = messages.c.id.desc() if newest else messages.c.id
    query = sa.select(messages.c.conversation_id).where(messages.c.channel == channel).order_by(order).limit(1)
    [row] = await rows(stack, query)
    return str(row.conversation_id)
