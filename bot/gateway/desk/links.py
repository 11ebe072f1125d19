"""How a customer's channels hang together, and what an agent may do about it: doubt an identity, have a merge undone,
and give out a code by which the customer brings another channel along."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.codes import shown
from bot.gateway.desk.access.refusing import Refused
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json
from bot.gateway.desk.people import Known
from bot.gateway.desk.reach import Way
from bot.gateway.linking import CODE_LIFETIME, TYPED, mint
from bot.store.auditing import note
from bot.store.merging import shared_conversation
from bot.store.separating import ask_to_separate
from bot.store.tables import conversations, identities, messages
from bot.store.wake import notify

SUSPENDED, RESTORED = "suspended", "restored"


async def suspend(connection: AsyncConnection, agent: Agent, identity: int, now: datetime) -> str:
    """It is doubted that this identity is the customer's: nothing that it had shown counts any more. Returns the
    customer's conversation. Raises Refused."""
    return await _mark(connection, agent, identity, SUSPENDED, now)


async def restore(connection: AsyncConnection, agent: Agent, identity: int, now: datetime) -> str:
    """It is doubted no more. What it had shown, the customer shows anew. Raises Refused."""
    return await _mark(connection, agent, identity, RESTORED, now)


async def undo_merge(connection: AsyncConnection, agent: Agent, merge: int, now: datetime) -> int:
    """Have two customers separated again; the id of the message in whose turn it is done. Raises Refused."""
    shared = await shared_conversation(connection, merge)
    if shared is None or not await ask_to_separate(connection, merge, by=agent.id, now=now):
        raise Refused(409, "already")
    await note(connection, agent.id, "merge_undone", conversation=shared, now=now, merge=merge)
    # The row of the conversation is ours until the commit, so the newest message is the one that was just queued.
    newest = sa.select(sa.func.max(messages.c.id)).where(messages.c.conversation_id == shared)
    return int((await connection.execute(newest)).scalar_one())


async def link_code(connection: AsyncConnection, agent: Agent, known: Known, usual: Way | None, now: datetime) -> Json:
    """A code that the customer types on another channel. Told by an agent, it makes nobody surer than `none` towards an
    account: whoever was told it may be anybody."""
    channel = usual.row.channel if usual is not None else "webchat"
    code = await mint(connection, known.customer, from_channel=channel, to_channel=TYPED, now=now)
    await note(connection, agent.id, "link_code", conversation=known.id, customer=known.customer, now=now)
    return {"code": shown(code), "expires_in": int(CODE_LIFETIME.total_seconds())}


async def _mark(connection: AsyncConnection, agent: Agent, identity: int, how: str, now: datetime) -> str:
    row: Any = (
        await connection.execute(
            sa.select(identities.c.linked_how, identities.c.customer_id, conversations.c.id.label("conversation"))
            .join(conversations, conversations.c.customer_id == identities.c.customer_id)
            .where(identities.c.id == identity)
            .with_for_update(of=identities)
        )
    ).one_or_none()
    if row is None:
        raise Refused(404, "unknown")
    if (row.linked_how == SUSPENDED) == (how == SUSPENDED):
        raise Refused(409, "already")
    values = {"assurance": "none", "linked_how": how, "linked_at": now}
    await connection.execute(sa.update(identities).where(identities.c.id == identity).values(**values))
    detail = {"conversation": row.conversation, "customer": row.customer_id}
    await note(connection, agent.id, how, **detail, now=now, identity=identity)
    await notify(connection)
    return str(row.conversation)
