"""What the product says, as parts of one activity each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from botframework.connector.aio import ConnectorClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from channels.contract import Card, Content, File, Location, Option, Outbound
from channels.formatting import Rich, Run, parse, plain
from channels.teams.connector import activity
from channels.teams.markdown import markdown
from channels.teams.outbound import (
    ACTIVITY_MAX,
    CARD_TEXT_MAX,
    TEXT_MAX,
    Part,
    in_words,
    render,
    size,
    without_buttons,
)
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


def opens(title: str, url: str) -> dict[str, Any]:
    return {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": title, "url": url}]}


def to_whatsapp(title: str = "Continue on WhatsApp") -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": title, "url": LINK}


MAP = "https://www.openstreetmap.org/?mlat=1.303610&mlon=103.831940#map=17/1.303610/103.831940"
SIZES = tuple(f"size {number}" for number in range(31))
SOFA = Card(title="Sofa", text="Two seats", image=PHOTO, options=options("Buy sofa"))
LAMP = Card(title="Lamp", options=options("Buy lamp", "Details"))
SOFA_CARD = card(picture(altText="Sofa"), words("Sofa", weight="Bolder"), words("Two seats"), buttons(0, "Buy sofa"))
LAMP_CARD = card(words("Lamp", weight="Bolder"), buttons(1, "Buy lamp", "Details"))

RENDERED: dict[str, tuple[Content, list[Part]]] = {
    "text": (Content(text="Hello Alice"), [Part(text="Hello Alice")]),
    "text is no HTML": (Content(text="Hello <b>Alice</b>"), [Part(text="Hello &lt;b>Alice&lt;/b>")]),
    "formatting": (
        Content(text="**Bold**, *italic*, `code` and [a link](https://shop.example)"),
        [Part(text="**Bold**, *italic*, `code` and [a link](https://shop.example)")],
    ),
    "formatting on a card, where code is not shown": (
        Content(text="**Bold** and `co_de`", options=options("Yes")),
        [Part(cards=(card(words("**Bold** and co\\_de"), buttons(0, "Yes")),), summary="Bold and co_de")],
    ),
    "file": (
        Content(text="Your invoice", file=File(url="https://shop.example/invoice.pdf", name="Invoice 7.pdf")),
        [
            Part(
                cards=(
                    card(
                        words("Your invoice"),
                        words("📎 [Invoice 7.pdf](https://shop.example/invoice.pdf)"),
                        opens("Open", "https://shop.example/invoice.pdf"),
                    ),
                ),
                summary="Your invoice",
            )
        ],
    ),
    "file alone": (
        Content(file=File(url="https://shop.example/invoice.pdf")),
        [
            Part(
                cards=(
                    card(
                        words("📎 [invoice.pdf](https://shop.example/invoice.pdf)"),
                        opens("Open", "https://shop.example/invoice.pdf"),
                    ),
                ),
                summary="📎 invoice.pdf (https://shop.example/invoice.pdf)",
            )
        ],
    ),
    "file that cannot be opened": (
        Content(file=File(url="invoice.pdf")),
        [Part(cards=(card(words("📎 invoice.pdf\n\ninvoice.pdf")),), summary="📎 invoice.pdf")],
    ),
    "location": (
        Content(location=Location(latitude=1.30361, longitude=103.83194, name="Orchard", address="1 Orchard Road")),
        [
            Part(
                cards=(
                    card(
                        words(f"**Orchard**\n\n1 Orchard Road\n\n📍 [1.30361, 103.83194]({MAP})"),
                        opens("Open map", MAP),
                    ),
                ),
                summary="Orchard",
            )
        ],
    ),
    "everything at once is in the order of the contract": (
        Content(
            text="Look:",
            options=options("Yes"),
            image=PHOTO,
            file=File(url="https://shop.example/a.pdf"),
            location=Location(latitude=1.30361, longitude=103.83194),
            cards=(Card(title="Lamp"),),
        ),
        [
            Part(
                cards=(
                    card(
                        picture(),
                        words("Look:"),
                        words("📎 [a.pdf](https://shop.example/a.pdf)"),
                        opens("Open", "https://shop.example/a.pdf"),
                        words(f"📍 [1.30361, 103.83194]({MAP})"),
                        opens("Open map", MAP),
                        buttons(0, "Yes"),
                    ),
                ),
                summary="Look:",
            ),
            Part(cards=(card(words("Lamp", weight="Bolder")),), summary="Look:"),
        ],
    ),
    "options with descriptions": (
        Content(
            text="Which one?",
            options=(
                Option(title="Blue kettle", payload="/a", description="1.7 l,\n*enamel*"),
                Option(title="Neither", payload="/b"),
                Option(title="Red kettle", payload="/c", description="1.2 l"),
            ),
        ),
        [
            Part(
                cards=(
                    card(
                        words("Which one?"),
                        words("**Blue kettle** – 1.7 l, \\*enamel\\*\n\n**Red kettle** – 1.2 l"),
                        buttons(0, "Blue kettle", "Neither", "Red kettle"),
                    ),
                ),
                summary="Which one?",
            )
        ],
    ),
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
    assert say(Content(text="Look", image=image)) == [Part(text=f"Look\n\n{markdown(plain(image))}")]


# --- Once the question is not open any more ---------------------------------------------------------------------------


def test_buttons_are_taken_off_and_the_rest_stays() -> None:
    content = Content(text="Look:", image=PHOTO, file=File(url="https://shop.example/a.pdf"), options=options("Yes"))
    [part] = say(content)
    settled = card(
        picture(),
        words("Look:"),
        words("📎 [a.pdf](https://shop.example/a.pdf)"),
        opens("Open", "https://shop.example/a.pdf"),
    )
    assert without_buttons(part) == replace(part, cards=(settled,))


def test_what_has_no_buttons_stays_as_it_is() -> None:
    for part in say(Content(text="Look:", location=Location(latitude=1, longitude=2), cards=(Card(title="Lamp"),))):
        assert without_buttons(part) == part


# --- In words ---------------------------------------------------------------------------------------------------------

SHOWN = {
    "message, markdown": Content(text="hello"),
    "Adaptive Card: TextBlock, 2 Action.Submit": Content(text="Sure?", options=options("Yes", "No")),
    "Adaptive Card: Image, TextBlock": Content(text="Look", image=PHOTO),
    "Adaptive Card: TextBlock, Action.OpenUrl": Content(file=File(url="https://shop.example/a.pdf")),
    "carousel of 2 Adaptive Cards: Image, 3 TextBlock, 3 Action.Submit": Content(cards=(SOFA, LAMP)),
}


@pytest.mark.parametrize(("expected", "content"), SHOWN.items())
def test_part_is_described_in_teams_words(expected: str, content: Content) -> None:
    assert [in_words(part) for part in say(content)] == [expected]


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
    assert markdown(plain(text)) == expected


FORMATTED = {
    "**bold** and _italic_": "**bold** and *italic*",
    "**a *b* c**": "**a *b* c**",
    "**two\nlines**": "**two**\n\n**lines**",
    "[**bold** link](https://shop.example/a_(b))": "[**bold** link](https://shop.example/a_%28b%29)",
    "**[link](https://shop.example)**": "[**link**](https://shop.example)",
    "`a*b` ``c`d``": "`a*b` ``c`d``",
    "`` ` ``": "`` ` ``",
    r"**1\*2** \*not\*": r"**1\*2** \*not\*",
    "**side**_by side_": "**side**by side",
    "**注意！**请看": "**注意**！请看",
    "你好**“退货”**吗": "你好“**退货**”吗",
    "**（好）** 吗": "**（好）** 吗",
    "你*(*": "你(",
    "请看[**这里**](https://shop.example)。": "请看[**这里**](https://shop.example)。",
    "请看**[这里](https://shop.example)**吧": "请看[**这里**](https://shop.example)吧",
    "请看**[这里](https://shop.example)吧**": "请看[这里](https://shop.example)**吧**",
    "**用`code`**吧": "**用**`code`吧",
    "**€5**元": "**€5**元",
    "共**€5**": "共€**5**",
    "Look![here](https://shop.example)": "Look\\![here](https://shop.example)",
    "[script](javascript:alert)": "\\[script\\](javascript:alert)",
    f"[long](https://shop.example/{'x' * 2000})": "long",
}


@pytest.mark.parametrize(("text", "expected"), FORMATTED.items())
def test_formatting_is_written_as_teams_reads_it(text: str, expected: str) -> None:
    assert markdown(parse(text)) == expected


PIECES = st.lists(
    st.sampled_from(
        [*"*_`[]()<>&\\|~#-+1.!: \n你，（€", "**", "a", "b&lt;", "x_y", "[a](https://shop.example)", "&amp;"]
    ),
    max_size=25,
).map("".join)


@given(text=PIECES)
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_reads_as_it_was_meant(text: str) -> None:
    """By CommonMark, which Teams follows in this. A web address in the text is left as it is, whatever it holds."""
    rich = parse(text)
    assume("https://" not in rich.text and "\\\n" not in text and not _touching(rich))
    lines = [token.children or [] for token in MarkdownIt("commonmark").parse(markdown(rich)) if token.type == "inline"]
    assert [" ".join("".join(map(_words, line)).split()) for line in lines] == [
        " ".join(line.split()) for line in rich.text.split("\n") if line.strip()
    ]
    meant = [style for run in rich.runs() for style in [_style(run)] * len("".join(run.text.split()))]
    read = [style for line in lines for style in _styles(line)]
    assert all(seen <= wanted for seen, wanted in zip(read, meant, strict=True)), "nothing is marked that was not"
    if not set(rich.text) & set("*_你，（€"):  # beside these a style may have no clear edge
        assert read == meant


def _touching(rich: Rich) -> bool:
    """Marks that stand side by side, which no author means and CommonMark has no clear way of writing."""
    return bool({mark.start for mark in rich.marks} & {mark.end for mark in rich.marks})


def _style(run: Run) -> set[str]:
    marked = {"strong": run.bold, "em": run.italic, "code": run.code, "link": bool(run.url)}
    return {name for name, on in marked.items() if on}


def _styles(line: Sequence[Token]) -> Iterator[set[str]]:
    """Of each character that is no white space, as it is read."""
    on: list[str] = []
    for token in line:
        if token.nesting == 1:
            on.append(token.type.removesuffix("_open"))
        elif token.nesting == -1:
            on.pop()
        code = {"code"} if token.type == "code_inline" else set[str]()
        for _ in "".join(_words(token).split()):
            yield code | set(on)


def _words(token: Any) -> str:
    return str(token.content) if token.type in ("text", "code_inline", "text_special", "html_inline") else ""


# --- Whatever the content ---------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
LONG_TEXT = st.builds(lambda text, times: text * times, ANY_TEXT, st.sampled_from([1, 1, 50, 1000]))
ANY_OPTIONS = st.lists(
    st.builds(Option, title=ANY_TEXT, payload=ANY_TEXT, description=st.none() | LONG_TEXT), max_size=70
).map(tuple)
ANY_URL = ANY_TEXT | st.sampled_from([PHOTO, "https://x/" + "y" * 1990, "https://x/" + "y" * 3000])
ANY_PLACE = st.builds(
    Location,
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    name=st.none() | LONG_TEXT,
    address=st.none() | LONG_TEXT,
)
ANY_IMAGE = st.none() | ANY_TEXT | st.sampled_from([PHOTO, "http://shop.example/x", "https://x/" + "y" * 1990])
ANY_CARD = st.builds(Card, title=LONG_TEXT, text=LONG_TEXT, image=ANY_IMAGE, options=ANY_OPTIONS)
ANY_CONTENT = st.builds(
    Content,
    text=st.none() | LONG_TEXT,
    options=ANY_OPTIONS,
    image=ANY_IMAGE,
    file=st.none() | st.builds(File, url=ANY_URL, name=st.none() | LONG_TEXT),
    location=st.none() | ANY_PLACE,
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
        check_activity(as_sent(without_buttons(part)), conversation="a:1", bot="28:x")


@given(content=ANY_CONTENT)
@settings(max_examples=40, deadline=None)
def test_every_option_is_a_button_in_order(content: Content) -> None:
    sets = [one for part in say(content) for card in part.cards for one in card["body"] if one["type"] == "ActionSet"]
    numbers = [action["data"]["o"] for one in sets for action in one["actions"] if "data" in action]
    assert numbers == [f"345:{index}" for index in range(len(content.all_options()))]


def as_sent(part: Part) -> dict[str, Any]:
    """The JSON that botbuilder makes of it."""
    serialize = ConnectorClient(object())._serialize
    sent: dict[str, Any] = serialize.body(activity(part), "Activity")
    return sent | {"from": {"id": "28:x"}}


@pytest.mark.parametrize("text", ["_" * TEXT_MAX, "\\*\n" * (TEXT_MAX // 2)])
def test_longest_text_fits_into_one_activity(text: str) -> None:
    [part] = say(Content(text=text))
    assert size(part) <= ACTIVITY_MAX


def test_text_that_is_written_with_many_marks_is_cut_again() -> None:
    parts = say(Content(text=f"[x](https://shop.example/{'y' * 1900}) " * 100))
    assert len(parts) > 1
    assert all(size(part) <= ACTIVITY_MAX for part in parts)
    assert sum(part.text.count("[x]") for part in parts) == 100


def test_text_that_leaves_no_room_on_the_card_stands_before_it() -> None:
    many = tuple(Option(title="_" * 60, payload="/a", description="_" * 120) for _ in range(30))
    text, below = say(Content(text="_" * TEXT_MAX, options=many))
    assert text == Part(text="\\_" * TEXT_MAX)
    assert size(below) <= ACTIVITY_MAX
    assert len(re.findall("Action.Submit", json.dumps(below.cards))) == 30
