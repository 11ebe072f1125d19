"""Moving in from stock Rasa: `throughline import-rasa`, or `python -m bot.core.move_in`.

Reads the table `events` of Rasa's SQLTrackerStore, which is never changed, and gives each person who came by one
channel a customer, an identity and a conversation with all those events. Their next message goes on where they were,
slots and open form included.

Each person is one transaction, so it can be ended and started again at any time. Whoever has not written here yet is
brought up to date by the next run; whoever has is left alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.claims import event_rows
from bot.core.turn import Json
from bot.core.unreadable import read_event
from bot.store.database import connect, database_url, reading, transaction
from bot.store.people import begin_customer
from bot.store.tables import conversations, events, identities, snapshots

_PROGRESS_EVERY = 200
_LONGEST_TYPE = 64
# An identity's external id, and what is shown of the numbers of bad rows.
_LONGEST_ID, _ROWS_SHOWN = 255, 50


class CannotMoveIn(Exception):
    """What is wrong and what to do; holds no password."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the people of one of our channels come from."""

    channel: str
    input_channel: str
    """Rasa's name of the connector by which they came."""
    user: re.Pattern[str]
    """Matches a whole sender id that tells who it is; its first group, else all of it, is the platform's user id."""

    def user_of(self, sender: str) -> str | None:
        """The platform's id of the person, if the sender id tells it."""
        found = self.user.fullmatch(sender)
        if found is None:
            return None
        user: str = found[1] if found.re.groups else found[0]
        return user if 0 < len(user) <= _LONGEST_ID else None


ORIGINS = {
    # Rasa's sender id is the chat's id: a person's own, or negative for a group.
    "telegram": ("telegram", r"\d+"),
    # Twilio writes numbers for WhatsApp so, and those of text messages without the prefix.
    "whatsapp": ("twilio", r"whatsapp:\+(\d+)"),
    # Teams' own id of a person, as the Bot Framework gives it.
    "teams": ("botframework", r"29:.+"),
}
"""For each channel the connector and the sender ids that stock Rasa has; others are given on the command line. Web chat
has none: a website's visitors have no lasting id there."""


@dataclass(kw_only=True)
class Report:
    """What became of everything that was found."""

    found: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """People, by the keys of `_OUTCOMES`."""
    events: int = 0
    bad: dict[int, str] = field(default_factory=dict)
    """Rows that were left out, by their `id`, and why."""


_OUTCOMES = {
    "moved": "moved in",
    "updated": "brought up to date: moved in before, and had not written here yet",
    "there": "moved in before, nothing new",
    "going_on": "moved in before and going on here: left alone",
    "begun": "have begun a conversation here already: left alone",
    "elsewhere": "came by another channel: left alone",
    "nobody": "have a sender id that does not tell who it is (a group, for instance): left alone",
    "empty": "have no event that can be read",
}


