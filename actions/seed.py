"""The demonstration's data: the home and kitchen shop Hearthside (炉边) in Singapore.

Days count from the day of seeding, so that there is always an order on its way and one that may still be returned.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import Connection

from actions import tables


def fill(connection: Connection, today: date) -> None:
    """Creates the tables and fills them, once: a second process waits for the first, then finds all done."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7461)"))
    tables.metadata.create_all(connection)
    if not _count(connection, tables.products):
        for table, rows in _rows(today):
            connection.execute(insert(table), rows)
    if not _count(connection, tables.store_places):  # also where the stores are older than the table
        connection.execute(insert(tables.store_places), _places(connection))
    if not _count(connection, tables.addresses):
        connection.execute(insert(tables.addresses), _addresses(connection))
    if not _count(connection, tables.phones):
        connection.execute(insert(tables.phones), _phones(connection))


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _rows(today: date) -> list[tuple[Any, list[dict[str, Any]]]]:
    return [
        (tables.customers, CUSTOMERS),
        (tables.products, _products()),
        (tables.stores, _stores()),
        (tables.opening_hours, _opening_hours()),
        (tables.stock, _stock()),
        (tables.orders, _orders(today)),
        (tables.order_items, _order_items()),
        (tables.return_reasons, _reasons()),
        (tables.returns, _returns(today)),
        (tables.synonyms, _synonyms()),
    ]


CUSTOMERS = [
    {"id": 1, "name": "Mei Tan", "email": "mei.tan@example.com"},
    {"id": 2, "name": "Daniel Lim", "email": "daniel.lim@example.com"},
    {"id": 3, "name": "Priya Nair", "email": "priya.nair@example.com"},
    {"id": 4, "name": "Alice Wong", "email": "alice.wong@example.com"},
    {"id": 5, "name": "Bob Chen", "email": "bob.chen@example.com"},
    {"id": 6, "name": "Farah Ismail", "email": "farah.ismail@example.com"},
]

# customer: where they live, in both languages
ADDRESSES: dict[int, tuple[str, str]] = {
    1: ("12 Tiong Bahru Road, #05-21, Singapore 168731", "中峇鲁路12号 #05-21，新加坡 168731"),
    2: ("88 Serangoon Avenue 3, #11-02, Singapore 556108", "实龙岗3道88号 #11-02，新加坡 556108"),
    3: ("5 Siglap Hill, Singapore 456069", "实乞纳山5号，新加坡 456069"),
    4: ("31 Holland Close, #14-77, Singapore 270031", "荷兰弄31号 #14-77，新加坡 270031"),
    5: ("240 Bishan Street 22, #08-19, Singapore 570240", "碧山22街240号 #08-19，新加坡 570240"),
    6: ("7 Pasir Ris Drive 1, #03-60, Singapore 519007", "巴西立1通道7号 #03-60，新加坡 519007"),
}

# customer: their telephone number, in E.164; Bob and Farah share one
PHONES: dict[int, str] = {
    1: "+6581230101",
    2: "+6581230102",
    3: "+6581230103",
    4: "+6581230104",
    5: "+6581230156",
    6: "+6581230156",
}

# sku: name, short name (both languages), kind, colour, price in cents
PRODUCTS: dict[str, tuple[str, str, str, str, str, str | None, int]] = {
    "kettle-blue": ("Blue enamel kettle", "蓝色珐琅水壶", "blue kettle", "蓝色水壶", "kettle", "blue", 7900),
    "kettle-red": ("Red enamel kettle", "红色珐琅水壶", "red kettle", "红色水壶", "kettle", "red", 7900),
    "toaster": ("Two-slice toaster", "双片烤面包机", "toaster", "烤面包机", "toaster", None, 5900),
    "mug-set": ("Stoneware mug set", "粗陶马克杯套装", "mug set", "马克杯套装", "mug", None, 4800),
    "lamp": ("Reading lamp", "阅读灯", "reading lamp", "阅读灯", "lamp", None, 6900),
    "blanket": ("Wool blanket", "羊毛毯", "wool blanket", "羊毛毯", "blanket", None, 12900),
    "pan": ("Cast-iron pan", "铸铁锅", "cast-iron pan", "铸铁锅", "pan", None, 8900),
    "grinder": ("Coffee grinder", "咖啡磨豆机", "coffee grinder", "咖啡磨豆机", "grinder", None, 9900),
    "knife": ("Chef's knife", "主厨刀", "chef's knife", "主厨刀", "knife", None, 7500),
    "cushion": ("Linen cushion", "亚麻靠垫", "linen cushion", "亚麻靠垫", "cushion", None, 3900),
    "pot": ("Clay teapot", "紫砂壶", "clay teapot", "紫砂壶", "teapot", None, 8500),
    "clock": ("Wall clock", "挂钟", "wall clock", "挂钟", "clock", None, 5500),
}

