"""The shop: its orders, products, stock, stores, customers and returns.

This is the module that a company replaces by its own order system. The actions see nothing but `Shop`'s methods and
the dataclasses below; names come in every language the assistant speaks, money in cents of a Singapore dollar, days as
dates in the shop's time zone. The methods block for the length of a short query: call them from a thread.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine, event, select
from sqlalchemy.engine import Connection, Engine, Row, make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import Select

from actions import seed, tables

TIMEZONE = ZoneInfo("Asia/Singapore")
RETURN_WINDOW = timedelta(days=30)
ONLINE = "online"
EARTH_RADIUS_KM = 6371.0
DEFAULT_DATABASE_URL = "sqlite:///var/shop.db"
DEFAULT_SHOP_URL = "http://127.0.0.1:8081"
_ACCOUNT = re.compile(r"C-([0-9]{4,9})")


@dataclass(frozen=True, kw_only=True)
class Name:
    en: str
    zh: str

    def in_language(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, kw_only=True)
class Product:
    sku: str
    name: Name
    short: Name
    kind: str
    colour: str | None
    price_cents: int

    @property
    def picture(self) -> str:
        """Absolute: channels hand it to the vendor as it is."""
        return f"{os.environ.get('SHOP_URL', DEFAULT_SHOP_URL).rstrip('/')}/products/{self.sku}.png"


@dataclass(frozen=True, kw_only=True)
class OrderItem:
    product: Product
    quantity: int
    return_number: str | None
    """Set when the customer has already sent this item back."""

    @property
    def price_cents(self) -> int:
        return self.product.price_cents * self.quantity


@dataclass(frozen=True, kw_only=True)
class Order:
    number: str
    customer: str
    status: str
    """`processing`, `in_transit`, `delivered` or `cancelled`."""
    carrier: str
    placed_on: date
    expected_on: date
    delivered_on: date | None
    items: tuple[OrderItem, ...]

    @property
    def return_until(self) -> date | None:
        return self.delivered_on + RETURN_WINDOW if self.delivered_on else None

    @property
    def returnable(self) -> tuple[Product, ...]:
        """Items that nobody has sent back yet; whether it is too late is `return_problem`'s to say."""
        return tuple(item.product for item in self.items if item.return_number is None)

    def return_problem(self, today: date) -> str | None:
        """Why not: `was_cancelled`, `not_delivered`, `too_late` or `all_returned`; None when items can be returned."""
        if self.return_until is None:
            return "was_cancelled" if self.status == "cancelled" else "not_delivered"
        if today > self.return_until:
            return "too_late"
        return None if self.returnable else "all_returned"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who placed an order."""

    number: str
    """The shop's own number of the customer, which signing in on the website vouches for."""
    name: str
    email: str
    phone: str | None
    """E.164, such as `+6591234567`."""
    address: Name


@dataclass(frozen=True, kw_only=True)
class Place:
    latitude: float
    """Degrees, north is positive."""
    longitude: float
    """Degrees, east is positive."""

    def km_to(self, other: Place) -> float:
        """As the crow flies, on a sphere: https://en.wikipedia.org/wiki/Haversine_formula"""
        north, other_north = radians(self.latitude), radians(other.latitude)
        half_up = sin((other_north - north) / 2)
        half_along = sin(radians(other.longitude - self.longitude) / 2)
        return 2 * EARTH_RADIUS_KM * asin(sqrt(half_up**2 + cos(north) * cos(other_north) * half_along**2))


@dataclass(frozen=True, kw_only=True)
class Store:
    id: str
    name: Name
    address: Name
    place: Place | None
    hours: tuple[tuple[time, time] | None, ...]
    """Opening and closing time for Monday to Sunday; None on a day when it stays closed."""

    def hours_on(self, day: date) -> tuple[time, time] | None:
        return self.hours[day.weekday()]


@dataclass(frozen=True, kw_only=True)
class Stock:
    product: Product
    online: int
    stores: tuple[tuple[Store, int], ...]


@dataclass(frozen=True, kw_only=True)
class Reason:
    id: str
    name: Name


@dataclass(frozen=True, kw_only=True)
class Synonym:
    """What customers call a thing: `entity` and `value` as the assistant's understanding names them."""

    entity: str
    value: str
    words: str