class OldStore:
    """The table of Rasa's SQLTrackerStore. Only read."""

    def __init__(self, url: str) -> None:
        """Raises CannotMoveIn."""
        self._engine = _open(url)
        self._events = sa.table("events", sa.column("id"), sa.column("sender_id"), sa.column("data"))

    def senders(self) -> list[str]:
        """Raises CannotMoveIn."""
        column = self._events.c.sender_id
        with self._reading() as connection:
            return [str(sender) for (sender,) in connection.execute(sa.select(column).distinct().order_by(column))]

    def rows(self, sender: str) -> list[tuple[int, Any]]:
        """(id, data) in the order in which Rasa itself reads them."""
        query = sa.select(self._events.c.id, self._events.c.data).where(self._events.c.sender_id == sender)
        with self._reading() as connection:
            return [(int(row.id), row.data) for row in connection.execute(query.order_by(self._events.c.id))]

    def close(self) -> None:
        self._engine.dispose()

    def _reading(self) -> Connection:
        try:
            return self._engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise CannotMoveIn(f"The database of the old bot does not answer ({type(error).__name__}).") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done; 1: it could not be; 130: ended by Ctrl-C."""
    chosen = _parser().parse_args(arguments)
    try:
        report = asyncio.run(_move_in(chosen))
    except CannotMoveIn as problem:
        print(f"throughline: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended. Everybody counted so far has moved in; the next run goes on.", file=sys.stderr)
        return 130
    print("\n".join(_lines(report, chosen.channel, dry=chosen.dry_run)))
    return 0


async def move_in(engine: AsyncEngine, old: OldStore, origin: Origin, *, dry: bool = False) -> Report:
    """Everybody of one channel. `dry`: only say what would become of them. Raises CannotMoveIn."""
    senders = old.senders()
    report = Report(found=len(senders))
    for number, sender in enumerate(senders, start=1):
        good, bad = _read(old.rows(sender))
        user = origin.user_of(sender)
        if not good:
            outcome = "empty"
        elif not _came_by(good, origin.input_channel):
            outcome, bad = "elsewhere", {}
        elif user is None:
            outcome, bad = "nobody", {}
        else:
            outcome = await _settle(engine, origin.channel, user, good, dry=dry)
        report.outcomes[outcome] += 1
        report.events += len(good) if outcome in ("moved", "updated") else 0
        report.bad.update(bad)
        if number % _PROGRESS_EVERY == 0:
            print(f"{number:,} of {len(senders):,} people", file=sys.stderr, flush=True)
    return report


def _read(rows: Iterable[tuple[int, Any]]) -> tuple[list[Json], dict[int, str]]:
    """The events that can be read; of the others, the rows' numbers and the reasons."""
    good: list[Json] = []
    bad: dict[int, str] = {}
    for number, text in rows:
        try:
            good.append(_event(text))
        except ValueError as reason:
            bad[number] = str(reason)
    return good, bad


def _event(text: Any) -> Json:
    """Raises ValueError with the reason, which holds nothing of the event."""
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("no JSON") from None
    read_event(data)
    timestamp = data.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, (int, float)) or len(data["event"]) > _LONGEST_TYPE:
        raise ValueError("no time or no type")
    event: Json = data
    return event


def _no_number(constant: str) -> Any:
    raise ValueError(constant)


def _came_by(good: Iterable[Json], input_channel: str) -> bool:
    return any(event["event"] == "user" and event.get("input_channel") == input_channel for event in good)


async def _settle(engine: AsyncEngine, channel: str, user: str, good: Sequence[Json], *, dry: bool) -> str:
    """Write one person's conversation, if that is due. What became of them."""
    if dry:
        async with reading(engine) as connection:
            return (await _standing(connection, channel, user, len(good)))[0]
    try:
        async with transaction(engine) as connection:
            outcome, conversation = await _standing(connection, channel, user, len(good))
            if outcome == "moved":
                conversation = await _welcome(connection, channel, user, good)
            if outcome == "updated":
                for table in (snapshots, events):
                    await connection.execute(sa.delete(table).where(table.c.conversation_id == conversation))
            if outcome in ("moved", "updated"):
                await _write(connection, str(conversation), good)
            return outcome
    except IntegrityError:
        return "begun"  # they wrote just now


async def _standing(connection: AsyncConnection, channel: str, user: str, count: int) -> tuple[str, str | None]:
    """What is due for a person of whom `count` events were found; and their conversation, if they have one here."""
    found = await connection.execute(
        sa.select(conversations.c.id, conversations.c.last_seq, identities.c.linked_how)
        .join(identities, identities.c.customer_id == conversations.c.customer_id)
        .where(identities.c.channel == channel, identities.c.external_id == user)
        .with_for_update(of=conversations)
    )
    row = found.first()
    if row is None:
        return "moved", None
    if row.linked_how != "moved_in":
        return "begun", None
    if row.last_seq:
        return "going_on", None
    theirs = sa.select(sa.func.count()).select_from(events).where(events.c.conversation_id == row.id)
    return ("updated" if (await connection.execute(theirs)).scalar_one() < count else "there"), row.id


async def _welcome(connection: AsyncConnection, channel: str, user: str, good: Sequence[Json]) -> str:
    customer, conversation = await begin_customer(connection, None, _moment(good[0]))
    heard = [event for event in good if event["event"] == "user"]
    await connection.execute(
        sa.insert(identities).values(
            channel=channel,
            external_id=user,
            customer_id=customer,
            address=user,
            assurance="none",
            linked_how="moved_in",
            linked_at=_moment(heard[-1]),
        )
    )
    return conversation