# id: name and address in both languages, hours on Monday to Thursday, Friday and Saturday, Sunday
Hours = tuple[int, int]
STORES: dict[str, tuple[str, str, str, str, Hours, Hours, Hours]] = {
    "orchard": (
        "Orchard Road",
        "乌节路",
        "290 Orchard Road, #03-12",
        "乌节路290号 #03-12",
        (10, 21),
        (10, 22),
        (11, 21),
    ),
    "tampines": (
        "Tampines",
        "淡滨尼",
        "4 Tampines Central 5, #02-31",
        "淡滨尼中央5号 #02-31",
        (10, 21),
        (10, 22),
        (10, 21),
    ),
    "jurong-east": (
        "Jurong East",
        "裕廊东",
        "50 Jurong Gateway Road, #01-18",
        "裕廊门路50号 #01-18",
        (11, 21),
        (11, 22),
        (11, 20),
    ),
    "harbourfront": (
        "HarbourFront",
        "港湾",
        "1 HarbourFront Walk, #01-77",
        "港湾步道1号 #01-77",
        (10, 20),
        (10, 21),
        (12, 18),
    ),
}

# id: latitude and longitude in degrees
PLACES: dict[str, tuple[float, float]] = {
    "orchard": (1.3038, 103.8358),
    "tampines": (1.3525, 103.9450),
    "jurong-east": (1.3331, 103.7436),
    "harbourfront": (1.2644, 103.8222),
}

# sku: online, then the four stores in the order above
STOCK: dict[str, tuple[int, int, int, int, int]] = {
    "kettle-blue": (34, 6, 3, 0, 1),
    "kettle-red": (0, 2, 0, 0, 1),
    "toaster": (18, 0, 4, 7, 2),
    "mug-set": (52, 11, 8, 9, 6),
    "lamp": (9, 3, 0, 2, 0),
    "blanket": (21, 5, 1, 0, 4),
    "pan": (15, 4, 6, 3, 0),
    "grinder": (0, 0, 0, 0, 0),
    "knife": (27, 8, 5, 2, 3),
    "cushion": (80, 14, 12, 16, 9),
    "pot": (4, 1, 0, 0, 0),
    "clock": (12, 0, 2, 1, 5),
}

# number: customer, status, carrier, days from today when placed, expected and delivered, items with their quantities
ORDERS: dict[str, tuple[int, str, str, int, int, int | None, dict[str, int]]] = {
    "1042": (1, "delivered", "SingPost", -9, -5, -6, {"kettle-blue": 1, "mug-set": 1}),
    "1043": (2, "in_transit", "Ninja Van", -3, 2, None, {"toaster": 1, "cushion": 2}),
    "1044": (3, "delivered", "SingPost", -57, -52, -52, {"lamp": 1, "clock": 1}),
    "1045": (1, "processing", "SingPost", 0, 5, None, {"blanket": 1}),
    "1046": (4, "delivered", "J&T Express", -7, -3, -3, {"lamp": 1}),
    "1047": (5, "delivered", "Ninja Van", -16, -12, -12, {"pan": 1, "knife": 1}),
    "1048": (6, "delivered", "SingPost", -8, -4, -4, {"kettle-red": 1, "kettle-blue": 1, "pot": 1}),
    "1049": (4, "in_transit", "J&T Express", -4, 0, None, {"mug-set": 2, "grinder": 1}),
    "1050": (5, "delivered", "SingPost", -33, -29, -29, {"pot": 1, "clock": 1}),
    "1051": (3, "cancelled", "SingPost", -11, -6, None, {"grinder": 1}),
    "1052": (6, "delivered", "Ninja Van", -4, -1, -1, {"toaster": 1, "blanket": 1, "cushion": 4}),
    "1053": (2, "delivered", "J&T Express", -20, -15, -15, {"knife": 1}),
}

