"""Taking what came from a channel onto disk. After this, the webhook may be answered and nothing can be lost."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.codes import HIDDEN, Typed, typed
from bot.gateway.customers import (
    Known,
    Person,
    audience_conversation,
    conversation_of,
    find_all,
    is_unchanged,
    recognise,
    welcome,
)
from bot.gateway.linking import Linked, Refused, redeem, spoil
from bot.gateway.media import intake
from bot.gateway.news import record_news
from bot.gateway.together import Together
from bot.gateway.typed_codes import Outcome, take_code
from bot.store.content import link_refused_to_json, linked_to_json, said_to_json, verified_to_json
from bot.store.database import transaction
from bot.store.lists import padded
from bot.store.merging import merges_without_turn, turn_of_merge
from bot.store.outage import is_outage
from bot.store.ownership import BOT
from bot.store.tables import Utc, conversations, messages, unread_webhooks
from bot.store.traces import new_trace
from bot.store.wake import About, notify
from channels.contract import Inbound, Link, Media, News, Revised, Start, Text, Unread

_TRIES = 5
_TOGETHER = 64
"""Requests in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A message that is on disk."""

    message: int
    conversation: str
    repeated: bool
    """It had been there before: the platform delivered it again."""
    with_people: bool = False
    """People have the conversation, and the bot is silent."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What one request brought."""

    read: Sequence[Inbound | Unread]
    channel: str
    body: bytes
    news: Sequence[News] = ()
    trace: str = field(default_factory=new_trace)


