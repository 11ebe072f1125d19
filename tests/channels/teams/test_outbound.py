"""What the product says, as parts of one activity each."""

from __future__ import annotations

from typing import Any

import pytest
from botframework.connector.aio import ConnectorClient
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Card, Content, Option, Outbound
from channels.teams.connector import activity
from channels.teams.markdown import escape
from channels.teams.outbound import ACTIVITY_MAX, CARD_TEXT_MAX, TEXT_MAX, Part, render, size
from sandbox.teams import check_activity

LINK = "https://wa.me/15550001111?text=f3Kx_9vQ-2LmZr7T"
PHOTO = "https://shop.example/sofa.jpg"


def say(content: Content, *, language: str | None = "en", link: str | None = None) -> list[Part]:
    return render(Outbound(id=345, address="", content=content, language=language), link)


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(Option(title=title, payload="/" + "p" * 500) for title in titles)


def card(*body: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": list(body),
    }


def words(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


def picture(**fields: str) -> dict[str, Any]:
    return {"type": "Image", "url": PHOTO, "size": "Stretch", **fields}


def buttons(first: int, *titles: str) -> dict[str, Any]:
    return {"type": "ActionSet", "actions": [button(first + place, title) for place, title in enumerate(titles)]}


def button(index: int, title: str) -> dict[str, Any]:
    return {"type": "Action.Submit", "title": title, "data": {"o": f"345:{index}"}}


def to_whatsapp(title: str = "Continue on WhatsApp") -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": title, "url": LINK}


SIZES = tuple(f"size {number}" for number in range(31))
SOFA = Card(title="Sofa", text="Two seats", image=PHOTO, options=options("Buy sofa"))
LAMP = Card(title="Lamp", options=options("Buy lamp", "Details"))
SOFA_CARD = card(picture(altText="Sofa"), words("Sofa", weight="Bolder"), words("Two seats"), buttons(0, "Buy sofa"))
LAMP_CARD = card(words("Lamp", weight="Bolder"), buttons(1, "Buy lamp", "Details"))

RENDERED: dict[str, tuple[Content, list[Part]]] = {
    "text": (Content(text="Hello Alice"), [Part(text="Hello Alice")]),
    "text is plain": (Content(text="Hello <b>*Alice*</b>"), [Part(text="Hello &lt;b>\\*Alice\\*&lt;/b>")]),
    "nothing": (Content(), []),
    "white space": (Content(text=" \n\x00"), []),
    "text that is not storable": (Content(text="a\x00b\ud83d"), [Part(text="ab?")]),
    "options": (
        Content(text="Sure?", options=options("Yes", "No")),
        [Part(cards=(card(words("Sure?"), buttons(0, "Yes", "No")),), summary="Sure?")],
    ),
    "seven options are two sets": (
        Content(text="Size?", options=options(*SIZES[:7])),
        [Part(cards=(card(words("Size?"), buttons(0, *SIZES[:6]), buttons(6, SIZES[6])),), summary="Size?")],
    ),
    "thirty-one options are two cards": (
        Content(text="Size?", options=options(*SIZES)),
        [
            Part(
                cards=(card(words("Size?"), *(buttons(at, *SIZES[at : at + 6]) for at in range(0, 30, 6))),),
                summary="Size?",
            ),
            Part(cards=(card(words("More to choose from:"), buttons(30, SIZES[30])),), summary="More to choose from:"),
        ],
    ),
    "options without a text": (
        Content(options=options("Yes")),
        [Part(cards=(card(words("Please choose:"), buttons(0, "Yes")),), summary="Please choose:")],
    ),
    "an option without a label": (
        Content(text="Sure?", options=options("Yes", " ")),
        [Part(cards=(card(words("Sure?"), buttons(0, "Yes", "2")),), summary="Sure?")],
    ),
    "a label that is too long": (
        Content(text="Sure?", options=options("x" * 65)),
        [Part(cards=(card(words("Sure?"), buttons(0, "x" * 63 + "…")),), summary="Sure?")],
    ),
    "picture with text": (
        Content(text="Our sofa", image=PHOTO),
        [Part(cards=(card(picture(), words("Our sofa")),), summary="Our sofa")],
    ),
    "picture alone": (Content(image=PHOTO), [Part(cards=(card(picture()),))]),
    "picture that Teams would not show": (
        Content(text="Our sofa", image="http://shop.example/sofa.jpg"),
        [Part(text="Our sofa\n\nhttp://shop.example/sofa.jpg")],
    ),
    "invite": (
        Content(text="As you like.", invite="whatsapp"),
        [
            Part(
                cards=(card(words("As you like."), {"type": "ActionSet", "actions": [to_whatsapp()]}),),
                summary="As you like.",
            )
        ],
    ),
    "invite without a text": (
        Content(invite="whatsapp"),
        [
            Part(
                cards=(card(words("Continue on WhatsApp"), {"type": "ActionSet", "actions": [to_whatsapp()]}),),
                summary="Continue on WhatsApp",
            )
        ],
    ),
    "cards are a carousel": (
        Content(text="Look:", cards=(SOFA, LAMP)),
        [Part(text="Look:"), Part(cards=(SOFA_CARD, LAMP_CARD), summary="Look:")],
    ),
    "one card": (Content(cards=(SOFA,)), [Part(cards=(SOFA_CARD,))]),
    "eleven cards are two carousels": (
        Content(cards=(Card(title="Lamp"),) * 11),
        [
            Part(cards=(card(words("Lamp", weight="Bolder")),) * 10),
            Part(cards=(card(words("Lamp", weight="Bolder")),)),
        ],
    ),
    "own options count before the cards'": (
        Content(text="Look:", options=options("None"), cards=(Card(title="Lamp", options=options("Buy")),)),
        [
            Part(cards=(card(words("Look:"), buttons(0, "None")),), summary="Look:"),
            Part(cards=(card(words("Lamp", weight="Bolder"), buttons(1, "Buy")),), summary="Look:"),
        ],
    ),
    "long text": (
        Content(text=f"{'x' * 5000}\n\n{'y' * 5000}"),
        [Part(text="x" * 5000), Part(text="y" * 5000)],
    ),
    "long text with options": (
        Content(text=f"{'x' * 5000}\n\n{'y' * 5000}", options=options("Yes")),
        [
            Part(text="x" * 5000),
            Part(cards=(card(words("y" * 5000), buttons(0, "Yes")),), summary="y" * 119 + "…"),
        ],
    ),
    "long card": (
        Content(cards=(Card(title="Lamp", text="x" * 2001),)),
        [Part(cards=(card(words("Lamp", weight="Bolder"), words("x" * (CARD_TEXT_MAX - 1) + "…")),))],
    ),
}


@pytest.mark.parametrize(("content", "expected"), RENDERED.values(), ids=RENDERED.keys())
def test_content_is_rendered(content: Content, expected: list[Part]) -> None:
    assert say(content, link=LINK) == expected


def test_own_words_are_in_the_conversations_language() -> None:
    [part] = say(Content(options=options("好"), invite="whatsapp"), language="zh-CN", link=LINK)
    assert part.cards[0]["body"][0] == words("请选择：")
    assert part.cards[0]["body"][1]["actions"][1] == to_whatsapp("在 WhatsApp 继续")


@pytest.mark.parametrize(
    "image", ["sofa.jpg", "/etc/passwd", "javascript:alert(1)", "data:image/png;base64,AA==", f"https://x/{'y' * 2000}"]
)
def test_what_is_no_web_picture_is_written_out(image: str) -> None:
    assert say(Content(text="Look", image=image)) == [Part(text=f"Look\n\n{escape(image)}")]


# --- Markdown ---------------------------------------------------------------------------------------------------------

ESCAPED = {
    "5 * 3 = 15": "5 \\* 3 = 15",
    "order_id [x](y)": "order\\_id \\[x\\](y)",
    "`code` ~~gone~~ a|b \\": "\\`code\\` \\~\\~gone\\~\\~ a\\|b \\\\",
    "https://shop.example/a_b?c=*&d=1": "https://shop.example/a_b?c=*&d=1",
    "see https://shop.example/a_b now_": "see https://shop.example/a_b now\\_",
    "1. one\n2) two\n10 three": "1\\. one\n\n2\\) two\n\n10 three",
    "- a\n+ b\n# c\n> d": "\\- a\n\n\\+ b\n\n\\# c\n\n\\> d",
    "a - b, C# and 3.5 > 3": "a - b, C# and 3.5 > 3",
    "one\ntwo\n\n\nthree": "one\n\ntwo\n\nthree",
    "<at>Bob</at> <!-- x": "&lt;at>Bob&lt;/at> &lt;!-- x",
    "1 < 2 && 3": "1 < 2 && 3",
    "&nbsp; &#60; AT&T": "&amp;nbsp; &amp;#60; AT&T",
}


@pytest.mark.parametrize(("text", "expected"), ESCAPED.items())
def test_text_is_shown_as_it_was_written(text: str, expected: str) -> None:
    assert escape(text) == expected


# --- Whatever the content ---------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
LONG_TEXT = st.builds(lambda text, times: text * times, ANY_TEXT, st.sampled_from([1, 1, 50, 1000]))
ANY_OPTIONS = st.lists(st.builds(Option, title=ANY_TEXT, payload=ANY_TEXT), max_size=70).map(tuple)
ANY_IMAGE = st.none() | ANY_TEXT | st.sampled_from([PHOTO, "http://shop.example/x", "https://x/" + "y" * 1990])
ANY_CARD = st.builds(Card, title=LONG_TEXT, text=LONG_TEXT, image=ANY_IMAGE, options=ANY_OPTIONS)
ANY_CONTENT = st.builds(
    Content,
    text=st.none() | LONG_TEXT,
    options=ANY_OPTIONS,
    image=ANY_IMAGE,
    cards=st.lists(ANY_CARD, max_size=13).map(tuple),
    invite=st.none() | st.just("whatsapp"),
)


@given(content=ANY_CONTENT)
@settings(max_examples=60, deadline=None)
def test_any_content_is_within_teams_limits(content: Content) -> None:
    parts = say(content, link=LINK)
    for part in parts:
        assert size(part) <= ACTIVITY_MAX
        assert bool(part.text) != bool(part.cards)
        check_activity(as_sent(part), conversation="a:1", bot="28:x")


@given(content=ANY_CONTENT)
@settings(max_examples=40, deadline=None)
def test_every_option_is_a_button_in_order(content: Content) -> None:
    sets = [one for part in say(content) for card in part.cards for one in card["body"] if one["type"] == "ActionSet"]
    numbers = [action["data"]["o"] for one in sets for action in one["actions"]]
    assert numbers == [f"345:{index}" for index in range(len(content.all_options()))]


def as_sent(part: Part) -> dict[str, Any]:
    """The JSON that botbuilder makes of it."""
    serialize = ConnectorClient(object())._serialize
    sent: dict[str, Any] = serialize.body(activity(part), "Activity")
    return sent | {"from": {"id": "28:x"}}


def test_longest_text_fits_into_one_activity() -> None:
    [part] = say(Content(text="_" * TEXT_MAX))
    assert size(part) <= ACTIVITY_MAX
