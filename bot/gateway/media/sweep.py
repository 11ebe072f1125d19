"""Throwing away files that belong to no message: a visitor chose them and never sent them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.vault import Vault
from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import media

log = structlog.get_logger()

KEPT_FOR = 24 * 3600.0
"""Seconds. Far longer than a handle to an upload is good for."""

_EVERY = 3600.0
_AT_ONCE = 200


class Sweeper:
    """`run` goes on until `stop`."""

    def __init__(self, *, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.sweep(time.time())
            except POSSIBLE as error:
                log.error("media.not_swept", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._stopping.wait(), _EVERY)
            except TimeoutError:
                continue

    def stop(self) -> None:
        self._stopping.set()

    async def sweep(self, now: float) -> int:
        """Throw away what is older than `KEPT_FOR` and nobody's; returns how many files. `now`: as `time.time`."""
        old = await asyncio.to_thread(self._vault.older_than, now - KEPT_FOR)
        gone = 0
        for start in range(0, len(old), _AT_ONCE):
            names = old[start : start + _AT_ONCE]
            wanted = await self._wanted(names)
            for name in names:
                if name not in wanted:
                    gone += await asyncio.to_thread(self._vault.discard, name, now - KEPT_FOR)
        if gone:
            log.info("media.swept", files=gone)
        return gone

    async def _wanted(self, names: Sequence[str]) -> set[str]:
        """Those that a message has, or is about to have."""
        found = sa.select(media.c.sha256, media.c.ref).where(
            sa.or_(media.c.sha256.in_(names), sa.and_(media.c.state == "waiting", media.c.ref.in_(names)))
        )
        async with reading(self._engine) as connection:
            return {name for row in await connection.execute(found) for name in row if name}
