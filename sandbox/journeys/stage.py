"""What journeys are played on: one running product for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .desk import Desk
from .ledger import Ledger
from .play import Stage
from .shop import Shop
from .stack import ROOT
from .town import town
from .trackers import Trackers


@asynccontextmanager
async def running_stage(folder: Path) -> AsyncIterator[Stage]:
    """Everything running, with its databases in `folder`. Raises NotReady."""
    shop = Shop(folder / "shop.db") if (ROOT / "actions/shop.py").exists() else None
    if shop is not None:
        await shop.open()
    async with town(folder) as everybody:
        trackers, desk, ledger = (
            Trackers(everybody.stack.environment),
            Desk(everybody.stack),
            Ledger(everybody.stack.database),
        )
        try:
            yield Stage(town=everybody, ledger=ledger, desk=desk, trackers=trackers, shop=shop)
        finally:
            await desk.close()
            await trackers.close()
