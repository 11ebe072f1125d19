"""A customer's orders beside the conversation: asked of the action server as Rasa asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.orders import Orders, read_orders
from bot.store.database import transaction
from bot.store.tables import customers
from tests.database import Clock
from tests.gateway.desk.office import open_office

KETTLE = {
    "number": "1042",
    "state": "delivered",
    "placed_at": "2026-11-01",
    "items": [{"name": "Blue kettle", "quantity": 1}],
    "total": "S$89.00",
}


class ActionServer:
    """Answers as rasa-sdk does: 404 for an action that it does not have."""

    def __init__(self) -> None:
        self.asked = list[Any]()
        self.status = 200
        self.body: Any = {"events": [], "responses": [{"custom": {"type": "orders", "orders": [KETTLE]}}]}
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def actions() -> AsyncIterator[ActionServer]:
    actions, app = ActionServer(), web.Application()
    app.router.add_post("/webhook", actions.answer)
    server = TestServer(app)
    await server.start_server()
    actions.url = str(server.make_url("/webhook"))
    yield actions
    await server.close()


async def test_the_panel_shows_the_orders_of_whoever_has_shown_an_account(
    engine: AsyncEngine, clock: Clock, tmp_path: Path, actions: ActionServer
) -> None:
    async with open_office(engine, clock, tmp_path, action_endpoint_url=actions.url) as office:
        conversation = await office.asks_for_people("alice")
        maya = await office.comes("maya")
        path = f"/desk/api/conversations/{conversation}"
        assert (await maya.get(path))[1]["orders"] == []
        assert actions.asked == []
        async with transaction(engine) as connection:
            await connection.execute(sa.update(customers).values(account="C-1001"))
        assert (await maya.get(path))[1]["orders"] == [KETTLE]
    [asked] = actions.asked
    assert (asked["next_action"], asked["tracker"]["slots"]) == (
        "action_orders_for_desk",
        {"account": "C-1001", "language": "en"},
    )


async def test_without_an_answer_there_are_no_orders(actions: ActionServer) -> None:
    orders = Orders(actions.url)
    assert await orders.of("C-1001", "en") == [KETTLE]
    actions.status = 404
    assert await orders.of("C-1001", "en") == []
    await orders.close()
    for nowhere in (None, "http://127.0.0.1:9/webhook"):
        nobody = Orders(nowhere)
        assert await nobody.of("C-1001", "en") == []
        await nobody.close()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"responses": None},
        {"responses": [None, {"custom": None}, {"custom": {"type": "orders", "orders": {}}}]},
        {"responses": [{"custom": {"type": "orders", "orders": [None, "x"]}}]},
    ],
)
def test_an_answer_that_is_none_is_no_orders(answer: Any) -> None:
    assert read_orders(answer) == []


def test_an_order_is_told_with_what_it_has() -> None:
    odd = {"number": 7, "items": [None, {"name": ["x"], "quantity": -1}], "secret": "x", "total": "x" * 500}
    [order] = read_orders({"responses": [{"custom": {"type": "orders", "orders": [odd]}}]})
    items = [{"name": "", "quantity": 1}]
    assert order == {"number": "7", "state": "", "placed_at": "", "total": "x" * 200, "items": items}