class Acceptor:
    """Takes what requests bring; those that come at the same time share a transaction."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._together = Together(self._store, most=_TOGETHER, alone=lambda error: not is_outage(error))

    async def accept(self, brought: Brought) -> list[Accepted]:
        """Return once all of it is on disk. Raises what an outage may look like, with nothing stored."""
        return await self._together.do(brought)

    async def _store(self, brought: Sequence[Brought]) -> list[list[Accepted]]:
        return await store(self._engine, brought, self._clock())


async def store(engine: AsyncEngine, brought: Sequence[Brought], now: datetime) -> list[list[Accepted]]:
    """Store everything that these requests brought, in one transaction, in order."""
    for attempt in range(_TRIES):
        try:
            async with transaction(engine) as connection:
                storing = _Storing(connection, now)
                accepted = await storing.store(brought)
                if any(accepted):
                    await notify(connection, *storing.about)
                return accepted
        except IntegrityError:
            # Somebody else has just stored the same person or the same message: look again and find it there.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def accept_all(
    engine: AsyncEngine,
    read: Sequence[Inbound | Unread],
    *,
    channel: str,
    body: bytes,
    now: datetime,
    news: Sequence[News] = (),
    trace: str | None = None,
) -> list[Accepted]:
    """Store everything that one request brought, alone."""
    brought = Brought(read=read, channel=channel, body=body, news=news, trace=trace or new_trace())
    [accepted] = await store(engine, [brought], now)
    return accepted


async def accept(connection: AsyncConnection, inbound: Inbound, now: datetime, trace: str) -> Accepted:
    """Store one message at the end of its conversation, unless it is there already."""
    key = _key(inbound)
    before = await _find(connection, [key])
    if before:
        return before[key]
    placed = await _place(connection, inbound, now)
    message, owner = await _append(connection, placed, inbound, now, trace)
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
        message, _ = await _append(connection, placed, inbound, now, new_trace())
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


@dataclass(frozen=True, kw_only=True)
class _Plain:
    """A message that changes nothing of who its sender is, as most are. A number and a row are all it takes."""

    inbound: Inbound
    trace: str
    becomes: list[Accepted]
    """Where it is put once it is stored."""


class _Storing:
    """What several requests brought, in one transaction. Plain messages that follow each other are stored in as many
    statements as one; whatever else comes is stored alone, after those before it."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._plain: dict[str, _Plain] = {}
        """To be stored: by their keys, in order."""
        self._strangers: dict[tuple[str, str], Person] = {}
        """Who said some of it, and was never heard of before."""
        self._before: Mapping[str, Accepted] = {}
        self._people: dict[tuple[str, str], Known] = {}
        self.about: set[About] = {About.TURNS}
        """Whom it concerns."""

    async def store(self, brought: Sequence[Brought]) -> list[list[Accepted]]:
        await self._look_up(brought)
        accepted: list[list[Accepted]] = [[] for _ in brought]
        for index, (one, becomes) in enumerate(zip(brought, accepted, strict=True)):
            if not self._takes_plainly(one, becomes):
                await self._flush()
                becomes += await self._store_alone(one)
                await self._look_up(brought[index + 1 :])
        await self._flush()
        if any(one.with_people for becomes in accepted for one in becomes):
            self.about.add(About.WORK)
        return accepted

    async def _look_up(self, brought: Sequence[Brought]) -> None:
        """Which of the messages are here already, and who of the people is known."""
        inbounds = [part for one in brought for part in one.read if isinstance(part, Inbound)]
        if not inbounds:
            return
        self._before = await _find(self._connection, [_key(inbound) for inbound in inbounds])
        self._people = await find_all(self._connection, {(one.channel, one.external_id) for one in inbounds})

    def _takes_plainly(self, brought: Brought, becomes: list[Accepted]) -> bool:
        if brought.news or len(brought.read) != 1 or not isinstance(inbound := brought.read[0], Inbound):
            return False
        key = _key(inbound)
        if key in self._before:
            becomes.append(self._before[key])
            return True
        if key in self._plain or not _is_plain(inbound) or not self._is_the_same(_person(inbound)):
            return False
        self._plain[key] = _Plain(inbound=inbound, trace=brought.trace, becomes=becomes)
        return True

    def _is_the_same(self, person: Person) -> bool:
        """As they were, or as they will be known from now on."""
        whose = person.channel, person.external_id
        if whose in self._people:
            return is_unchanged(self._people[whose], person)
        if person.known_as is not None:
            return False  # maybe known by that
        return self._strangers.setdefault(whose, person) == person

    async def _flush(self) -> None:
        plain, self._plain = self._plain, {}
        strangers, self._strangers = self._strangers, {}
        if strangers:
            known = await welcome(self._connection, list(strangers.values()), self._now)
            self._people |= dict(zip(strangers, known, strict=True))
        if plain:
            await _append_plain(self._connection, plain, self._people, self._now)

    async def _store_alone(self, brought: Brought) -> list[Accepted]:
        connection, channel, news, now = self._connection, brought.channel, brought.news, self._now
        self.about.add(About.WORK)  # maybe a file to be fetched
        # Who is known by another id now, before what they say under it; a message that was changed, after it.
        await record_news(connection, [one for one in news if not isinstance(one, Revised)], channel, now)
        accepted = []
        for part in brought.read:
            if isinstance(part, Unread):
                await keep_unread(connection, part, channel, brought.body, now)
            else:
                accepted.append(await accept(connection, part, now, brought.trace))
        await record_news(connection, [one for one in news if isinstance(one, Revised)], channel, now)
        return accepted


def _key(inbound: Inbound) -> str:
    return f"{inbound.channel}:{inbound.dedupe_key}"


def _is_plain(inbound: Inbound) -> bool:
    return not inbound.audience and not isinstance(inbound.said, Link | Media) and _typed(inbound) is None


