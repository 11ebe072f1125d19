"""How long to leave one person alone after too many messages to them in a short time."""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED = 10_000
_LONGEST = 5


def pair_wait(refusals: int) -> float:
    """Seconds to wait after that many refusals in a row: 4^n, with n from 0, and no more than 17 minutes.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput#pair-rate-limits"""
    return float(4 ** min(max(refusals - 1, 0), _LONGEST))


class PairBackoff:
    """Counts the refusals in a row for each address. After a restart it counts anew: Meta then says so again."""

    def __init__(self) -> None:
        self._refusals: OrderedDict[str, int] = OrderedDict()

    def refused(self, address: str) -> float:
        """Count one more refusal; seconds to wait."""
        self._refusals[address] = self._refusals.pop(address, 0) + 1
        if len(self._refusals) > _REMEMBERED:
            self._refusals.popitem(last=False)
        return pair_wait(self._refusals[address])

    def taken(self, address: str) -> None:
        """A message was taken: the next refusal is a first one."""
        self._refusals.pop(address, None)
