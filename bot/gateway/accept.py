"""Taking what came from a channel onto disk. After this, the webhook may be answered and nothing can be lost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.codes import HIDDEN, Typed, typed
from bot.gateway.customers import Known, Person, audience_conversation, conversation_of, recognise
from bot.gateway.linking import Linked, Refused, redeem, spoil
from bot.gateway.media import intake
from bot.gateway.news import record_news
from bot.gateway.typed_codes import Outcome, take_code
from bot.store.content import link_refused_to_json, linked_to_json, said_to_json, verified_to_json
from bot.store.database import transaction
from bot.store.merging import merges_without_turn, turn_of_merge
from bot.store.ownership import BOT
from bot.store.tables import Utc, conversations, messages, unread_webhooks
from bot.store.wake import notify
from channels.contract import Inbound, Link, Media, News, Revised, Start, Text, Unread

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A message that is on disk."""

    message: int
    conversation: str
    repeated: bool
    """It had been there before: the platform delivered it again."""
    with_people: bool = False
    """People have the conversation, and the bot is silent."""


async def accept_all(
    engine: AsyncEngine,
    read: Sequence[Inbound | Unread],
    *,
    channel: str,
    body: bytes,
    now: datetime,
    news: Sequence[News] = (),
) -> list[Accepted]:
    """Store everything that one request brought, in one transaction, in order."""
    for attempt in range(_TRIES):
        try:
            async with transaction(engine) as connection:
                # Who is known by another id now, before what they say under it; a message that was changed, after it.
                await record_news(connection, [one for one in news if not isinstance(one, Revised)], channel, now)
                accepted = await _accept_each(connection, read, channel, body, now)
                await record_news(connection, [one for one in news if isinstance(one, Revised)], channel, now)
                return accepted
        except IntegrityError:
            # Somebody else has just stored the same person or the same message: look again and find it there.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def accept(connection: AsyncConnection, inbound: Inbound, now: datetime) -> Accepted:
    """Store one message at the end of its conversation, unless it is there already."""
    key = f"{inbound.channel}:{inbound.dedupe_key}"
    before = await _find(connection, key)
    if before is not None:
        return before
    placed = await _place(connection, inbound, now)
    message, owner = await _append(connection, placed, inbound, key, now)
    if isinstance(inbound.said, Media):
        file = str(placed.content["media"])
        await intake.want(connection, message, inbound.said, id=file, channel=inbound.channel, now=now)
    if placed.merge is not None:
        await turn_of_merge(connection, placed.merge, message)
    return Accepted(message=message, conversation=placed.conversation, repeated=False, with_people=owner != BOT)


async def join_dialogues(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """This person has just turned out to be a customer who had been two, and not by a message of theirs: the dialogues
    become one in a turn all the same."""
    known = await recognise(connection, person, now)
    for merge in await merges_without_turn(connection, known.customer):
        inbound = Inbound(
            channel=person.channel,
            external_id=person.external_id,
            address=person.address,
            dedupe_key=f"merge:{merge}",
            said=Start(),
        )
        placed = _Placed(
            conversation=known.conversation,
            content=linked_to_json(person.channel, merge),
            identity=known.identity,
            merge=merge,
        )
        message, _ = await _append(connection, placed, inbound, f"{person.channel}:{inbound.dedupe_key}", now)
        await turn_of_merge(connection, merge, message)
        await notify(connection)


async def keep_unread(connection: AsyncConnection, unread: Unread, channel: str, body: bytes, now: datetime) -> None:
    """Keep a request that could not be read, once however often it comes."""
    body_hash = hashlib.sha256(channel.encode() + b"\0" + body).hexdigest()
    kept = await connection.execute(sa.select(unread_webhooks.c.id).where(unread_webhooks.c.body_hash == body_hash))
    if kept.first() is None:
        await connection.execute(
            sa.insert(unread_webhooks).values(
                channel=channel, reason=unread.reason, body_hash=body_hash, body=body, received_at=now
            )
        )


async def _accept_each(
    connection: AsyncConnection, read: Sequence[Inbound | Unread], channel: str, body: bytes, now: datetime
) -> list[Accepted]:
    accepted = []
    for part in read:
        if isinstance(part, Unread):
            await keep_unread(connection, part, channel, body, now)
        else:
            accepted.append(await accept(connection, part, now))
    if accepted:
        await notify(connection)
    return accepted


_FIND = sa.select(messages.c.id, messages.c.conversation_id).where(messages.c.dedupe_key == sa.bindparam("key"))
# It locks the conversation's row, so that the order of numbers is the order of commits.
_NUMBER = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"))
    .values(
        last_seq=conversations.c.last_seq + 1,
        inbound_seq=conversations.c.last_seq + 1,
        waiting_since=sa.func.coalesce(conversations.c.waiting_since, sa.bindparam("due", type_=Utc())),
    )
    .returning(conversations.c.last_seq, conversations.c.owner)
)
_KEEP = sa.insert(messages).returning(messages.c.id)


