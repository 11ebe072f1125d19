"""Doing what the assistant wants done to who is linked, verified or with people, in the commit of its turn.

Functions take a connection and never commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.logs import get_logger
from bot.core.stored import UNDO_WITHIN
from bot.core.turn import Command, Message
from bot.store.content import ways_to_json
from bot.store.handoffs import Wanted, begin, rate
from bot.store.merging import latest_merge, separate
from bot.store.people import unlink
from bot.store.preferences import prefer
from bot.store.queueing import put_in_queue
from bot.store.reaching import Place
from bot.store.suggestions import keep_suggestion
from bot.store.tables import identities
from bot.store.verifying import Asked, Asking, ask_for_code, may_go_to_linked

_log = get_logger()


@dataclass(frozen=True, kw_only=True)
class _Order:
    """A command, and whose message it came of."""

    command: Command
    message: Message
    identity: int
    language: str | None
    now: datetime

    @property
    def here(self) -> Place:
        return Place(identity=self.identity, channel=self.message.channel, address=self.message.address)


async def obey(
    connection: AsyncConnection, message: Message, command: Command, language: str | None, now: datetime
) -> None:
    """Last of all, when the turn itself is written: what it wrote may belong to somebody else after this. A group's
    message can want nothing done."""
    if message.identity is None:
        return
    order = _Order(command=command, message=message, identity=message.identity, language=language, now=now)
    await _DO[command.do](connection, order)


async def _unlink(connection: AsyncConnection, order: _Order) -> None:
    theirs = sa.select(identities.c.customer_id).where(identities.c.id == order.identity).scalar_subquery()
    found = await connection.execute(
        sa.select(identities.c.id).where(
            identities.c.customer_id == theirs, identities.c.channel == order.command.channel
        )
    )
    for one in found.scalars().all():
        await unlink(connection, one, order.now)


async def _undo_link(connection: AsyncConnection, order: _Order) -> None:
    merge = await latest_merge(connection, order.identity, since=order.now - UNDO_WITHIN)
    if merge is not None:
        await separate(connection, merge, by="customer", now=order.now)


async def _prefer(connection: AsyncConnection, order: _Order) -> None:
    if order.command.channel is not None:
        await prefer(connection, order.identity, order.command.channel, order.now)


async def _keep_suggestion(connection: AsyncConnection, order: _Order) -> None:
    account, state = order.command.account, order.command.state or ""
    if account is None or not await keep_suggestion(connection, order.identity, account, state, order.now):
        _log.warning("suggestion.not_kept", message=order.message.id)


async def _tell_ways(connection: AsyncConnection, order: _Order) -> None:
    """In a turn of its own, since only the database knows, and the assistant has to say it."""
    account = order.command.account
    linked = account is not None and await may_go_to_linked(connection, order.identity, account)
    await _put_behind(connection, order, ways_to_json(linked=linked))


async def _verify(connection: AsyncConnection, order: _Order) -> None:
    command, message = order.command, order.message
    if command.account is None:
        _log.warning("verify.no_account", message=message.id)
        return
    asking = Asking(
        message=message.id,
        identity=order.identity,
        conversation=message.conversation,
        language=order.language,
        trace=message.trace,
    )
    asked = Asked(
        account=command.account,
        address=command.address,
        about=command.order,
        by_linked_channel=command.via == "linked",
    )
    if not await ask_for_code(connection, asking, asked, order.now):
        _log.warning("verify.not_sent", message=message.id)


async def _ask_for_people(connection: AsyncConnection, order: _Order) -> None:
    """What the customer is told of it, is said in a turn of its own: only now it is known."""
    wanted = order.command.wanted or Wanted()
    news = await begin(connection, order.message.conversation, wanted, language=order.language, now=order.now)
    if news is not None:
        await _put_behind(connection, order, news)


async def _rate(connection: AsyncConnection, order: _Order) -> None:
    score = order.command.score
    if score is None or not await rate(connection, order.message.conversation, score, order.now):
        _log.warning("rating.not_kept", message=order.message.id)


async def _put_behind(connection: AsyncConnection, order: _Order, content: dict[str, object]) -> None:
    await put_in_queue(
        connection,
        order.message.conversation,
        content,
        answered_at=order.here,
        author="product",
        now=order.now,
        language=order.language,
        trace=order.message.trace,
    )


_DO: Mapping[str, Callable[[AsyncConnection, _Order], Awaitable[None]]] = {
    "unlink": _unlink,
    "undo_link": _undo_link,
    "prefer": _prefer,
    "suggestion": _keep_suggestion,
    "ways": _tell_ways,
    "verify": _verify,
    "handoff": _ask_for_people,
    "rate": _rate,
}
