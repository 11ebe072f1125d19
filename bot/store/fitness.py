"""Whether a database is fit for this code: are its tables of the version that the code needs, and may we use them?

Both processes ask, so nothing here needs Alembic, which only the gateway's environment has.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.desk_tables import metadata

NEEDED = max(path.name.partition("_")[0] for path in Path(__file__).parent.glob("migrations/versions/[0-9]*.py"))
"""The newest migration that this code brings, such as `0013`. Texts of one length, so that they compare as numbers."""


class Unfit(Exception):
    """A sentence that says what is wrong with the database and what to do."""


async def version_of(connection: AsyncConnection) -> Optional[str]:
    """The migration that the database is at; None: it has no tables of ours."""
    if not await connection.run_sync(lambda sync: sa.inspect(sync).has_table("alembic_version")):
        return None
    found = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar()
    return None if found is None else str(found)


def is_behind(version: Optional[str]) -> bool:
    """Whether a migration is missing. A newer version than ours is none of our business: whoever migrates first takes
    away nothing that the code before still uses (docs/operating.md, "Migrations")."""
    return version is None or version < NEEDED


async def check_use(connection: AsyncConnection) -> None:
    """Raise Unfit unless the database's user may read and write all tables of ours that are there."""
    if connection.dialect.name != "postgresql":
        return
    user, schema = (await connection.execute(_WHO)).one()
    if schema is None:
        raise Unfit(
            f"the database user {user!r} may use no schema of its search_path. As its owner run: "
            f'GRANT USAGE ON SCHEMA public TO "{user}"'
        )
    tables = sorted(metadata.tables)
    lacking = [*await _rows(connection, _LACKING, tables), *await _rows(connection, _LACKING_SEQUENCES, tables)]
    if lacking:
        raise Unfit(
            f"the database user {user!r} lacks {_listed(lacking)}. As the tables' owner run: "
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO "{user}"; '
            f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO "{user}"'
        )


async def check_migrating(connection: AsyncConnection) -> None:
    """Raise Unfit unless the database's user may create tables and alter ours."""
    if connection.dialect.name != "postgresql":
        return
    user, schema = (await connection.execute(_WHO)).one()
    if schema is None or not (await connection.execute(_MAY_CREATE)).scalar_one():
        raise Unfit(
            f"the database user {user!r} lacks CREATE on the schema {schema or 'public'!r}, so it cannot make tables. "
            f'As its owner run: GRANT USAGE, CREATE ON SCHEMA {schema or "public"} TO "{user}"'
        )
    foreign = await _rows(connection, _OF_OTHERS, sorted(metadata.tables))
    if foreign:
        owners = sorted({owner for _, owner in foreign})
        raise Unfit(
            f"the database user {user!r} does not own {', '.join(table for table, _ in foreign)}, and only an owner "
            f"may alter tables. Run `throughline migrate` as {' or '.join(repr(owner) for owner in owners)}"
        )


_WHO = sa.text("SELECT current_user, current_schema()")
_MAY_CREATE = sa.text("SELECT has_schema_privilege(current_schema(), 'CREATE')")

# https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-ACCESS-TABLE
_OURS = "unnest(CAST(:tables AS text[])) AS name CROSS JOIN LATERAL (SELECT to_regclass(quote_ident(name)) AS id) AS t"
_LACKING = sa.text(
    f"SELECT name, wanted FROM {_OURS}"  # noqa: S608  # constants of this module
    " CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS w (wanted, place)"
    " WHERE t.id IS NOT NULL AND NOT has_table_privilege(t.id, wanted)"
    " UNION ALL SELECT 'alembic_version', 'SELECT' FROM to_regclass('alembic_version') AS v"
    " WHERE v IS NOT NULL AND NOT has_table_privilege(v, 'SELECT')"
)
# Numbers that the database hands out come from sequences, which have rights of their own.
_LACKING_SEQUENCES = sa.text(
    f"SELECT s.relname, 'USAGE' FROM {_OURS}"  # noqa: S608
    " JOIN pg_depend AS d ON d.refobjid = t.id AND d.deptype = 'a' JOIN pg_class AS s ON s.oid = d.objid"
    " WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END ORDER BY 1"
)
_OF_OTHERS = sa.text(
    f"SELECT name, pg_get_userbyid(c.relowner) FROM {_OURS} JOIN pg_class AS c ON c.oid = t.id"  # noqa: S608
    " WHERE NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1"
)


async def _rows(connection: AsyncConnection, statement: Any, tables: list[str]) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in await connection.execute(statement, {"tables": tables})]


def _listed(lacking: Iterable[tuple[str, str]]) -> str:
    """`INSERT, UPDATE on agents, messages, SELECT on events`: names that lack the same rights stand together."""
    of_each: dict[str, list[str]] = {}
    for name, right in lacking:
        of_each.setdefault(name, []).append(right)
    together: dict[str, list[str]] = {}
    for name, rights in of_each.items():
        together.setdefault(", ".join(rights), []).append(name)
    return ", ".join(f"{rights} on {', '.join(names)}" for rights, names in together.items())
