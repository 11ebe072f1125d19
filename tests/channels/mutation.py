"""What a platform would never send: a genuine webhook with something in it changed; and what holds all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
"""With lone surrogates too."""


def mutated(value: Any, data: st.DataObject) -> Any:
    """`value` with one thing in it changed or gone, somewhere."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)) < 9:
        key = data.draw(st.sampled_from(sorted(value)))
        without = {name: one for name, one in value.items() if name != key}
        return without if data.draw(st.integers(0, 9)) == 9 else without | {key: mutated(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 9)) < 8:
        return [mutated(value[0], data), *value[1:]]
    return data.draw(ANY_JSON)


def check_storable(found: Iterable[Any]) -> None:
    """Of the contract's values: PostgreSQL takes no NUL, and UTF-8 no lone surrogate."""
    for text in _strings([asdict(one) for one in found]):
        assert "\x00" not in text.encode("utf-8").decode()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)
