"""Deep links by which a customer goes on with the conversation on another channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.customers import Person, recognise
from bot.gateway.linking import mint
from bot.store.database import reading, transaction
from bot.store.tables import conversations, messages
from channels.contract import Channel, Outbound, SendError


class Invitations:
    """Makes each link when it is shown, so that its code is nowhere kept and its ten minutes begin then."""

    def __init__(self, *, engine: AsyncEngine, channels: Mapping[str, Channel], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._channels = channels
        self._clock = clock

    async def for_message(self, message: Outbound) -> str:
        """The link that `message`, whose content has an `invite`, carries. Raises SendError."""
        async with reading(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(conversations.c.customer_id, messages.c.channel)
                    .join(conversations, conversations.c.id == messages.c.conversation_id)
                    .where(messages.c.id == message.id)
                )
            ).one()
        return await self._link(row.customer_id, from_channel=row.channel, to_channel=message.content.invite or "")

    async def for_visitor(self, visitor: str, to_channel: str) -> str:
        """The link for a visitor of the web chat, who may not have said anything yet. Raises SendError."""
        person = Person(channel="webchat", external_id=visitor, address=visitor)
        async with transaction(self._engine) as connection:
            known = await recognise(connection, person, self._clock())
        return await self._link(known.customer, from_channel="webchat", to_channel=to_channel)

    async def _link(self, customer: str, *, from_channel: str, to_channel: str) -> str:
        channel = self._channels.get(to_channel)
        if channel is None:
            raise SendError(f"there is no channel {to_channel} to go on with", permanent=True)
        async with transaction(self._engine) as connection:
            code = await mint(connection, customer, from_channel=from_channel, to_channel=to_channel, now=self._clock())
        metrics.links.labels(to_channel).inc()
        return await channel.deep_link(code)
