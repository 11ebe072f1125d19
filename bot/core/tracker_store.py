"""The conversations as Rasa's own tools see them: `rasa shell`, `rasa interactive`, `rasa export`.

In endpoints.yml:

    tracker_store:
      type: bot.core.tracker_store.ConversationTrackerStore

The worker does not use this: it reads and commits a turn as a whole. Here, events are appended by their number under
the table's key, so that a tool and a worker in the same conversation cannot overwrite each other: the second one fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.claims import event_rows
from bot.core.feed import body_of
from bot.core.history import events_as_json, tracker_of
from bot.core.stored import StoredHistory, read_everything, read_session
from bot.core.unreadable import Unreadable
from bot.store.database import connect, database_url, reading, transaction
from bot.store.epochs import events_have_changed
from bot.store.tables import conversations, events, snapshots


class ConversationMovedOn(RasaException):  # type: ignore[misc]  # Rasa's class is untyped here
    """Somebody else has written to the conversation since the tracker was read."""


class ConversationTrackerStore(TrackerStore):  # type: ignore[misc]
    """Rasa's tracker store on the product's own tables. The gateway creates these."""

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        host: str | None = None,
        **kwargs: Any,
    ) -> None:
        """`host` is endpoints.yml's `url:`, as Rasa hands it over; without it, `DATABASE_URL` counts."""
        super().__init__(domain, event_broker, **kwargs)
        self._url = database_url(host)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The conversation since its latest session began."""
        async with self._engine() as engine, reading(engine) as connection:
            return self._tracker(await read_session(connection, sender_id))

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """The whole conversation."""
        async with self._engine() as engine, reading(engine) as connection:
            return self._tracker(await read_everything(connection, conversation_id))

    async def keys(self) -> Iterable[str]:
        """Ids of the conversations that have events."""
        has_events = sa.exists().where(events.c.conversation_id == conversations.c.id)
        async with self._engine() as engine, reading(engine) as connection:
            found = await connection.execute(sa.select(conversations.c.id).where(has_events))
            return list(found.scalars())

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append what the tracker has that the conversation has not. Raises ConversationMovedOn where they have gone
        apart; only in a conversation of Rasa's tools, events may be taken back, as `rasa interactive` does."""
        written = events_as_json(list(tracker.events))
        try:
            async with self._engine() as engine, transaction(engine) as connection:
                rows = await _append(connection, tracker.sender_id, written)
        except IntegrityError:
            raise ConversationMovedOn(f"Conversation {tracker.sender_id} was written to by somebody else.") from None
        if self.event_broker is not None:
            for row in rows:
                self.event_broker.publish(body_of(tracker.sender_id, row["seq"], row["data"]))

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[AsyncEngine]:
        """One for each call: Rasa's tools use several event loops, and a connection belongs to one of them."""
        engine = connect(self._url, pool_size=1)
        try:
            yield engine
        finally:
            await engine.dispose()

    def _tracker(self, history: StoredHistory) -> DialogueStateTracker | None:
        return tracker_of(history, self.domain) if history.events else None


async def _append(
    connection: AsyncConnection, conversation: str, written: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the rows that are new."""
    owned = await _owned_by_customer(connection, conversation)
    if owned is None:
        await _begin(connection, conversation)
    stored = await read_everything(connection, conversation)
    first = _where_it_begins(stored, written)
    shared = _shared(stored.events[first:], written)
    taken_back = first + shared < len(stored.events)
    if taken_back and owned:
        raise ConversationMovedOn(f"Conversation {conversation} has events that this tracker does not know.")
    if taken_back:
        await _take_back(connection, conversation, stored.first_seq + first + shared)
    rows = event_rows(conversation, stored.first_seq + first + shared, written[shared:], None)
    if rows:
        await connection.execute(sa.insert(events), rows)
    if rows or taken_back:
        await events_have_changed(connection, [conversation])
    return rows


async def _owned_by_customer(connection: AsyncConnection, conversation: str) -> bool | None:
    """None where there is no such conversation yet."""
    found = await connection.execute(
        sa.select(conversations.c.customer_id).where(conversations.c.id == conversation).with_for_update()
    )
    row = found.first()
    return None if row is None else row.customer_id is not None


async def _begin(connection: AsyncConnection, conversation: str) -> None:
    await connection.execute(
        sa.insert(conversations).values(
            id=conversation,
            owner="bot",
            last_seq=0,
            inbound_seq=0,
            done_seq=0,
            epoch=0,
            created_at=datetime.now(timezone.utc),
        )
    )


async def _take_back(connection: AsyncConnection, conversation: str, first: int) -> None:
    await connection.execute(sa.delete(snapshots).where(snapshots.c.conversation_id == conversation))
    await connection.execute(sa.delete(events).where(events.c.conversation_id == conversation, events.c.seq >= first))


def _where_it_begins(stored: StoredHistory, written: Sequence[dict[str, Any]]) -> int:
    """A tracker may hold the whole conversation or only its last session."""
    if not written:
        return len(stored.events)
    starts = (index for index, event in enumerate(stored.events) if _same(event, written[0]))
    return next(starts, 0)


def _shared(stored: Sequence[dict[str, Any]], written: Sequence[dict[str, Any]]) -> int:
    """How many events both begin with."""
    pairs = enumerate(zip(stored, written, strict=False))
    return next((index for index, (one, other) in pairs if not _same(one, other)), min(len(stored), len(written)))


def _same(one: Any, other: dict[str, Any]) -> bool:
    """One that cannot be read (`bot.core.unreadable`) may lack what every event has."""
    stored = Unreadable(one).as_dict()
    return bool(stored["event"] == other["event"] and stored["timestamp"] == other["timestamp"])
