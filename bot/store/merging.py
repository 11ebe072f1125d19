"""Two customers become one, and two again: what is written of it, for both processes.

Nothing is rewritten when customers merge. The conversation that came along stays as it was, with its messages and its
events; from then on everybody's messages go to the other one, and each keeps whose it is. So separating them again is
exact: what belongs to the identities that came along goes back to their conversation, in order, with its events.

The dialogue's part, which slots and which form the merged conversation goes on with, is `bot.core.merging`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.epochs import events_have_changed
from bot.store.handoffs import move_back
from bot.store.preferences import join_preferences, separate_preferences
from bot.store.tables import Utc, conversations, customers, events, identities, merges, messages, snapshots
from bot.store.wake import About, notify


async def join_customers(connection: AsyncConnection, *, one: str, into: str, now: datetime) -> Optional[int]:
    """Make customer `one` the same person as customer `into`, with all their identities. Returns the merge's id; None
    if both were the same already."""
    if one == into:
        return None
    came = await _column(connection, sa.select(identities.c.id).where(identities.c.customer_id == one))
    account = await _take_account(connection, one, into)
    await connection.execute(sa.update(customers).where(customers.c.id == one).values(merged_into=into))
    await connection.execute(sa.update(identities).where(identities.c.customer_id == one).values(customer_id=into))
    result = await connection.execute(
        sa.insert(merges).values(
            into_customer=into,
            from_customer=one,
            into_conversation=await _conversation_of(connection, into),
            from_conversation=await _conversation_of(connection, one),
            identities=came,
            account=account,
            preference=await join_preferences(connection, one, into),
            merged_at=now,
        )
    )
    key: Any = result.inserted_primary_key
    return int(key[0])


async def whoever_is_now(connection: AsyncConnection, customer: str) -> str:
    """Who this customer is by now: the one that they turned out to be, if they did."""
    while True:
        found = await connection.execute(sa.select(customers.c.merged_into).where(customers.c.id == customer))
        further = found.scalar_one()
        if further is None:
            return customer
        customer = further


async def may_join(connection: AsyncConnection, one: str, into: str) -> bool:
    """Whether they can be one person: not if the company knows them as two."""
    found = await connection.execute(
        sa.select(customers.c.account).where(customers.c.id.in_((one, into)), customers.c.account.is_not(None))
    )
    return len(set(found.scalars())) < 2


async def turn_of_merge(connection: AsyncConnection, merge: int, message: int) -> None:
    """In the turn of this message the dialogues become one."""
    await connection.execute(sa.update(merges).where(merges.c.id == merge).values(message_id=message))


async def merges_without_turn(connection: AsyncConnection, customer: str) -> list[int]:
    """Merges into this customer of somebody who had said something, of which the dialogues do not know yet."""
    silent = (
        sa.select(merges.c.id)
        .join(conversations, conversations.c.id == merges.c.from_conversation)
        .where(
            merges.c.into_customer == customer,
            merges.c.message_id.is_(None),
            merges.c.undone_at.is_(None),
            conversations.c.inbound_seq > 0,
        )
    )
    return await _column(connection, silent.order_by(merges.c.id))


async def separate(connection: AsyncConnection, merge: int, *, by: str, now: datetime) -> bool:
    """Undo a merge: identities, messages and events go back to where they belong. False if it was undone already.

    Whoever calls this holds the claim of the conversation that both share, so that no turn is under way in it.
    """
    row = await _undo(connection, merge, by=by, now=now)
    if row is None:
        return False
    back = list(row.identities)
    await _give_back_identities(connection, row, back)
    since = await _conversations_since(connection, row)
    for shared in since:
        moved = await _move_messages(connection, row, shared, back)
        await _move_events(connection, row, shared, moved)
        await _recount(connection, shared, now)
    await _recount(connection, row.from_conversation, now)
    await move_back(connection, to=row.from_conversation, now=now)
    await events_have_changed(connection, [row.from_conversation, *since])
    return True


async def shared_conversation(connection: AsyncConnection, merge: int) -> Optional[str]:
    """Where the two who became one speak now; None if there is no such merge, or it was undone."""
    found = await connection.execute(
        sa.select(merges.c.into_customer).where(merges.c.id == merge, merges.c.undone_at.is_(None))
    )
    into = found.scalar_one_or_none()
    return into and await _conversation_of(connection, await whoever_is_now(connection, into))


async def latest_merge(connection: AsyncConnection, identity: int, *, since: datetime) -> Optional[int]:
    """The newest merge, not older than `since`, into the customer of this identity."""
    theirs = sa.select(identities.c.customer_id).where(identities.c.id == identity).scalar_subquery()
    found = await connection.execute(
        sa.select(sa.func.max(merges.c.id)).where(
            merges.c.into_customer == theirs, merges.c.undone_at.is_(None), merges.c.merged_at >= since
        )
    )
    merge: Optional[int] = found.scalar_one_or_none()
    return merge


# --- Identities and customers -----------------------------------------------------------------------------------------


async def _take_account(connection: AsyncConnection, one: str, into: str) -> Optional[str]:
    """The company's number of `one` becomes that of `into`. A customer number belongs to one customer at a time."""
    numbers = await connection.execute(
        sa.select(customers.c.id, customers.c.account).where(customers.c.id.in_((one, into)))
    )
    account = {row.id: row.account for row in numbers}
    if account[one] is None or account[into] is not None:
        return None
    await connection.execute(sa.update(customers).where(customers.c.id == one).values(account=None))
    await connection.execute(sa.update(customers).where(customers.c.id == into).values(account=account[one]))
    return str(account[one])


