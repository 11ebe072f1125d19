"""Two customers who turn out to be one, and who said each message"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("customers", sa.Column("merged_into", sa.String(length=32), nullable=True))
    op.add_column("identities", sa.Column("fresh_since", Utc(), nullable=True))
    op.add_column("messages", sa.Column("identity_id", _row_id, nullable=True))
    op.create_table(
        "merges",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("into_customer", sa.String(length=32), nullable=False),
        sa.Column("from_customer", sa.String(length=32), nullable=False),
        sa.Column("into_conversation", sa.String(length=64), nullable=False),
        sa.Column("from_conversation", sa.String(length=64), nullable=False),
        sa.Column("identities", sa.JSON(), nullable=False),
        sa.Column("message_id", _row_id, nullable=True),
        sa.Column("account", sa.String(length=255), nullable=True),
        sa.Column("merged_at", Utc(), nullable=False),
        sa.Column("undone_at", Utc(), nullable=True),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_merges_{column}_{table}")
            for column, table in (
                ("into_customer", "customers"),
                ("from_customer", "customers"),
                ("into_conversation", "conversations"),
                ("from_conversation", "conversations"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_merges"),
    )
    for column in ("from_customer", "into_conversation", "from_conversation"):
        op.create_index(f"ix_merges_{column}", "merges", [column])


def downgrade() -> None:
    op.drop_table("merges")
    with op.batch_alter_table("messages") as table:
        table.drop_column("identity_id")
    with op.batch_alter_table("identities") as table:
        table.drop_column("fresh_since")
    with op.batch_alter_table("customers") as table:
        table.drop_column("merged_into")
