"""What Rasa says, as the contract's values."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.replies import content_of
from channels.contract import Card, Content, Option

YES = Option(title="Yes", payload="/affirm")


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"text": "Hi", "buttons": None, "custom": {}}, Content(text="Hi")),
        ({"text": "Hi\n\nthere"}, Content(text="Hi\n\nthere")),
        ({"text": "Sure?", "buttons": [{"title": "Yes", "payload": "/affirm"}]}, Content(text="Sure?", options=(YES,))),
        (
            {"text": "Sure?", "quick_replies": [{"title": "Yes", "payload": "/affirm"}]},
            Content(text="Sure?", options=(YES,)),
        ),
        (
            {"text": "Pick", "buttons": [{"title": "Yes"}]},
            Content(text="Pick", options=(Option(title="Yes", payload="Yes"),)),
        ),
        (
            {"text": "See", "buttons": [{"title": "Page", "type": "web_url", "url": "https://x.example"}]},
            Content(text="See\nPage: https://x.example"),
        ),
        (
            {"image": "https://x.example/a.png", "attachment": "https://x.example/a.png"},
            Content(image="https://x.example/a.png"),
        ),
        ({"text": "Bill", "attachment": "https://x.example/b.pdf"}, Content(text="Bill\nhttps://x.example/b.pdf")),
        (
            {"text": "Go on", "custom": {"type": "continue", "channel": "telegram"}},
            Content(text="Go on", invite="telegram"),
        ),
        (
            {
                "custom": {
                    "type": "cards",
                    "cards": [
                        {
                            "title": "Oak",
                            "text": "$5",
                            "image": "i",
                            "options": [{"title": "Yes", "payload": "/affirm"}],
                        }
                    ],
                }
            },
            Content(cards=(Card(title="Oak", text="$5", image="i", options=(YES,)),)),
        ),
        (
            {
                "elements": [
                    {
                        "title": "Oak",
                        "subtitle": "$5",
                        "image_url": "i",
                        "buttons": [{"title": "Yes", "payload": "/affirm"}],
                    }
                ]
            },
            Content(cards=(Card(title="Oak", text="$5", image="i", options=(YES,)),)),
        ),
        ({"custom": {"type": "survey", "text": "How was it?"}}, Content(text="How was it?")),
        ({"custom": {"blocks": []}}, Content()),
    ],
)
def test_a_response_is_one_message(message: dict[str, Any], content: Content) -> None:
    assert content_of(message) == content
