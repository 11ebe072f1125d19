"""What stands between the vendors and the gateways, as a reverse proxy and the internet do: webhooks go to any gateway
that answers, and now and then one is delayed, doubled, or lost on the way there or back.

A vendor whose webhook was not answered delivers it again by its own rules, and so late, and where its rules are so,
after others of the same person. One that is doubled is at two gateways at the same time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from benchmarks.chaos.weather import Forecast

_LARGEST = 4 * 1024 * 1024
CHANCES = {"lost": 0.02, "answer lost": 0.04, "delayed": 0.08, "doubled": 0.08}
_LONGEST_DELAY = 1.5
_PATIENCE = aiohttp.ClientTimeout(total=30)
_PER_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Front:
    """`gateways`: their addresses."""

    def __init__(self, gateways: Sequence[str], http: aiohttp.ClientSession, dice: random.Random) -> None:
        self._gateways = list(gateways)
        self._http = http
        self._dice = dice
        self._forecast = Forecast(dice, CHANCES)
        self.url = ""
        self.statuses = Counter[int]()
        """What the vendors were answered."""
        self.acknowledged_within: list[float] = []
        """Seconds of a gateway's, each time that one took what it was brought."""

    @property
    def met(self) -> Counter[str]:
        """The trouble so far."""
        return self._forecast.met

    async def answer(self, request: web.Request) -> web.Response:
        body, trouble = await request.read(), self._forecast.next()
        if trouble == "lost":
            return _cut(request)
        if trouble == "delayed":
            await asyncio.sleep(self._dice.uniform(0, _LONGEST_DELAY))
        if trouble == "doubled":
            answer, _ = await asyncio.gather(self._pass(request, body), self._pass(request, body))
        else:
            answer = await self._pass(request, body)
        if trouble == "answer lost":
            return _cut(request)
        self.statuses[answer.status] += 1
        return answer

    async def _pass(self, request: web.Request, body: bytes) -> web.Response:
        """To the next gateway in turn; where nobody listens, to the one behind it. A request that may have arrived goes
        to no other one: whether it comes again, the vendor decides."""
        self._gateways.append(self._gateways.pop(0))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _PER_HOP}
        for gateway in list(self._gateways):
            began = time.perf_counter()
            try:
                async with self._http.request(
                    request.method, gateway + request.path_qs, data=body, headers=headers, timeout=_PATIENCE
                ) as answer:
                    said = await answer.read()
                    if answer.ok:
                        self.acknowledged_within.append(time.perf_counter() - began)
                    return web.Response(status=answer.status, body=said, content_type=answer.content_type)
            except aiohttp.ClientConnectorError:
                continue
            except (aiohttp.ClientError, TimeoutError, OSError):
                break
        return web.Response(status=502)


@asynccontextmanager
async def open_front(gateways: Sequence[str], dice: random.Random) -> AsyncIterator[Front]:
    """Listening on a free port of loopback."""
    async with aiohttp.ClientSession(trust_env=False) as http:
        front = Front(gateways, http, dice)
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", front.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            front.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield front
        finally:
            await runner.cleanup()


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
