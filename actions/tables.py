"""The tables of the shop's own database; the product's conversations live elsewhere."""

from sqlalchemy import Column, Date, Float, ForeignKey, Integer, MetaData, String, Table, Text, Time, UniqueConstraint

metadata = MetaData()

customers = Table(
    "customers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("email", String(120), nullable=False, unique=True),
)

addresses = Table(
    "addresses",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("address_en", String(200), nullable=False),
    Column("address_zh", String(200), nullable=False),
)

phones = Table(
    "phones",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("number", String(20), nullable=False, index=True),  # E.164; several customers may share one
)

products = Table(
    "products",
    metadata,
    Column("sku", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name_en", String(80), nullable=False),
    Column("name_zh", String(80), nullable=False),
    Column("short_en", String(80), nullable=False),
    Column("short_zh", String(80), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("colour", String(40)),
    Column("price_cents", Integer, nullable=False),
)

stores = Table(
    "stores",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name_en", String(80), nullable=False),
    Column("name_zh", String(80), nullable=False),
    Column("address_en", String(200), nullable=False),
    Column("address_zh", String(200), nullable=False),
)

store_places = Table(
    "store_places",
    metadata,
    Column("store", ForeignKey("stores.id"), primary_key=True),
    Column("latitude", Float, nullable=False),  # degrees, north is positive
    Column("longitude", Float, nullable=False),  # degrees, east is positive
)

opening_hours = Table(
    "opening_hours",
    metadata,
    Column("store", ForeignKey("stores.id"), primary_key=True),
    Column("weekday", Integer, primary_key=True),  # Monday is 0
    Column("opens", Time, nullable=False),
    Column("closes", Time, nullable=False),
)

stock = Table(
    "stock",
    metadata,
    Column("sku", ForeignKey("products.sku"), primary_key=True),
    Column("place", String(40), primary_key=True),  # a store's id, or "online"
    Column("quantity", Integer, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("number", String(8), primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("status", String(20), nullable=False),
    Column("carrier", String(40), nullable=False),
    Column("placed_on", Date, nullable=False),
    Column("expected_on", Date, nullable=False),
    Column("delivered_on", Date),
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_number", ForeignKey("orders.number"), primary_key=True),
    Column("sku", ForeignKey("products.sku"), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
)

return_reasons = Table(
    "return_reasons",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name_en", String(80), nullable=False),
    Column("name_zh", String(80), nullable=False),
)

returns = Table(
    "returns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(120), nullable=False, unique=True),
    Column("order_number", ForeignKey("orders.number"), nullable=False),
    Column("sku", ForeignKey("products.sku"), nullable=False),
    Column("reason", ForeignKey("return_reasons.id"), nullable=False),
    Column("note", Text),
    Column("resolution", String(20), nullable=False),
    Column("method", String(20), nullable=False),
    Column("store", ForeignKey("stores.id")),
    Column("registered_at", String(40), nullable=False),
    UniqueConstraint("order_number", "sku", name="one_return_an_item"),
)

synonyms = Table(
    "synonyms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entity", String(40), nullable=False),
    Column("value", String(40), nullable=False),
    Column("words", String(120), nullable=False),
    UniqueConstraint("words", name="one_meaning"),
)
