"""Other desks: what they have been told, and what they are still to be told"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outside_stretches",
        sa.Column("handoff_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("over_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name="fk_outside_stretches_handoff_id_handoffs"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_outside_stretches_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("handoff_id", name="pk_outside_stretches"),
    )
    op.create_table(
        "outside_messages",
        sa.Column("message_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("handoff_id", _row_id, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("delivered_at", Utc(), nullable=True),
        sa.Column("read_at", Utc(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name="fk_outside_messages_handoff_id_handoffs"),
        sa.PrimaryKeyConstraint("message_id", name="pk_outside_messages"),
    )
    op.create_index("ix_outside_messages_handoff_id", "outside_messages", ["handoff_id"])
    op.create_table(
        "outside_events",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("receiver", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("handoff_id", _row_id, nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Utc(), nullable=False),
        sa.Column("lease_until", Utc(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name="fk_outside_events_handoff_id_handoffs"),
        sa.PrimaryKeyConstraint("id", name="pk_outside_events"),
        sa.UniqueConstraint("key", name="uq_outside_events_key"),
    )
    op.create_index("ix_outside_events_stream", "outside_events", ["receiver", "stream", "id"])
    op.create_table(
        "outside_conversations",
        sa.Column("handoff_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("remote_id", _row_id, nullable=False),
        sa.Column("contact_id", _row_id, nullable=False),
        sa.Column("changed_at", sa.Float(precision=53), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name="fk_outside_conversations_handoff_id_handoffs"),
        sa.PrimaryKeyConstraint("handoff_id", name="pk_outside_conversations"),
    )
    op.create_index("ix_outside_conversations_remote_id", "outside_conversations", ["remote_id"])


def downgrade() -> None:
    op.drop_table("outside_conversations")
    op.drop_table("outside_events")
    op.drop_table("outside_messages")
    op.drop_table("outside_stretches")
