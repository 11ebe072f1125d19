"""What Rasa says, as the contract's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.replies import MOST_OPTIONS, content_of
from channels.contract import Card, Content, File, Location, Option

YES = Option(title="Yes", payload="/affirm")
YES_BUTTON = {"title": "Yes", "payload": "/affirm"}
PICTURE, BILL = "https://x.example/a.png", "https://x.example/b.pdf"
ORCHARD = {"type": "location", "latitude": 1.3036, "longitude": 103.8358}


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"text": "Hi", "buttons": None, "custom": {}}, Content(text="Hi")),
        ({"text": "Hi\n\nthere"}, Content(text="Hi\n\nthere")),
        ({"text": "**Bold** and _more_"}, Content(text="**Bold** and _more_")),
        ({"text": "Sure?", "buttons": [YES_BUTTON]}, Content(text="Sure?", options=(YES,))),
        ({"text": "Sure?", "quick_replies": [YES_BUTTON]}, Content(text="Sure?", options=(YES,))),
        (
            {"text": "Pick", "buttons": [{"title": "Yes"}]},
            Content(text="Pick", options=(Option(title="Yes", payload="Yes"),)),
        ),
        (
            {"text": "Pick", "buttons": [{**YES_BUTTON, "description": "All of it"}]},
            Content(text="Pick", options=(Option(title="Yes", payload="/affirm", description="All of it"),)),
        ),
    ],
)
def test_a_text_and_its_options_are_one_message(message: dict[str, Any], content: Content) -> None:
    assert content_of(message) == content


@pytest.mark.parametrize(
    ("button", "link"),
    [
        ({"title": "Page", "type": "web_url", "url": "https://x.example"}, "[Page](https://x.example)"),
        ({"title": "Call us", "url": "tel:+6561234567"}, "[Call us](tel:+6561234567)"),
        ({"title": "[1] *new*", "url": "https://x.example"}, r"[\[1\] \*new\*](https://x.example)"),
        ({"title": "Page", "url": "https://x.example/a_(b)"}, "[Page](https://x.example/a_%28b%29)"),
        ({"url": "https://x.example/a_b"}, r"[https://x.example/a\_b](https://x.example/a_b)"),
    ],
)
def test_a_button_that_opens_a_page_is_a_link_in_the_text(button: dict[str, Any], link: str) -> None:
    assert content_of({"text": "See", "buttons": [button, YES_BUTTON]}) == Content(text=f"See\n{link}", options=(YES,))
    assert content_of({"elements": [{"title": "Oak", "buttons": [button]}]}).cards == (Card(title="Oak", text=link),)


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"image": PICTURE}, Content(image=PICTURE)),
        ({"image": PICTURE, "attachment": PICTURE}, Content(image=PICTURE)),
        ({"attachment": "https://x.example/A.JPG?size=2#top"}, Content(image="https://x.example/A.JPG?size=2#top")),
        ({"attachment": BILL}, Content(file=File(url=BILL))),
        (
            {"text": "Both", "image": PICTURE, "attachment": BILL},
            Content(text="Both", image=PICTURE, file=File(url=BILL)),
        ),
        (
            {"image": PICTURE, "attachment": "https://x.example/c.png"},
            Content(image=PICTURE, file=File(url="https://x.example/c.png")),
        ),
        (
            {"attachment": {"type": "file", "payload": {"src": BILL, "title": "Bill"}}},
            Content(file=File(url=BILL, name="Bill")),
        ),
        (
            {"attachment": {"type": "video", "payload": {"url": "https://x.example/v.mp4", "name": "v.mp4"}}},
            Content(file=File(url="https://x.example/v.mp4", name="v.mp4")),
        ),
        (
            {"attachment": {"type": "image", "payload": {"src": "https://x.example/i"}}},
            Content(image="https://x.example/i"),
        ),
        ({"attachment": {"url": BILL}}, Content(file=File(url=BILL))),
    ],
)
def test_an_attachment_is_a_picture_or_a_file(message: dict[str, Any], content: Content) -> None:
    assert content_of(message) == content


OAK = Card(title="Oak", text="$5", image="https://x.example/o.png", options=(YES,))


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (
            {"text": "Go on", "custom": {"type": "continue", "channel": "telegram"}},
            Content(text="Go on", invite="telegram"),
        ),
        (
            {
                "custom": {
                    "type": "cards",
                    "cards": [{"title": "Oak", "text": "$5", "image": OAK.image, "options": [YES_BUTTON]}],
                }
            },
            Content(cards=(OAK,)),
        ),
        (
            {"custom": {"type": "carousel", "text": "Two", "cards": [{"title": "Oak"}, {"title": "Elm"}]}},
            Content(text="Two", cards=(Card(title="Oak"), Card(title="Elm"))),
        ),
        (
            {"elements": [{"title": "Oak", "subtitle": "$5", "image_url": OAK.image, "buttons": [YES_BUTTON]}]},
            Content(cards=(OAK,)),
        ),
        (
            {
                "text": "Which?",
                "custom": {
                    "type": "list",
                    "text": "unused",
                    "options": [{**YES_BUTTON, "description": "Now"}, {"title": "Help", "url": "https://x.example"}],
                },
            },
            Content(
                text="Which?\n[Help](https://x.example)",
                options=(Option(title="Yes", payload="/affirm", description="Now"),),
            ),
        ),
        (
            {"custom": {"type": "file", "url": BILL, "name": "Bill.pdf", "text": "Here"}},
            Content(text="Here", file=File(url=BILL, name="Bill.pdf")),
        ),
        (
            {"custom": {**ORCHARD, "name": "Orchard", "address": "290 Orchard Road"}},
            Content(location=Location(latitude=1.3036, longitude=103.8358, name="Orchard", address="290 Orchard Road")),
        ),
        (
            {"custom": {"type": "location", "latitude": " 0 ", "longitude": "-180.0"}},
            Content(location=Location(latitude=0.0, longitude=-180.0)),
        ),
        ({"custom": {"type": "survey", "text": "How was it?"}}, Content(text="How was it?")),
        ({"custom": {"blocks": []}}, Content()),
    ],
)
def test_what_rasas_format_has_no_word_for_is_custom(message: dict[str, Any], content: Content) -> None:
    assert content_of(message) == content


def test_thirty_options_are_kept_and_no_more() -> None:
    rows = [{"title": f"Row {number}", "payload": f"/row{number}"} for number in range(40)]
    content = content_of({"custom": {"type": "list", "options": rows}})
    assert [option.payload for option in content.options] == [f"/row{number}" for number in range(MOST_OPTIONS)]


@pytest.mark.parametrize(
    "bad",
    [
        {"custom": {**ORCHARD, "latitude": "north"}},
        {"custom": {**ORCHARD, "latitude": 91}},
        {"custom": {**ORCHARD, "longitude": float("nan")}},
        {"custom": {**ORCHARD, "longitude": True}},
        {"custom": {**ORCHARD, "latitude": "1" * 400}},
        {"custom": {"type": "location"}},
        {"custom": {"type": "file", "url": "file:///etc/passwd"}},
        {"custom": {"type": "file", "url": "https://x.example/a b"}},
        {"custom": {"type": "file", "url": {"no": "address"}}},
        {"custom": {"type": "cards", "cards": [{"text": "no title"}, "Oak", None]}},
        {"custom": {"type": "cards", "cards": {"title": "Oak"}}},
        {"custom": {"type": "list", "options": [{"payload": "/x"}, 7]}},
        {"custom": {"type": ["list"]}},
        {"custom": ["Bob's secret"]},
        {"buttons": [{"title": "Bob's secret", "url": "javascript:alert(1)"}]},
        {"buttons": "Bob's secret"},
        {"attachment": "Bob's secret"},
        {"attachment": {"type": "template", "payload": {"elements": []}}},
        {"elements": [{"title": {"de": "Bob's secret"}}]},
    ],
)
def test_a_value_that_is_none_is_left_out_and_logged_without_its_words(
    bad: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.contextvars.clear_contextvars()
    assert content_of({"text": "Still here", **bad}) == Content(text="Still here")
    logged = capsys.readouterr().err
    assert "reply." in logged
    assert "secret" not in logged


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["title", "url", "payload", "text", "image", "type", "options"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
_PARTS = ("text", "buttons", "quick_replies", "image", "attachment", "elements")
_CUSTOM = st.fixed_dictionaries(
    {"type": st.sampled_from(["continue", "cards", "carousel", "list", "file", "location"])},
    optional={name: _ANYTHING for name in ("cards", "options", "url", "name", "latitude", "longitude", "channel")},
)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional={**{part: _ANYTHING for part in _PARTS}, "custom": _CUSTOM | _ANYTHING}))
def test_nothing_that_an_action_says_breaks_the_turn(message: dict[str, Any]) -> None:
    content = content_of(message)
    assert all(option.title and option.payload for option in content.all_options())


EVERYTHING = """
version: "3.1"
responses:
  utter_everything:
  - text: "Hello **{who}**"
    image: "https://x.example/a.png"
    buttons:
    - {title: "Yes", payload: "/affirm", description: "All of it"}
    - {title: "Page", url: "https://x.example"}
    quick_replies:
    - {title: "No", payload: "/deny", description: "Nothing"}
    attachment: {type: file, payload: {url: "https://x.example/b.pdf", title: "Bill"}}
    elements:
    - {title: "Oak", subtitle: "$5", image_url: "https://x.example/o.png"}
    custom: {type: location, latitude: "{latitude}", longitude: 103.8358, name: "{who}"}
  utter_list:
  - custom: {type: list, text: "Which?", options: [{title: "A", payload: "/a", description: "first"}]}
  utter_carousel:
  - custom: {type: carousel, cards: [{title: "Oak", options: [{title: "Take it", payload: "/take"}]}]}
  utter_file:
  - custom: {type: file, url: "https://x.example/b.pdf", name: "Bill"}
  utter_channel:
  - text: "anywhere"
  - {text: "on telegram", channel: telegram}
  - {text: "on webchat", channel: webchat}
  - {text: "on whatsapp", channel: whatsapp}
  - {text: "on teams", channel: teams}
