"""The catalogue in the training data is the shop's."""

from __future__ import annotations

from actions.lookups import lookups
from actions.shop import Shop
from tests.actions.conftest import PROJECT


def test_the_lookup_tables_are_up_to_date(our_shop: Shop) -> None:
    """If this fails: `bot/core/.venv/bin/python -m actions.lookups > data/catalogue/shop.yml`, then train."""
    assert (PROJECT / "data" / "catalogue" / "shop.yml").read_text() == lookups(our_shop)


def test_names_are_there_in_traditional_characters_too(our_shop: Shop) -> None:
    assert {"    - 藍色水壺", "    - 蓝色水壶", "    - blue kettle"} <= set(lookups(our_shop).splitlines())
