"""By what a snapshot is known to be as it was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("digest", sa.String(64)))


def downgrade() -> None:
    op.drop_column("snapshots", "digest")
