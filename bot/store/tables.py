"""The tables that the gateway and the core share, and nothing that is done with them.

Written for SQLAlchemy 1.4 (Rasa's process) and 2.1 (the gateway), SQLite 3.40 and PostgreSQL 15. The migrations create
them; a test holds the two against each other.
"""

from __future__ import annotations

import json
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


class _UnreadJson(sa.Text):
    """A column declared JSON, whose text SQLAlchemy leaves alone."""

    __visit_name__ = "JSON"


class EventJson(TypeDecorator):  # type: ignore[type-arg]
    """JSON. SQLite does not check that it is: what is none is read as None, so that one bad row does not hide all the
    others of its conversation."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(_UnreadJson() if dialect.name == "sqlite" else sa.JSON())

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return json.dumps(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        if dialect.name != "sqlite":
            return value
        try:
            return json.loads(value)
        except (ValueError, TypeError):
            return None


# SQLite numbers rows by itself only in a column declared INTEGER.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

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
    sa.Column("account", sa.String(255), comment="the company's own number of the customer, once they have signed in"),
    sa.Column("merged_into", sa.String(32), comment="who this customer turned out to be; see merges"),
    sa.Column("preferred_channel", sa.String(32), comment="where they would rather be written to"),
    sa.Column("preferred_at", Utc),
    sa.Column("preferred_by", RowId, comment="the identity that said so"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_customers_account", "account", unique=True),
)

sa.Index(
    "ix_customers_merged_into",
    customers.c.merged_into,
    sqlite_where=customers.c.merged_into.isnot(None),
    postgresql_where=customers.c.merged_into.isnot(None),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("external_id", sa.String(255), nullable=False),
    sa.Column("customer_id", sa.ForeignKey("customers.id"), nullable=False, index=True),
    sa.Column("address", sa.Text, nullable=False, comment="where this person was last heard on the channel"),
    sa.Column("assurance", sa.String(16), nullable=False, comment="see assurance.py"),
    sa.Column(
        "linked_how",
        sa.String(32),
        nullable=False,
        comment="first_contact, deep_link, short_code, email_code, jwt, unlinked, moved_in, suspended, restored",
    ),
    sa.Column("linked_at", Utc, nullable=False),
    sa.Column("known_as", sa.String(255), comment="another id that the platform has for the person"),
    sa.Column("blocked_at", Utc, comment="when the person blocked or removed the bot; empty: can be written to"),
    sa.Column("fresh_since", Utc, comment="when it was unlinked: nothing from before is shown there"),
    sa.UniqueConstraint("channel", "external_id"),
    sa.Index("ix_identities_known_as", "channel", "known_as"),
)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True, comment="Rasa's sender_id; minted here"),
    sa.Column(
        "customer_id",
        sa.ForeignKey("customers.id"),
        unique=True,
        comment="empty for a group's, and for one begun in Rasa's tools",
    ),
    sa.Column("owner", sa.String(64), nullable=False, comment="bot, queue or an agent's id; see ownership.py"),
    sa.Column("last_seq", sa.Integer, nullable=False, comment="number of the newest message, in or out"),
    sa.Column("inbound_seq", sa.Integer, nullable=False, comment="number of the newest inbound message"),
    sa.Column("done_seq", sa.Integer, nullable=False, comment="number of the newest inbound message that had its turn"),
    sa.Column("waiting_since", Utc, comment="when the oldest message without its turn is due; empty when none waits"),
    sa.Column("waiting_channel", sa.String(32), comment="where the message came from that waits"),
    sa.Column("unanswered_since", Utc, comment="since when the customer waits for what comes next; empty: for nothing"),
    sa.Column("comforted_seq", sa.Integer, comment="done_seq when the customer was last told that it takes a moment"),
    sa.Column("warned_seq", sa.Integer, comment="done_seq when the customer was last told that nothing works now"),
    sa.Column("claimed_by", sa.String(64)),
    sa.Column("epoch", sa.Integer, nullable=False, comment="grows with every claim; fences a worker that lost its own"),
    sa.Column("lease_until", Utc),
    sa.Column(
        "begun",
        sa.Integer,
        nullable=False,
        default=0,
        server_default="0",
        comment="how often its next turn was begun and neither ended nor given back; now included, while it is claimed",
    ),
    sa.Column("served_by", sa.String(64), comment="the worker that had it last, and may remember it"),
    sa.Column("created_at", Utc, nullable=False),
)
sa.Index(
    "ix_conversations_waiting",
    conversations.c.waiting_since,
    sqlite_where=conversations.c.waiting_since.isnot(None),
    postgresql_where=conversations.c.waiting_since.isnot(None),
)
sa.Index(
    "ix_conversations_waiting_channel",
    conversations.c.waiting_channel,
    conversations.c.waiting_since,
    sqlite_where=conversations.c.waiting_since.isnot(None),
    postgresql_where=conversations.c.waiting_since.isnot(None),
)
sa.Index(
    "ix_conversations_unanswered",
    conversations.c.unanswered_since,
    sqlite_where=conversations.c.unanswered_since.isnot(None),
    postgresql_where=conversations.c.unanswered_since.isnot(None),
)

audiences = sa.Table(
    "audiences",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("external_id", sa.String(255), nullable=False, comment="the platform's id of the group"),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False, unique=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.UniqueConstraint("channel", "external_id"),
    comment="groups in which the bot answers: nobody's conversation, and nothing of a customer's enters it",
)

merges = sa.Table(
    "merges",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("into_customer", sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("from_customer", sa.ForeignKey("customers.id"), nullable=False, index=True),
    sa.Column("into_conversation", sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("from_conversation", sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("identities", sa.JSON, nullable=False, comment="ids of the identities that came along"),
    sa.Column("message_id", RowId, comment="the message in whose turn the dialogues become one"),
    sa.Column("account", sa.String(255), comment="the company's number that came along"),
    sa.Column(
        "preference", sa.JSON(none_as_null=True), comment="of the one who was joined, as it was; see preferences.py"
    ),
    sa.Column("merged_at", Utc, nullable=False),
    sa.Column("undone_at", Utc),
    sa.Column("undone_by", sa.String(64), comment="customer, or an agent"),
    comment="two customers who turned out to be one, with all it takes to separate them again",
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("direction", sa.String(3), nullable=False, comment="in, out"),
    sa.Column("author", sa.String(16), nullable=False, comment="customer, bot, agent, product"),
    sa.Column("agent_id", sa.String(32), comment="who of them, where the author is an agent"),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("content", sa.JSON, nullable=False, comment="see content.py"),
    sa.Column("language", sa.String(35), comment="BCP 47; inbound: the app's hint; outbound: the conversation's"),
    sa.Column("dedupe_key", sa.String(320), unique=True, comment="inbound: channel and the platform's own key"),
    sa.Column("platform_id", sa.String(255)),
    sa.Column("cause_id", RowId, comment="outbound: the inbound message that it answers"),
    sa.Column("identity_id", RowId, comment="who said it, or was told; empty in a group"),
    sa.Column(
        "asks", sa.Text, comment="outbound: the slot that its options answer; once the form moves on they are stale"
    ),
    sa.Column(
        "state",
        sa.String(16),
        nullable=False,
        comment="in: waiting, done, failed, refused; out: queued, sending, sent, failed, uncertain",
    ),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("lease_until", Utc, comment="outbound: until when an attempt may take"),
    sa.Column("sent_by", sa.String(64), comment="outbound: the gateway that made the last attempt"),
    sa.Column("trace", sa.String(32), comment="one for all that one request brought about, in logs and here"),
    sa.Column("taken_at", Utc, comment="inbound: when the last attempt at its turn began"),
    sa.Column("parked", sa.String(8), comment="inbound: an operator gives it up, with an apology (sorry) or silently"),
    sa.Column("error", sa.Text, comment="why it failed, for people; never a secret or a customer's words"),
    sa.Column("delivered_at", Utc, comment="outbound: when it reached the phone, where the platform tells"),
    sa.Column("read_at", Utc, comment="outbound: when it was read, where the platform tells"),
    sa.Column("withdrawal", sa.String(8), comment="outbound: its buttons are to be taken off (due), or were (done)"),
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

sa.Index(
    "ix_messages_due",
    messages.c.due_at,
    messages.c.id,
    sqlite_where=sa.text("direction = 'out' AND state IN ('queued', 'sending')"),
    postgresql_where=sa.text("direction = 'out' AND state IN ('queued', 'sending')"),
)
sa.Index(
    "ix_messages_trouble",
    messages.c.id,
    sqlite_where=sa.text("state IN ('failed', 'uncertain')"),
    postgresql_where=sa.text("state IN ('failed', 'uncertain')"),
)
sa.Index(
    "ix_messages_heard",
    messages.c.identity_id,
    messages.c.id,
    sqlite_where=sa.text("direction = 'in' AND author = 'customer'"),
    postgresql_where=sa.text("direction = 'in' AND author = 'customer'"),
)
sa.Index(
    "ix_messages_withdrawal",
    messages.c.id,
    sqlite_where=sa.text("withdrawal = 'due'"),
    postgresql_where=sa.text("withdrawal = 'due'"),
)

sent_parts = sa.Table(
    "sent_parts",
    metadata,
    sa.Column("message_id", sa.ForeignKey("messages.id"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False, comment="1 is the second; see platform_id"),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("platform_id", sa.String(255), nullable=False),
    sa.Index("ix_sent_parts_platform_id", "channel", "platform_id"),
    comment="platform ids of a message's parts after the first",
)

media = sa.Table(
    "media",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True, comment="random"),
    sa.Column("message_id", sa.ForeignKey("messages.id"), nullable=False, index=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False, comment="picture, voice, audio, video, sticker, file"),
    sa.Column("ref", sa.Text, comment="what the channel needs to fetch it, maybe a secret; emptied once it is settled"),
    sa.Column("name", sa.Text, comment="what the customer calls it"),
    sa.Column("state", sa.String(16), nullable=False, comment="waiting, stored, refused, lost"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("lease_until", Utc, comment="until when an attempt may take"),
    sa.Column("error", sa.Text, comment="why it was refused or lost, for people"),
    sa.Column("sha256", sa.String(64), comment="its bytes stand under this name"),
    sa.Column("size", sa.BigInteger, comment="bytes"),
    sa.Column("type", sa.String(100), comment="MIME type by its content"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("settled_at", Utc),
)
sa.Index(
    "ix_media_waiting",
    media.c.due_at,
    sqlite_where=sa.text("state = 'waiting'"),
    postgresql_where=sa.text("state = 'waiting'"),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("purpose", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, comment="256 random bits in hex"),
    sa.Column("created_at", Utc, nullable=False),
    comment="made when first needed, so that every gateway signs alike",
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("timestamp", sa.Float(53), nullable=False, comment="seconds since 1970, as Rasa has it"),
    sa.Column("message_id", RowId, comment="the inbound message whose turn made it"),
    sa.Column("data", EventJson, nullable=False, comment="Rasa's event as Event.as_dict() gives it"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False, comment="the events from here on are the tail"),
    sa.Column("data", EventJson, nullable=False, comment="Rasa events that stand for all before the tail"),
    sa.Column("digest", sa.String(64), comment="SHA-256 in hex of both, by which they are known to be as written"),
)

unpublished = sa.Table(
    "unpublished",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column(
        "next_seq", sa.Integer, nullable=False, comment="number of the first event that the broker does not have"
    ),
    sa.Column("end_seq", sa.Integer, nullable=False, comment="number after the last of them"),
    sa.Column("due_at", Utc, nullable=False, index=True),
    sa.Column("claimed_by", sa.String(64), comment="the worker that publishes them now"),
    sa.Column("lease_until", Utc),
    comment="conversations with events that Rasa's event broker does not have; empty where none is configured",
)

early_receipts = sa.Table(
    "early_receipts",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("platform_id", sa.String(255), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, comment="delivered, read, failed, unshown"),
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
    sa.Column("identity_id", RowId, comment="to whom it was shown"),
    sa.Column("to_channel", sa.String(32), nullable=False, comment="`code` for one that is typed, on any channel"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False, index=True),
    sa.Column("used_at", Utc),
)

verifications = sa.Table(
    "verifications",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("identity_id", sa.ForeignKey("identities.id"), nullable=False, comment="who asked, and alone may answer"),
    sa.Column("account", sa.String(255), nullable=False, comment="the company's number of whom they say they are"),
    sa.Column(
        "about", sa.String(64), comment="the number of the order that it is about, for the words around the code"
    ),
    sa.Column("message_id", sa.ForeignKey("messages.id"), nullable=False, unique=True, comment="it brings the code"),
    sa.Column("code_hash", sa.String(64), comment="SHA-256 in hex; empty until the code is sent"),
    sa.Column("wrong", sa.Integer, nullable=False, comment="codes that were typed instead"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False),
    sa.Column("used_at", Utc),
    sa.Index("ix_verifications_identity", "identity_id", "created_at"),
    comment="one-time codes by which a person shows that an account of the company's is theirs",
)

suggestions = sa.Table(
    "suggestions",
    metadata,
    sa.Column("identity_id", sa.ForeignKey("identities.id"), primary_key=True, autoincrement=False),
    sa.Column("account", sa.String(255), nullable=False, comment="the company's customer who has the same number"),
    sa.Column("phone", sa.String(32), nullable=False, comment="E.164; with another number the answer counts no more"),
    sa.Column("state", sa.String(16), nullable=False, comment="offered, confirmed, declined"),
    sa.Column("at", Utc, nullable=False),
    comment="accounts that a telephone number suggested, each offered once; nobody is joined by one",
)

wrong_codes = sa.Table(
    "wrong_codes",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("identity_id", sa.ForeignKey("identities.id"), nullable=False),
    sa.Column("at", Utc, nullable=False, index=True),
    sa.Index("ix_wrong_codes_identity", "identity_id", "at"),
    comment="what was typed in a code's shape and was none; never what it was",
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
    sa.Column("id", RowId, primary_key=True),
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
    sa.Column("counts", sa.JSON(none_as_null=True), comment="what it has done since it started; see counting.py"),
)

gateways = sa.Table(
    "gateways",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("version", sa.String(32), nullable=False, comment="of the code"),
    sa.Column("settings", sa.JSON, nullable=False, comment="a fingerprint of each setting that all must share"),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("key", sa.String(320), primary_key=True, comment="whose limits: an account's, a recipient's, a peer's"),
    sa.Column("data", sa.JSON, nullable=False, comment="when calls began, in seconds since 1970; see pacing.py"),
    sa.Column("until", Utc, nullable=False, index=True, comment="when it can be forgotten"),
    comment="what all gateways together have used of a limit",
)


def unsent(table: sa.sql.expression.FromClause) -> sa.sql.expression.ColumnElement[bool]:
    """Outbound messages that are not finished. Spelled with literals, since SQLite uses a partial index only for the
    index's own words."""
    return sa.and_(
        table.c.direction == sa.literal_column("'out'"),
        table.c.state.in_([sa.literal_column("'queued'"), sa.literal_column("'sending'")]),
    )