async def _append_plain(
    connection: AsyncConnection, plain: Mapping[str, _Plain], people: Mapping[tuple[str, str], Known], now: datetime
) -> None:
    """Store them at the ends of their conversations, in order."""
    of_each: defaultdict[str, list[_Plain]] = defaultdict(list)
    for one in plain.values():
        of_each[_whose(one.inbound, people).conversation].append(one)
    # In the order of their ids, as everybody locks several conversations: nobody waits in a circle.
    await connection.execute(
        _TAKE_NUMBERS,
        [
            {
                "conversation": conversation,
                "count": len(of_each[conversation]),
                "channel": of_each[conversation][0].inbound.channel,
                "now": now,
                "due": now,
            }
            for conversation in sorted(of_each)
        ],
    )
    numbered = {row.id: row for row in await connection.execute(_NUMBERED, {"ids": padded(of_each)})}
    rows = [
        {
            **_row(one.inbound, conversation, number, _whose(one.inbound, people).identity, one.trace),
            "content": said_to_json(one.inbound.said),
            "due_at": now,
            "created_at": now,
        }
        for conversation, ones in of_each.items()
        for number, one in enumerate(ones, numbered[conversation].last_seq - len(ones) + 1)
    ]
    for row in await connection.execute(_KEEP, rows):
        one = plain[row.dedupe_key]
        conversation = _whose(one.inbound, people).conversation
        with_people = numbered[conversation].owner != BOT
        one.becomes.append(Accepted(message=row.id, conversation=conversation, repeated=False, with_people=with_people))


def _whose(inbound: Inbound, people: Mapping[tuple[str, str], Known]) -> Known:
    return people[inbound.channel, inbound.external_id]


_FIND = sa.select(messages.c.id, messages.c.conversation_id, messages.c.dedupe_key).where(
    messages.c.dedupe_key.in_(sa.bindparam("keys", expanding=True))
)
_COUNT = sa.bindparam("count", type_=sa.Integer)
# It locks the conversation's row, so that the order of numbers is the order of commits.
_TAKE_NUMBERS = (
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"))
    .values(
        last_seq=conversations.c.last_seq + _COUNT,
        inbound_seq=conversations.c.last_seq + _COUNT,
        waiting_since=sa.func.coalesce(conversations.c.waiting_since, sa.bindparam("due", type_=Utc())),
        waiting_channel=sa.case(
            (conversations.c.waiting_since.is_(None), sa.bindparam("channel")), else_=conversations.c.waiting_channel
        ),
        # Where nothing waited, nobody waits since then: a worker of the version before leaves it as it was.
        unanswered_since=sa.case(
            (conversations.c.waiting_since.is_(None), sa.bindparam("now", type_=Utc())),
            else_=sa.func.coalesce(conversations.c.unanswered_since, sa.bindparam("now", type_=Utc())),
        ),
    )
)
_NUMBERED = sa.select(conversations.c.id, conversations.c.last_seq, conversations.c.owner).where(
    conversations.c.id.in_(sa.bindparam("ids", expanding=True))
)
_KEEP = sa.insert(messages).returning(messages.c.id, messages.c.dedupe_key)


async def _find(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Accepted]:
    """Those of them that are here already."""
    rows = await connection.execute(_FIND, {"keys": padded(keys)})
    return {row.dedupe_key: Accepted(message=row.id, conversation=row.conversation_id, repeated=True) for row in rows}


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
    connection: AsyncConnection, placed: _Placed, inbound: Inbound, now: datetime, trace: str
) -> tuple[int, str]:
    """The message's id, and who owns the conversation now."""
    # A file is fetched first, if it does not take long.
    due = now + intake.TURN_WAITS if isinstance(inbound.said, Media) else now
    taken = {"conversation": placed.conversation, "count": 1, "channel": inbound.channel, "now": now, "due": due}
    await connection.execute(_TAKE_NUMBERS, taken)
    numbered = (await connection.execute(_NUMBERED, {"ids": [placed.conversation]})).one()
    row = _row(inbound, placed.conversation, numbered.last_seq, placed.identity, trace)
    result = await connection.execute(_KEEP, {**row, "content": placed.content, "due_at": due, "created_at": now})
    return int(result.one().id), str(numbered.owner)


def _row(inbound: Inbound, conversation: str, number: int, identity: int | None, trace: str) -> dict[str, Any]:
    """As `messages` has it."""
    return {
        "conversation_id": conversation,
        "seq": number,
        "direction": "in",
        "author": "customer",
        "channel": inbound.channel,
        "address": inbound.address,
        "identity_id": identity,
        "language": inbound.language,
        "dedupe_key": _key(inbound),
        "platform_id": inbound.platform_id,
        "trace": trace,
        "state": "waiting",
        "attempts": 0,
    }