async def _find(connection: AsyncConnection, key: str) -> Accepted | None:
    row = (await connection.execute(_FIND, {"key": key})).one_or_none()
    return row and Accepted(message=row.id, conversation=row.conversation_id, repeated=True)


def _person(inbound: Inbound) -> Person:
    return Person(
        channel=inbound.channel,
        external_id=inbound.external_id,
        address=inbound.address,
        name=inbound.name,
        known_as=inbound.known_as,
    )


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Where a message belongs."""

    conversation: str
    content: dict[str, Any]
    """What is kept of it."""
    identity: int | None
    """Whose it is; nobody's in a group."""
    merge: int | None = None
    """The merge that it brought about."""


async def _place(connection: AsyncConnection, inbound: Inbound, now: datetime) -> _Placed:
    """Who the customer is, and so which conversation the message belongs to, is decided here."""
    if inbound.audience:
        return await _place_in_group(connection, inbound, now)
    known = await recognise(connection, _person(inbound), now)
    outcome = await _code(connection, inbound, known, now)
    if outcome is None:
        return _Placed(conversation=known.conversation, content=_content(inbound), identity=known.identity)
    content = {**_came_of(outcome), **_instead_of_words(inbound)}
    if isinstance(outcome, Refused):
        return _Placed(conversation=known.conversation, content=content, identity=known.identity)
    return _Placed(
        conversation=await conversation_of(connection, outcome.customer),
        content=content,
        identity=known.identity,
        merge=outcome.merge,
    )


async def _place_in_group(connection: AsyncConnection, inbound: Inbound, now: datetime) -> _Placed:
    """A group joins nobody: a code that is shown there was shown to everybody in it."""
    conversation = await audience_conversation(connection, inbound.channel, inbound.external_id, now)
    code = _typed(inbound)
    spoiled = code is not None and (await spoil(connection, code.code, now) or code.surely)
    refused = spoiled or isinstance(inbound.said, Link)
    content = {**link_refused_to_json("unknown"), **_instead_of_words(inbound)} if refused else _content(inbound)
    return _Placed(conversation=conversation, content={**content, "audience": True}, identity=None)


async def _code(connection: AsyncConnection, inbound: Inbound, known: Known, now: datetime) -> Outcome | None:
    """A code is used up here, and so are two customers who turn out to be one. None for anything but a code."""
    if isinstance(inbound.said, Link):
        return await redeem(connection, inbound.said.code, known=known, channel=inbound.channel, now=now)
    code = _typed(inbound)
    return None if code is None else await take_code(connection, code, known, inbound.channel, now)


def _typed(inbound: Inbound) -> Typed | None:
    return typed(inbound.said.text) if isinstance(inbound.said, Text) else None


def _came_of(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Refused):
        return link_refused_to_json(outcome.problem)
    if isinstance(outcome, Linked):
        return linked_to_json(outcome.from_channel, outcome.merge)
    return verified_to_json(outcome.merge)


def _instead_of_words(inbound: Inbound) -> dict[str, Any]:
    """What a transcript shows where a code was typed."""
    return {"label": HIDDEN} if isinstance(inbound.said, Text) else {}


def _content(inbound: Inbound) -> dict[str, Any]:
    content = said_to_json(inbound.said)
    return {**content, "media": intake.new_id()} if isinstance(inbound.said, Media) else content


async def _append(
    connection: AsyncConnection, placed: _Placed, inbound: Inbound, key: str, now: datetime
) -> tuple[int, str]:
    """The message's id, and who owns the conversation now."""
    # A file is fetched first, if it does not take long.
    due = now + intake.TURN_WAITS if isinstance(inbound.said, Media) else now
    numbered = await connection.execute(_NUMBER, {"conversation": placed.conversation, "due": due})
    number, owner = numbered.one()
    result = await connection.execute(
        _KEEP,
        {
            "conversation_id": placed.conversation,
            "seq": number,
            "direction": "in",
            "author": "customer",
            "channel": inbound.channel,
            "address": inbound.address,
            "content": placed.content,
            "identity_id": placed.identity,
            "language": inbound.language,
            "dedupe_key": key,
            "platform_id": inbound.platform_id,
            "state": "waiting",
            "attempts": 0,
            "due_at": due,
            "created_at": now,
        },
    )
    return int(result.scalar_one()), str(owner)
