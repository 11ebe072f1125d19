"""The tables that the gateway and the core share, and nothing that is done with them.

Written for SQLAlchemy 1.4 (Rasa's process) and 2.1 (the gateway), SQLite 3.40 and PostgreSQL 15. The migrations create
them; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator):  # type: ignore[type-arg]  # SQLAlchemy 1.4's class takes no type argument at run time
    """An aware time in UTC. SQLite keeps no zone, so it is taken off on the way in and put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware: got one without a zone")
        moment = value.astimezone(timezone.utc)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Optional[datetime], dialect: Any) -> Optional[datetime]:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


# SQLite numbers rows by itself only in a column declared INTEGER.
_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("created_at", Utc, nullable=False),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("external_id", sa.String(255), nullable=False),
    sa.Column("customer_id", sa.ForeignKey("customers.id"), nullable=False, index=True),
    sa.Column("address", sa.Text, nullable=False, comment="where this person was last heard on the channel"),
    sa.Column("assurance", sa.String(16), nullable=False, comment="none, code"),
    sa.Column("linked_how", sa.String(32), nullable=False, comment="first_contact, deep_link"),
    sa.Column("linked_at", Utc, nullable=False),
    sa.UniqueConstraint("channel", "external_id"),
)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True, comment="Rasa's sender_id; minted here"),
    sa.Column("customer_id", sa.ForeignKey("customers.id"), unique=True, comment="empty for one begun in Rasa's tools"),
    sa.Column("owner", sa.String(64), nullable=False, comment="bot, queue or an agent"),
    sa.Column("last_seq", sa.Integer, nullable=False, comment="number of the newest message, in or out"),
    sa.Column("inbound_seq", sa.Integer, nullable=False, comment="number of the newest inbound message"),
    sa.Column("done_seq", sa.Integer, nullable=False, comment="number of the newest inbound message that had its turn"),
    sa.Column("waiting_since", Utc, comment="when the oldest message without its turn is due; empty when none waits"),
    sa.Column("claimed_by", sa.String(64)),
    sa.Column("epoch", sa.Integer, nullable=False, comment="grows with every claim; fences a worker that lost its own"),
    sa.Column("lease_until", Utc),
    sa.Column("created_at", Utc, nullable=False),
)
sa.Index(
    "ix_conversations_waiting",
    conversations.c.waiting_since,
    sqlite_where=conversations.c.waiting_since.isnot(None),
    postgresql_where=conversations.c.waiting_since.isnot(None),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("direction", sa.String(3), nullable=False, comment="in, out"),
    sa.Column("author", sa.String(16), nullable=False, comment="customer, bot, agent"),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("content", sa.JSON, nullable=False, comment="see content.py"),
    sa.Column("language", sa.String(35), comment="BCP 47; inbound: the app's hint; outbound: the conversation's"),
    sa.Column("dedupe_key", sa.String(320), unique=True, comment="inbound: channel and the platform's own key"),
    sa.Column("platform_id", sa.String(255)),
    sa.Column("cause_id", _RowId, comment="outbound: the inbound message that it answers"),
    sa.Column(
        "asks", sa.Text, comment="outbound: the slot that its options answer; once the form moves on they are stale"
    ),
    sa.Column(
        "state",
        sa.String(16),
        nullable=False,
        comment="in: waiting, done, failed; out: queued, sending, sent, failed, uncertain",
    ),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("lease_until", Utc, comment="outbound: until when an attempt may take"),
    sa.Column("error", sa.Text, comment="why it failed, for people; never a secret or a customer's words"),
    sa.Column("delivered_at", Utc, comment="outbound: when it reached the phone, where the platform tells"),
    sa.Column("read_at", Utc, comment="outbound: when it was read, where the platform tells"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("finished_at", Utc, comment="when the turn was committed, or the message was sent or given up"),
    sa.UniqueConstraint("conversation_id", "seq"),
    sa.Index("ix_messages_address", "channel", "address", "id"),
    sa.Index("ix_messages_platform_id", "channel", "platform_id"),
)
sa.Index(
    "ix_messages_unsent",
    messages.c.channel,
    messages.c.address,
    messages.c.id,
    sqlite_where=sa.text("direction = 'out' AND state IN ('queued', 'sending')"),
    postgresql_where=sa.text("direction = 'out' AND state IN ('queued', 'sending')"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("timestamp", sa.Float(53), nullable=False, comment="seconds since 1970, as Rasa has it"),
    sa.Column("message_id", _RowId, comment="the inbound message whose turn made it"),
    sa.Column("data", sa.JSON, nullable=False, comment="Rasa's event as Event.as_dict() gives it"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False, comment="the events from here on are the tail"),
    sa.Column("data", sa.JSON, nullable=False, comment="Rasa events that stand for all before the tail"),
)

early_receipts = sa.Table(
    "early_receipts",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("platform_id", sa.String(255), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="delivered, read, failed"),
    sa.Column("at", Utc, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("ix_early_receipts_message", "channel", "platform_id"),
    comment="what a platform reported of a message before it had answered our sending it",
)

open_channels = sa.Table(
    "open_channels",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("opened_at", Utc, nullable=False),
    comment="the channels that the gateway serves, so that the bot invites to no other",
)

link_codes = sa.Table(
    "link_codes",
    metadata,
    sa.Column("code_hash", sa.String(64), primary_key=True, comment="SHA-256 in hex; the code itself is kept nowhere"),
    sa.Column("customer_id", sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("from_channel", sa.String(32), nullable=False),
    sa.Column("to_channel", sa.String(32), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False, index=True),
    sa.Column("used_at", Utc),
)

webchat_sessions = sa.Table(
    "webchat_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("visitor", sa.String(64), nullable=False, comment="the external_id of a web chat identity"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False, index=True),
)

unread_webhooks = sa.Table(
    "unread_webhooks",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body_hash", sa.String(64), nullable=False, unique=True, comment="one row however often it is delivered"),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)


def unsent(table: sa.sql.expression.FromClause) -> sa.sql.expression.ColumnElement[bool]:
    """Outbound messages that are not finished. Spelled with literals, since SQLite uses a partial index only for the
    index's own words."""
    return sa.and_(
        table.c.direction == sa.literal_column("'out'"),
        table.c.state.in_([sa.literal_column("'queued'"), sa.literal_column("'sending'")]),
    )
