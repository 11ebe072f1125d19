"""What Rasa's event broker does not have yet"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unpublished",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("end_seq", sa.Integer(), nullable=False),
        sa.Column("due_at", Utc(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_unpublished_conversation_id_conversations"
        ),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_unpublished"),
    )
    op.create_index("ix_unpublished_due_at", "unpublished", ["due_at"])


def downgrade() -> None:
    op.drop_table("unpublished")
