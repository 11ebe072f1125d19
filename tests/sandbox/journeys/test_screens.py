"""What people see of a message, whichever channel it came by."""

from __future__ import annotations

import pytest

from sandbox.journeys.language import CODE
from sandbox.journeys.screens import (
    Json,
    Part,
    code_in,
    contains,
    is_label,
    on_teams,
    on_telegram,
    on_the_website,
    on_whatsapp,
)

LINK = "https://t.me/hearthside_bot?start=abc"


def seen(part: Part) -> tuple[str, tuple[str, ...], str, frozenset[str]]:
    return part.text, part.options, part.link, part.carries


def test_telegram() -> None:
    keyboard = [[{"text": "Refund", "callback_data": "1:0"}], [{"text": "Continue", "url": "https://wa.me/1?text=x"}]]
    message: Json = {
        "message_id": 7,
        "chat": {"id": 1, "type": "private"},
        "caption": "Which?",
        "photo": [{}],
        "reply_markup": {"inline_keyboard": keyboard},
    }
    part = on_telegram(message)
    assert (part.id, part.chat) == ("7", "")
    assert seen(part) == ("Which?", ("Refund",), "https://wa.me/1?text=x", frozenset({"a picture"}))
    assert on_telegram({"message_id": 8, "chat": {"id": -5, "type": "group"}, "text": "hi"}).chat == "-5"


def test_whatsapp() -> None:
    rows = [{"id": "1:0", "title": "Refund"}, {"id": "1:1", "title": "Exchange"}]
    interactive = {
        "type": "list",
        "body": {"text": "*Which* one, or snake_case?"},
        "action": {"button": "Choose", "sections": [{"rows": rows}]},
    }
    part = on_whatsapp({"id": "wamid.1", "type": "interactive", "interactive": interactive})
    assert seen(part) == ("Which one, or snake_case?", ("Refund", "Exchange"), "", frozenset())
    place = {"latitude": 1.3, "longitude": 103.8, "name": "Hearthside", "address": "290 Orchard Road"}
    part = on_whatsapp({"id": "wamid.2", "type": "location", "location": place})
    assert seen(part) == ("Hearthside\n290 Orchard Road", (), "", frozenset({"a location"}))


def test_teams() -> None:
    actions = [
        {"type": "Action.Submit", "title": "Refund", "data": {}},
        {"type": "Action.OpenUrl", "title": "Continue", "url": LINK},
    ]
    body = [
        {"type": "Image", "url": "http://127.0.0.1/kettle.png"},
        {"type": "TextBlock", "text": "**Which** \\[one\\] &lt;now>"},
        {"type": "ActionSet", "actions": actions},
    ]
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", "body": body}}
    part = on_teams({"id": "1", "conversation": {"id": "a:1"}, "attachments": [card]})
    assert seen(part) == ("Which [one] <now>", ("Refund",), LINK, frozenset({"a picture"}))
    assert on_teams({"id": "1", "conversation": {"id": "19:x", "isGroup": True}, "text": "hi"}).chat == "19:x"


def test_the_website() -> None:
    card = {"title": "Blue kettle", "text": "S$79", "image": "x", "options": [{"title": "Return", "index": 1}]}
    options = [{"title": "Cancel", "index": 0}]
    frame = {"id": 3, "text": "Which?", "options": options, "cards": [card], "invite": "telegram"}
    assert seen(on_the_website(frame)) == (
        "Which?\nBlue kettle\nS$79",
        ("Cancel", "Return"),
        "telegram",
        frozenset({"a picture"}),
    )


def test_a_code_to_be_typed_elsewhere_is_seen_on_every_channel() -> None:
    words = "Type this code.\n\n{}K7QM-2XPD{}"
    plain, marked = words.format("", ""), words.format("`", "`")
    shown = [
        on_telegram({"message_id": 7, "chat": {"id": 1, "type": "private"}, "text": plain}),
        on_whatsapp({"id": "wamid.1", "type": "text", "text": {"body": marked}}),
        on_teams({"id": "1", "conversation": {"id": "a:1"}, "text": marked}),
    ]
    assert [(part.carries, code_in(part.text)) for part in shown] == [(frozenset({CODE}), "K7QM-2XPD")] * 3


def test_on_the_website_a_code_is_made_when_it_is_asked_for() -> None:
    part = on_the_website({"id": 3, "text": "Type this code.", "invite": "code"})
    assert (part.carries, part.link, code_in(part.text)) == (frozenset({CODE}), "", None)


@pytest.mark.parametrize("text", ["ABCD-EFGH", "1234-5678", "SG-K7QM-2XPD", "K7QM-2XPDX", "k7qm-2xpd", ""])
def test_what_only_resembles_a_code_is_none(text: str) -> None:
    assert code_in(text) is None


@pytest.mark.parametrize(
    ("text", "fragments", "found"),
    [
        ("a  b\nc", ["a b c"], True),
        ("a b c", ["a", "c"], True),
        ("a b c", ["c", "a"], False),
        ("a", ["a", "a"], False),
        ("whatever", [], True),
    ],
)
def test_fragments_stand_in_their_order(text: str, fragments: list[str], found: bool) -> None:
    assert contains(text, fragments) is found


def test_a_label_that_was_cut_is_still_the_label() -> None:
    assert is_label("Bring it to one of…", "Bring it to one of our stores")
    assert not is_label("Bring it to one of…", "Post it back")
    assert not is_label("Bring", "Bring it to one of our stores")