# id: name in both languages
REASONS: dict[str, tuple[str, str]] = {
    "damaged": ("Damaged or faulty", "损坏或有故障"),
    "wrong_item": ("Wrong item sent", "发错商品"),
    "not_as_expected": ("Not as described", "与描述不符"),
    "changed_mind": ("Changed my mind", "不想要了"),
    "other": ("Another reason", "其他原因"),
}

# What customers say besides the full and the short names. No phrase may mean two things.
SYNONYMS: dict[str, dict[str, str]] = {
    "product": {
        "kettle-blue": (
            "blue kettles|enamel kettle in blue|kettle in blue|kettle blue|蓝水壶|蓝色的水壶"
            "|蓝色那个水壶|蓝色热水壶|蓝壶"
        ),
        "kettle-red": (
            "red kettles|enamel kettle in red|kettle in red|kettle red|红水壶|红色的水壶|红色那个水壶|红色热水壶|红壶"
        ),
        "toaster": ("toasters|bread toaster|2-slice toaster|two slice toaster|2 slice toaster|面包机|多士炉|吐司机"),
        "mug-set": (
            "mug|mugs|mug sets|stoneware mugs|stoneware mug|cups|cup set|马克杯|杯子|粗陶杯|粗陶马克杯"
            "|杯子套装|杯具套装"
        ),
        "lamp": "lamp|lamps|reading lamps|reading light|desk lamp|table lamp|台灯|灯|看书灯|读书灯",
        "blanket": "blanket|blankets|wool blankets|woolen blanket|woollen blanket|throw|毯子|毛毯|羊毛毯子",
        "pan": "pan|pans|cast iron pan|cast iron skillet|skillet|frying pan|iron pan|锅|铁锅|平底锅|煎锅",
        "grinder": ("grinder|grinders|coffee grinders|coffee mill|bean grinder|磨豆机|咖啡机|研磨机|咖啡豆研磨机"),
        "knife": "knife|knives|chef knife|chefs knife|chef's knives|kitchen knife|菜刀|厨刀|刀|刀具",
        "cushion": "cushion|cushions|linen cushions|pillow|pillows|靠垫|抱枕|垫子|亚麻抱枕",
        "pot": "teapot|teapots|clay teapots|clay pot|tea pot|zisha teapot|yixing teapot|茶壶|紫砂茶壶|紫砂",
        "clock": "clock|clocks|wall clocks|钟|时钟|墙钟|壁钟",
    },
    "product_kind": {
        "kettle": "kettle|kettles|enamel kettle|enamel kettles|water kettle|水壶|热水壶|珐琅水壶|烧水壶",
    },
    "colour": {
        "blue": "blue|the blue one|blue one|蓝色|蓝的|蓝色的|蓝色那个|蓝的那个",
        "red": "red|the red one|red one|红色|红的|红色的|红色那个|红的那个",
    },
    "store": {
        "orchard": "orchard|orchard store|orchard rd|乌节|乌节店|乌节路店|乌节路门店",
        "tampines": "tampines store|tampines mall|tamp|tampenis|淡滨尼店|淡滨尼门店",
        "jurong-east": "jurong|jurong store|jurong east store|jem|裕廊|裕廊店|裕廊东店|裕廊东门店",
        "harbourfront": (
            "harbour front|harbourfront store|harborfront|harbor front|vivo|vivocity|港湾店|港湾门店|怡丰城"
        ),
    },
    "reason": {
        "damaged": (
            "damaged|faulty|defective|broken|cracked|chipped|shattered|spoilt|spoiled|not working"
            "|doesn't work|doesnt work|does not work|stopped working|坏了|坏的|损坏|破了|碎了|裂了"
            "|有裂痕|摔坏|有故障|故障|用不了|不能用|有瑕疵"
        ),
        "wrong_item": (
            "wrong item|wrong product|wrong colour|wrong color|wrong size|sent the wrong"
            "|sent me the wrong|发错货|发错|发错了|寄错|寄错了|送错|送错了|拿错了"
        ),
        "not_as_expected": (
            "not as described|not as expected|different from the picture|different from the photo"
            "|looks different|描述不符|与图片不符|和图片不一样|跟图片不一样|和描述不一样|不符合描述"
        ),
        "changed_mind": (
            "change of mind|changed mind|change my mind|no longer need|no longer want"
            "|don't need it anymore|don't want it anymore|不要了|不想要|不需要了|改变主意|改变主意了"
            "|买多了"
        ),
        "other": "other reason|something else|other|其他|其它|别的原因|其他的原因",
    },
}


