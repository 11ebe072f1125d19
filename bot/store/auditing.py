"""The audit log: who did what, and who looked at whose data. Rows are only ever added.

What is in it, as `what`:
    of customers' data   looked (opened a conversation), searched, exported
    of ownership         as ownership.py names the doings; moved (with a merge)
    of who they are      suspended, restored, merge_undone, link_code, labelled
    of the desk's doors  logged_in, login_refused, logged_out, session_ended, password_changed, totp_on, totp_off
    of the desk's order  agent_added, agent_changed, team_added, team_changed
    of what is stuck     turn_again, send_again, parked, restored (from a backup)

The detail holds ids, names of fields and codes: never a customer's words, never a secret.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.desk_tables import audit

ONE_LOOK = timedelta(minutes=15)
"""Opening the same conversation again within this time is one look."""


async def note(
    connection: AsyncConnection,
    who: str,
    what: str,
    *,
    now: datetime,
    conversation: Optional[str] = None,
    customer: Optional[str] = None,
    **detail: Any,
) -> None:
    """Add a row, in the transaction of what it tells of. `who`: an agent's id, or customer, bot, product, operator."""
    await connection.execute(
        sa.insert(audit).values(
            at=now, who=who, what=what, conversation_id=conversation, customer_id=customer, detail=detail
        )
    )


async def note_look(
    connection: AsyncConnection, who: str, conversation: str, *, customer: Optional[str], now: datetime
) -> None:
    """An agent has opened a conversation."""
    if not await _looked_lately(connection, who, conversation, now=now):
        await note(connection, who, "looked", conversation=conversation, customer=customer, now=now)


async def _looked_lately(connection: AsyncConnection, who: str, conversation: str, *, now: datetime) -> bool:
    """Whether this agent's look at this conversation is noted already."""
    found = await connection.execute(
        sa.select(audit.c.id)
        .where(
            audit.c.conversation_id == conversation,
            audit.c.who == who,
            audit.c.what == "looked",
            audit.c.at > now - ONE_LOOK,
        )
        .limit(1)
    )
    return found.first() is not None
