"""The desk: agents, teams, handoffs, and what stands around them"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("ended_at IS NULL")


_MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_customers_merged_into", "customers", ["merged_into"], sqlite_where=_MERGED, postgresql_where=_MERGED
    )
    op.add_column("messages", sa.Column("agent_id", sa.String(length=32), nullable=True))
    op.create_table(
        "agents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.String(length=64), nullable=True),
        sa.Column("totp_last", _row_id, nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("availability", sa.String(length=16), nullable=False),
        sa.Column("seen_at", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("disabled_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
        sa.UniqueConstraint("login", name="uq_agents_login"),
    )
    op.create_table(
        "agent_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_agent_sessions_agent_id_agents"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_agent_sessions"),
    )
    op.create_index("ix_agent_sessions_agent_id", "agent_sessions", ["agent_id"])
    op.create_table(
        "teams",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("answer_within", sa.Integer(), nullable=False),
        sa.Column("assignment", sa.String(length=16), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("name", name="uq_teams_name"),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_team_members_team_id_teams"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_team_members_agent_id_agents"),
        sa.PrimaryKeyConstraint("team_id", "agent_id", name="pk_team_members"),
    )
    op.create_table(
        "handoffs",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("came_from", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=True),
        sa.Column("team_id", _row_id, nullable=True),
        sa.Column("topic", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=32), nullable=False),
        sa.Column("asked_at", Utc(), nullable=False),
        sa.Column("queued_at", Utc(), nullable=False),
        sa.Column("taken_at", Utc(), nullable=True),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.Column("snoozed_until", Utc(), nullable=True),
        sa.Column("told_position", sa.Integer(), nullable=True),
        sa.Column("told_at", Utc(), nullable=True),
        sa.Column("left_message", sa.Boolean(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rated_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_handoffs_conversation_id_conversations"
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_handoffs_agent_id_agents"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_handoffs_team_id_teams"),
        sa.PrimaryKeyConstraint("id", name="pk_handoffs"),
    )
    op.create_index("ix_handoffs_agent", "handoffs", ["agent_id", "ended_at"])
    op.create_index("ix_handoffs_asked", "handoffs", ["asked_at"])
    op.create_index("ix_handoffs_conversation", "handoffs", ["conversation_id", "id"])
    op.create_index(
        "uq_handoffs_open", "handoffs", ["conversation_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_table(
        "notes",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("after_message", _row_id, nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mentions", sa.JSON(), nullable=False),
        sa.Column("whisper_to", sa.String(length=32), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_notes_conversation_id_conversations"
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_notes_agent_id_agents"),
        sa.ForeignKeyConstraint(["whisper_to"], ["agents.id"], name="fk_notes_whisper_to_agents"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_conversation", "notes", ["conversation_id", "id"])
    op.create_table(
        "labels",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_labels_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "label", name="pk_labels"),
    )
    op.create_index("ix_labels_label", "labels", ["label"])
    op.create_table(
        "saved_replies",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("shortcut", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("intents", sa.JSON(), nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_saved_replies_agent_id_agents"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_replies"),
    )
    op.create_index("ix_saved_replies_shortcut", "saved_replies", ["shortcut"])
    op.create_table(
        "audit",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_conversation", "audit", ["conversation_id", "id"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("saved_replies")
    op.drop_table("labels")
    op.drop_table("notes")
    op.drop_table("handoffs")
    op.drop_table("team_members")
    op.drop_table("teams")
    op.drop_table("agent_sessions")
    op.drop_table("agents")
    op.drop_column("messages", "agent_id")
    op.drop_index("ix_customers_merged_into", "customers")
