"""Company for customers who wait: the typing sign, after a while a kind word, and later that it takes much longer.

A round a second, of one gateway at a time. Nobody is told while people have their conversation, nor in a group. Each
word is said once a wait, which ends with the next turn, and stands before the answer: the conversation's row decides.
There are limits to all of it, so that a crowd does not become two.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway import metrics
from bot.store.content import content_to_json
from bot.store.database import reading, transaction
from bot.store.numbering import take_numbers
from bot.store.offers import offer_people, spoken
from bot.store.outage import POSSIBLE
from bot.store.ownership import BOT
from bot.store.tables import Utc, conversations, messages
from bot.store.wake import notify
from channels.contract import Channel, Content

log = structlog.get_logger()

SIGN_AFTER = timedelta(seconds=3)

_EVERY = 1.0
_ACCOMPANIED = 200
"""Customers who see the sign, those who have waited longest."""
_SIGNS_AT_ONCE = 32
_WORDS_A_ROUND = 20
_SLOWEST_COMMIT = timedelta(seconds=10)
"""What came then may only be seen now."""

_NEXT = timedelta(microseconds=1)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class Word:
    """What is said to whoever has waited for `after`."""

    name: str
    after: timedelta
    told: sa.Column[int]
    """The column of `conversations` that says in which wait it was said."""
    also: tuple[sa.Column[int], ...] = ()
    """Words that it makes needless."""
    text: Mapping[str, str]
    offers_people: bool = False


_COMFORT = Word(
    name="comforted",
    after=timedelta(seconds=8),
    told=conversations.c.comforted_seq,
    text={
        "en": "One moment, please: the answer takes a little longer than usual.",
        "zh": "请稍等，这次回复会比平时慢一点。",
    },
)
_WARNING = Word(
    name="warned",
    after=timedelta(seconds=60),
    told=conversations.c.warned_seq,
    also=(conversations.c.comforted_seq,),
    text={
        "en": "Sorry, this takes much longer than it should. Nothing you wrote is lost, and it is answered as soon as "
        "possible. If you'd rather have a colleague deal with it, say so here:",
        "zh": "抱歉让您久等了。您写的内容都已保存，我们会尽快回复。如果想由人工客服处理，请点这里：",
    },
    offers_people=True,
)
WORDS = (_WARNING, _COMFORT)


def words_after(comfort: float, warning: float) -> tuple[Word, ...]:
    """The words, each said after so many seconds; after 0, never."""
    each = zip(WORDS, (warning, comfort), strict=True)
    return tuple(replace(word, after=timedelta(seconds=seconds)) for word, seconds in each if seconds)


_FIRST = (
    sa.select(messages.c.id)
    .where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.seq > conversations.c.done_seq,
        messages.c.direction == "in",
        messages.c.author == "customer",
        messages.c.state == "waiting",
    )
    .order_by(messages.c.seq)
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_SPOKEN_BEFORE = messages.alias()
_LANGUAGE = (
    sa.select(_SPOKEN_BEFORE.c.language)
    .where(
        _SPOKEN_BEFORE.c.conversation_id == messages.c.conversation_id,
        _SPOKEN_BEFORE.c.direction == "out",
        _SPOKEN_BEFORE.c.language.isnot(None),
    )
    .order_by(_SPOKEN_BEFORE.c.seq.desc())
    .limit(1)
    .correlate(messages)
    .scalar_subquery()
)


def _not_told(told: sa.Column[int]) -> sa.ColumnElement[bool]:
    return sa.or_(told.is_(None), told != conversations.c.done_seq)


def _who_waits(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Those who have waited longest, with the message that waits. First a few conversations, then their messages: many
    more may wait."""
    few = (
        sa.select(
            conversations.c.id, conversations.c.done_seq, conversations.c.unanswered_since, _FIRST.label("message")
        )
        .where(
            conversations.c.unanswered_since >= sa.bindparam("after", type_=Utc()),
            conversations.c.unanswered_since <= sa.bindparam("until", type_=Utc()),
            conversations.c.waiting_since.isnot(None),
            conversations.c.owner == BOT,
            conversations.c.customer_id.isnot(None),  # nobody's is a group's
            *conditions,
        )
        .order_by(conversations.c.unanswered_since)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .subquery()
    )
    return (
        sa.select(
            few.c.id,
            few.c.done_seq,
            few.c.unanswered_since,
            messages.c.channel,
            messages.c.address,
            messages.c.identity_id,
            messages.c.platform_id,
            messages.c.trace,
            messages.c.content,
            messages.c.language.label("hint"),
            _LANGUAGE.label("language"),
        )
        .outerjoin(messages, messages.c.id == few.c.message)
        .order_by(few.c.unanswered_since)
    )


_WAITING = _who_waits()
_TO_TELL = {word.name: _who_waits(_not_told(word.told)) for word in WORDS}

# The gateway that finds the second free takes it.
_TAKE_ROUND = sa.text(
    "INSERT INTO paces (key, data, until) VALUES ('waiting', '{}', :until) "
    "ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE paces.until <= :now"
).bindparams(sa.bindparam("until", type_=Utc()), sa.bindparam("now", type_=Utc()))


