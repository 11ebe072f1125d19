"""What the product says, as parts of one Bot API call each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from channels.contract import Card, Content, File, Location, Option, Outbound
from channels.formatting import Mark, Rich, parse
from channels.lengths import shorten, split, units
from channels.telegram.entities import entities, linkable
from channels.telegram.outbound import CAPTION_MAX, KEYBOARD_MAX, TEXT_MAX, Part, describe, render

LINK = "https://wa.me/15550001111?text=f3Kx_9vQ-2LmZr7T"
PHOTO = "https://shop.example/sofa.jpg"
MANUAL = "https://shop.example/files/sofa.pdf"


def say(content: Content, *, language: str | None = "en", link: str | None = None) -> list[Part]:
    return render(Outbound(id=345, address="5214300117", content=content, language=language), link)


def part(text: str = "", *marks: Mark, **rest: Any) -> Part:
    return Part(text=Rich(text=text, marks=marks), **rest)


def a_bold(start: int, end: int) -> Mark:
    return Mark(start=start, end=end, style="bold")


def a_link(start: int, end: int, url: str) -> Mark:
    return Mark(start=start, end=end, style="link", url=url)


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(Option(title=title, payload="/" + "p" * 500) for title in titles)


def keyboard(*rows: list[tuple[str, str]]) -> InlineKeyboardMarkup:
    """Rows of (label, callback data or URL)."""
    return InlineKeyboardMarkup([[_button(label, target) for label, target in row] for row in rows])


def _button(label: str, target: str) -> InlineKeyboardButton:
    if target.startswith("http"):
        return InlineKeyboardButton(label, url=target)
    return InlineKeyboardButton(label, callback_data=target)


SOFA = Card(title="Sofa", text="Two seats", image=PHOTO, options=options("Buy sofa"))
LAMP = Card(title="Lamp", options=options("Buy lamp", "Details"))
YES_NO = keyboard([("Yes", "o:345:0"), ("No", "o:345:1")])

RENDERED: dict[str, tuple[Content, list[Part]]] = {
    "text": (Content(text="Hello <b>Alice</b>"), [part("Hello <b>Alice</b>")]),
    "formatting": (Content(text="Hello **Alice**"), [part("Hello Alice", a_bold(6, 11))]),
    "nothing": (Content(), []),
    "white space": (Content(text=" \n\x00"), []),
    "text that is not storable": (Content(text="a\x00b\ud83d"), [part("ab?")]),
    "short options share a row": (
        Content(text="Sure?", options=options("Yes", "No")),
        [part("Sure?", keyboard=YES_NO)],
    ),
    "a long option has a row of its own": (
        Content(text="Sure?", options=options("Yes", "No, I have changed my mind")),
        [part("Sure?", keyboard=keyboard([("Yes", "o:345:0")], [("No, I have changed my mind", "o:345:1")]))],
    ),
    "chinese counts double": (
        Content(text="好吗？", options=options("好的", "我还想再考虑一下吧")),
        [part("好吗？", keyboard=keyboard([("好的", "o:345:0")], [("我还想再考虑一下吧", "o:345:1")]))],
    ),
    "three short options": (
        Content(text="Size?", options=options("S", "M", "L")),
        [part("Size?", keyboard=keyboard([("S", "o:345:0"), ("M", "o:345:1")], [("L", "o:345:2")]))],
    ),
    "options without a text": (
        Content(options=options("Yes", "No")),
        [part("Please choose:", keyboard=YES_NO)],
    ),
    "an option without a label": (
        Content(text="Sure?", options=options("Yes", " ")),
        [part("Sure?", keyboard=keyboard([("Yes", "o:345:0"), ("2", "o:345:1")]))],
    ),
    "a label that is too long": (
        Content(text="Sure?", options=options("x" * 65)),
        [part("Sure?", keyboard=keyboard([("x" * 63 + "…", "o:345:0")]))],
    ),
    "picture with its caption": (
        Content(text="Our sofa", image=PHOTO, options=options("Yes", "No")),
        [part("Our sofa", photo=PHOTO, keyboard=YES_NO, instead=(part("Our sofa", keyboard=YES_NO),))],
    ),
    "picture alone": (Content(image=PHOTO), [part(photo=PHOTO, instead=(part(PHOTO),))]),
    "picture with a text too long for a caption": (
        Content(text="x" * (CAPTION_MAX + 1), image=PHOTO, options=options("Yes", "No")),
        [part(photo=PHOTO, instead=()), part("x" * (CAPTION_MAX + 1), keyboard=YES_NO)],
    ),
    "a file is never a picture": (Content(text="Our sofa", image="/etc/hostname"), [part("Our sofa")]),
    "cards, each with its own buttons": (
        Content(text="Look:", options=options("None of them"), cards=(SOFA, LAMP)),
        [
            part("Look:", keyboard=keyboard([("None of them", "o:345:0")])),
            part(
                "Sofa\nTwo seats",
                a_bold(0, 4),
                photo=PHOTO,
                keyboard=keyboard([("Buy sofa", "o:345:1")]),
                instead=(part("Sofa\nTwo seats", a_bold(0, 4), keyboard=keyboard([("Buy sofa", "o:345:1")])),),
            ),
            part("Lamp", a_bold(0, 4), keyboard=keyboard([("Buy lamp", "o:345:2"), ("Details", "o:345:3")])),
        ],
    ),
    "long text has its buttons under the last part": (
        Content(text="x" * 4000 + "\n\n" + "y" * 4000, options=options("Yes", "No")),
        [part("x" * 4000), part("y" * 4000, keyboard=YES_NO)],
    ),
}


SHOP = Location(latitude=1.2834, longitude=103.8607, name="Hearthside", address="10 Bayfront Avenue")
PIN = Location(latitude=1.2834, longitude=103.8607)
MAP = "https://www.openstreetmap.org/?mlat=1.283400&mlon=103.860700#map=17/1.283400/103.860700"
PIN_IN_WORDS = part("📍 1.28340, 103.86070", a_link(2, 20, MAP))

RENDERED |= {
    "file": (
        Content(text="The manual:", file=File(url=MANUAL)),
        [part("The manual:"), part(document=MANUAL, instead=(part("📎 sofa.pdf", a_link(2, 10, MANUAL)),))],
    ),
    "file by another name, with options": (
        Content(file=File(url=MANUAL, name="Manual"), options=options("Yes", "No")),
        [
            part(
                "Manual",
                document=MANUAL,
                keyboard=YES_NO,
                instead=(part("📎 Manual", a_link(2, 8, MANUAL), keyboard=YES_NO),),
            )
        ],
    ),
    "file that is not on the web": (Content(file=File(url="/etc/hostname")), [part("📎 hostname")]),
    "place": (Content(location=PIN), [part(location=PIN, instead=(PIN_IN_WORDS,))]),
    "place with its name alone": (
        Content(location=replace(PIN, name="Hearthside")),
        [part("Hearthside", a_bold(0, 10)), part(location=replace(PIN, name="Hearthside"), instead=(PIN_IN_WORDS,))],
    ),
    "place with name and address": (
        Content(location=SHOP),
        [
            part(
                location=SHOP,
                instead=(
                    part(
                        "Hearthside\n10 Bayfront Avenue\n📍 1.28340, 103.86070",
                        a_bold(0, 10),
                        a_link(32, 50, MAP),
                    ),
                ),
            )
        ],
    ),
    "all at once, in order": (
        Content(
            text="Look",
            image=PHOTO,
            file=File(url=MANUAL),
            location=PIN,
            options=options("Yes", "No"),
            cards=(LAMP,),
        ),
        [
            part("Look", photo=PHOTO, instead=(part("Look"),)),
            part(document=MANUAL, instead=(part("📎 sofa.pdf", a_link(2, 10, MANUAL)),)),
            part(location=PIN, keyboard=YES_NO, instead=(replace(PIN_IN_WORDS, keyboard=YES_NO),)),
            part("Lamp", a_bold(0, 4), keyboard=keyboard([("Buy lamp", "o:345:2"), ("Details", "o:345:3")])),
        ],
    ),
    "options that are described": (
        Content(text="Which?", options=(Option(title="Red", payload="/r", description="S$69"), *options("Blue"))),
        [
            part(
                "Which?\n\n1. Red – S$69\n2. Blue",
                a_bold(11, 14),
                a_bold(25, 29),
                keyboard=keyboard([("Red", "o:345:0"), ("Blue", "o:345:1")]),
            )
        ],
    ),
    "options that are described, after a file": (
        Content(file=File(url=MANUAL), options=(Option(title="Red", payload="/r", description="S$69"),)),
        [
            part(document=MANUAL, instead=(part("📎 sofa.pdf", a_link(2, 10, MANUAL)),)),
            part("1. Red – S$69", a_bold(3, 6), keyboard=keyboard([("Red", "o:345:0")])),
        ],
    ),
    "a telephone number": (
        Content(text="Call [our shop](tel:+6561234567) or mail [hi@hearthside.example](mailto:hi@hearthside.example)"),
        [part("Call our shop (+6561234567) or mail hi@hearthside.example")],
    ),
}


@pytest.mark.parametrize(("content", "parts"), RENDERED.values(), ids=RENDERED.keys())
def test_content_is_rendered(content: Content, parts: list[Part]) -> None:
    assert say(content) == parts


INVITED: dict[str, tuple[Content, str, list[Part]]] = {
    "english": (
        Content(text="As you like.", invite="whatsapp"),
        "en-GB",
        [
            part(
                "As you like.",
                keyboard=keyboard([("Continue on WhatsApp", LINK)]),
                instead=(part(f"As you like.\n\nContinue on WhatsApp\n{LINK}", preview=False),),
            )
        ],
    ),
    "chinese, under the options": (
        Content(text="好的。", options=options("好", "不"), invite="webchat"),
        "zh-hans",
        [
            part(
                "好的。",
                keyboard=keyboard([("好", "o:345:0"), ("不", "o:345:1")], [("在网页继续", LINK)]),
                instead=(
                    part(
                        f"好的。\n\n在网页继续\n{LINK}",
                        keyboard=keyboard([("好", "o:345:0"), ("不", "o:345:1")]),
                        preview=False,
                    ),
                ),
            )
        ],
    ),
    "without a text": (
        Content(invite="teams"),
        "fr",
        [
            part(
                "Continue on Microsoft Teams",
                keyboard=keyboard([("Continue on Microsoft Teams", LINK)]),
                instead=(part(f"Continue on Microsoft Teams\n{LINK}", preview=False),),
            )
        ],
    ),
}


@pytest.mark.parametrize(("content", "language", "parts"), INVITED.values(), ids=INVITED.keys())
def test_invite_is_a_link_button_in_the_conversations_language(
    content: Content, language: str, parts: list[Part]
) -> None:
    assert say(content, language=language, link=LINK) == parts


def test_refused_picture_still_brings_its_invite() -> None:
    [one] = say(Content(text="Look", image=PHOTO, invite="whatsapp"), link=LINK)
    assert one.instead == tuple(say(Content(text="Look", invite="whatsapp"), link=LINK))


def test_link_is_written_out_in_a_part_of_its_own_where_the_text_leaves_no_room() -> None:
    [one] = say(Content(text="x" * TEXT_MAX, invite="whatsapp"), link=LINK)
    assert one.instead == (
        part("x" * TEXT_MAX),
        part(f"Continue on WhatsApp\n{LINK}", preview=False),
    )


def test_more_buttons_than_one_message_takes_go_into_the_next() -> None:
    parts = say(Content(text="Which?", options=options(*(f"Order {number}" for number in range(100)))))
    assert [part.text.text for part in parts] == ["Which?", "More to choose from:", "More to choose from:"]
    assert [button.callback_data for part in parts for button in buttons(part)] == [f"o:345:{n}" for n in range(100)]
    assert max(len(buttons(part)) for part in parts) <= KEYBOARD_MAX


def buttons(part: Part) -> list[InlineKeyboardButton]:
    return [button for row in part.keyboard.inline_keyboard for button in row] if part.keyboard else []


# --- Formatting -------------------------------------------------------------------------------------------------------


def test_entities_count_in_utf16_and_code_looks_no_other_way() -> None:
    text = parse("🛒 **A *B* `c` D** [the **order**](https://shop.example/1)")
    assert text.text == "🛒 A B c D the order"
    assert [(one.type, one.offset, one.length, one.url) for one in entities(text)] == [
        ("bold", 3, 4, None),
        ("italic", 5, 1, None),
        ("code", 7, 1, None),
        ("bold", 8, 2, None),
        ("text_link", 11, 9, "https://shop.example/1"),
        ("bold", 15, 5, None),
    ]


def test_marks_are_cut_with_their_text() -> None:
    parts = say(Content(text=f"**{'x' * 4000} {'y' * 4000}**"))
    assert [(one.text.text[0], entities(one.text)[0].length) for one in parts] == [("x", 4000), ("y", 4000)]


@given(source=st.text(st.sampled_from("ab😀 *_`[](:/)htps\n"), max_size=80))
def test_entities_stay_within_the_text(source: str) -> None:
    text = linkable(parse(source))
    spans = [(one.offset, one.offset + one.length) for one in entities(text)]
    assert all(0 <= start < end <= units(text.text) for start, end in spans)


def test_calls_are_described_in_telegrams_words() -> None:
    content = RENDERED["all at once, in order"][0]
    assert [describe(one) for one in say(content)] == [
        "sendPhoto with caption",
        "sendDocument",
        "sendLocation with 2 buttons",
        "sendMessage with formatting, 2 buttons",
    ]
    assert [describe(one) for one in say(Content(location=SHOP, options=options("Go")))] == ["sendVenue with 1 button"]


# --- Groups -----------------------------------------------------------------------------------------------------------


def in_group(reply_to: str | None) -> list[int | None]:
    content = Content(text="x" * 5000, image=PHOTO)
    message = Outbound(id=345, address="-4123987#3", content=content, reply_to=reply_to)
    return [one.reply_to for one in render(message)]


def test_first_part_shows_a_group_what_it_answers() -> None:
    assert in_group("464") == [464, None, None]


@pytest.mark.parametrize("reply_to", [None, "22395246712334566991", "wamid.x", ""])
def test_tap_is_no_message_to_answer(reply_to: str | None) -> None:
    assert in_group(reply_to) == [None, None, None]


def test_what_stands_in_for_the_first_part_answers_too() -> None:
    [one] = render(Outbound(id=345, address="-4123987", content=Content(text="Look", image=PHOTO), reply_to="464"))
    assert one.instead == (replace(part("Look"), reply_to=464),)


def test_one_person_needs_no_quotation() -> None:
    [one] = render(Outbound(id=345, address="5214300117", content=Content(text="Yes"), reply_to="464"))
    assert one.reply_to is None


# --- Cutting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  one  ", ["one"]),
        ("one two. three four", ["one two.", "three four"]),
        ("one two\nthree. four five", ["one two", "three. four", "five"]),
        ("eight ch\n\nnine and t", ["eight ch", "nine and t"]),
        ("我们已经收到。您的退款申请，谢谢", ["我们已经收到。", "您的退款申请，谢谢"]),
        ("x" * 25, ["x" * 12, "x" * 12, "x"]),
        ("😀" * 7, ["😀" * 6, "😀"]),
        ("a" + "😀" * 6, ["a" + "😀" * 5, "😀"]),
    ],
)
def test_text_is_cut_where_it_reads_best(text: str, pieces: list[str]) -> None:
    assert split(text, 12) == pieces


@given(text=st.text(st.sampled_from("aé字😀 .。\n，!\u202e"), max_size=200), limit=st.integers(2, 20))
def test_cutting_keeps_to_the_limit_and_loses_only_white_space(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(piece.strip() and units(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(text=st.text(st.sampled_from("a字😀 "), max_size=60), limit=st.integers(2, 20))
def test_shortening_keeps_to_the_limit(text: str, limit: int) -> None:
    assert units(shorten(text, limit)) <= limit


# --- Whatever the content ---------------------------------------------------------------------------------------------

WORDS = st.text(max_size=30) | st.sampled_from(["x" * 1025, "**字**" * 1300, "Yes", "[call](tel:1) " * 80])
OPTIONS = st.lists(st.builds(Option, title=WORDS, payload=WORDS, description=st.none() | WORDS), max_size=50).map(tuple)
WEB = st.none() | st.sampled_from([PHOTO, "file:///etc/passwd", ""])
CARDS = st.lists(st.builds(Card, title=WORDS, text=st.none() | WORDS, image=WEB, options=OPTIONS), max_size=3)
FILES = st.none() | st.builds(File, url=WEB.filter(lambda url: url is not None), name=st.none() | WORDS)
PLACES = st.none() | st.builds(
    Location,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    name=st.none() | WORDS,
    address=st.none() | WORDS,
)
CONTENTS = st.builds(
    Content,
    text=st.none() | WORDS,
    options=OPTIONS,
    image=WEB,
    file=FILES,
    location=PLACES,
    cards=CARDS.map(tuple),
    invite=st.sampled_from([None, "whatsapp", "pigeon"]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=CONTENTS, language=st.sampled_from([None, "en", "zh", "zh_TW", ""]))
def test_any_content_is_rendered_within_telegrams_limits(content: Content, language: str | None) -> None:
    parts = say(content, language=language, link=LINK if content.invite else None)
    for one in every(parts):
        assert units(one.text.text) <= (CAPTION_MAX if one.photo or one.document else TEXT_MAX)
        assert one.text.text.strip() or one.photo or one.document or one.location
        assert all(button.text and units(button.text) <= 64 for button in buttons(one))
        assert describe(one)
    taps = [button.callback_data for one in parts for button in buttons(one) if button.callback_data]
    assert taps == [f"o:345:{index}" for index in range(len(content.all_options()))]


def every(parts: list[Part]) -> list[Part]:
    return [*parts, *(one for part in parts for one in every(list(part.instead or ())))]