async def _undo(connection: AsyncConnection, merge: int, *, by: str, now: datetime) -> Any:
    """The merge, now marked as undone; None if it was so before, whoever was first."""
    result = await connection.execute(
        sa.update(merges).where(merges.c.id == merge, merges.c.undone_at.is_(None)).values(undone_at=now, undone_by=by)
    )
    if not result.rowcount:
        return None
    return (await connection.execute(sa.select(merges).where(merges.c.id == merge))).one()


async def _give_back_identities(connection: AsyncConnection, row: Any, back: Sequence[int]) -> None:
    """Those that still belong to whom they were brought. One that was unlinked meanwhile is somebody else's by now."""
    now_of = await whoever_is_now(connection, row.into_customer)
    await connection.execute(
        sa.update(identities)
        .where(identities.c.id.in_(back), identities.c.customer_id == now_of)
        .values(customer_id=row.from_customer)
    )
    await separate_preferences(
        connection,
        joint=now_of,
        leaving=row.from_customer,
        identities_leaving=back,
        before=row.preference,
    )
    await connection.execute(sa.update(customers).where(customers.c.id == row.from_customer).values(merged_into=None))
    if row.account is not None:
        await connection.execute(sa.update(customers).where(customers.c.account == row.account).values(account=None))
        await connection.execute(
            sa.update(customers).where(customers.c.id == row.from_customer).values(account=row.account)
        )


async def _conversations_since(connection: AsyncConnection, row: Any) -> list[str]:
    """Where both have spoken since: the conversation they shared, and those that it was merged into later."""
    found, customer = [row.into_conversation], row.into_customer
    while True:
        further = await connection.execute(sa.select(customers.c.merged_into).where(customers.c.id == customer))
        customer = further.scalar_one()
        if customer is None:
            return found
        found.append(await _conversation_of(connection, customer))


async def _conversation_of(connection: AsyncConnection, customer: str) -> str:
    found = await connection.execute(sa.select(conversations.c.id).where(conversations.c.customer_id == customer))
    return str(found.scalar_one())


# --- Messages and events ----------------------------------------------------------------------------------------------


async def _move_messages(connection: AsyncConnection, row: Any, shared: str, back: Sequence[int]) -> list[int]:
    """What the identities said and were told since; returns the messages' ids, in order."""
    found = await connection.execute(
        sa.select(messages.c.id)
        .where(
            messages.c.conversation_id == shared,
            messages.c.identity_id.in_(back),
            messages.c.created_at >= row.merged_at,
        )
        .order_by(messages.c.seq)
    )
    moved = [int(id) for id in found.scalars()]
    if not moved:
        return []
    last = await connection.execute(
        sa.select(conversations.c.last_seq).where(conversations.c.id == row.from_conversation)
    )
    first = int(last.scalar_one()) + 1
    for offset, message in enumerate(moved):
        await connection.execute(
            sa.update(messages)
            .where(messages.c.id == message)
            .values(conversation_id=row.from_conversation, seq=first + offset)
        )
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == row.from_conversation)
        .values(last_seq=first + len(moved) - 1)
    )
    return moved


