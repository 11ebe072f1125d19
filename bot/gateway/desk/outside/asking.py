"""What an agent of another desk wants done: queued once, whatever is sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access.refusing import Refused, invalid
from bot.gateway.desk.outside.messages import REFERENCE, Json
from bot.gateway.desk.people import Known
from bot.gateway.desk.reach import possible, problem_of, usual_way, ways_to
from bot.gateway.desk.writing import content_of
from bot.gateway.media.handles import SCHEME
from bot.store.content import content_to_json
from bot.store.database import reading, transaction
from bot.store.handoffs import ask_desk
from bot.store.tables import messages
from channels.contract import Channel


async def ask_once(engine: AsyncEngine, known: Known, doing: Json, *, desk: str, key: str, now: datetime) -> int:
    """The id of the queued message; that of the first, where the same is asked again. Raises Refused where the key
    stands for something else."""
    named = f"{REFERENCE}:{desk}:{key}"
    try:
        async with transaction(engine) as connection:
            return await ask_desk(connection, known.id, doing, agent=doing["by"], now=now, key=named)
    except IntegrityError:
        async with reading(engine) as connection:
            row = (await connection.execute(sa.select(messages).where(messages.c.dedupe_key == named))).one_or_none()
    if row is None:
        raise Refused(503, "unavailable")
    if row.conversation_id not in known.family or _essence(row.content) != _essence(doing):
        raise Refused(422, "key_used")
    return int(row.id)


async def asked_already(connection: AsyncConnection, desk: str, key: str) -> bool:
    """Whether something was asked for with this key."""
    of_it = sa.select(messages.c.id).where(messages.c.dedupe_key == f"{REFERENCE}:{desk}:{key}")
    return (await connection.execute(of_it)).first() is not None


def words(given: Any) -> Json:
    """The content of a doing `say`. Raises Refused where it is no message."""
    content = content_of(given)
    if any(url and url.startswith(SCHEME) for url in (content.image, content.file and content.file.url)):
        raise invalid("content", "must have https addresses")
    return content_to_json(content)


async def place(
    connection: AsyncConnection, known: Known, to: Any, channels: Mapping[str, Channel], now: datetime
) -> int:
    """The identity to which words go. Raises Refused where the customer cannot be written to, with what is possible
    instead."""
    ways = await ways_to(connection, known, channels, now)
    way = await usual_way(connection, known, ways)
    if to is not None:
        way = next((one for one in ways if one.row.id == to), None)
        if way is None:
            raise invalid("to", "is none of the customer's identities")
    if way is None or way.problem:
        raise Refused(409, problem_of(way, ways) or "unreachable", possible=possible(ways))
    return int(way.row.id)


def _essence(doing: Mapping[str, Any]) -> Json:
    """Without where words went by default, which may have changed since."""
    return {name: part for name, part in doing.items() if name not in ("type", "to")}
