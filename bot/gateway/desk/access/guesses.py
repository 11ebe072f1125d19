"""Wrong passwords and codes: how many there were lately, and how long the next try has to wait.

Counted are the login that is tried, whether there is such a one or not, and the address that tries. So somebody who
guesses can make others wait who come from elsewhere for the first time, for a quarter of an hour at most after the
last guess. An agent's own browser, which was logged in before, is counted by itself and waits for nobody: see
https://cheatsheetseries.owasp.org/ and its "device cookies".

The counts are the rows `login_refused` of the audit log, so all gateways have the same, and supervisors see them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.auditing import note
from bot.store.desk_tables import audit

WITHIN = timedelta(hours=1)
FREE = {"login": 5, "peer": 20, "device": 10, "self": 5}
"""So many wrong ones in `WITHIN` cost no waiting: for a login, an address (an office shares one), a known browser, and
for an agent who is asked for the password again."""
FIRST_WAIT, LONGEST_WAIT = 5, 900
"""Seconds. It doubles with each."""


def key_of_login(login: str) -> str:
    """Not what was typed: people type passwords there."""
    return f"login:{hashlib.sha256(login.encode('utf-8', 'replace')).hexdigest()[:16]}"


def key_of(kind: str, whose: str) -> str:
    """`kind`: one of `FREE`."""
    return f"{kind}:{whose}"


async def seconds_to_wait(connection: AsyncConnection, keys: Sequence[str], now: datetime) -> int:
    """How long no more is tried for these keys; 0: try."""
    found = await connection.execute(
        sa.select(
            audit.c.who, sa.func.count().label("wrong"), sa.func.max(audit.c.at, type_=audit.c.at.type).label("last")
        )
        .where(audit.c.at > now - WITHIN, audit.c.what == "login_refused", audit.c.who.in_(keys))
        .group_by(audit.c.who)
    )
    return max((_wait(row.who, row.wrong, row.last, now) for row in found), default=0)


async def note_guess(connection: AsyncConnection, keys: Sequence[str], now: datetime, *, agent: str | None) -> None:
    """It was wrong. `agent`: whose login it was, if anybody's."""
    for key in keys:
        await note(connection, key, "login_refused", now=now, agent=agent)


def _wait(key: str, wrong: int, last: datetime, now: datetime) -> int:
    over = wrong - FREE[key.partition(":")[0]]
    if over < 0:
        return 0
    until = last + timedelta(seconds=min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 16)))
    return max(0, math.ceil((until - now).total_seconds()))
