"""What journeys are played on: one running product for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
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
async def running_stage(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Stage]:
    """Everything running, with its databases in `folder`, where `settings` of the product's do not name another one.
    Raises NotReady."""
    shop = Shop(folder / "shop.db") if (ROOT / "actions/shop.py").exists() else None
    if shop is not None:
        await shop.open()
    async with town(folder, settings) as everybody:
        trackers, desk, ledger = (
            Trackers(everybody.stack.environment),
            Desk(everybody.stack),
            Ledger(everybody.stack.database_url),
        )
        try:
            yield Stage(town=everybody, ledger=ledger, desk=desk, trackers=trackers, shop=shop)
        finally:
            await ledger.close()
            await desk.close()
            await trackers.close()
