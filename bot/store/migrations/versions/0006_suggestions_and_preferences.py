"""What a telephone number suggests, and the channel that a customer prefers"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("customers", sa.Column("preferred_channel", sa.String(length=32), nullable=True))
    op.add_column("customers", sa.Column("preferred_at", Utc(), nullable=True))
    op.add_column("customers", sa.Column("preferred_by", _row_id, nullable=True))
    op.add_column("merges", sa.Column("preference", sa.JSON(), nullable=True))
    op.create_table(
        "suggestions",
        sa.Column("identity_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_suggestions_identity_id_identities"),
        sa.PrimaryKeyConstraint("identity_id", name="pk_suggestions"),
    )


def downgrade() -> None:
    op.drop_table("suggestions")
    with op.batch_alter_table("merges") as table:
        table.drop_column("preference")
    with op.batch_alter_table("customers") as table:
        table.drop_column("preferred_by")
        table.drop_column("preferred_at")
        table.drop_column("preferred_channel")
