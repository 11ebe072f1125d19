"""The desk's conversations put together: what runs as long as the gateway does, and the routes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from aiohttp import web

from bot.gateway.desk.access import Guard
from bot.gateway.desk.doings import Outcomes
from bot.gateway.desk.live import Live
from bot.gateway.desk.pulse import Pulse
from bot.gateway.desk.routes import Conversations
from bot.gateway.desk.sockets import Sockets
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.siblings import Siblings
from bot.store.wake import Wake


class Serving:
    """`close_sockets` when the gateway is about to stop, `close` when no request is under way any more."""

    def __init__(
        self, around: Surroundings, open_wake: Callable[[], Coroutine[None, None, Wake]], siblings: Siblings
    ) -> None:
        self._around = around
        self._pulse = Pulse(open_wake)
        self._live = Live(around, self._pulse, siblings)
        self._outcomes = Outcomes(engine=around.engine, pulse=self._pulse)
        self._sockets = Sockets(around, self._live)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        return Conversations(self._around, live=self._live, outcomes=self._outcomes, sockets=self._sockets).routes(
            guard
        )

    async def close_sockets(self) -> None:
        await self._sockets.close()

    async def close(self) -> None:
        await self._outcomes.close()
        await self._around.orders.close()
        await self._pulse.close()
