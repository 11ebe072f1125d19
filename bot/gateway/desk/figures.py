"""A day's figures: of the stretches with people that began on it, by agent, team or channel; for a page and as CSV.

A day is the team's own, by its clock, unless a time zone is asked for.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.items import Json
from bot.store.desk_tables import agents, handoffs, teams
from bot.store.ownership import CLOSED
from bot.store.tables import messages

COLUMNS = (
    "key",
    "name",
    "handoffs",
    "answered",
    "first_answer_median_s",
    "first_answer_p90_s",
    "within_level",
    "handled_median_s",
    "closed",
    "returned",
    "rating_mean",
    "rated",
    "messages",
)
BY = ("agent", "team", "channel")

_WIDEST = timedelta(hours=15)
"""No zone is further from UTC."""
_LONGEST_STRETCH = timedelta(days=30)
_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet: https://owasp.org/www-community/attacks/CSV_Injection"""


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day on a wall: in `zone`, or where none was asked for in the team's own."""

    day: date
    zone: ZoneInfo | None = None

    def has(self, moment: datetime, hours: Mapping[str, Any] | None) -> bool:
        zone = self.zone or zone_named((hours or {}).get("timezone")) or ZoneInfo("UTC")
        return moment.astimezone(zone).date() == self.day

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Within which it lies, wherever."""
        noon = datetime.combine(self.day, time(12), ZoneInfo("UTC"))
        return noon - timedelta(hours=12) - _WIDEST, noon + timedelta(hours=12) + _WIDEST


def zone_named(name: Any) -> ZoneInfo | None:
    """None for what is no zone."""
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


async def read_figures(connection: AsyncConnection, day: Day, by: str) -> list[Json]:
    """One row for each agent, team or channel that had something to do, by name. Seconds are whole; shares from 0 to 1;
    what there is none of is None."""
    begun = [row for row in await _stretches(connection, day) if day.has(row.asked_at, row.hours)]
    said = [row for row in await _messages(connection, day) if day.has(row.created_at, row.hours)]
    names = await _names(connection, by)
    of_key = _KEYS[by]
    stretches, counts = defaultdict[str, list[Any]](list), defaultdict[str, int](int)
    for row in begun:
        stretches[of_key(row)].append(row)
    for row in said:
        counts[of_key(row)] += 1
    rows = [
        {"key": key, "name": names.get(key, key), **_figures(stretches[key]), "messages": counts[key]}
        for key in {*stretches, *counts}
    ]
    return sorted(rows, key=lambda row: (str(row["name"]), str(row["key"])))


def as_csv(rows: Sequence[Json]) -> str:
    """With a header, and nothing in it that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    return text.getvalue()


_CHANNEL = (
    sa.select(messages.c.channel)
    .where(
        messages.c.conversation_id == handoffs.c.conversation_id,
        messages.c.direction == "in",
        messages.c.author == "customer",
        messages.c.created_at <= handoffs.c.asked_at,
    )
    .order_by(messages.c.seq.desc())
    .limit(1)
    .correlate(handoffs)
    .scalar_subquery()
)


async def _stretches(connection: AsyncConnection, day: Day) -> Sequence[Any]:
    first, last = day.bounds
    found = await connection.execute(
        sa.select(handoffs, teams.c.hours, teams.c.answer_within, _CHANNEL.label("channel"))
        .outerjoin(teams, teams.c.id == handoffs.c.team_id)
        .where(handoffs.c.asked_at >= first, handoffs.c.asked_at < last)
    )
    return found.all()


async def _messages(connection: AsyncConnection, day: Day) -> Sequence[Any]:
    """What agents said, by way of the stretches in which they said it."""
    first, last = day.bounds
    found = await connection.execute(
        sa.select(messages.c.created_at, messages.c.agent_id, messages.c.channel, handoffs.c.team_id, teams.c.hours)
        .select_from(
            handoffs.join(
                messages,
                sa.and_(
                    messages.c.conversation_id == handoffs.c.conversation_id,
                    messages.c.created_at >= handoffs.c.asked_at,
                    sa.or_(handoffs.c.ended_at.is_(None), messages.c.created_at <= handoffs.c.ended_at),
                ),
            ).outerjoin(teams, teams.c.id == handoffs.c.team_id)
        )
        .where(
            handoffs.c.asked_at >= first - _LONGEST_STRETCH,
            handoffs.c.asked_at < last,
            sa.or_(handoffs.c.ended_at.is_(None), handoffs.c.ended_at >= first),
            messages.c.direction == "out",
            messages.c.author == "agent",
            messages.c.created_at >= first,
            messages.c.created_at < last,
        )
    )
    return found.all()


async def _names(connection: AsyncConnection, by: str) -> dict[str, str]:
    if by == "channel":
        return {}
    table = agents if by == "agent" else teams
    return {str(row.id): row.name for row in await connection.execute(sa.select(table.c.id, table.c.name))}


_KEYS: Mapping[str, Callable[[Any], str]] = {
    "agent": lambda row: row.agent_id or "",
    "team": lambda row: "" if row.team_id is None else str(row.team_id),
    "channel": lambda row: row.channel or "",
}


def _figures(rows: Sequence[Any]) -> Json:
    answered = [row for row in rows if row.answered_at]
    waits = sorted((row.answered_at - row.asked_at).total_seconds() for row in answered)
    handled = [(row.ended_at - row.taken_at).total_seconds() for row in rows if row.ended_at and row.taken_at]
    with_level = [row for row in answered if row.answer_within]
    in_time = [row for row in with_level if row.answered_at - row.asked_at <= timedelta(seconds=row.answer_within)]
    ratings = [row.rating for row in rows if row.rating is not None]
    return {
        "handoffs": len(rows),
        "answered": len(answered),
        "first_answer_median_s": round(median(waits)) if waits else None,
        "first_answer_p90_s": round(waits[math.ceil(0.9 * len(waits)) - 1]) if waits else None,
        "within_level": round(len(in_time) / len(with_level), 3) if with_level else None,
        "handled_median_s": round(median(handled)) if handled else None,
        "closed": sum(row.state == CLOSED for row in rows),
        "returned": sum(row.state == "returned" for row in rows),
        "rating_mean": round(fmean(ratings), 2) if ratings else None,
        "rated": len(ratings),
    }


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_RUNS) else value
