"""The page shows the shop that the bot talks about: the same products, names and prices."""

from __future__ import annotations

import re
from pathlib import Path

from actions.seed import PRODUCTS

STATIC = Path(__file__).resolve().parents[2] / "sandbox/static"


def test_the_page_and_the_shop_have_the_same_products() -> None:
    script = (STATIC / "shop.js").read_text(encoding="utf-8")
    shown = re.findall(r'\["([\w-]+)", "\w+", (\d+), "([^"]+)", "([^"]+)"\]', script)
    on_the_page = {sku: (name.replace("’", "'"), chinese, 100 * int(price)) for sku, price, name, chinese in shown}
    assert on_the_page == {sku: (entry[0], entry[1], entry[-1]) for sku, entry in PRODUCTS.items()}


def test_every_product_has_its_picture() -> None:
    assert {path.stem for path in (STATIC / "products").glob("*.png")} == set(PRODUCTS)
