"""What a migration may do while gateways and workers of the version before go on: it adds.

A new column may be null or has a default of the database's; a new table is nobody's yet; an index is built while others
read and write. Each step may be repeated, since one that stands before an index cannot be undone with it.
`tests/store/test_migrations.py` holds every migration from 0013 on to this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

import sqlalchemy as sa
from alembic import op

_INVALID = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Unless it is there."""
    op.add_column(table, column, if_not_exists=True if _on_postgresql() else None)


def create_index(name: str, table: str, columns: list[str], where: Optional[str] = None) -> None:
    """Nobody waits while it is built. Ends the transaction that the migration is in."""
    conditions: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    with op.get_context().autocommit_block(), _waiting_as_long_as_it_takes():
        if _on_postgresql() and op.get_bind().execute(_INVALID, {"name": name}).first():
            op.drop_index(name, postgresql_concurrently=True)  # of an attempt that failed
        op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **conditions)


@contextmanager
def _waiting_as_long_as_it_takes() -> Iterator[None]:
    """Such an index waits for the transactions of others, and nobody waits for it meanwhile, as they would for whoever
    waits for a whole table."""
    if not _on_postgresql():
        yield
        return
    before = op.get_bind().execute(sa.text("SHOW lock_timeout")).scalar_one()
    op.execute("SET lock_timeout = 0")
    yield
    op.get_bind().execute(sa.text("SELECT set_config('lock_timeout', :before, false)"), {"before": before})


def _on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"
