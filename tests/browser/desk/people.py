"""Who works at the played desk, and who writes to it: the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

NOW = datetime.now(UTC).replace(microsecond=0)

_FIRST = (
    "Mei Ling",
    "Arjun",
    "Siti",
    "Oliver",
    "Aisyah",
    "Wei Jie",
    "Priya",
    "Hannah",
    "Farid",
    "Grace",
    "Kavitha",
    "Tomas",
)
_LAST = ("Tan", "Nair", "Rahman", "Clarke", "Yusof", "Lim", "Menon", "Fischer", "Osman", "Goh", "Pillai", "Novak")
_CHINESE = ("林美玲", "陈伟杰", "王小明", "黄丽华", "欧阳文静")
_SAID = (
    "Hello? The kettle that came with order 1042 does not switch on.",
    "Can I still change the delivery address? We have moved to Tampines.",
    "The lid is cracked. I can send a picture.",
    "Thanks, that worked!",
    "Is the oak shelf in stock at the Orchard store?",
    "I was charged twice for the same order, please have a look.",
)
_SAID_ZH = ("你好，订单 1042 的蓝色水壶坏了，想退货。", "请问什么时候能送到？我明天不在家。", "谢谢，已经收到了！")
_LABELS = ("refund", "damaged on arrival", "VIP", "配送", "follow up")
_TOPICS = ("returns", "delivery", "orders", None)
_CHANNELS = ("webchat", "telegram", "whatsapp", "teams")
_STATES = ("bot", "closed", "bot", "agent", "closed", "bot", "snoozed", "closed", "bot", "closed")


def moment() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    return moment.isoformat()


def agents() -> dict[str, Json]:
    rows: tuple[tuple[Any, ...], ...] = (
        ("maya", "Maya Chen", "supervisor", True, 3, ["en", "zh"], "available"),
        ("ben", "Ben Okafor", "agent", True, 4, ["en"], "available"),
        ("lin", "林晓雯", "agent", True, 2, ["zh", "en"], "away"),
        ("konstantin", "Konstantin Papadopoulos-Wolfeschlegelstein", "agent", False, 0, [], "available"),
        ("ada", "Ada Admin", "admin", True, 0, [], "available"),
    )
    return {
        id: {
            "id": id,
            "name": name,
            "login": f"{id}@example.com",
            "role": role,
            "availability": availability,
            "languages": languages,
            "topics": ["returns"] if id == "ben" else [],
            "capacity": 4,
            "online": online,
            "open": open_now,
            "disabled": False,
        }
        for id, name, role, online, open_now, languages, availability in rows
    }


def teams() -> list[Json]:
    weekly = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    rows: tuple[tuple[Any, ...], ...] = (
        (1, "Returns", ["returns"], {"timezone": "UTC", "always": True}, 120, ["maya", "ben"], True),
        (
            2,
            "Delivery & installation",
            ["delivery"],
            {"timezone": "Asia/Singapore", "weekly": weekly},
            300,
            ["lin"],
            False,
        ),
        (3, "General", [], {"timezone": "UTC", "always": True}, 600, ["maya", "ben", "lin"], True),
    )
    return [
        {
            "id": id,
            "name": name,
            "topics": topics,
            "hours": hours,
            "answer_within": answer_within,
            "assignment": "automatic" if id == 1 else "pulled",
            "open": open_now,
            "members": members,
        }
        for id, name, topics, hours, answer_within, members, open_now in rows
    ]


def items(count: int) -> dict[str, Json]:
    """Conversations, who spoke last first."""
    return {item["id"]: item for item in (_item(number) for number in range(count))}


def _item(number: int) -> Json:
    is_chinese = number % 5 == 2
    state = "queued" if number < 8 else "agent" if number < 14 else _STATES[number % len(_STATES)]
    agent = None if state in ("bot", "queued", "closed") else ("maya" if number < 11 or number % 40 == 6 else "ben")
    last_at = NOW - timedelta(seconds=40 + number * 47)
    queued_at = NOW - timedelta(seconds=95 + number * 70)
    return {
        "id": f"c{number:05d}",
        "customer": {"id": f"p{number}", "name": _name(number, is_chinese)},
        "channels": [_CHANNELS[number % 4], *([_CHANNELS[(number + 1) % 4]] if number % 3 == 0 else [])],
        "state": state,
        "agent": agent,
        "team": None if state in ("bot", "closed") else 1 + number % 3,
        "topic": _TOPICS[number % 4],
        "language": "zh" if is_chinese else "en",
        "priority": 1 if number == 3 else 0,
        "why": ("asked", "not_understood", "action")[number % 3] if state == "queued" else None,
        "queued_at": iso(queued_at) if state == "queued" else None,
        "asked_at": iso(queued_at) if agent or state == "queued" else None,
        "answered_at": iso(last_at) if agent else None,
        "snoozed_until": iso(NOW + timedelta(hours=20)) if state == "snoozed" else None,
        "late": state == "queued" and number in (5, 6, 7),
        "last": {
            "id": 10_000_000 - number * 20,
            "at": iso(last_at),
            "author": ("customer", "customer", "bot", "agent")[number % 4] if state != "queued" else "customer",
            "text": (_SAID_ZH[number % 3] if is_chinese else _SAID[number % len(_SAID)]),
        },
        "unread": (2 if number % 4 == 1 else 1) if number < 12 and number % 2 else 0,
        "labels": list(_LABELS[: number % 4]) if number % 3 == 1 else [],
        "left_message": number == 6,
    }


def _name(number: int, is_chinese: bool) -> str | None:
    if number == 4:
        return "Maria-Magdalena Wolfeschlegelsteinhausenbergerdorff"
    if number % 17 == 9:
        return None
    if is_chinese:
        return _CHINESE[number % len(_CHINESE)]
    return f"{_FIRST[number % len(_FIRST)]} {_LAST[(number // 12) % len(_LAST)]}"


def lines(item: Json, count: int = 130) -> list[Json]:
    """A transcript that ends with the item's last message, and went over two channels."""
    return list(_lines(item, count))