class Waiting:
    """`run` goes on until `stop`."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        words: Sequence[Word] = WORDS,
    ) -> None:
        self._words = words
        self._engine = engine
        self._channels = channels
        self._clock = clock
        self._stopping = asyncio.Event()
        self._looked_at: datetime | None = None
        self._told_until: dict[str, datetime] = {}
        """Of each word: who waits since before then was told, or cannot be."""
        self._signs: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.look()
            except POSSIBLE as error:
                log.error("waiting.unavailable", error=type(error).__name__)
            except Exception as error:
                # A fault of ours must not leave everybody alone until somebody starts the gateway again.
                log.error("waiting.broke", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._stopping.wait(), _EVERY)
            except TimeoutError:
                continue
        await asyncio.gather(*self._signs)

    def stop(self) -> None:
        self._stopping.set()

    async def look(self) -> None:
        """One round."""
        now = self._clock()
        waiting = await self._waiting(now)
        if waiting and await self._take_round(now):
            self._show_signs(waiting, now)
            for word in self._words:
                await self._say(word, now)
        self._looked_at = now

    async def _waiting(self, now: datetime) -> Sequence[Any]:
        return await self._read(_WAITING, after=_LONG_AGO, until=now - SIGN_AFTER, most=_ACCOMPANIED)

    async def _read(self, query: sa.Select[Any], **asked: Any) -> Sequence[Any]:
        async with reading(self._engine) as connection:
            rows: Sequence[Any] = (await connection.execute(query, asked)).all()
        return rows

    async def _take_round(self, now: datetime) -> bool:
        async with transaction(self._engine, durable=False) as connection:
            # A little less than the pause between two rounds, or the next one would often come too early.
            until = now + timedelta(seconds=0.8 * _EVERY)
            taken = await connection.execute(_TAKE_ROUND, {"until": until, "now": now})
        return taken.rowcount == 1

    # The sign

    def _show_signs(self, waiting: Sequence[Any], now: datetime) -> None:
        """Not awaited: a platform that does not answer must not keep the others from being asked."""
        lately = now - timedelta(seconds=2 * _EVERY)
        before = max(self._looked_at or lately, lately)
        for row in waiting:
            channel = self._channels.get(row.channel)
            if channel is None or len(self._signs) >= _SIGNS_AT_ONCE:
                continue
            if is_due(row.unanswered_since, channel.sign_lasts, before, now):
                self._start(channel.show_typing(row.address, row.platform_id))

    def _start(self, showing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(showing)
        self._signs.add(task)
        task.add_done_callback(self._signs.discard)

    # The words

    async def _say(self, word: Word, now: datetime) -> None:
        since, until = self._told_until.get(word.name, _LONG_AGO), now - word.after
        rows = await self._read(_TO_TELL[word.name], after=since, until=until, most=_WORDS_A_ROUND)
        told = [row for row in rows if row.channel in self._channels and await self._tell(row, word, now)]
        if len(rows) < _WORDS_A_ROUND:
            self._told_until[word.name] = until - _SLOWEST_COMMIT
        else:
            # Several may have come at the very same time; where none of them could be told, none will be.
            self._told_until[word.name] = rows[-1].unanswered_since + (timedelta() if told else _NEXT)

    async def _tell(self, row: Any, word: Word, now: datetime) -> bool:
        async with transaction(self._engine) as connection:
            told = await tell(connection, row, word, now)
        if told:
            metrics.waits.labels(row.channel, word.name).inc()
        return told


def is_due(since: datetime, lasts: timedelta | None, before: datetime, now: datetime) -> bool:
    """Whether the sign, shown anew whenever it ends, was to be shown after `before`, by `now`."""
    if lasts is None or now < since + SIGN_AFTER:
        return False
    times = (now - since - SIGN_AFTER) // lasts
    return since + SIGN_AFTER + times * lasts > before


async def tell(connection: AsyncConnection, row: Any, word: Word, now: datetime) -> bool:
    """Say it to whoever waits. False where the answer was quicker, or somebody else.

    The number is taken while the row is held, so the word stands before whatever answers.
    """
    marked = await connection.execute(
        sa.update(conversations)
        .where(
            conversations.c.id == row.id,
            conversations.c.done_seq == row.done_seq,
            conversations.c.unanswered_since.isnot(None),
            conversations.c.owner == BOT,
            _not_told(word.told),
        )
        .values({column.name: row.done_seq for column in (word.told, *word.also)})
    )
    if marked.rowcount != 1:
        return False
    language = spoken(row.language or row.hint or ("zh" if _is_chinese(row.content) else None))
    options = (offer_people(language),) if word.offers_people else ()
    await connection.execute(
        sa.insert(messages).values(
            conversation_id=row.id,
            seq=await take_numbers(connection, row.id),
            direction="out",
            author="product",
            channel=row.channel,
            address=row.address,
            identity_id=row.identity_id,
            content=content_to_json(Content(text=word.text[language], options=options)),
            language=language,
            trace=row.trace,
            state="queued",
            attempts=0,
            due_at=now,
            created_at=now,
        )
    )
    await notify(connection)
    return True


def _is_chinese(said: Mapping[str, Any]) -> bool:
    return bool(_HAN.search(str(said.get("text", ""))))