def _products() -> list[dict[str, Any]]:
    columns = ("name_en", "name_zh", "short_en", "short_zh", "kind", "colour", "price_cents")
    return [
        {"sku": sku, "position": position, **dict(zip(columns, values, strict=True))}
        for position, (sku, values) in enumerate(PRODUCTS.items())
    ]


def _stores() -> list[dict[str, Any]]:
    columns = ("name_en", "name_zh", "address_en", "address_zh")
    return [
        {"id": store, "position": position, **dict(zip(columns, values, strict=False))}
        for position, (store, values) in enumerate(STORES.items())
    ]


def _places(connection: Connection) -> list[dict[str, Any]]:
    known = connection.execute(select(tables.stores.c.id).where(tables.stores.c.id.in_(PLACES))).scalars()
    return [{"store": store, "latitude": PLACES[store][0], "longitude": PLACES[store][1]} for store in known]


def _addresses(connection: Connection) -> list[dict[str, Any]]:
    known = connection.execute(select(tables.customers.c.id).where(tables.customers.c.id.in_(ADDRESSES))).scalars()
    return [
        {"customer_id": customer, "address_en": ADDRESSES[customer][0], "address_zh": ADDRESSES[customer][1]}
        for customer in known
    ]


def _phones(connection: Connection) -> list[dict[str, Any]]:
    known = connection.execute(select(tables.customers.c.id).where(tables.customers.c.id.in_(PHONES))).scalars()
    return [{"customer_id": customer, "number": PHONES[customer]} for customer in known]


def _opening_hours() -> list[dict[str, Any]]:
    rows = []
    for store, (*_names, weekdays, friday_saturday, sunday) in STORES.items():
        week = [weekdays] * 4 + [friday_saturday] * 2 + [sunday]
        rows += [_day(store, weekday, opens, closes) for weekday, (opens, closes) in enumerate(week)]
    return rows


def _day(store: str, weekday: int, opens: int, closes: int) -> dict[str, Any]:
    return {"store": store, "weekday": weekday, "opens": time(opens), "closes": time(closes)}


def _stock() -> list[dict[str, Any]]:
    places = ("online", *STORES)
    return [
        {"sku": sku, "place": place, "quantity": quantity}
        for sku, quantities in STOCK.items()
        for place, quantity in zip(places, quantities, strict=True)
    ]


def _orders(today: date) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "customer_id": customer,
            "status": status,
            "carrier": carrier,
            "placed_on": today + timedelta(days=placed),
            "expected_on": today + timedelta(days=expected),
            "delivered_on": None if delivered is None else today + timedelta(days=delivered),
        }
        for number, (customer, status, carrier, placed, expected, delivered, _items) in ORDERS.items()
    ]


def _order_items() -> list[dict[str, Any]]:
    return [
        {"order_number": number, "sku": sku, "position": position, "quantity": quantity}
        for number, (*_, items) in ORDERS.items()
        for position, (sku, quantity) in enumerate(items.items())
    ]


def _reasons() -> list[dict[str, Any]]:
    return [
        {"id": reason, "position": position, "name_en": name_en, "name_zh": name_zh}
        for position, (reason, (name_en, name_zh)) in enumerate(REASONS.items())
    ]


def _returns(today: date) -> list[dict[str, Any]]:
    """Bob has already sent his knife back."""
    return [
        {
            "id": 1,
            "request_id": "seed-1047-knife",
            "order_number": "1047",
            "sku": "knife",
            "reason": "changed_mind",
            "note": None,
            "resolution": "refund",
            "method": "store",
            "store": "tampines",
            "registered_at": (today - timedelta(days=2)).isoformat(),
        }
    ]


def _synonyms() -> list[dict[str, Any]]:
    return [
        {"entity": entity, "value": value, "words": words}
        for entity, values in SYNONYMS.items()
        for value, phrases in values.items()
        for words in phrases.split("|")
    ]