async def _write(connection: AsyncConnection, conversation: str, good: Sequence[Json]) -> None:
    await connection.execute(sa.insert(events), event_rows(conversation, 1, good, None))
    sessions = [seq for seq, event in enumerate(good, start=1) if event["event"] == "session_started"]
    if sessions:  # Rasa itself forgets all that came before, so nobody has to read it
        await connection.execute(sa.insert(snapshots).values(conversation_id=conversation, seq=sessions[-1], data=[]))


def _moment(event: Json) -> datetime:
    try:
        return datetime.fromtimestamp(event["timestamp"], timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.now(timezone.utc)


# --- From the command line --------------------------------------------------------------------------------------------


async def _move_in(chosen: argparse.Namespace) -> Report:
    url = chosen.url or os.environ.get("RASA_DATABASE_URL")
    if not url:
        raise CannotMoveIn("The old bot's database is not given: as an argument, or as RASA_DATABASE_URL.")
    origin = _origin(chosen)
    old = OldStore(url)
    engine = connect(database_url(), pool_size=1)
    try:
        await _require_tables(engine)
        return await move_in(engine, old, origin, dry=chosen.dry_run)
    finally:
        await engine.dispose()
        old.close()


def _origin(chosen: argparse.Namespace) -> Origin:
    input_channel, user = ORIGINS[chosen.channel]
    try:
        pattern = re.compile(chosen.user or user)
    except re.error as error:
        raise CannotMoveIn(f"--user is not a regular expression: {error}.") from None
    return Origin(channel=chosen.channel, input_channel=chosen.input_channel or input_channel, user=pattern)


async def _require_tables(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        there = await connection.run_sync(lambda sync: sa.inspect(sync).has_table(conversations.name))
    if not there:
        raise CannotMoveIn("The database that people move into has no tables yet: run `throughline migrate`.")


def _open(text: str) -> sa.engine.Engine:
    try:
        url = sa.engine.make_url(re.sub(r"^postgres://", "postgresql://", text))
        if url.get_backend_name() == "sqlite":
            url = _read_only(url.database or "")
        engine = sa.create_engine(url, hide_parameters=True)
        columns = {column["name"] for column in sa.inspect(engine).get_columns("events")}
    except sa.exc.ArgumentError:
        raise CannotMoveIn("This is not a database address, such as sqlite:///rasa.db.") from None
    except sa.exc.NoSuchTableError:
        columns = set()
    except ImportError as error:
        raise CannotMoveIn(f"For this kind of database, {error.name} has to be installed in bot/core/.venv.") from None
    except sa.exc.SQLAlchemyError as error:
        raise CannotMoveIn(f"The database of the old bot cannot be opened ({type(error).__name__}).") from None
    if not columns >= {"id", "sender_id", "data"}:
        raise CannotMoveIn("There is no table `events` of Rasa's SQLTrackerStore in this database.")
    return engine


def _read_only(path: str) -> sa.engine.URL:
    if not Path(path).is_file():
        raise CannotMoveIn(f"There is no file {path}.")
    return sa.engine.make_url(f"sqlite:///file:{Path(path).resolve().as_posix()}?mode=ro&uri=true")


def _lines(report: Report, channel: str, *, dry: bool) -> Iterator[str]:
    yield f"{report.found:,} sender ids were found in the old bot's database. For {channel}:"
    for key, words in _OUTCOMES.items():
        if report.outcomes[key]:
            yield f"  {report.outcomes[key]:6,} {words}"
    yield f"  {report.events:6,} events in all"
    if report.bad:
        yield f"{len(report.bad):,} rows cannot be read and are left out; in the old database they stay. Their `id`:"
        for reason, count in Counter(report.bad.values()).most_common():
            numbers = [number for number, why in report.bad.items() if why == reason]
            shown = ", ".join(map(str, numbers[:_ROWS_SHOWN])) + (", …" if count > _ROWS_SHOWN else "")
            yield f"  {reason}: {shown}"
    if dry:
        yield "Nothing was written: this was a dry run."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="throughline import-rasa", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("url", nargs="?", metavar="URL")
    parser.add_argument("--channel", required=True, choices=sorted(ORIGINS))
    parser.add_argument("--input-channel", metavar="NAME")
    parser.add_argument("--user", metavar="REGEX")
    parser.add_argument("--dry-run", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
