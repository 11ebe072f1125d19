"""What the product says, as messages of the Cloud API."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Card, Content, File, Location, Option, Outbound
from channels.lengths import units
from channels.whatsapp.outbound import BODY_MAX, LISTED_MAX, Part, described, render
from channels.whatsapp.titles import Row, rows
from channels.whatsapp.titles import buttons as button_titles
from sandbox.whatsapp import options as tappable
from sandbox.whatsapp.rules import check_message

LINK = "https://t.me/hearthside_bot?start=f3Kx_9vQ-2LmZr7T"
RECEIPT = "https://shop.example/files/receipt.pdf?id=7"
PHOTO = "https://shop.example/sofa.jpg"


def say(content: Content, *, language: str | None = "en", link: str | None = None) -> list[Part]:
    return render(Outbound(id=345, address="16505551234", content=content, language=language), link)


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(Option(title=title, payload="/" + "p" * 500) for title in titles)


def text(body: str) -> Part:
    return Part(message={"type": "text", "text": {"body": body}})


def image(caption: str | None = None, *, instead: tuple[Part, ...] = ()) -> Part:
    picture = {"link": PHOTO} | ({"caption": caption} if caption else {})
    return Part(message={"type": "image", "image": picture}, instead=instead)


def document(caption: str | None = None, *, instead: tuple[Part, ...], name: str = "receipt.pdf") -> Part:
    shown = {"link": RECEIPT, "filename": name} | ({"caption": caption} if caption else {})
    return Part(message={"type": "document", "document": shown}, instead=instead)


def interactive(kind: str, body: str, action: Any, *, pictured: bool = False) -> Any:
    header = {"header": {"type": "image", "image": {"link": PHOTO}}} if pictured else {}
    return {"type": "interactive", "interactive": {"type": kind} | header | {"body": {"text": body}, "action": action}}


def buttons(body: str, *titles: str, first: int = 0, pictured: bool = False) -> Part:
    replies = [
        {"type": "reply", "reply": {"id": f"o:345:{first + place}", "title": title}}
        for place, title in enumerate(titles)
    ]
    plain = interactive("button", body, {"buttons": replies})
    if not pictured:
        return Part(message=plain)
    with_picture = interactive("button", body, {"buttons": replies}, pictured=True)
    return Part(message=with_picture, instead=(Part(message=plain),))


def listed(body: str, *titles: str | tuple[str, str], first: int = 0, label: str = "Choose") -> Part:
    shown = [
        {"id": f"o:345:{first + place}"} | ({"title": one} if isinstance(one, str) else _row(*one))
        for place, one in enumerate(titles)
    ]
    return Part(message=interactive("list", body, {"button": label, "sections": [{"rows": shown}]}))


def _row(title: str, description: str) -> dict[str, str]:
    return {"title": title, "description": description}


def invited(body: str, button: str, written_out: str, *, pictured: bool = False) -> Part:
    action = {"name": "cta_url", "parameters": {"display_text": button, "url": LINK}}
    plain = Part(message=interactive("cta_url", body, action), instead=(text(written_out),))
    if not pictured:
        return plain
    return Part(message=interactive("cta_url", body, action, pictured=True), instead=(plain,))


FILE = File(url=RECEIPT)
IN_WORDS = f"📎 receipt.pdf ({RECEIPT})"
BAY = Location(latitude=1.2836, longitude=103.8607, name="Marina Bay", address="10 Bayfront Ave")
ON_A_MAP = "https://www.openstreetmap.org/?mlat=1.283600&mlon=103.860700#map=17/1.283600/103.860700"
PLACE = Part(
    message={
        "type": "location",
        "location": {
            "latitude": "1.283600",
            "longitude": "103.860700",
            "name": "Marina Bay",
            "address": "10 Bayfront Ave",
        },
    },
    instead=(text(f"*Marina Bay*\n10 Bayfront Ave\n📍 1.28360, 103.86070 ({ON_A_MAP})"),),
)
SOFA = Card(title="Sofa", text="Two seats", image=PHOTO, options=options("Buy sofa"))
LAMP = Card(title="Lamp", options=options("Buy lamp", "Details"))
FOUR = ("North", "East", "South", "West")
ORDERS = [f"Order {number}" for number in range(1, 26)]

RENDERED: dict[str, tuple[Content, list[Part]]] = {
    "text": (Content(text="Hello Alice"), [text("Hello Alice")]),
    "nothing": (Content(), []),
    "white space": (Content(text=" \n\x00"), []),
    "nothing that can be seen": (Content(text="\x01"), []),
    "text that is not storable": (Content(text="a\x00b\ud83d"), [text("ab?")]),
    "long text": (Content(text="x" * 4000 + ".\n\n" + "y" * 4000), [text("x" * 4000 + "."), text("y" * 4000)]),
    "three short options are buttons": (
        Content(text="Size?", options=options("S", "M", "L")),
        [buttons("Size?", "S", "M", "L")],
    ),
    "options without a text": (Content(options=options("Yes", "No")), [buttons("Please choose:", "Yes", "No")]),
    "an option without a label": (
        Content(text="Sure?", options=options("Yes", " \n")),
        [buttons("Sure?", "Yes", "2")],
    ),
    "a label of several lines": (
        Content(text="Sure?", options=options(" Yes,\n please ")),
        [buttons("Sure?", "Yes, please")],
    ),
    "the same label twice": (
        Content(text="Which?", options=options("Lamp", "lamp", "x" * 20)),
        [buttons("Which?", "Lamp", "lamp (2)", "x" * 20)],
    ),
    "four options are a list": (Content(text="Where?", options=options(*FOUR)), [listed("Where?", *FOUR)]),
    "a label too long for a button makes a list": (
        Content(text="How?", options=options("Refund", "Refund to the original payment method")),
        [listed("How?", "Refund", ("Refund to the original…", "…payment method"))],
    ),
    "labels that differ where they are cut": (
        Content(
            text="Which?",
            options=options("Order 1047 of November 21, 2026", "Order 1047 of November 21, 2025", "Order 1047"),
        ),
        [
            listed(
                "Which?",
                ("Order 1047 of November…", "…21, 2026"),
                ("Order 1047 of… (2)", "…November 21, 2025"),
                "Order 1047",
            )
        ],
    ),
    "more than ten options go on in another list": (
        Content(text="Which?", options=options(*ORDERS)),
        [
            listed("Which?", *ORDERS[:10]),
            listed("More to choose from:", *ORDERS[10:20], first=10),
            listed("More to choose from:", *ORDERS[20:], first=20),
        ],
    ),
    "more than thirty are written out": (
        Content(text="Which?", options=options(*(f"Order {number}" for number in range(1, 32)))),
        [text("Which?\n" + "\n".join(f"{number}. Order {number}" for number in range(1, 32)))],
    ),
    "a text too long to stand over options": (
        Content(text="x" * (BODY_MAX + 1), options=options("Yes", "No")),
        [text("x" * (BODY_MAX + 1)), buttons("Please choose:", "Yes", "No")],
    ),
    "only the end of a long text stands over options": (
        Content(text="x" * 4000 + ".\n\n" + "y" * 1000, options=options("Yes", "No")),
        [text("x" * 4000 + "."), buttons("y" * 1000, "Yes", "No")],
    ),
    "picture with its caption": (
        Content(text="Our sofa", image=PHOTO),
        [image("Our sofa", instead=(text("Our sofa"),))],
    ),
    "picture alone": (Content(image=PHOTO), [image(instead=(text(PHOTO),))]),
    "picture with a text too long for a caption": (
        Content(text="x" * (BODY_MAX + 1), image=PHOTO),
        [image(), text("x" * (BODY_MAX + 1))],
    ),
    "picture over buttons": (
        Content(text="Our sofa", image=PHOTO, options=options("Yes", "No")),
        [buttons("Our sofa", "Yes", "No", pictured=True)],
    ),
    "picture and a long text with buttons": (
        Content(text="x" * (BODY_MAX + 1), image=PHOTO, options=options("Yes", "No")),
        [image(), text("x" * (BODY_MAX + 1)), buttons("Please choose:", "Yes", "No")],
    ),
    "a list takes no picture": (
        Content(text="Where?", image=PHOTO, options=options(*FOUR)),
        [image(), listed("Where?", *FOUR)],
    ),
    "a file is never a picture": (Content(text="Our sofa", image="/etc/hostname"), [text("Our sofa")]),
    "formatting": (Content(text="It is **blue** and *new*."), [text("It is *blue* and _new_.")]),
    "formatting over buttons": (
        Content(text="**Sure?**", options=options("Yes", "No")),
        [buttons("*Sure?*", "Yes", "No")],
    ),
    "length is measured with the marks": (
        Content(text="**" + "x" * (BODY_MAX - 1) + "**", options=options("Yes", "No")),
        [text("*" + "x" * (BODY_MAX - 1) + "*"), buttons("Please choose:", "Yes", "No")],
    ),
    "descriptions of rows": (
        Content(
            text="Where?",
            options=tuple(Option(title=one, payload="/p", description=f"the {one}") for one in FOUR),
        ),
        [listed("Where?", *((one, f"the {one}") for one in FOUR))],
    ),
    "a long label and its description": (
        Content(options=(*options("No", "Later", "Never"), Option(title="x" * 30, payload="/p", description="y" * 72))),
        [listed("Please choose:", "No", "Later", "Never", ("x" * 23 + "…", "…xxxxxxx – " + "y" * 60 + "…"))],
    ),
    "buttons have no room for descriptions": (
        Content(text="Sure?", options=(Option(title="Yes", payload="/p", description="go on"),)),
        [buttons("Sure?", "Yes")],
    ),
    "file with its caption": (
        Content(text="Your **receipt**", file=FILE),
        [document("Your *receipt*", instead=(text(f"Your *receipt*\n{IN_WORDS}"),))],
    ),
    "file alone": (Content(file=FILE), [document(instead=(text(IN_WORDS),))]),
    "file of another name": (
        Content(file=File(url=RECEIPT, name="Beleg.pdf")),
        [document(instead=(text(f"📎 Beleg.pdf ({RECEIPT})"),), name="Beleg.pdf")],
    ),
    "file and a text too long for a caption": (
        Content(text="x" * (BODY_MAX + 1), file=FILE),
        [text("x" * (BODY_MAX + 1)), document(instead=(text(IN_WORDS),))],
    ),
    "picture before file": (
        Content(text="Our sofa", image=PHOTO, file=FILE),
        [image("Our sofa", instead=(text("Our sofa"),)), document(instead=(text(IN_WORDS),))],
    ),
    "a file that Meta cannot fetch": (
        Content(text="Here", file=File(url="/var/receipt.pdf")),
        [text("Here"), text("📎 receipt.pdf")],
    ),
    "place": (Content(text="We are here", location=BAY), [text("We are here"), PLACE]),
    "everything in order": (
        Content(
            text="Look",
            image=PHOTO,
            file=FILE,
            location=BAY,
            options=options("Yes", "No"),
            cards=(Card(title="Lamp"),),
        ),
        [
            image("Look", instead=(text("Look"),)),
            document(instead=(text(IN_WORDS),)),
            PLACE,
            buttons("Please choose:", "Yes", "No"),
            text("*Lamp*"),
        ],
    ),
    "cards, each with its own buttons": (
        Content(text="Look:", options=options("None of them"), cards=(SOFA, LAMP)),
        [
            buttons("Look:", "None of them"),
            buttons("*Sofa*\nTwo seats", "Buy sofa", first=1, pictured=True),
            buttons("*Lamp*", "Buy lamp", "Details", first=2),
        ],
    ),
    "cards without options": (
        Content(cards=(Card(title="Sofa", image=PHOTO), Card(title="Lamp", text="Warm light"))),
        [image("*Sofa*", instead=(text("*Sofa*"),)), text("*Lamp*\nWarm light")],
    ),
}


@pytest.mark.parametrize(("content", "parts"), RENDERED.values(), ids=RENDERED.keys())
def test_content_is_rendered(content: Content, parts: list[Part]) -> None:
    assert say(content) == parts


INVITED: dict[str, tuple[Content, str, list[Part]]] = {
    "english": (
        Content(text="As you like.", invite="telegram"),
        "en-GB",
        [invited("As you like.", "Open Telegram", f"As you like.\n\nContinue on Telegram\n{LINK}")],
    ),
    "chinese, after the options": (
        Content(text="好的。", options=options("好", "不"), invite="webchat"),
        "zh-hans",
        [buttons("好的。", "好", "不"), invited("在网页继续", "打开网页", f"在网页继续\n{LINK}")],
    ),
    "without a text": (
        Content(invite="teams"),
        "fr",
        [
            invited(
                "Continue on Microsoft Teams",
                "Open Microsoft Teams",
                f"Continue on Microsoft Teams\n{LINK}",
            )
        ],
    ),
    "with a picture": (
        Content(text="Look", image=PHOTO, invite="telegram"),
        "en",
        [invited("Look", "Open Telegram", f"Look\n\nContinue on Telegram\n{LINK}", pictured=True)],
    ),
    "after a file": (
        Content(text="Here", file=FILE, invite="telegram"),
        "en",
        [
            document("Here", instead=(text(f"Here\n{IN_WORDS}"),)),
            invited("Continue on Telegram", "Open Telegram", f"Continue on Telegram\n{LINK}"),
        ],
    ),
    "with a long text": (
        Content(text="x" * 2000, invite="telegram"),
        "en",
        [text("x" * 2000), invited("Continue on Telegram", "Open Telegram", f"Continue on Telegram\n{LINK}")],
    ),
}


@pytest.mark.parametrize(("content", "language", "parts"), INVITED.values(), ids=INVITED.keys())
def test_invite_is_a_link_button_in_the_conversations_language(
    content: Content, language: str, parts: list[Part]
) -> None:
    assert say(content, language=language, link=LINK) == parts


def test_lists_speak_the_conversations_language() -> None:
    [part] = say(Content(options=options(*FOUR)), language="zh-TW")
    assert part == listed("请选择：", *FOUR, label="选择")


def test_numbers_of_written_out_options_count_over_the_whole_message() -> None:
    many = Card(title="More", options=options(*(f"Item {number}" for number in range(LISTED_MAX + 1))))
    *_, last = say(Content(text="Look:", options=options("None"), cards=(many,)))
    assert last.message["text"]["body"].splitlines()[:2] == ["*More*", "2. Item 0"]


SHOWN: dict[str, tuple[Content, list[str]]] = {
    "nothing": (Content(), []),
    "text": (Content(text="Hello"), ["text"]),
    "picture": (Content(text="Our sofa", image=PHOTO), ["image with caption"]),
    "file and place": (Content(file=FILE, location=BAY), ["document", "location"]),
    "picture over buttons": (
        Content(text="Sure?", image=PHOTO, options=options("Yes", "No")),
        ["interactive button, 2 buttons, image header"],
    ),
    "lists": (
        Content(text="Which?", options=options(*ORDERS)),
        ["interactive list, 10 rows", "interactive list, 10 rows", "interactive list, 5 rows"],
    ),
    "invite": (Content(text="As you like.", invite="telegram"), ["interactive cta_url"]),
}


@pytest.mark.parametrize(("content", "shown"), SHOWN.values(), ids=SHOWN.keys())
def test_parts_are_told_in_metas_words(content: Content, shown: list[str]) -> None:
    assert [described(part) for part in say(content, link=LINK if content.invite else None)] == shown


# --- Labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["short"], [Row(title="short")]),
        (["x" * 24], [Row(title="x" * 24)]),
        (["x" * 25], [Row(title="x" * 23 + "…", description="…xx")]),
        (["x" * 200], [Row(title="x" * 23 + "…", description="…" + "x" * 70 + "…")]),
        (
            ["退款到我原来付款时使用的那一张银行卡里面，谢谢你们"],
            [Row(title="退款到我原来付款时使用的那一张银行卡里面，…", description="…谢谢你们")],
        ),
    ],
)
def test_rest_of_a_long_title_is_its_description(titles: list[str], expected: list[Row]) -> None:
    assert rows([Row(title=title) for title in titles]) == expected


@settings(deadline=None)
@given(titles=st.lists(st.text(st.sampled_from("aA字😀 ("), min_size=1, max_size=40), max_size=12))
def test_titles_are_within_the_limit_and_all_different(titles: list[str]) -> None:
    for cut, limit in (
        (button_titles(titles), 20),
        ([row.title for row in rows([Row(title=title) for title in titles])], 24),
    ):
        assert all(units(title) <= limit for title in cut)
        assert len({title.casefold() for title in cut}) == len(titles)


# --- Whatever the content ---------------------------------------------------------------------------------------------

WORDS = st.text(max_size=30) | st.sampled_from(
    ["x" * 1025, "字" * 5000, "😀" * 30, "Yes", "**b** " * 200, "`c` [d](https://e.example) " * 40, "\\*f\\* " * 300]
)
OPTIONS = st.lists(st.builds(Option, title=WORDS, payload=WORDS, description=st.none() | WORDS), max_size=40).map(tuple)
IMAGES = st.none() | st.sampled_from([PHOTO, "file:///etc/passwd", ""])
FILES = st.none() | st.builds(
    File, url=st.sampled_from([RECEIPT, "/etc/passwd", "", "https://"]), name=st.none() | WORDS
)
PLACES = st.none() | st.builds(
    Location,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    name=st.none() | WORDS,
    address=st.none() | WORDS,
)
CARDS = st.lists(st.builds(Card, title=WORDS, text=st.none() | WORDS, image=IMAGES, options=OPTIONS), max_size=3)
CONTENTS = st.builds(
    Content,
    text=st.none() | WORDS,
    options=OPTIONS,
    image=IMAGES,
    file=FILES,
    location=PLACES,
    cards=CARDS.map(tuple),
    invite=st.sampled_from([None, "telegram", "pigeon that flies very far"]),
)


@settings(deadline=None)
@given(content=CONTENTS, language=st.sampled_from([None, "en", "zh", "zh_TW", ""]))
def test_any_content_is_rendered_within_whatsapps_limits(content: Content, language: str | None) -> None:
    """The sandbox's own rules are another opinion on them."""
    parts = say(content, language=language, link=LINK if content.invite else None)
    for part in every(parts):
        check_message({"messaging_product": "whatsapp", "to": "16505551234"} | dict(part.message))
    ids = [reply["id"] for part in parts for reply in tappable(dict(part.message))]
    blocks = [content.options, *(card.options for card in content.cards)]
    assert len(ids) == sum(len(one) for one in blocks if len(one) <= LISTED_MAX)
    assert len(set(ids)) == len(ids)


def every(parts: list[Part]) -> list[Part]:
    return [*parts, *(one for part in parts for one in every(list(part.instead or ())))]
