"""The shop's own words, order numbers and days in messages of both languages."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.core.nlu.catalogue import CatalogueEntities
from tests.core.nlu.conftest import CATALOGUE_CONFIG


def found(catalogue: CatalogueEntities, text: str) -> list[tuple[str, str]]:
    return [(entity["entity"], entity["value"]) for entity in catalogue.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want to return the blue kettle from order 1042", [("product", "kettle-blue"), ("order_number", "1042")]),
        ("the Chef’s Knife please", [("product", "knife")]),
        ("KETTLE", [("product_kind", "kettle")]),
        ("the blue one", [("colour", "blue")]),
        ("mugs at Jurong East", [("product", "mug-set"), ("store", "jurong-east")]),
        ("continue on my phone", [("channel", "telegram")]),
        ("What’s App on my phone", [("channel", "whatsapp"), ("channel", "telegram")]),
        ("go on in MS Teams", [("channel", "teams")]),
        ("somebody from your team", []),
        ("actually, exchange it", [("resolution", "exchange")]),
        ("it came broken", [("reason", "damaged")]),
        ("is Orchard open on Sunday", [("store", "orchard"), ("day", "2026-11-22")]),
        ("a kettleback and the lampshade", []),
    ],
)
def test_english_words(catalogue: CatalogueEntities, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(catalogue, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我要退订单1042里的蓝色水壶", [("part", "order"), ("order_number", "1042"), ("product", "kettle-blue")]),
        ("我想退訂單1052的麵包機", [("order_number", "1052"), ("product", "toaster")]),
        ("水壶", [("product_kind", "kettle")]),
        ("不，蓝色的那个", [("colour", "blue")]),
        ("换到电报", [("channel", "telegram")]),
        ("换到微软 Teams 继续", [("channel", "teams")]),
        ("在WhatsApp上继续", [("channel", "whatsapp")]),
        ("还是换货吧", [("resolution", "exchange")]),
        ("送到淡滨尼店", [("store", "tampines")]),
        ("乌节路店下周五几点开门", [("store", "orchard"), ("day", "2026-11-27")]),
    ],
)
def test_chinese_words(catalogue: CatalogueEntities, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(catalogue, text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1042", "1042"),
        ("１０４２", "1042"),
        ("order #1042", "1042"),
        ("#1042", "1042"),
        ("my order number is 1042.", "1042"),
        ("order no. 12345", "12345"),
        ("订单号1042", "1042"),
        ("订单号：1042", "1042"),
        ("单号是1042", "1042"),
        ("1042这个", "1042"),
    ],
)
def test_order_numbers_however_they_are_written(catalogue: CatalogueEntities, text: str, number: str) -> None:
    assert [value for entity, value in found(catalogue, text) if entity == "order_number"] == [number]


@pytest.mark.parametrize("text", ["12", "S$1042", "10422", "it cost 1042.50", "call 91234567"])
def test_other_numbers_are_no_order_numbers(catalogue: CatalogueEntities, text: str) -> None:
    assert [value for entity, value in found(catalogue, text) if entity == "order_number"] == []


def test_offsets_count_in_the_text_as_it_was_written(catalogue: CatalogueEntities) -> None:
    text = "退１０４２的  蓝色水壶"
    spans = [text[entity["start"] : entity["end"]] for entity in catalogue.find(text)]
    assert spans == ["１０４２", "蓝色水壶"]


def test_a_payload_is_left_alone(catalogue: CatalogueEntities) -> None:
    message = Message({TEXT: '/inform{"product": "lamp"}'})
    assert catalogue.process([message])[0].get("entities") is None


def test_the_phrases_travel_with_the_model(catalogue: CatalogueEntities, catalogue_storage: LocalModelStorage) -> None:
    loaded = CatalogueEntities.load(CATALOGUE_CONFIG, catalogue_storage, Resource("catalogue"), Mock())
    text = "the red kettle, 乌节路"
    assert found(loaded, text) == found(catalogue, text) == [("product", "kettle-red"), ("store", "orchard")]