"""


async def generated(domain: Domain, response: str, channel: str = "webchat", **values: Any) -> Content:
    """As Rasa words the response on that channel."""
    tracker = DialogueStateTracker.from_events("alice", [], domain.slots)
    words = TemplatedNaturalLanguageGenerator(domain.responses)
    message = await words.generate(response, tracker, channel, **values)
    assert message is not None
    return content_of(message)


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    file = tmp_path / "domain.yml"
    file.write_text(EVERYTHING)
    return Domain.load(str(file))


async def test_rasas_own_domain_takes_all_of_it(domain: Domain) -> None:
    assert await generated(domain, "utter_everything", who="Alice", latitude="1.3036") == Content(
        text="Hello **Alice**\n[Page](https://x.example)",
        options=(
            Option(title="No", payload="/deny", description="Nothing"),
            Option(title="Yes", payload="/affirm", description="All of it"),
        ),
        image=PICTURE,
        file=File(url=BILL, name="Bill"),
        location=Location(latitude=1.3036, longitude=103.8358, name="Alice"),
        cards=(Card(title="Oak", text="$5", image="https://x.example/o.png"),),
    )
    assert await generated(domain, "utter_list") == Content(
        text="Which?", options=(Option(title="A", payload="/a", description="first"),)
    )
    assert await generated(domain, "utter_carousel") == Content(
        cards=(Card(title="Oak", options=(Option(title="Take it", payload="/take"),)),)
    )
    assert await generated(domain, "utter_file") == Content(file=File(url=BILL, name="Bill"))


@pytest.mark.parametrize("channel", ["telegram", "webchat", "whatsapp", "teams"])
async def test_a_response_can_have_a_variation_for_each_channel(domain: Domain, channel: str) -> None:
    assert await generated(domain, "utter_channel", channel) == Content(text=f"on {channel}")
    assert await generated(domain, "utter_channel", "elsewhere") == Content(text="anywhere")
