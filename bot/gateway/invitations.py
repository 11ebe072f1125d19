"""Deep links and codes by which a customer goes on with the conversation on another channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.codes import shown
from bot.gateway.customers import Person, recognise
from bot.gateway.linking import TYPED, mint
from bot.gateway.verification import with_code
from bot.store.database import reading, transaction
from bot.store.tables import conversations, messages
from bot.store.verifying import BRINGS_A_CODE
from channels.contract import Channel, Outbound, SendError


@dataclass(frozen=True)
class _Shown:
    """Whom a code is shown to."""

    customer: str
    identity: int | None
    channel: str


class Invitations:
    """Makes each link when it is shown, so that its code is nowhere kept and its ten minutes begin then."""

    def __init__(self, *, engine: AsyncEngine, channels: Mapping[str, Channel], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._channels = channels
        self._clock = clock

    async def for_message(self, message: Outbound) -> str:
        """The link that `message`, whose content has an `invite`, carries. Raises SendError."""
        row = await self._sent_by(message)
        to_channel = message.content.invite or ""
        if row.customer_id is None:
            return await self._channel(to_channel).deep_link(None)  # a group: whoever follows it is whoever they are
        return await self._link(_Shown(row.customer_id, row.identity_id, row.channel), to_channel)

    async def with_code(self, message: Outbound) -> Outbound:
        """The message with the code in its text, if it is to carry one. Raises SendError."""
        if message.content.invite == BRINGS_A_CODE:
            async with transaction(self._engine) as connection:
                return await with_code(connection, message, self._clock())
        if message.content.invite != TYPED:
            return message
        row = await self._sent_by(message)
        if row.customer_id is None:
            raise SendError("a code is shown to nobody where others read it", permanent=True)
        if row.channel == "webchat":
            return message  # what it shows is read from what is stored; the widget asks for the code when it shows it
        code = await self._code(_Shown(row.customer_id, row.identity_id, row.channel))
        text = "\n\n".join(filter(None, (message.content.text, f"`{code}`")))
        return replace(message, content=replace(message.content, text=text, invite=None))

    async def for_visitor(self, visitor: str, to_channel: str) -> str:
        """The link for a visitor of the web chat, who may not have said anything yet; the code itself, for one that is
        typed. Raises SendError."""
        person = Person(channel="webchat", external_id=visitor, address=visitor)
        async with transaction(self._engine) as connection:
            known = await recognise(connection, person, self._clock())
        if to_channel == TYPED:
            return await self._code(_Shown(known.customer, known.identity, "webchat"))
        return await self._link(_Shown(known.customer, known.identity, "webchat"), to_channel)

    async def _sent_by(self, message: Outbound) -> Any:
        """Whose message it is, and on which channel."""
        query = (
            sa.select(conversations.c.customer_id, messages.c.channel, messages.c.identity_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(messages.c.id == message.id)
        )
        async with reading(self._engine) as connection:
            return (await connection.execute(query)).one()

    async def _link(self, to: _Shown, to_channel: str) -> str:
        channel = self._channel(to_channel)
        return await channel.deep_link(await self._mint(to, to_channel))

    async def _code(self, to: _Shown) -> str:
        return shown(await self._mint(to, TYPED))

    async def _mint(self, to: _Shown, to_channel: str) -> str:
        async with transaction(self._engine) as connection:
            code = await mint(
                connection,
                to.customer,
                from_channel=to.channel,
                identity=to.identity,
                to_channel=to_channel,
                now=self._clock(),
            )
        metrics.links.labels(to_channel).inc()
        return code

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            raise SendError(f"there is no channel {name} to go on with", permanent=True)
        return channel
