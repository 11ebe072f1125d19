"""How often a turn was begun and never ended"""

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.beside import add_column

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_column("conversations", sa.Column("begun", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("conversations", "begun")
