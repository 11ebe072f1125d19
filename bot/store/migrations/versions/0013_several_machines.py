"""Several machines: who lives, what waits where, one id from webhook to reply; indexes for large databases"""

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.beside import add_column, create_index
from bot.store.tables import Utc

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_WAITING = "waiting_since IS NOT NULL"
_UNANSWERED = "unanswered_since IS NOT NULL"
_HEARD = "direction = 'in' AND author = 'customer'"
_UNSENT = "direction = 'out' AND state IN ('queued', 'sending')"
_TROUBLE = "state IN ('failed', 'uncertain')"


def upgrade() -> None:
    add_column("conversations", sa.Column("waiting_channel", sa.String(length=32), nullable=True))
    add_column("conversations", sa.Column("unanswered_since", Utc(), nullable=True))
    add_column("conversations", sa.Column("comforted_seq", sa.Integer(), nullable=True))
    add_column("conversations", sa.Column("warned_seq", sa.Integer(), nullable=True))
    add_column("messages", sa.Column("sent_by", sa.String(length=64), nullable=True))
    add_column("messages", sa.Column("trace", sa.String(length=32), nullable=True))
    add_column("messages", sa.Column("taken_at", Utc(), nullable=True))
    add_column("messages", sa.Column("parked", sa.String(length=8), nullable=True))
    add_column("workers", sa.Column("counts", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "gateways",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateways"),
        if_not_exists=True,
    )
    op.create_table(
        "paces",
        sa.Column("key", sa.String(length=320), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("until", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_paces"),
        if_not_exists=True,
    )
    op.create_index("ix_paces_until", "paces", ["until"], if_not_exists=True)
    create_index("ix_conversations_waiting_channel", "conversations", ["waiting_channel", "waiting_since"], _WAITING)
    create_index("ix_conversations_unanswered", "conversations", ["unanswered_since"], _UNANSWERED)
    create_index("ix_messages_due", "messages", ["due_at", "id"], _UNSENT)
    create_index("ix_messages_trouble", "messages", ["id"], _TROUBLE)
    create_index("ix_messages_heard", "messages", ["identity_id", "id"], _HEARD)


def downgrade() -> None:
    op.drop_index("ix_messages_heard", table_name="messages")
    op.drop_index("ix_messages_due", table_name="messages")
    op.drop_index("ix_messages_trouble", table_name="messages")
    op.drop_index("ix_conversations_unanswered", table_name="conversations")
    op.drop_index("ix_conversations_waiting_channel", table_name="conversations")
    op.drop_table("paces")
    op.drop_table("gateways")
    op.drop_column("workers", "counts")
    for column in ("parked", "taken_at", "trace", "sent_by"):
        op.drop_column("messages", column)
    for column in ("warned_seq", "comforted_seq", "unanswered_since", "waiting_channel"):
        op.drop_column("conversations", column)
