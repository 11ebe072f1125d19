"""What the agents' desk is told of a customer's orders."""

from __future__ import annotations

from actions.shop import Shop
from tests.actions.conftest import Message, Run


async def test_the_orders_of_an_account_the_newest_first(our_shop: Shop, run: Run) -> None:
    order = our_shop.order("1042")
    account = our_shop.account_of("1042")
    assert order is not None
    assert account is not None
    outcome = await run("action_orders_for_desk", Message(intent="none"), account=account.number)
    [told] = outcome.commands
    assert told["type"] == "orders"
    assert [one["number"] for one in told["orders"]] == [one.number for one in our_shop.orders_of(account.number)]
    days = [one["placed_at"] for one in told["orders"]]
    assert days == sorted(days, reverse=True)
    mine = next(one for one in told["orders"] if one["number"] == "1042")
    assert (mine["state"], mine["placed_at"]) == (order.status, order.placed_on.isoformat())
    assert [(item["name"], item["quantity"]) for item in mine["items"]] == [
        (item.product.name.en, item.quantity) for item in order.items
    ]


async def test_nobody_elses_orders_are_told(our_shop: Shop) -> None:
    accounts = {our_shop.account_of(number) for number in ("1042", "1050")}
    for account in accounts:
        assert account is not None
        for order in our_shop.orders_of(account.number):
            assert our_shop.account_of(order.number) == account


async def test_who_is_no_customer_has_none(our_shop: Shop) -> None:
    for number in ("", "None", "C-9999", "C-1", "1", "C-1001; --"):
        assert our_shop.orders_of(number) == ()
