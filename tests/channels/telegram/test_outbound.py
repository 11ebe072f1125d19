"""What the product says, as parts of one Bot API call each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from channels.contract import Card, Content, Option, Outbound
from channels.lengths import shorten, split, units
from channels.telegram.outbound import CAPTION_MAX, KEYBOARD_MAX, TEXT_MAX, Part, render

LINK = "https://wa.me/15550001111?text=f3Kx_9vQ-2LmZr7T"
PHOTO = "https://shop.example/sofa.jpg"


def say(content: Content, *, language: str | None = "en", link: str | None = None) -> list[Part]:
    return render(Outbound(id=345, address="5214300117", content=content, language=language), link)


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
    "text": (Content(text="Hello <b>*Alice*</b>"), [Part(text="Hello <b>*Alice*</b>")]),
    "nothing": (Content(), []),
    "white space": (Content(text=" \n\x00"), []),
    "text that is not storable": (Content(text="a\x00b\ud83d"), [Part(text="ab?")]),
    "short options share a row": (
        Content(text="Sure?", options=options("Yes", "No")),
        [Part(text="Sure?", keyboard=YES_NO)],
    ),
    "a long option has a row of its own": (
        Content(text="Sure?", options=options("Yes", "No, I have changed my mind")),
        [Part(text="Sure?", keyboard=keyboard([("Yes", "o:345:0")], [("No, I have changed my mind", "o:345:1")]))],
    ),
    "chinese counts double": (
        Content(text="好吗？", options=options("好的", "我还想再考虑一下吧")),
        [Part(text="好吗？", keyboard=keyboard([("好的", "o:345:0")], [("我还想再考虑一下吧", "o:345:1")]))],
    ),
    "three short options": (
        Content(text="Size?", options=options("S", "M", "L")),
        [Part(text="Size?", keyboard=keyboard([("S", "o:345:0"), ("M", "o:345:1")], [("L", "o:345:2")]))],
    ),
    "options without a text": (
        Content(options=options("Yes", "No")),
        [Part(text="Please choose:", keyboard=YES_NO)],
    ),
    "an option without a label": (
        Content(text="Sure?", options=options("Yes", " ")),
        [Part(text="Sure?", keyboard=keyboard([("Yes", "o:345:0"), ("2", "o:345:1")]))],
    ),
    "a label that is too long": (
        Content(text="Sure?", options=options("x" * 65)),
        [Part(text="Sure?", keyboard=keyboard([("x" * 63 + "…", "o:345:0")]))],
    ),
    "picture with its caption": (
        Content(text="Our sofa", image=PHOTO, options=options("Yes", "No")),
        [Part(text="Our sofa", photo=PHOTO, keyboard=YES_NO, instead=(Part(text="Our sofa", keyboard=YES_NO),))],
    ),
    "picture alone": (Content(image=PHOTO), [Part(photo=PHOTO, instead=(Part(text=PHOTO),))]),
    "picture with a text too long for a caption": (
        Content(text="x" * (CAPTION_MAX + 1), image=PHOTO, options=options("Yes", "No")),
        [Part(photo=PHOTO, instead=()), Part(text="x" * (CAPTION_MAX + 1), keyboard=YES_NO)],
    ),
    "a file is never a picture": (Content(text="Our sofa", image="/etc/hostname"), [Part(text="Our sofa")]),
    "cards, each with its own buttons": (
        Content(text="Look:", options=options("None of them"), cards=(SOFA, LAMP)),
        [
            Part(text="Look:", keyboard=keyboard([("None of them", "o:345:0")])),
            Part(
                text="Sofa\nTwo seats",
                photo=PHOTO,
                keyboard=keyboard([("Buy sofa", "o:345:1")]),
                instead=(Part(text="Sofa\nTwo seats", keyboard=keyboard([("Buy sofa", "o:345:1")])),),
            ),
            Part(text="Lamp", keyboard=keyboard([("Buy lamp", "o:345:2"), ("Details", "o:345:3")])),
        ],
    ),
    "long text has its buttons under the last part": (
        Content(text="x" * 4000 + "\n\n" + "y" * 4000, options=options("Yes", "No")),
        [Part(text="x" * 4000), Part(text="y" * 4000, keyboard=YES_NO)],
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
            Part(
                text="As you like.",
                keyboard=keyboard([("Continue on WhatsApp", LINK)]),
                instead=(Part(text=f"As you like.\n\nContinue on WhatsApp\n{LINK}", preview=False),),
            )
        ],
    ),
    "chinese, under the options": (
        Content(text="好的。", options=options("好", "不"), invite="webchat"),
        "zh-hans",
        [
            Part(
                text="好的。",
                keyboard=keyboard([("好", "o:345:0"), ("不", "o:345:1")], [("在网页继续", LINK)]),
                instead=(
                    Part(
                        text=f"好的。\n\n在网页继续\n{LINK}",
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
            Part(
                text="Continue on Microsoft Teams",
                keyboard=keyboard([("Continue on Microsoft Teams", LINK)]),
                instead=(Part(text=f"Continue on Microsoft Teams\n{LINK}", preview=False),),
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
    [part] = say(Content(text="Look", image=PHOTO, invite="whatsapp"), link=LINK)
    assert part.instead == tuple(say(Content(text="Look", invite="whatsapp"), link=LINK))


def test_link_is_written_out_in_a_part_of_its_own_where_the_text_leaves_no_room() -> None:
    [part] = say(Content(text="x" * TEXT_MAX, invite="whatsapp"), link=LINK)
    assert part.instead == (
        Part(text="x" * TEXT_MAX),
        Part(text=f"Continue on WhatsApp\n{LINK}", preview=False),
    )


def test_more_buttons_than_one_message_takes_go_into_the_next() -> None:
    parts = say(Content(text="Which?", options=options(*(f"Order {number}" for number in range(100)))))
    assert [part.text for part in parts] == ["Which?", "More to choose from:", "More to choose from:"]
    assert [button.callback_data for part in parts for button in buttons(part)] == [f"o:345:{n}" for n in range(100)]
    assert max(len(buttons(part)) for part in parts) <= KEYBOARD_MAX


def buttons(part: Part) -> list[InlineKeyboardButton]:
    return [button for row in part.keyboard.inline_keyboard for button in row] if part.keyboard else []


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

WORDS = st.text(max_size=30) | st.sampled_from(["x" * 1025, "字" * 5000, "Yes"])
OPTIONS = st.lists(st.builds(Option, title=WORDS, payload=WORDS), max_size=50).map(tuple)
IMAGES = st.none() | st.sampled_from([PHOTO, "file:///etc/passwd", ""])
CARDS = st.lists(st.builds(Card, title=WORDS, text=st.none() | WORDS, image=IMAGES, options=OPTIONS), max_size=3)
CONTENTS = st.builds(
    Content,
    text=st.none() | WORDS,
    options=OPTIONS,
    image=IMAGES,
    cards=CARDS.map(tuple),
    invite=st.sampled_from([None, "whatsapp", "pigeon"]),
)


@given(content=CONTENTS, language=st.sampled_from([None, "en", "zh", "zh_TW", ""]))
def test_any_content_is_rendered_within_telegrams_limits(content: Content, language: str | None) -> None:
    parts = say(content, language=language, link=LINK if content.invite else None)
    for part in every(parts):
        assert units(part.text) <= (CAPTION_MAX if part.photo else TEXT_MAX)
        assert part.text or part.photo
        assert all(button.text and units(button.text) <= 64 for button in buttons(part))
    taps = [button.callback_data for part in parts for button in buttons(part) if button.callback_data]
    assert taps == [f"o:345:{index}" for index in range(len(content.all_options()))]


def every(parts: list[Part]) -> list[Part]:
    return [*parts, *(one for part in parts for one in every(list(part.instead or ())))]