async def _move_events(connection: AsyncConnection, row: Any, shared: str, moved: Sequence[int]) -> None:
    """The moved messages' events go along. Those of the turn that made one dialogue of two belong to neither."""
    since = await connection.execute(
        sa.select(events)
        .where(events.c.conversation_id == shared, events.c.seq >= await _first_event(connection, row, shared, moved))
        .order_by(events.c.seq)
    )
    rows = since.all()
    if not rows:
        return
    dropped = {row.message_id}
    theirs = [event for event in rows if event.message_id in moved and event.message_id not in dropped]
    ours = [event for event in rows if event.message_id not in moved and event.message_id not in dropped]
    first = rows[0].seq
    await connection.execute(sa.delete(events).where(events.c.conversation_id == shared, events.c.seq >= first))
    await _append(connection, shared, first, ours)
    await _append(connection, row.from_conversation, await _next_event(connection, row.from_conversation), theirs)
    # A snapshot may stand for events that are somebody else's now; without it the whole is read.
    await connection.execute(sa.delete(snapshots).where(snapshots.c.conversation_id == shared, snapshots.c.seq > first))


async def _first_event(connection: AsyncConnection, row: Any, shared: str, moved: Sequence[int]) -> int:
    """The first event of the turns concerned; one behind the last if there is none."""
    found = await connection.execute(
        sa.select(sa.func.min(events.c.seq)).where(
            events.c.conversation_id == shared, events.c.message_id.in_([row.message_id, *moved])
        )
    )
    first = found.scalar_one_or_none()
    return await _next_event(connection, shared) if first is None else int(first)


async def _next_event(connection: AsyncConnection, conversation: str) -> int:
    found = await connection.execute(
        sa.select(sa.func.max(events.c.seq)).where(events.c.conversation_id == conversation)
    )
    return int(found.scalar_one_or_none() or 0) + 1


async def _append(connection: AsyncConnection, conversation: str, first: int, rows: Sequence[Any]) -> None:
    if rows:
        await connection.execute(
            sa.insert(events),
            [
                {
                    "conversation_id": conversation,
                    "seq": first + offset,
                    "type": row.type,
                    "timestamp": row.timestamp,
                    "message_id": row.message_id,
                    "data": row.data,
                }
                for offset, row in enumerate(rows)
            ],
        )


async def _recount(connection: AsyncConnection, conversation: str, now: datetime) -> None:
    """What the conversation's row says of its messages, after some came or went. What went away leaves gaps in the
    numbers, and no number is given twice."""
    inbound = sa.and_(messages.c.conversation_id == conversation, messages.c.direction == "in")
    found = await connection.execute(
        sa.select(
            sa.func.max(messages.c.seq).label("inbound"),
            sa.func.max(sa.case((messages.c.state != "waiting", messages.c.seq), else_=0)).label("done"),
            sa.func.min(sa.case((messages.c.state == "waiting", messages.c.seq), else_=sa.null())).label("waiting"),
        ).where(inbound)
    )
    row = found.one()
    waits = row.waiting is not None
    done = (row.waiting - 1) if waits else max(row.inbound or 0, row.done or 0)
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation)
        .values(
            inbound_seq=row.inbound or 0,
            done_seq=done,
            waiting_since=sa.literal(now, Utc()) if waits else sa.null(),
            unanswered_since=sa.literal(now, Utc()) if waits else sa.null(),
            begun=0,  # it counted for what came next, which may be another message now
        )
    )
    if waits:
        await notify(connection, About.TURNS)


async def _column(connection: AsyncConnection, query: Any) -> list[Any]:
    return list((await connection.execute(query)).scalars())
