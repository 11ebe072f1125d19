"""Named people who say things on channels, and what the database holds of it."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.accept import Accepted, accept_all
from bot.store.content import content_to_json
from bot.store.database import reading, transaction
from bot.store.numbering import take_numbers
from bot.store.tables import conversations, identities, messages
from channels.contract import Content, Inbound, Said, Text

_counter = itertools.count(1)


def says(who: str, said: Said | str, *, channel: str = "telegram", key: str | None = None) -> Inbound:
    """`who` does something on a channel, where their id and their address are their own name."""
    return Inbound(
        channel=channel,
        external_id=who,
        address=f"{who}@{channel}",
        dedupe_key=key or f"{who}-{next(_counter)}",
        said=Text(text=said) if isinstance(said, str) else said,
        platform_id=f"p{next(_counter)}",
        language="en",
    )


async def accepted(engine: AsyncEngine, inbound: Inbound, now: datetime) -> Accepted:
    [result] = await accept_all(engine, [inbound], channel=inbound.channel, body=b"", now=now)
    return result


async def bot_says(engine: AsyncEngine, cause: Accepted, text: str, now: datetime) -> int:
    """Queue a reply to `cause`, as the core does when it commits a turn. Returns its id."""
    async with transaction(engine) as connection:
        asked = (await connection.execute(sa.select(messages).where(messages.c.id == cause.message))).one()
        result = await connection.execute(
            sa.insert(messages)
            .values(
                conversation_id=cause.conversation,
                seq=await take_numbers(connection, cause.conversation),
                direction="out",
                author="bot",
                channel=asked.channel,
                address=asked.address,
                content=content_to_json(Content(text=text)),
                cause_id=cause.message,
                trace=asked.trace,
                state="queued",
                attempts=0,
                due_at=now,
                created_at=now,
            )
            .returning(messages.c.id)
        )
        return int(result.scalar_one())


async def rows(engine: AsyncEngine, table: sa.Table, **where: Any) -> list[Any]:
    async with reading(engine) as connection:
        return await _rows(connection, table, where)


async def customer_of(engine: AsyncEngine, who: str, channel: str) -> str:
    [row] = await rows(engine, identities, external_id=who, channel=channel)
    return str(row.customer_id)


async def conversation_of(engine: AsyncEngine, who: str, channel: str) -> str:
    [row] = await rows(engine, conversations, customer_id=await customer_of(engine, who, channel))
    return str(row.id)


async def _rows(connection: AsyncConnection, table: sa.Table, where: dict[str, Any]) -> list[Any]:
    query = sa.select(table).where(*(table.c[name] == value for name, value in where.items()))
    result = await connection.execute(query.order_by(*table.primary_key.columns))
    return list(result.all())
