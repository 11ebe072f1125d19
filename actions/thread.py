"""What a customer was doing, from the form and its slots."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actions.shop import open_shop


@dataclass(frozen=True, kw_only=True)
class Thread:
    """How far the customer was: the end of a response's name, as in `utter_catch_up_return_item`, and its values."""

    kind: str = ""
    """Empty where no form is open, or one that there is no wording for."""
    values: dict[str, str] = field(default_factory=dict)


async def thread_of(form: str | None, slots: Mapping[str, Any], language: str) -> Thread:
    if form == "track_order_form":
        return Thread(kind="_track")
    if form != "return_form":
        return Thread()
    order, sku = slots.get("return_order"), slots.get("return_sku")
    if order is None:
        return Thread(kind="_return")
    product = await asyncio.to_thread(open_shop().product, sku) if sku else None
    if product is None:
        return Thread(kind="_return_order", values={"order": order})
    return Thread(kind="_return_item", values={"order": order, "item": product.short.in_language(language)})
