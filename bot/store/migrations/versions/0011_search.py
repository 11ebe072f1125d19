"""The index of all words, and how far agents have read"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_seen_agent_id_agents"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_seen_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("agent_id", "conversation_id", name="pk_seen"),
    )
    op.create_table(
        "search_terms",
        sa.Column("term", sa.String(length=64), nullable=False),
        sa.Column("message_id", _row_id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_search_terms_message_id_messages", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("term", "message_id", name="pk_search_terms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_terms_message_id", "search_terms", ["message_id"])
    op.create_table(
        "search_progress",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", _row_id, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_progress"),
    )


def downgrade() -> None:
    op.drop_table("search_progress")
    op.drop_table("search_terms")
    op.drop_table("seen")
