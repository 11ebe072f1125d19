"""A customer's orders, for the desk: asked of the action server, which alone knows the company's order system.

It is asked as Rasa asks it to run an action: https://legacy-docs-oss.rasa.com/docs/rasa/pages/action-server-api
The action `action_orders_for_desk` answers with one custom response, `{"type": "orders", "orders": [...]}`. A company
whose action server has no such action shows no orders.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.gateway.desk.items import Json
from channels.text import storable

log = structlog.get_logger()

ACTION = "action_orders_for_desk"

_WITHIN = ClientTimeout(total=2)
_MOST_ORDERS, _MOST_ITEMS = 20, 50
_LONGEST = 200
_LARGEST = 256 * 1024


class Orders:
    """`url`: the action server's webhook; None: there is none to ask."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._http: ClientSession | None = None

    async def of(self, account: str | None, language: str | None) -> list[Json]:
        """`[{number, state, placed_at, items: [{name, quantity}], total}]`; empty where they cannot be had now."""
        if self._url is None or account is None:
            return []
        self._http = self._http or ClientSession(timeout=_WITHIN)
        try:
            async with self._http.post(self._url, json=_asked(account, language)) as answer:
                if answer.status != 200:
                    log.warning("desk.no_orders", status=answer.status)
                    return []
                body = await answer.content.read(_LARGEST)
                return read_orders(json.loads(body))
        except (ClientError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("desk.no_orders", error=type(error).__name__)
            return []

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def read_orders(answer: Any) -> list[Json]:
    """The orders in the action server's answer, with nothing else of it. Pure."""
    responses = answer.get("responses") if isinstance(answer, Mapping) else None
    for response in responses if isinstance(responses, list) else ():
        custom = response.get("custom") if isinstance(response, Mapping) else None
        if isinstance(custom, Mapping) and custom.get("type") == "orders" and isinstance(custom.get("orders"), list):
            return [_order(order) for order in custom["orders"][:_MOST_ORDERS] if isinstance(order, Mapping)]
    return []


def _asked(account: str, language: str | None) -> Json:
    slots = {"account": account, "language": language}
    tracker = {"sender_id": "desk", "slots": slots, "latest_message": {}, "events": [], "active_loop": {}}
    return {"next_action": ACTION, "sender_id": "desk", "tracker": tracker, "domain": {}}


def _order(order: Mapping[str, Any]) -> Json:
    items = order.get("items")
    return {
        **{name: _text(order.get(name)) for name in ("number", "state", "placed_at", "total")},
        "items": [
            {"name": _text(item.get("name")), "quantity": _count(item.get("quantity"))}
            for item in (items if isinstance(items, list) else ())[:_MOST_ITEMS]
            if isinstance(item, Mapping)
        ],
    }


def _text(value: Any) -> str:
    return storable(str(value))[:_LONGEST] if isinstance(value, str | int | float) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6 else 1
