"""Who it is that speaks: identity → customer → conversation; and groups, which are nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.lists import padded
from bot.store.people import begin_conversation, begin_customers, unlink
from bot.store.tables import audiences, conversations, identities, messages

# Carriers give a number that was given up to somebody else after a few months; whoever was heard from lately still has
# theirs. FCC 18-177 asks for 45 days at least.
_NUMBER_IS_THEIRS = timedelta(days=45)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as one channel knows them."""

    channel: str
    external_id: str
    address: str
    name: str | None = None
    known_as: str | None = None
    """Another id of theirs, which may have been somebody else's before."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """One identity and whom it belongs to."""

    identity: int
    customer: str
    conversation: str
    changing: Mapping[str, Any] = field(default_factory=dict)
    """What may be another one with each message; empty where it was not looked up."""


async def recognise(connection: AsyncConnection, person: Person, now: datetime) -> Known:
    """Their identity; a person never heard of becomes a customer with a conversation of their own."""
    known = await find(connection, person.channel, person.external_id)
    known = known or await _find_by_other_id(connection, person, now)
    if known is None:
        [known] = await welcome(connection, [person], now)
        return known
    if not is_unchanged(known, person):
        changed = _changing(person)
        await connection.execute(sa.update(identities).where(identities.c.id == known.identity).values(**changed))
    return known


def is_unchanged(known: Known, person: Person) -> bool:
    """Whether nothing that may be another one with each message is another one."""
    return known.changing == _changing(person)


_FIND = (
    sa.select(
        identities.c.id,
        identities.c.external_id,
        identities.c.customer_id,
        identities.c.address,
        identities.c.known_as,
        identities.c.blocked_at,
        conversations.c.id.label("conversation"),
    )
    .join(conversations, conversations.c.customer_id == identities.c.customer_id)
    .where(
        identities.c.channel == sa.bindparam("channel"),
        identities.c.external_id.in_(sa.bindparam("external_ids", expanding=True)),
    )
)


async def find(connection: AsyncConnection, channel: str, external_id: str) -> Known | None:
    """The identity that this channel knows by `external_id`."""
    return (await find_all(connection, {(channel, external_id)})).get((channel, external_id))


async def find_all(connection: AsyncConnection, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """Those of them that are known: by channel, and the id that it has for them."""
    found = {}
    for channel in sorted({channel for channel, _ in people}):
        theirs = [external_id for one, external_id in people if one == channel]
        for row in await connection.execute(_FIND, {"channel": channel, "external_ids": padded(theirs)}):
            found[channel, str(row.external_id)] = Known(
                identity=row.id,
                customer=row.customer_id,
                conversation=row.conversation,
                changing={"address": row.address, "known_as": row.known_as, "blocked_at": row.blocked_at},
            )
    return found


async def conversation_of(connection: AsyncConnection, customer: str) -> str:
    """The customer's one conversation."""
    result = await connection.execute(sa.select(conversations.c.id).where(conversations.c.customer_id == customer))
    return str(result.scalar_one())


async def move(connection: AsyncConnection, channel: str, old: str, new: str, now: datetime) -> None:
    """The platform knows a person, or a group, by `new` from now on.

    Where `new` was known before, it has changed hands: whoever had it is not who has it now. It starts anew, as a
    channel that was unlinked does, until a code links it again; and what was said under it stays with whom it was said
    to. `old` is nobody's then. Of groups, what was heard from under the new id stays as it is.
    """
    if await find(connection, channel, old) is not None and (taken := await find(connection, channel, new)) is not None:
        await unlink(connection, taken.identity, now)
        await _retire(connection, channel, old, now)
    for table in (identities, audiences):
        known_by = sa.select(table.c.id).where(table.c.channel == channel)
        if (await connection.execute(known_by.where(table.c.external_id == new))).first() is None:
            await connection.execute(
                sa.update(table).where(table.c.channel == channel, table.c.external_id == old).values(external_id=new)
            )


async def _retire(connection: AsyncConnection, channel: str, old: str, now: datetime) -> None:
    """Whoever comes by this id later is somebody new, and nobody is written to by it."""
    retired = sa.literal("retired:") + sa.cast(identities.c.id, sa.String)
    await connection.execute(
        sa.update(identities)
        .where(identities.c.channel == channel, identities.c.external_id == old)
        .values(external_id=retired, blocked_at=now)
    )


async def audience_conversation(connection: AsyncConnection, channel: str, external_id: str, now: datetime) -> str:
    """The conversation that a group has for itself. Nothing of any customer's is in it."""
    found = await connection.execute(
        sa.select(audiences.c.conversation_id).where(
            audiences.c.channel == channel, audiences.c.external_id == external_id
        )
    )
    conversation: str | None = found.scalar_one_or_none()
    if conversation is not None:
        return conversation
    conversation = await begin_conversation(connection, None, now)
    await connection.execute(
        sa.insert(audiences).values(
            channel=channel, external_id=external_id, conversation_id=conversation, created_at=now
        )
    )
    return conversation


def _changing(person: Person) -> dict[str, Any]:
    """What may be another one with each message. Whoever writes can be written to."""
    return {"address": person.address, "known_as": person.known_as, "blocked_at": None}


async def _find_by_other_id(connection: AsyncConnection, person: Person, now: datetime) -> Known | None:
    """Somebody whom the channel knew by the other id alone, as long as that is surely still theirs. They are known by
    the id that lasts from now on."""
    if person.known_as is None:
        return None
    known = await find(connection, person.channel, person.known_as)
    if known is None or not await _heard_since(connection, known.identity, now - _NUMBER_IS_THEIRS):
        return None
    await connection.execute(
        sa.update(identities).where(identities.c.id == known.identity).values(external_id=person.external_id)
    )
    return known


async def _heard_since(connection: AsyncConnection, identity: int, moment: datetime) -> bool:
    """Here, or by the bot from which they moved in."""
    moved_in = sa.select(identities.c.id).where(
        identities.c.id == identity, identities.c.linked_how == "moved_in", identities.c.linked_at > moment
    )
    heard = (
        sa.select(messages.c.id)
        .join(
            identities, sa.and_(identities.c.channel == messages.c.channel, identities.c.address == messages.c.address)
        )
        .where(identities.c.id == identity, messages.c.direction == "in", messages.c.created_at > moment)
        .limit(1)
    )
    return (await connection.execute(sa.union_all(moved_in, heard.subquery().select()))).first() is not None


async def welcome(connection: AsyncConnection, people: Sequence[Person], now: datetime) -> list[Known]:
    """People never heard of become customers with a conversation of their own; in order. Raises IntegrityError for
    whom the channel knows already."""
    ids = await begin_customers(connection, [person.name for person in people], now)
    result = await connection.execute(
        _BEGIN,
        [
            {
                "channel": person.channel,
                "external_id": person.external_id,
                "customer_id": customer,
                "address": person.address,
                "assurance": "none",
                "linked_how": "first_contact",
                "linked_at": now,
                "known_as": person.known_as,
            }
            for person, (customer, _) in zip(people, ids, strict=True)
        ],
    )
    identity_of = {row.customer_id: row.id for row in result}
    return [
        Known(identity=identity_of[customer], customer=customer, conversation=conversation, changing=_changing(person))
        for person, (customer, conversation) in zip(people, ids, strict=True)
    ]


_BEGIN = sa.insert(identities).returning(identities.c.id, identities.c.customer_id)
