"""The shop's own words, order numbers and days in messages of both languages."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

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


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I want to return two mugs", "2"),
        ("3 of them are broken", "3"),
        ("2 pieces", "2"),
        ("我要退两个", "2"),
        ("三件都坏了", "3"),
        ("十二个杯子", "12"),
    ],
)
def test_quantities(catalogue: CatalogueEntities, text: str, count: str) -> None:
    assert [value for entity, value in found(catalogue, text) if entity == "quantity"] == [count]


@pytest.mark.parametrize(
    "text",
    ["1042", "in two days", "order 12", "三天后", "12月3号", "下个月", "第二个", "this one", "one moment", "0 pieces"],
)
def test_other_numbers_are_no_quantities(catalogue: CatalogueEntities, text: str) -> None:
    assert [value for entity, value in found(catalogue, text) if entity == "quantity"] == []


def mentions(catalogue: CatalogueEntities, text: str) -> list[float]:
    message = catalogue.process([Message({TEXT: text})])[0]
    (features,) = message.features
    assert (features.origin, features.type) == ("mentions", "sentence")
    return list(features.features[0])


def test_what_is_mentioned_is_the_same_in_both_languages(catalogue: CatalogueEntities) -> None:
    assert mentions(catalogue, "go on in WhatsApp") == mentions(catalogue, "换到WhatsApp")
    assert mentions(catalogue, "go on in WhatsApp") != mentions(catalogue, "go on in Telegram")


def test_a_text_that_mentions_nothing_says_so(catalogue: CatalogueEntities) -> None:
    nothing = mentions(catalogue, "good morning")
    assert (nothing[0], sum(nothing)) == (1, 1)


def test_training_examples_get_the_same_vectors(catalogue: CatalogueEntities) -> None:
    data = catalogue.process_training_data(TrainingData([Message({TEXT: "is Orchard open on Sunday"})]))
    (features,) = data.training_examples[0].features
    assert list(features.features[0]) == mentions(catalogue, "is Orchard open on Sunday")


def test_a_payload_is_left_alone(catalogue: CatalogueEntities) -> None:
    message = Message({TEXT: '/inform{"product": "lamp"}'})
    assert catalogue.process([message])[0].get("entities") is None


def test_the_phrases_travel_with_the_model(catalogue: CatalogueEntities, catalogue_storage: LocalModelStorage) -> None:
    loaded = CatalogueEntities.load(CATALOGUE_CONFIG, catalogue_storage, Resource("catalogue"), Mock())
    text = "the red kettle, 乌节路"
    assert found(loaded, text) == found(catalogue, text) == [("product", "kettle-red"), ("store", "orchard")]
