"""Lists in statements, `column IN (…)`: each length is a statement of its own, to be built here and planned there. So
there are few lengths."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

T = TypeVar("T")


def padded(values: Collection[T]) -> list[T]:
    """The same values as a set, in a list whose length is a power of two; empty stays empty."""
    items = list(values)
    if not items:
        return items
    length = 1 << (len(items) - 1).bit_length()
    return items + items[-1:] * (length - len(items))
