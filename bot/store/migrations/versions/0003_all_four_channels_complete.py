"""What customers send, groups, ids that change, and buttons that are taken off"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("customers", sa.Column("account", sa.String(length=255), nullable=True))
    op.create_index("ix_customers_account", "customers", ["account"], unique=True)
    op.add_column("identities", sa.Column("known_as", sa.String(length=255), nullable=True))
    op.add_column("identities", sa.Column("blocked_at", Utc(), nullable=True))
    op.create_index("ix_identities_known_as", "identities", ["channel", "known_as"])
    op.add_column("messages", sa.Column("withdrawal", sa.String(length=8), nullable=True))
    op.create_index(
        "ix_messages_withdrawal",
        "messages",
        ["id"],
        sqlite_where=sa.text("withdrawal = 'due'"),
        postgresql_where=sa.text("withdrawal = 'due'"),
    )
    op.create_table(
        "audiences",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_audiences_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_audiences"),
        sa.UniqueConstraint("conversation_id", name="uq_audiences_conversation_id"),
        sa.UniqueConstraint("channel", "external_id", name="uq_audiences_channel_external_id"),
    )
    op.create_table(
        "sent_parts",
        sa.Column("message_id", _row_id, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("platform_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_sent_parts_message_id_messages"),
        sa.PrimaryKeyConstraint("message_id", "part", name="pk_sent_parts"),
    )
    op.create_index("ix_sent_parts_platform_id", "sent_parts", ["channel", "platform_id"])
    op.create_table(
        "media",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("message_id", _row_id, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Utc(), nullable=False),
        sa.Column("lease_until", Utc(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(length=100), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_media_message_id_messages"),
        sa.PrimaryKeyConstraint("id", name="pk_media"),
    )
    op.create_index("ix_media_message_id", "media", ["message_id"])
    op.create_index(
        "ix_media_waiting",
        "media",
        ["due_at"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_signing_keys"),
    )


def downgrade() -> None:
    for name in ("signing_keys", "media", "sent_parts", "audiences"):
        op.drop_table(name)
    op.drop_index("ix_messages_withdrawal", "messages")
    op.drop_index("ix_identities_known_as", "identities")
    op.drop_index("ix_customers_account", "customers")
    with op.batch_alter_table("messages") as table:
        table.drop_column("withdrawal")
    with op.batch_alter_table("identities") as table:
        table.drop_column("blocked_at")
        table.drop_column("known_as")
    with op.batch_alter_table("customers") as table:
        table.drop_column("account")
