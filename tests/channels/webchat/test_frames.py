"""The web chat's frames, both ways, as pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import (
    Card,
    Choice,
    Content,
    FetchError,
    File,
    Inbound,
    Link,
    Location,
    Malformed,
    Option,
    Outbound,
    Said,
    Start,
    Text,
)
from channels.webchat import WebchatChannel
from channels.webchat.inbound import read_frame
from channels.webchat.outbound import Line, frame_of, may_change
from tests.database import NOON

ID = "6b8f3f6e-9f1c-4e0a-8a43-2f1d1f6d9c11"


def read(**frame: Any) -> Inbound:
    return read_frame(json.dumps({"id": ID, **frame}), visitor="v1")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"type": "say", "text": " where is it? \n"}, Text(text="where is it?")),
        ({"type": "choose", "message": 7, "option": 1, "label": "Refund"}, Choice(message=7, option=1, label="Refund")),
        ({"type": "choose", "message": 7, "option": 1}, Choice(message=7, option=1)),
        ({"type": "link", "code": "A" * 32}, Link(code="A" * 32)),
        ({"type": "link", "code": "<script>"}, Link(code="")),
        ({"type": "start"}, Start()),
    ],
)
def test_what_a_frame_says(frame: dict[str, Any], said: Said) -> None:
    inbound = read(**frame, language="zh-Hant-HK")
    assert inbound.said == said
    assert (inbound.channel, inbound.external_id, inbound.address) == ("webchat", "v1", "v1")
    assert inbound.language == "zh-Hant-HK"


def test_the_widgets_id_makes_a_repeated_frame_the_same_message() -> None:
    assert read(type="say", text="a").dedupe_key == read(type="say", text="a").dedupe_key == f"v1:{ID}"
    assert read(type="start").dedupe_key == "v1:start"


@pytest.mark.parametrize("language", [None, 5, "", "../../etc", "x" * 50])
def test_a_language_that_is_none_is_left_out(language: object) -> None:
    assert read(type="start", language=language).language is None


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    code = None
    try:
        read_frame(body, visitor="v1")
    except Malformed as error:
        code = str(error)
    assert code in (None, "malformed", "too_long")


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers())


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["say", "choose", "link", "start", "hello", ""])},
        optional={name: _values for name in ("id", "text", "message", "option", "label", "code", "language")},
    )
)
def test_any_frame_is_read_or_refused(frame: dict[str, Any]) -> None:
    try:
        inbound = read_frame(json.dumps(frame), visitor="v1")
    except Malformed:
        return
    assert inbound.dedupe_key.startswith("v1:")


def line(**parts: Any) -> Line:
    return Line(**{"id": 9, "author": "bot", "at": NOON, "client_id": None, "said": None, "content": None, **parts})


COMMON = {"type": "message", "seq": 9, "id": 9, "at": "2026-11-21T12:00:00.000Z"}


def test_options_are_counted_over_the_whole_message() -> None:
    content = Content(
        text="Which one?",
        options=(Option(title="None", payload="/deny"),),
        cards=(
            Card(title="Kettle", text="S$79", image="https://x/k.png", options=(Option(title="This", payload="/a"),)),
            Card(title="Mug", options=(Option(title="That", payload="/b"),)),
        ),
    )
    assert frame_of(line(content=content)) == {
        **COMMON,
        "author": "bot",
        "text": "Which one?",
        "options": [{"title": "None", "index": 0}],
        "cards": [
            {
                "title": "Kettle",
                "options": [{"title": "This", "index": 1}],
                "text": "S$79",
                "image": "https://x/k.png",
            },
            {"title": "Mug", "options": [{"title": "That", "index": 2}]},
        ],
    }
    assert [option.title for option in content.all_options()] == ["None", "This", "That"]


def test_payloads_never_reach_the_browser() -> None:
    content = Content(text="Sure?", options=(Option(title="Yes", payload="/affirm{secret}"),))
    assert "secret" not in json.dumps(frame_of(line(content=content)))


CHOICE = {"message": 7, "option": 1}


def test_a_tap_is_shown_by_its_label_with_the_widgets_id() -> None:
    said = {"type": "choice", "message": 7, "option": 1, "label": "Refund"}
    shown = frame_of(line(author="customer", client_id=ID, said=said))
    assert shown == {**COMMON, "author": "customer", "client_id": ID, "text": "Refund", "choice": CHOICE}


@pytest.mark.parametrize("said", [{"type": "start"}, {"type": "linked", "from": "telegram"}])
def test_what_has_nothing_to_show_is_not_shown(said: dict[str, Any]) -> None:
    assert frame_of(line(author="customer", said=said)) is None


def test_an_invitation_carries_no_link() -> None:
    shown = frame_of(line(content=Content(text="Go on there", invite="telegram")))
    assert shown == {**COMMON, "author": "bot", "text": "Go on there", "invite": "telegram"}


def test_formatting_becomes_runs_and_plain_text_has_none() -> None:
    source = "**Order** `1042` is [on *its* way](https://example.com/a?b=c) <b>now</b>"
    shown = frame_of(line(content=Content(text=source, cards=(Card(title="**no**", text="_yes_"),))))
    assert shown is not None
    assert shown["text"] == "Order 1042 is on its way <b>now</b>"
    assert shown["runs"] == [
        {"text": "Order", "bold": True},
        {"text": " "},
        {"text": "1042", "code": True},
        {"text": " is "},
        {"text": "on ", "url": "https://example.com/a?b=c"},
        {"text": "its", "italic": True, "url": "https://example.com/a?b=c"},
        {"text": " way", "url": "https://example.com/a?b=c"},
        {"text": " <b>now</b>"},
    ]
    [card] = shown["cards"]
    assert card == {"title": "**no**", "text": "yes", "runs": [{"text": "yes", "italic": True}], "options": []}
    assert frame_of(line(content=Content(text="plain 30*40*50"))) == {
        **COMMON,
        "author": "bot",
        "text": "plain 30*40*50",
    }


def test_a_file_and_a_place_are_shown_with_their_links() -> None:
    content = Content(
        image="javascript:alert(1)",
        file=File(url="https://example.com/files/return%20label.pdf?x=1"),
        location=Location(latitude=0.0, longitude=103.85, name="Hearthside", address="1 Tea Lane"),
        options=tuple(Option(title=f"{n}", payload=f"/{n}", description="more" if n == 3 else None) for n in range(30)),
    )
    shown = frame_of(line(content=content))
    assert shown is not None
    assert "image" not in shown
    assert shown["file"] == {
        "kind": "file",
        "name": "return%20label.pdf",
        "url": "https://example.com/files/return%20label.pdf?x=1",
    }
    assert shown["location"] == {
        "latitude": 0.0,
        "longitude": 103.85,
        "name": "Hearthside",
        "address": "1 Tea Lane",
        "map": "https://www.openstreetmap.org/?mlat=0.000000&mlon=103.850000#map=17/0.000000/103.850000",
    }
    assert [option["index"] for option in shown["options"]] == list(range(30))
    assert shown["options"][3] == {"title": "3", "index": 3, "description": "more"}


SENT_FILE = {
    "type": "media",
    "kind": "picture",
    "text": "Look",
    "name": "a.png",
    "media": "m1",
    "outcome": "stored",
    "mime": "image/png",
}


def test_a_file_of_the_customers_is_shown_again() -> None:
    stored = line(author="customer", client_id=ID, said=SENT_FILE, media_url="/media/abc")
    assert stored.stored_media() == "m1"
    assert frame_of(stored) == {
        **COMMON,
        "author": "customer",
        "client_id": ID,
        "text": "Look",
        "file": {"kind": "picture", "name": "a.png", "type": "image/png", "outcome": "stored", "url": "/media/abc"},
    }
    pending = line(author="customer", said={**SENT_FILE, "outcome": "pending"})
    assert (pending.stored_media(), may_change(pending), may_change(stored)) == (None, True, False)


def test_a_question_that_is_past_says_so() -> None:
    content = Content(text="Sure?", options=(Option(title="Yes", payload="/affirm"),))
    asked, past = line(content=content), line(content=content, closed=True)
    assert (may_change(asked), may_change(past)) == (True, False)
    assert "closed" not in (frame_of(asked) or {})
    assert (frame_of(past) or {})["closed"] is True
    assert "closed" not in (frame_of(line(content=Content(text="Hi"), closed=True)) or {})


async def no_upload(name: str) -> bytes:
    return {"a" * 64: b"four"}[name] if name == "a" * 64 else await missing(name)


async def missing(name: str) -> bytes:
    raise {"invalid": ValueError(name), "locked": PermissionError(13, "denied", "/srv/vault")}.get(
        name, FileNotFoundError(2, "missing", "/srv/vault")
    )


def webchat(pushed: list[str], typing: list[str]) -> WebchatChannel:
    return WebchatChannel(
        origins=["https://shop.example.com"], push=pushed.append, typing=typing.append, open_upload=no_upload
    )


async def test_the_typing_sign_is_shown_to_the_visitor_who_waits() -> None:
    typing: list[str] = []
    await webchat([], typing).show_typing("visitor", None)
    assert typing == ["visitor"]


async def test_a_file_is_fetched_from_where_it_is() -> None:
    channel = webchat([], [])
    assert await channel.fetch("a" * 64, limit=4) == b"four"
    for ref, permanent in (("b" * 64, True), ("invalid", True), ("locked", False)):
        with pytest.raises(FetchError) as error:
            await channel.fetch(ref, limit=4)
        assert error.value.permanent is permanent
        assert "/srv" not in str(error.value)
    with pytest.raises(FetchError) as large:
        await channel.fetch("a" * 64, limit=3)
    assert large.value.too_large


async def test_the_link_leads_to_the_shops_page() -> None:
    assert await webchat([], []).deep_link("A1b2") == "https://shop.example.com/#continue=A1b2"
    assert (await webchat([], []).deep_link(None)).rstrip("/") == "https://shop.example.com"


async def test_sending_and_taking_buttons_off_wake_the_visitor() -> None:
    pushed: list[str] = []
    message = Outbound(id=1, address="v1", content=Content(text="Hi"))
    await webchat(pushed, []).send(message)
    await webchat(pushed, []).withdraw(message, [])
    assert pushed == ["v1", "v1"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content(text="Hi"), "text"),
        (Content(text="Hi", options=(Option(title="A", payload="/a"),)), "text, 1 option"),
        (
            Content(image="https://x/y.png", file=File(url="https://x/z"), location=Location(latitude=1, longitude=2)),
            "image, file, location",
        ),
        (Content(cards=(Card(title="A", options=(Option(title="B", payload="/b"),)),)), "card with 1 button"),
        (
            Content(text="Hi", cards=(Card(title="A"), Card(title="B")), invite="telegram"),
            "text, carousel of 2 cards, link and QR code",
        ),
    ],
)
def test_what_it_shows_is_told_in_words(content: Content, words: str) -> None:
    assert webchat([], []).shows(Outbound(id=1, address="v1", content=content)) == [f"message: {words}"]
