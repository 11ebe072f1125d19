"""The tables of the desk: who works there, what they have in hand, and what they have done."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store.tables import RowId, Utc, metadata

__all__ = [
    "agent_sessions",
    "agents",
    "audit",
    "handoffs",
    "labels",
    "metadata",
    "notes",
    "outside_conversations",
    "outside_events",
    "outside_messages",
    "outside_stretches",
    "saved_replies",
    "search_progress",
    "search_terms",
    "seen",
    "team_members",
    "teams",
]

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True, comment="random"),
    sa.Column("login", sa.String(255), nullable=False, unique=True, comment="in lower case"),
    sa.Column("name", sa.Text, nullable=False, comment="as customers and colleagues see it"),
    sa.Column("role", sa.String(16), nullable=False, comment="agent, supervisor, admin"),
    sa.Column("password_hash", sa.Text, comment="argon2id; empty for one who comes from another desk"),
    sa.Column("totp_secret", sa.String(64), comment="base32; empty: no second factor"),
    sa.Column("totp_last", RowId, comment="the time step of the last code: each is good once"),
    sa.Column("languages", sa.JSON, nullable=False, comment="BCP 47, those they write; empty: any"),
    sa.Column("topics", sa.JSON, nullable=False, comment="skills; empty: any"),
    sa.Column("capacity", sa.Integer, nullable=False, comment="conversations that are given to them at a time"),
    sa.Column("availability", sa.String(16), nullable=False, comment="available or away, as they say"),
    sa.Column("seen_at", Utc, comment="when a desk of theirs was last connected"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("disabled_at", Utc),
)

agent_sessions = sa.Table(
    "agent_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 in hex; the token is kept nowhere"),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), nullable=False, index=True),
    sa.Column("client", sa.Text, nullable=False, comment="browser and system, for the list of sessions"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),
    sa.Column("expires_at", Utc, nullable=False),
    comment="a session that is ended is deleted",
)

teams = sa.Table(
    "teams",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column(
        "topics", sa.JSON, nullable=False, comment="what is sent to this team; empty: whatever nobody else takes"
    ),
    sa.Column("hours", sa.JSON, nullable=False, comment="see hours.py"),
    sa.Column("answer_within", sa.Integer, nullable=False, comment="seconds: the service level of the first answer"),
    sa.Column("assignment", sa.String(16), nullable=False, comment="automatic, or pulled by the agents"),
    sa.Column("created_at", Utc, nullable=False),
)

team_members = sa.Table(
    "team_members",
    metadata,
    sa.Column("team_id", sa.ForeignKey("teams.id"), primary_key=True),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), primary_key=True),
)

handoffs = sa.Table(
    "handoffs",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("came_from", sa.String(64), comment="the conversation that it came along with when two became one"),
    sa.Column("state", sa.String(16), nullable=False, comment="queued, agent, snoozed; then returned or closed"),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), comment="who has it, or had it at the end"),
    sa.Column("team_id", sa.ForeignKey("teams.id"), comment="whose queue; empty: anybody's"),
    sa.Column("topic", sa.String(64)),
    sa.Column("language", sa.String(35)),
    sa.Column("priority", sa.Integer, nullable=False, comment="higher is taken first; 0 as a rule"),
    sa.Column("why", sa.String(32), nullable=False, comment="see ownership.py"),
    sa.Column("asked_at", Utc, nullable=False, comment="when it left the bot"),
    sa.Column("queued_at", Utc, nullable=False, comment="since when it waits or waited; one put back keeps its place"),
    sa.Column("taken_at", Utc, comment="when the agent who has it took it"),
    sa.Column("answered_at", Utc, comment="the first word of an agent"),
    sa.Column("snoozed_until", Utc),
    sa.Column("told_position", sa.Integer, comment="the place in the queue that the customer knows of"),
    sa.Column("told_at", Utc),
    sa.Column("left_message", sa.Boolean, nullable=False, comment="nobody was there, and the customer does not wait"),
    sa.Column("ended_at", Utc),
    sa.Column("reason", sa.String(64), comment="of closing"),
    sa.Column("rating", sa.Integer, comment="1 to 5, as the customer says afterwards"),
    sa.Column("rated_at", Utc),
    sa.Index("ix_handoffs_agent", "agent_id", "ended_at"),
    sa.Index("ix_handoffs_asked", "asked_at"),
    sa.Index("ix_handoffs_conversation", "conversation_id", "id"),
    comment="stretches of conversations with people; a conversation has one that is not ended at most",
)
sa.Index(
    "uq_handoffs_open",
    handoffs.c.conversation_id,
    unique=True,
    sqlite_where=sa.text("ended_at IS NULL"),
    postgresql_where=sa.text("ended_at IS NULL"),
)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("after_message", RowId, nullable=False, comment="its place in the transcript; 0: before all"),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("mentions", sa.JSON, nullable=False, comment="ids of agents"),
    sa.Column("whisper_to", sa.ForeignKey("agents.id"), comment="a supervisor's word to the agent alone"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_notes_conversation", "conversation_id", "id"),
    comment="what agents tell each other; customers never see it",
)

labels = sa.Table(
    "labels",
    metadata,
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("label", sa.String(64), primary_key=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_labels_label", "label"),
)

saved_replies = sa.Table(
    "saved_replies",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("shortcut", sa.String(64), nullable=False, comment="what is typed after a slash"),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("content", sa.JSON, nullable=False, comment="as content.py writes it, with placeholders in its texts"),
    sa.Column("intents", sa.JSON, nullable=False, comment="suggested for messages that were understood so"),
    sa.Column("agent_id", sa.ForeignKey("agents.id"), comment="whose own it is; empty: everybody's"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_saved_replies_shortcut", "shortcut"),
)

seen = sa.Table(
    "seen",
    metadata,
    sa.Column("agent_id", sa.ForeignKey("agents.id"), primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False, comment="number of the newest message that was before their eyes"),
    comment="how far agents have read",
)

search_terms = sa.Table(
    "search_terms",
    metadata,
    sa.Column("term", sa.String(64), primary_key=True, comment="see searching.py"),
    sa.Column(
        "message_id",
        sa.ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    ),
    comment="which words stand in which messages; goes with the message",
    sqlite_with_rowid=False,
)

search_progress = sa.Table(
    "search_progress",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("message_id", RowId, nullable=False, comment="messages up to this one are in search_terms"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", Utc, nullable=False, index=True),
    sa.Column("who", sa.String(64), nullable=False, comment="an agent's id, or customer, bot, product, operator"),
    sa.Column("what", sa.String(32), nullable=False, comment="see audit.py"),
    sa.Column("conversation_id", sa.String(64)),
    sa.Column("customer_id", sa.String(32)),
    sa.Column("detail", sa.JSON, nullable=False, comment="never a customer's words"),
    sa.Index("ix_audit_conversation", "conversation_id", "id"),
    comment="who did what, and who looked at whose data; nothing in it is changed",
)

outside_stretches = sa.Table(
    "outside_stretches",
    metadata,
    sa.Column("handoff_id", sa.ForeignKey("handoffs.id"), primary_key=True, autoincrement=False),
    sa.Column("stream", sa.String(64), nullable=False, comment="what is told of it is told in order within this"),
    sa.Column("conversation_id", sa.ForeignKey("conversations.id"), nullable=False, comment="as it was told"),
    sa.Column("state", sa.String(16), nullable=False, comment="queued or agent, as it was told"),
    sa.Column("agent_id", sa.String(32), comment="who has it, as it was told"),
    sa.Column("seq", sa.Integer, nullable=False, comment="number of the newest message that was looked at"),
    sa.Column("over_at", Utc, comment="when its end was told"),
    comment="how far other desks have been told of a stretch with people; goes some time after its end",
)

outside_messages = sa.Table(
    "outside_messages",
    metadata,
    sa.Column("message_id", RowId, primary_key=True, autoincrement=False),
    sa.Column("handoff_id", sa.ForeignKey("handoffs.id"), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False, comment="all of these as other desks were told"),
    sa.Column("delivered_at", Utc),
    sa.Column("read_at", Utc),
    sa.Column("content", sa.Text, nullable=False, comment="the JSON of the message's content, to see that it changed"),
    comment="messages whose later changes other desks are to be told of",
)

outside_events = sa.Table(
    "outside_events",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("key", sa.String(32), nullable=False, unique=True, comment="random; the same in every attempt"),
    sa.Column("receiver", sa.String(16), nullable=False, comment="webhook, chatwoot"),
    sa.Column("stream", sa.String(64), nullable=False, comment="told in order within it; see outside_stretches"),
    sa.Column("handoff_id", sa.ForeignKey("handoffs.id"), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("lease_until", Utc, comment="until when an attempt may take"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Index("ix_outside_events_stream", "receiver", "stream", "id"),
    comment="what other desks are still to be told; a row goes when it was taken",
)

outside_conversations = sa.Table(
    "outside_conversations",
    metadata,
    sa.Column("handoff_id", sa.ForeignKey("handoffs.id"), primary_key=True, autoincrement=False),
    sa.Column("remote_id", RowId, nullable=False, index=True, comment="Chatwoot's number of its conversation"),
    sa.Column("contact_id", RowId, nullable=False, comment="Chatwoot's number of the customer"),
    sa.Column("changed_at", sa.Float(53), comment="of the newest change there that was heard of, in its own seconds"),
    sa.Column("created_at", Utc, nullable=False),
    comment="which conversation at Chatwoot shows which stretch with people",
)