def _lines(item: Json, count: int) -> Iterator[Json]:
    last, channels = item["last"], [item["channels"][-1], item["channels"][0]]
    ends = datetime.fromisoformat(last["at"])
    for index in range(count):
        left = count - 1 - index
        line = {
            **blank_line(last["id"] - left, iso(ends - timedelta(minutes=left * (1 if left < 12 else 31)))),
            "channel": channels[0] if left > 5 else channels[1],
        }
        yield {**line, **_said(item, left, index)}


def _said(item: Json, left: int, index: int) -> Json:
    texts = _SAID_ZH if item["language"] == "zh" else _SAID
    if left == 0:
        agent = item["agent"] if item["last"]["author"] == "agent" else None
        return _by(item["last"]["author"], {"text": item["last"]["text"], "type": "text"}, agent)
    if left in _SPECIAL:
        return _SPECIAL[left](item)
    author = "customer" if index % 2 == 0 else "bot"
    return _by(author, {"type": "text", "text": texts[index % len(texts)]})


def _by(author: str, content: Json, agent: str | None = None) -> Json:
    is_in = author == "customer"
    more = {} if is_in else {"state": "sent", "attempts": 1, "delivered_at": iso(NOW), "agent": agent}
    return {"author": author, "direction": "in" if is_in else "out", "content": content, **more}


_SPECIAL: dict[int, Callable[[Json], Json]] = {
    9: lambda item: _by(
        "bot",
        {
            "text": "What is the reason for returning **the blue kettle**? See [our terms](https://shop.example/terms).",
            "options": [{"title": "Damaged or faulty"}, {"title": "Changed my mind"}, {"title": "Something else"}],
        },
    ),
    8: lambda item: _by("customer", {"type": "choice", "label": "Damaged or faulty"}),
    7: lambda item: _by(
        "customer",
        {
            "type": "media",
            "media": {
                "id": "m1",
                "kind": "picture",
                "name": "lid.png",
                "type": "image/png",
                "size": 4321,
                "url": "/desk/played/picture.png",
            },
        },
    ),
    6: lambda item: {
        "kind": "system",
        "author": "product",
        "direction": "in",
        "channel": None,
        "system": {"do": "ask", "by": "customer"},
    },
    5: lambda item: {
        "kind": "system",
        "author": "agent",
        "direction": "in",
        "channel": None,
        "system": {"do": "take", "by": "ben", "agent": "ben"},
    },
    4: lambda item: _by(
        "agent", {"text": "Good evening, this is Ben. I am sorry about the kettle, let me see what we can do."}, "ben"
    ),
    3: lambda item: _by(
        "customer",
        {
            "type": "media",
            "text": "<img src=x onerror=alert(1)> the receipt",
            "media": {
                "id": "m2",
                "kind": "file",
                "name": "<b>receipt</b> 发票.pdf",
                "type": "application/pdf",
                "size": 84_000,
                "url": "/desk/played/picture.png",
            },
        },
    ),
    2: lambda item: {**_by("agent", {"text": "Thank you. One moment."}, "ben"), "read_at": iso(NOW)},
    1: lambda item: {
        **_by("agent", {"text": "Here is the voucher."}, "ben"),
        "state": "failed",
        "error": "the platform refused it",
        "delivered_at": None,
    },
}


