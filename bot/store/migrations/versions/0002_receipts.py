"""What platforms report of our messages, and which channels are open"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("delivered_at", Utc(), nullable=True))
    op.add_column("messages", sa.Column("read_at", Utc(), nullable=True))
    op.create_index("ix_messages_platform_id", "messages", ["channel", "platform_id"])
    op.create_table(
        "early_receipts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("platform_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_early_receipts"),
    )
    op.create_index("ix_early_receipts_message", "early_receipts", ["channel", "platform_id"])
    op.create_table(
        "open_channels",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("opened_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_open_channels"),
    )


def downgrade() -> None:
    op.drop_table("open_channels")
    op.drop_index("ix_early_receipts_message", "early_receipts")
    op.drop_table("early_receipts")
    op.drop_index("ix_messages_platform_id", "messages")
    with op.batch_alter_table("messages") as table:
        table.drop_column("read_at")
        table.drop_column("delivered_at")