@dataclass(frozen=True, kw_only=True)
class ReturnRequest:
    request_id: str
    """The same for the same wish however often it is sent: the shop registers it once."""
    order_number: str
    sku: str
    reason: str
    note: str | None
    resolution: str
    """`refund` or `exchange`."""
    method: str
    """`post` or `store`."""
    store: str | None


class AlreadyReturned(Exception):
    """Somebody has sent this item back already, with another request."""

    def __init__(self, return_number: str) -> None:
        super().__init__(f"already returned as {return_number}")
        self.return_number = return_number


class Shop:
    """A database of its own; created and filled with the demonstration's data when it is empty."""

    def __init__(self, url: str, now: Callable[[ZoneInfo], datetime] = datetime.now) -> None:
        self._engine = _connect(url)
        self._now = now
        with self._engine.begin() as connection:
            seed.fill(connection, self.today())

    def now(self) -> datetime:
        return self._now(TIMEZONE)

    def today(self) -> date:
        return self.now().date()

    def order(self, number: str) -> Order | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(tables.orders).where(tables.orders.c.number == number)).first()
            return _order(connection, row) if row else None

    def orders_of(self, account: str) -> tuple[Order, ...]:
        """All that the customer with this number has placed, the newest first; none where there is no such customer."""
        id = _ACCOUNT.fullmatch(account)
        if id is None:
            return ()
        orders = tables.orders
        theirs = select(orders).where(orders.c.customer_id == int(id[1]) - 1000)
        with self._engine.connect() as connection:
            rows = connection.execute(theirs.order_by(orders.c.placed_on.desc(), orders.c.number.desc())).all()
            return tuple(_order(connection, row) for row in rows)

    def account_of(self, number: str) -> Account | None:
        """The customer who placed this order; None where there is no such order."""
        orders, customers = tables.orders, tables.customers
        theirs = select(orders.c.customer_id).where(orders.c.number == number).scalar_subquery()
        with self._engine.connect() as connection:
            row = connection.execute(_accounts().where(customers.c.id == theirs)).first()
        return row and _account(row)

    def account_with(self, phone: str) -> Account | None:
        """The customer who has this number, in E.164; None where nobody has it, or more than one."""
        with self._engine.connect() as connection:
            rows = connection.execute(_accounts().where(tables.phones.c.number == phone)).all()
        return _account(rows[0]) if len(rows) == 1 else None

    def products(self) -> tuple[Product, ...]:
        with self._engine.connect() as connection:
            return tuple(_products(connection).values())

    def product(self, sku: str) -> Product | None:
        with self._engine.connect() as connection:
            return _products(connection).get(sku)

    def stores(self) -> tuple[Store, ...]:
        with self._engine.connect() as connection:
            return _stores(connection)

    def stock(self, sku: str) -> Stock | None:
        with self._engine.connect() as connection:
            product = _products(connection).get(sku)
            if product is None:
                return None
            held = tables.stock
            rows = connection.execute(select(held.c.place, held.c.quantity).where(held.c.sku == sku))
            quantities = {row.place: row.quantity for row in rows}
            stores = tuple((store, quantities.get(store.id, 0)) for store in _stores(connection))
            return Stock(product=product, online=quantities.get(ONLINE, 0), stores=stores)

    def reasons(self) -> tuple[Reason, ...]:
        """Why an item may come back, in the order in which they are offered."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.return_reasons).order_by(tables.return_reasons.c.position))
            return tuple(Reason(id=row.id, name=Name(en=row.name_en, zh=row.name_zh)) for row in rows)

    def synonyms(self) -> tuple[Synonym, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.synonyms).order_by(tables.synonyms.c.id))
            return tuple(Synonym(entity=row.entity, value=row.value, words=row.words) for row in rows)

    def register_return(self, request: ReturnRequest) -> str:
        """The return's number; the same request again gives the same number. Raises AlreadyReturned."""
        try:
            with self._engine.begin() as connection:
                row = tables.returns.insert().values(registered_at=self.now().isoformat(), **vars(request))
                return _return_number(connection.execute(row).inserted_primary_key[0])
        except IntegrityError:
            with self._engine.connect() as connection:
                return _registered(connection, request)