def blank_line(id: int, at: str) -> Json:
    return {
        "id": id,
        "kind": "message",
        "at": at,
        "direction": "in",
        "author": "customer",
        "agent": None,
        "channel": "webchat",
        "identity": 1,
        "content": {},
        "state": "done",
        "error": None,
        "delivered_at": None,
        "read_at": None,
        "attempts": 0,
        "system": None,
        "note": None,
    }


def note_line(note: Json) -> Json:
    return {
        **blank_line(note["id"], note["at"]),
        "kind": "note",
        "author": "agent",
        "agent": note["agent"],
        "channel": None,
        "note": note,
    }


def details(item: Json) -> Json:
    """What the panel shows of a conversation beyond its item."""
    channels = (
        item["channels"]
        if len(item["channels"]) > 1
        else [*item["channels"], "telegram" if item["channels"][0] != "telegram" else "webchat"]
    )
    identities = [_identity(index + 1, channel, item) for index, channel in enumerate(channels)]
    return {
        "customer": {
            **item["customer"],
            "account": "mei.tan@example.com",
            "language": item["language"],
            "since": iso(NOW - timedelta(days=412)),
            "preferred_channel": channels[0],
        },
        "identities": identities,
        "merges": [{"id": 7, "at": iso(NOW - timedelta(days=3)), "undone_at": None, "channels": [channels[-1]]}],
        "form": {"name": "return_form", "requested": "return_reason"},
        "slots": [
            {"name": "order_number", "type": "text", "value": "1042", "of_form": True},
            {"name": "return_items", "type": "list", "value": ["blue kettle", "oak tray"], "of_form": True},
            {"name": "return_reason", "type": "text", "value": None, "of_form": True},
            {"name": "return_confirmed", "type": "bool", "value": None, "of_form": True},
            {"name": "language", "type": "text", "value": item["language"], "of_form": False},
        ],
        "orders": [
            {
                "number": "1042",
                "state": "delivered",
                "placed_at": iso(NOW - timedelta(days=6)),
                "items": ["Blue kettle", "Oak tray"],
                "total": "S$ 118.00",
            },
            {
                "number": "1017",
                "state": "returned",
                "placed_at": iso(NOW - timedelta(days=90)),
                "items": ["A set of six hand-thrown stoneware breakfast bowls in celadon"],
                "total": "S$ 64.50",
            },
        ],
        "earlier": [
            {
                "id": 3,
                "asked_at": iso(NOW - timedelta(days=90)),
                "ended_at": iso(NOW - timedelta(days=90)),
                "state": "closed",
                "agent": "ben",
                "reason": "settled",
                "rating": 4,
            }
        ],
        "notes": [],
        "viewers": [],
        "to": {"identity": 1, "channel": channels[0]},
    }


def _identity(id: int, channel: str, item: Json) -> Json:
    return {
        "id": id,
        "channel": channel,
        "external_id": f"{channel}-{item['customer']['id']}",
        "address_hint": {"whatsapp": "+65 •••• 4417", "telegram": "@meiling_t"}.get(channel),
        "assurance": "signed_in" if channel == "webchat" else "code",
        "linked_how": "jwt" if channel == "webchat" else "deep_link",
        "linked_at": iso(NOW - timedelta(days=3)),
        "blocked": False,
        "reachable": True,
        "window_ends": iso(NOW + timedelta(minutes=95)) if channel == "whatsapp" else None,
        "last_heard_at": item["last"]["at"],
    }
