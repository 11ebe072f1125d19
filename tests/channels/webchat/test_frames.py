"""The web chat's frames, both ways, as pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import Card, Choice, Content, Inbound, Link, Malformed, Option, Said, Start, Text
from channels.webchat.inbound import read_frame
from channels.webchat.outbound import Line, frame_of
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


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    code = None
    try:
        read_frame(body, visitor="v1")
    except Malformed as error:
        code = str(error)
    assert code in (None, "malformed", "too_long")


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers())


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


def test_a_tap_is_shown_by_its_label_with_the_widgets_id() -> None:
    said = {"type": "choice", "message": 7, "option": 1, "label": "Refund"}
    shown = frame_of(line(author="customer", client_id=ID, said=said))
    assert shown == {**COMMON, "author": "customer", "client_id": ID, "text": "Refund"}


@pytest.mark.parametrize("said", [{"type": "start"}, {"type": "linked", "from": "telegram"}])
def test_what_has_nothing_to_show_is_not_shown(said: dict[str, Any]) -> None:
    assert frame_of(line(author="customer", said=said)) is None


def test_an_invitation_carries_no_link() -> None:
    shown = frame_of(line(content=Content(text="Go on there", invite="telegram")))
    assert shown == {**COMMON, "author": "bot", "text": "Go on there", "invite": "telegram"}
