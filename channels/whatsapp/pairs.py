"""How long to leave one person alone after too many messages to them in a short time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable
from typing import TypeVar

from channels.contract import SendError

from .errors import PairLimit

_REMEMBERED = 10_000
_LONGEST = 5

T = TypeVar("T")


def pair_wait(refusals: int) -> float:
    """Seconds to wait after that many refusals in a row: 4^n, with n from 0, and no more than 17 minutes.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput#pair-rate-limits"""
    return float(4 ** min(max(refusals - 1, 0), _LONGEST))


class PairBackoff:
    """Counts the refusals in a row for each address. After a restart it counts anew: Meta then says so again."""

    def __init__(self) -> None:
        self._refusals: OrderedDict[str, int] = OrderedDict()

    async def watch(self, address: str, call: Awaitable[T]) -> T:
        """Make a call to the address. A SendError of Meta's limit gets the time to wait."""
        try:
            result = await call
        except PairLimit as error:
            raise SendError(error.reason, retry_after=pair_wait(self._count(address))) from None
        self._refusals.pop(address, None)
        return result

    def _count(self, address: str) -> int:
        self._refusals[address] = self._refusals.pop(address, 0) + 1
        if len(self._refusals) > _REMEMBERED:
            self._refusals.popitem(last=False)
        return self._refusals[address]
