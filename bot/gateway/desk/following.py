"""Following a table by its rows' ids. Pure.

PostgreSQL gives out an id before the commit, so a lower one may become visible after a higher one. What was passed over
is looked for again for a while; most of it belongs to transactions that were rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

_LOOKED_FOR = timedelta(seconds=60)
"""Longer than any transaction takes."""
_MOST = 500


class Follower:
    """Which ids are new. Ask for `ahead`, in the ids' order, and tell what was found with `took`."""

    def __init__(self, after: int) -> None:
        self.newest = after
        self._passed: dict[int, datetime] = {}

    @property
    def complete_up_to(self) -> int:
        """Nothing up to here is still to come."""
        return min(self._passed, default=self.newest + 1) - 1

    def ahead(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """The condition for what was not taken yet."""
        return sa.or_(column > self.newest, column.in_(list(self._passed))) if self._passed else column > self.newest

    def took(self, ids: Sequence[int], now: datetime) -> None:
        """These were found, in order."""
        for id in ids:
            if id > self.newest:
                gap = range(max(self.newest + 1, id - _MOST), id)
                self._passed |= dict.fromkeys(gap, now)
                self.newest = id
            else:
                self._passed.pop(id, None)
        late = sorted(self._passed)[-_MOST:]
        self._passed = {id: self._passed[id] for id in late if self._passed[id] > now - _LOOKED_FOR}
