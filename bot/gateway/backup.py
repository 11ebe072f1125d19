"""`throughline backup`: a SQLite database as it is at one moment, while everybody goes on writing to it.

PostgreSQL has its own: see docs/backup.md.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import database_url
from bot.store.fitness import NEEDED


def back_up(settings: Settings, file: Path) -> int:
    """Write a new file, whole and checked, that a gateway can be started with; returns its size in bytes. Raises
    CannotRun, with no file written."""
    url = database_url(settings.database_url)
    if not url.drivername.startswith("sqlite"):
        raise CannotRun("this is for SQLite. For PostgreSQL, `pg_dump --format=custom` does it: see docs/backup.md.")
    source = Path(str(url.database))
    if not source.is_file():
        raise CannotRun(f"there is no database {source}.")
    if file.exists():
        raise CannotRun(f"{file} exists, and a backup replaces nothing.")
    # Under its name when it is whole, even if the machine stops in the middle. The name of nobody else's file.
    half = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        _create(half)
        _copy(source, half)
        _check(half)
        _to_disk(half)
        half.rename(file)
        _to_disk(file.parent)
    except sqlite3.Error as error:
        raise CannotRun(f"the backup could not be made: {error}.") from None
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        for part in (half, *(half.with_name(f"{half.name}{more}") for more in ("-wal", "-shm", "-journal"))):
            part.unlink(missing_ok=True)
    return file.stat().st_size


def _create(path: Path) -> None:
    """For nobody else to read: it holds all that customers said."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _copy(source: Path, copy: Path) -> None:
    # In one step, as one reader: in WAL mode writers neither wait for it nor have it begin again.
    # https://www.sqlite.org/backup.html
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(copy)) as written,
    ):
        read.backup(written, pages=-1)
        # One file, and not a second one with half of its newest rows.
        written.execute("PRAGMA journal_mode=DELETE")


def _check(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise CannotRun(f"the backup is damaged, and so may be the database: {found}.")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise CannotRun("the backup has rows that refer to none, and so has the database.")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise CannotRun("this is no database of this product.")
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert version is None or version[0] <= NEEDED


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