def open_shop() -> Shop:
    """The shop that `SHOP_DATABASE_URL` names; one for each process."""
    return _open(os.environ.get("SHOP_DATABASE_URL") or DEFAULT_DATABASE_URL)


@lru_cache(maxsize=1)
def _open(url: str) -> Shop:
    return Shop(url)


def _connect(url: str) -> Engine:
    database = make_url(url)
    if database.get_backend_name() != "sqlite":
        return create_engine(database, pool_pre_ping=True)
    if database.database:
        Path(database.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(database, connect_args={"timeout": 15})

    # pysqlite opens its transactions late and shared: two processes seeding at once would then collide.
    event.listen(engine, "connect", _own_transactions)
    event.listen(engine, "begin", _lock_first)
    return engine


def _own_transactions(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def _lock_first(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _order(connection: Connection, row: Row) -> Order:
    customer = tables.customers
    return Order(
        number=row.number,
        customer=connection.execute(select(customer.c.name).where(customer.c.id == row.customer_id)).scalar_one(),
        status=row.status,
        carrier=row.carrier,
        placed_on=row.placed_on,
        expected_on=row.expected_on,
        delivered_on=row.delivered_on,
        items=_items(connection, row.number),
    )


def _accounts() -> Select:
    customers, addresses, phones = tables.customers, tables.addresses, tables.phones
    return (
        select(customers, addresses.c.address_en, addresses.c.address_zh, phones.c.number)
        .join(addresses, addresses.c.customer_id == customers.c.id)
        .outerjoin(phones, phones.c.customer_id == customers.c.id)
    )


def _account(row: Row) -> Account:
    return Account(
        number=f"C-{1000 + row.id}",
        name=row.name,
        email=row.email,
        phone=row.number,
        address=Name(en=row.address_en, zh=row.address_zh),
    )


def _items(connection: Connection, number: str) -> tuple[OrderItem, ...]:
    products, items, returns = _products(connection), tables.order_items, tables.returns
    returned = {
        row.sku: _return_number(row.id)
        for row in connection.execute(select(returns.c.sku, returns.c.id).where(returns.c.order_number == number))
    }
    rows = connection.execute(select(items).where(items.c.order_number == number).order_by(items.c.position))
    return tuple(
        OrderItem(product=products[row.sku], quantity=row.quantity, return_number=returned.get(row.sku)) for row in rows
    )


def _products(connection: Connection) -> dict[str, Product]:
    rows = connection.execute(select(tables.products).order_by(tables.products.c.position))
    return {row.sku: _product(row) for row in rows}


def _product(row: Row) -> Product:
    return Product(
        sku=row.sku,
        name=Name(en=row.name_en, zh=row.name_zh),
        short=Name(en=row.short_en, zh=row.short_zh),
        kind=row.kind,
        colour=row.colour,
        price_cents=row.price_cents,
    )


def _stores(connection: Connection) -> tuple[Store, ...]:
    hours: dict[str, list[tuple[time, time] | None]] = {}
    for row in connection.execute(select(tables.opening_hours)):
        hours.setdefault(row.store, [None] * 7)[row.weekday] = (row.opens, row.closes)
    places = {
        row.store: Place(latitude=row.latitude, longitude=row.longitude)
        for row in connection.execute(select(tables.store_places))
    }
    rows = connection.execute(select(tables.stores).order_by(tables.stores.c.position))
    return tuple(
        Store(
            id=row.id,
            name=Name(en=row.name_en, zh=row.name_zh),
            address=Name(en=row.address_en, zh=row.address_zh),
            place=places.get(row.id),
            hours=tuple(hours.get(row.id, [None] * 7)),
        )
        for row in rows
    )


def _registered(connection: Connection, request: ReturnRequest) -> str:
    """What stood in the new return's way: the same request, or another one for the same item."""
    returns = tables.returns
    again = connection.execute(select(returns.c.id).where(returns.c.request_id == request.request_id)).scalar()
    if again is not None:
        return _return_number(again)
    item = (returns.c.order_number == request.order_number, returns.c.sku == request.sku)
    raise AlreadyReturned(_return_number(connection.execute(select(returns.c.id).where(*item)).scalar_one()))


def _return_number(id: int) -> str:
    return f"R{5000 + id}"
