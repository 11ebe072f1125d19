"""A database that has seen years: a million customers and ten million messages, made by PostgreSQL itself.

Messages of one customer lie far apart in the table, as they do where many write at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable, DropConstraint, DropIndex

from benchmarks.load.database import create, migrate
from bot.store.database import database_url
from bot.store.desk_tables import search_progress, search_terms
from bot.store.tables import messages, metadata

Progress = Callable[[str], None]

# Of customer N: external id and address N on Telegram, as benchmarks/load/traffic.py has it.
_CUSTOMERS = (
    """INSERT INTO customers (id, name, created_at)
    SELECT md5('customer' || n), 'Customer ' || n, now() - interval '400 days' FROM generate_series(1, :customers) n""",
    """INSERT INTO identities (channel, external_id, customer_id, address, assurance, linked_how, linked_at)
    SELECT 'telegram', n::text, md5('customer' || n), n::text, 'none', 'first_contact', now() - interval '400 days'
    FROM generate_series(1, :customers) n""",
    """INSERT INTO conversations (id, customer_id, owner, last_seq, inbound_seq, done_seq, epoch, created_at)
    SELECT md5('conversation' || n), md5('customer' || n), 'bot', :each, greatest(:each - 1, 0), greatest(:each - 1, 0),
        :each / 2, now() - interval '400 days'
    FROM generate_series(1, :customers) n""",
    """INSERT INTO events (conversation_id, seq, type, timestamp, data)
    SELECT md5('conversation' || n), seq, 'slot', 1700000000 + seq,
        '{"event": "slot", "timestamp": 1700000000, "name": "session_started_metadata", "value": null}'
    FROM generate_series(1, :customers) n, generate_series(1, 2) seq""",
)
_MESSAGES = """INSERT INTO messages (id, conversation_id, seq, direction, author, channel, address, content, language,
        dedupe_key, platform_id, cause_id, identity_id, state, attempts, due_at, created_at, finished_at)
    SELECT i, md5('conversation' || n), seq, CASE WHEN told THEN 'out' ELSE 'in' END,
        CASE WHEN told THEN 'bot' ELSE 'customer' END, 'telegram', n::text,
        json_build_object('type', 'text', 'text', 'parcel ' || i), 'en',
        CASE WHEN told THEN NULL ELSE 'telegram:old' || i END, i::text, CASE WHEN told THEN i - :customers END, n,
        CASE WHEN told THEN 'sent' ELSE 'done' END, CASE WHEN told THEN 1 ELSE 0 END, at, at, at
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) i,
        LATERAL (SELECT (i - 1) % :customers + 1 AS n, (i - 1) / :customers + 1 AS seq) placed,
        LATERAL (SELECT seq % 2 = 0 AS told, now() - interval '400 days' + i * interval '3 seconds' AS at) timed"""
_TERMS = """INSERT INTO search_terms (term, message_id)
    SELECT term, i FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) i,
        LATERAL (VALUES ('parcel'), (i::text)) words (term)"""
_STEP = 1_000_000


def name_of(customers: int, each: int) -> str:
    """Of the database with so many: another one for other tables."""
    tables = "".join(str(CreateTable(table)) for table in metadata.sorted_tables)
    return f"old_{customers}_{each}_{hashlib.sha256(tables.encode()).hexdigest()[:8]}"


async def old_database(server: str, *, customers: int, each: int, progress: Progress) -> str:
    """The address of a database on the server with so many customers and `each` messages of each, an even number; made
    if it is not there, which takes minutes."""
    name = name_of(customers, each)
    address = database_url(server).set(database=name).render_as_string(hide_password=False)
    if await _is_there(server, name):
        return address
    progress(f"making a database with {customers * each:,} messages of {customers:,} customers")
    await create(server, f"{name}_new")
    unfinished = database_url(server).set(database=f"{name}_new").render_as_string(hide_password=False)
    await migrate(unfinished)
    await _fill(unfinished, customers, each, progress)
    async with _commands(server) as connection:
        await connection.execute(sa.text(f"ALTER DATABASE {name}_new RENAME TO {name}"))
    return address


async def _is_there(server: str, name: str) -> bool:
    """What was left unfinished is dropped, and what other tables were made for."""
    async with _commands(server) as connection:
        found = await connection.execute(
            sa.text("SELECT datname FROM pg_database WHERE datname LIKE 'old!_%' ESCAPE '!'")
        )
        there = set(found.scalars())
        for other in there:
            if other != name and other.startswith(name.rpartition("_")[0]):
                await connection.execute(sa.text(f"DROP DATABASE {other}"))
        return name in there


async def _fill(url: str, customers: int, each: int, progress: Progress) -> None:
    async with _commands(url) as connection:
        # Millions of rows that fit together by the way they are made need not be looked up one by one.
        await connection.execute(sa.text("SET session_replication_role = replica"))
        await connection.execute(sa.text("SET maintenance_work_mem = '1GB'"))
        for statement in _CUSTOMERS:
            given = {"customers": customers, "each": each}
            wanted = {name: value for name, value in given.items() if f":{name}" in statement}
            await connection.execute(sa.text(statement), wanted)
        # Kept in order while the tables grow, they would take most of the time.
        for index in _indexes():
            await connection.execute(DropIndex(index))
        for promise in _promises():
            await connection.execute(DropConstraint(promise, isolate_from_table=False))
        for first in range(1, customers * each + 1, _STEP):
            last = min(first + _STEP - 1, customers * each)
            await connection.execute(sa.text(_MESSAGES), {"customers": customers, "first": first, "last": last})
            await connection.execute(sa.text(_TERMS), {"first": first, "last": last})
            progress(f"{last:,} messages")
        for promise in _promises():
            await connection.execute(AddConstraint(promise, isolate_from_table=False))
        for index in _indexes():
            await connection.execute(CreateIndex(index))
        # Or the gateway would begin with putting all of it into the index that the desk searches.
        await connection.execute(sa.insert(search_progress).values(id=1, message_id=customers * each))
        await connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('messages', 'id'), max(id)) FROM messages")
        )
        progress("VACUUM ANALYZE")
        await connection.execute(sa.text("VACUUM ANALYZE"))
        await connection.execute(sa.text("CHECKPOINT"))


def _indexes() -> list[sa.Index]:
    return [*messages.indexes, *search_terms.indexes]


def _promises() -> list[sa.Constraint]:
    unique = [constraint for constraint in messages.constraints if isinstance(constraint, sa.UniqueConstraint)]
    return [*unique, search_terms.primary_key]


@asynccontextmanager
async def _commands(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection on which every statement is by itself."""
    engine = create_async_engine(database_url(url), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
