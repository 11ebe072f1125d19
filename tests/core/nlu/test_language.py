"""Which language a message is in, and when it does not say."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.core.nlu.catalogue import CatalogueEntities
from bot.core.nlu.language import LanguageEntity, supported


def language(catalogue: CatalogueEntities, text: str, metadata: dict[str, Any] | None = None) -> str | None:
    message = Message({TEXT: text, "metadata": metadata})
    LanguageEntity().process(catalogue.process([message]))
    found = [entity["value"] for entity in message.get("entities", []) if entity["entity"] == "language"]
    return found[0] if found else None


@pytest.mark.parametrize("text", ["where is my order", "refund please", "no, the blue one", "I want a refund", "why"])
def test_english(catalogue: CatalogueEntities, text: str) -> None:
    assert language(catalogue, text, {"language": "zh"}) == "en"


@pytest.mark.parametrize("text", ["我的订单在哪里", "算了", "我要 refund", "换到Telegram", "想退訂單", "蓝色水壶"])
def test_chinese(catalogue: CatalogueEntities, text: str) -> None:
    assert language(catalogue, text, {"language": "en"}) == "zh"


@pytest.mark.parametrize("text", ["1042", "ok", "iPhone", "Tampines", "blue kettle", "Telegram", "👍", "hi", "?"])
def test_a_text_that_does_not_say_keeps_the_language_known_so_far(catalogue: CatalogueEntities, text: str) -> None:
    assert language(catalogue, text, {"language": "zh"}) == "zh"
    assert language(catalogue, text, {"language": "en"}) == "en"
    assert language(catalogue, text) is None


def test_a_payload_says_nothing(catalogue: CatalogueEntities) -> None:
    assert language(catalogue, '/inform{"resolution": "refund"}', {"language": "zh"}) is None


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("zh-Hant", "zh"), ("zh_CN", "zh"), ("en-SG", "en"), ("EN", "en"), ("fr", None), ("", None), (None, None)],
)
def test_language_tags(tag: str | None, expected: str | None) -> None:
    assert supported(tag) == expected
