"""The shop's database: seeded once, whoever comes first; returns registered once, however often they are sent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine

from actions import seed, tables
from actions.shop import AlreadyReturned, Order, Place, ReturnRequest, Shop

KETTLE = ReturnRequest(
    request_id="message-1",
    order_number="1042",
    sku="kettle-blue",
    reason="damaged",
    note=None,
    resolution="refund",
    method="store",
    store="tampines",
)


def order(shop: Shop, number: str) -> Order:
    found = shop.order(number)
    assert found is not None
    return found


def test_the_first_order_can_be_returned_from(our_shop: Shop) -> None:
    alices = order(our_shop, "1042")
    assert [item.product.sku for item in alices.items] == ["kettle-blue", "mug-set"]
    assert alices.return_problem(our_shop.today()) is None


@pytest.mark.parametrize(
    ("number", "problem"),
    [("1043", "not_delivered"), ("1044", "too_late"), ("1051", "was_cancelled"), ("1053", None)],
)
def test_why_an_order_cannot_be_returned(our_shop: Shop, number: str, problem: str | None) -> None:
    assert order(our_shop, number).return_problem(our_shop.today()) == problem


def test_the_last_day_of_the_window_still_counts(our_shop: Shop) -> None:
    bobs = order(our_shop, "1050")
    assert bobs.return_until is not None
    assert bobs.return_problem(bobs.return_until) is None
    assert bobs.return_problem(bobs.return_until + timedelta(days=1)) == "too_late"


def test_an_unknown_order_is_none(our_shop: Shop) -> None:
    assert our_shop.order("9999") is None


def test_the_same_request_twice_is_one_return(our_shop: Shop) -> None:
    number = our_shop.register_return(KETTLE)
    assert our_shop.register_return(KETTLE) == number
    returned = {item.product.sku: item.return_number for item in order(our_shop, "1042").items}
    assert returned == {"kettle-blue": number, "mug-set": None}


def test_an_item_is_returned_once(our_shop: Shop) -> None:
    number = our_shop.register_return(KETTLE)
    with pytest.raises(AlreadyReturned) as refused:
        our_shop.register_return(replace(KETTLE, request_id="message-2"))
    assert refused.value.return_number == number


def test_returns_have_numbers_of_their_own(our_shop: Shop) -> None:
    mugs = replace(KETTLE, request_id="message-2", sku="mug-set")
    assert our_shop.register_return(KETTLE) != our_shop.register_return(mugs)


def test_stock_is_one_view_of_all_places(our_shop: Shop) -> None:
    stock = our_shop.stock("kettle-red")
    assert stock is not None
    assert (stock.online, {store.id: count for store, count in stock.stores}) == (
        0,
        {"orchard": 2, "tampines": 0, "jurong-east": 0, "harbourfront": 1},
    )


def test_days_are_those_of_singapore(tmp_path: Path) -> None:
    def late_in_london(timezone: ZoneInfo) -> datetime:
        return datetime(2026, 11, 21, 20, 0, tzinfo=ZoneInfo("UTC")).astimezone(timezone)

    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}", now=late_in_london)
    assert shop.today().isoformat() == "2026-11-22"
    assert order(shop, "1045").placed_on.isoformat() == "2026-11-22"


def test_a_shop_opened_again_is_not_seeded_again(database: str) -> None:
    number = Shop(database).register_return(KETTLE)
    assert Shop(database).register_return(KETTLE) == number


def test_stores_that_are_older_than_their_places_get_them(database: str) -> None:
    with create_engine(database).begin() as connection:
        seed.fill(connection, date(2026, 11, 21))
        tables.store_places.drop(connection)
        connection.execute(tables.stores.delete().where(tables.stores.c.id == "orchard"))
    places = {store.id: store.place for store in Shop(database).stores()}
    assert places == {
        "tampines": Place(latitude=1.3525, longitude=103.945),
        "jurong-east": Place(latitude=1.3331, longitude=103.7436),
        "harbourfront": Place(latitude=1.2644, longitude=103.8222),
    }


def test_processes_that_start_at_once_seed_one_shop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    opening = f"from actions.shop import Shop; print(len(Shop({url!r}).products()))"
    processes = [
        subprocess.Popen([sys.executable, "-c", opening], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["12"] * 4


def test_pictures_are_absolute_addresses_in_the_shop(our_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "https://shop.example/")
    lamp = our_shop.product("lamp")
    assert lamp is not None
    assert lamp.picture == "https://shop.example/products/lamp.png"
