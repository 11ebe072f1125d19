"""What the gateway does beside answering requests, from its start to its end.

Each function here is one such stretch, as aiohttp's `cleanup_ctx` wants it: what stands before the `yield` is done at
the start, what stands behind it at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import structlog

from bot.gateway.beating import Beating
from bot.gateway.channels import announce
from bot.gateway.desk.outside.wiring import OtherDesks
from bot.gateway.desk.routing.router import Router
from bot.gateway.desk.searching import Indexer
from bot.gateway.media import handles
from bot.gateway.media.fetcher import Fetcher
from bot.gateway.media.sweep import Sweeper
from bot.gateway.parts import Parts
from bot.gateway.retention import Retention
from bot.gateway.rounds import Watch
from bot.gateway.sender import Fill, Sender
from bot.gateway.starting import only_gateway, prepare
from bot.gateway.takeover import Takeover
from bot.gateway.withdrawals import Withdrawals
from bot.store.database import database_url, transaction
from bot.store.lives import lives_of
from bot.store.wake import About, open_wake
from channels.contract import Channel, Outbound

log = structlog.get_logger()


class Running(Protocol):
    """Goes on until it is stopped."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


async def with_database(parts: Parts) -> AsyncIterator[None]:
    """Fit for use, and its time known."""
    with only_gateway(parts.engine.url):
        await prepare(parts.engine)
        await parts.of_database.tune()
        tuning = asyncio.create_task(parts.of_database.keep_tuned())
        async with transaction(parts.engine) as connection:
            await announce(connection, parts.channels, parts.clock())
        yield
        tuning.cancel()
        await parts.engine.dispose()


async def among_gateways(parts: Parts) -> AsyncIterator[None]:
    """Known to the others, with its settings."""
    beating = Beating(engine=parts.engine, name=parts.name, settings=parts.settings, clock=parts.clock)
    await beating.begin()
    running = asyncio.create_task(beating.run())
    yield
    beating.stop()
    await running
    await beating.end()


async def started(channel: Channel) -> AsyncIterator[None]:
    """In touch with its platform."""
    await channel.start()
    yield
    await channel.close()


async def closed(close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Nothing at the start; closed at the end."""
    yield
    await close()


async def running(*every: Running) -> AsyncIterator[None]:
    """All of them at work."""
    working = [asyncio.create_task(one.run()) for one in every]
    yield
    for one in every:
        one.stop()
    await asyncio.gather(*working)


async def working(parts: Parts, others: OtherDesks) -> AsyncIterator[None]:
    """Sending, fetching, routing: what waits in the database is done."""
    url = database_url(parts.settings.database_url)
    shared: Any = {"engine": parts.engine, "channels": parts.channels, "clock": parts.clock}
    sender = Sender(**shared, fill=_filler(parts), traces=parts.traces, name=parts.name)
    lives = lives_of(url, parts.name)
    takeover = Takeover(**shared, lives=lives, name=parts.name, claimed=lambda: sender.claimed)
    await takeover.look()  # of this very machine, as it may be, before it was started anew
    wake = await open_wake(url, About.WORK)
    indexer = Indexer(engine=parts.engine, clock=parts.clock)
    every = [
        Fetcher(vault=parts.vault, **shared).rounds,
        Withdrawals(**shared).rounds,
        sender.rounds,
        Router(engine=parts.engine, clock=parts.clock).rounds,
        indexer.rounds,
        *others.rounds(),
    ]
    watch = Watch(every, engine=parts.engine, wake=wake, clock=parts.clock)
    slow: list[Running] = [Sweeper(engine=parts.engine, vault=parts.vault)]
    if (days := parts.settings.keep_messages_days) is not None:
        slow.append(Retention(engine=parts.engine, days=days, clock=parts.clock))
    tasks = [asyncio.create_task(one.run()) for one in (watch, *slow)]
    taking_over = asyncio.create_task(takeover.run())
    log.info("gateway.started", port=parts.settings.port, channels=sorted(parts.channels))
    yield
    watch.stop()
    indexer.stop()
    for one in slow:
        one.stop()
    await asyncio.gather(*tasks)
    # Last of all: as long as anything is sent, this gateway lives.
    takeover.stop()
    await taking_over
    await lives.close()
    await parts.traces.close()
    await wake.close()


def _filler(parts: Parts) -> Fill:
    """What is put into a message only when it is sent: codes and addresses that are kept nowhere."""

    async def fill(message: Outbound) -> Outbound:
        message = await parts.invitations.with_code(message)
        return replace(message, content=await handles.resolve_all(message.content, parts.sent_file_url))

    return fill
