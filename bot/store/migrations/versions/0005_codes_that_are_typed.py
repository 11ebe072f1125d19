"""Codes that are typed: wrong ones are counted, and those that prove an account"""

import sqlalchemy as sa
from alembic import op

from bot.store.tables import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("link_codes", sa.Column("identity_id", _row_id, nullable=True))
    op.create_table(
        "verifications",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("identity_id", _row_id, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=True),
        sa.Column("message_id", _row_id, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("expires_at", Utc(), nullable=False),
        sa.Column("used_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_verifications_identity_id_identities"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_verifications_message_id_messages"),
        sa.PrimaryKeyConstraint("id", name="pk_verifications"),
        sa.UniqueConstraint("message_id", name="uq_verifications_message_id"),
    )
    op.create_index("ix_verifications_identity", "verifications", ["identity_id", "created_at"])
    op.create_table(
        "wrong_codes",
        sa.Column("id", _row_id, nullable=False),
        sa.Column("identity_id", _row_id, nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_wrong_codes_identity_id_identities"),
        sa.PrimaryKeyConstraint("id", name="pk_wrong_codes"),
    )
    op.create_index("ix_wrong_codes_at", "wrong_codes", ["at"])
    op.create_index("ix_wrong_codes_identity", "wrong_codes", ["identity_id", "at"])


def downgrade() -> None:
    op.drop_table("wrong_codes")
    op.drop_table("verifications")
    with op.batch_alter_table("link_codes") as table:
        table.drop_column("identity_id")
