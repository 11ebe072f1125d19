"""Other desks put together: what the settings name, its routes, and what is done beside answering requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.doings import Outcomes
from bot.gateway.desk.outside.api import DESK as WEBHOOK
from bot.gateway.desk.outside.api import OutsideApi
from bot.gateway.desk.outside.attendance import Attendance
from bot.gateway.desk.outside.chatwoot import DESK as CHATWOOT
from bot.gateway.desk.outside.chatwoot.api import ChatwootApi, Upload
from bot.gateway.desk.outside.chatwoot.hearing import Hearing
from bot.gateway.desk.outside.chatwoot.teller import Chatwoot
from bot.gateway.desk.outside.delivery import Deliveries, Receiver
from bot.gateway.desk.outside.signature import secret_bytes
from bot.gateway.desk.outside.telling import Telling
from bot.gateway.desk.outside.webhook import SignedWebhook
from bot.gateway.desk.pulse import Pulse
from bot.gateway.media.links import MediaLinks
from bot.gateway.media.vault import Vault
from bot.gateway.rounds import Rounds
from bot.gateway.settings import Settings
from bot.store.database import database_url, reading
from bot.store.tables import media
from bot.store.wake import open_wake
from channels.contract import Channel

_LINKS_LAST = timedelta(hours=1)


class OtherDesks:
    """Use `rounds` with the gateway's other work, add `routes`, and let `running` be around it. Where the settings name
    no other desk, there is nothing of all this."""

    def __init__(
        self,
        *,
        settings: Settings,
        engine: AsyncEngine,
        channels: Mapping[str, Channel],
        vault: Vault,
        links: MediaLinks,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._channels = channels
        self._vault = vault
        self._links = links
        self._clock = clock
        self._pulse = Pulse(lambda: open_wake(database_url(settings.database_url)))
        self._outcomes = Outcomes(engine=engine, pulse=self._pulse)
        self._chatwoot = self._chatwoot_api()
        self._receivers = dict(self._make_receivers())
        self._deliveries = Deliveries(engine=engine, receivers=self._receivers, clock=clock)
        self._attendance = Attendance(
            engine=engine, desks=list(self._receivers), takes=self._deliveries.takes, clock=clock
        )
        self._telling = Telling(engine=engine, receivers=list(self._receivers), clock=clock)

    def rounds(self) -> list[Rounds]:
        return [self._telling.rounds, self._deliveries.rounds] if self._receivers else []

    def routes(self) -> list[web.RouteDef]:
        # Chatwoot's first: the other paths have any word in that place.
        return [*self._chatwoot_routes(), *self._api_routes()]

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        for receiver in self._receivers.values():
            await receiver.start()
        await self._attendance.look()
        beside: list[Attendance | Telling] = [self._attendance, self._telling] if self._receivers else []
        working = [asyncio.create_task(one.run()) for one in beside]
        yield
        for one in beside:
            one.stop()
        await asyncio.gather(*working)
        await self._outcomes.close()
        await self._pulse.close()
        for receiver in self._receivers.values():
            await receiver.close()

    # --- What the settings name -------------------------------------------------------------------------------------

    def _make_receivers(self) -> Mapping[str, Receiver]:
        settings, receivers = self._settings, dict[str, Receiver]()
        if settings.desk_webhook_url and settings.desk_webhook_secret:
            key = secret_bytes(settings.desk_webhook_secret.get_secret_value())
            receivers[WEBHOOK] = SignedWebhook(
                url=settings.desk_webhook_url, key=key, address=self._address, clock=self._clock
            )
        if self._chatwoot is not None and settings.chatwoot_inbox_id is not None:
            receivers[CHATWOOT] = Chatwoot(
                engine=self._engine,
                api=self._chatwoot,
                inbox=settings.chatwoot_inbox_id,
                open_file=self._open_file,
                clock=self._clock,
            )
        return receivers

    def _chatwoot_api(self) -> ChatwootApi | None:
        settings = self._settings
        if settings.chatwoot_url is None or settings.chatwoot_account_id is None or settings.chatwoot_api_token is None:
            return None
        return ChatwootApi(
            url=settings.chatwoot_url,
            account=settings.chatwoot_account_id,
            token=settings.chatwoot_api_token.get_secret_value(),
        )

    def _chatwoot_routes(self) -> list[web.RouteDef]:
        settings, chatwoot = self._settings, self._chatwoot
        if chatwoot is None or settings.chatwoot_webhook_secret is None or settings.chatwoot_inbox_id is None:
            return []
        return Hearing(
            engine=self._engine,
            secret=settings.chatwoot_webhook_secret.get_secret_value(),
            inbox=settings.chatwoot_inbox_id,
            channels=self._channels,
            me=lambda: chatwoot.me,
            clock=self._clock,
        ).routes()

    def _api_routes(self) -> list[web.RouteDef]:
        if self._settings.desk_api_token is None:
            return []
        return OutsideApi(
            engine=self._engine,
            token=self._settings.desk_api_token.get_secret_value(),
            channels=self._channels,
            outcomes=self._outcomes,
            address=self._address,
            clock=self._clock,
        ).routes()

    # --- Customers' files -------------------------------------------------------------------------------------------

    async def _address(self, media_id: str) -> str:
        base = self._settings.public_url or f"http://127.0.0.1:{self._settings.port}"
        return base + await self._links.url(media_id, _LINKS_LAST)

    async def _open_file(self, media_id: str) -> Upload | None:
        kept = sa.select(media.c.sha256, media.c.type, media.c.name, media.c.kind).where(
            media.c.id == media_id, media.c.state == "stored"
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(kept)).one_or_none()
        if row is None:
            return None
        try:
            content = await self._vault.get(row.sha256)
        except FileNotFoundError:
            return None
        return Upload(content=content, name=row.name or row.kind, type=row.type)
