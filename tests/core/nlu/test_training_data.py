"""What the assistant is taught, and what it is measured by."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.tokenizer import HAN
from tests.core.nlu.conftest import PROJECT

REPORTED_BY_THE_PRODUCT = {
    *("channel_linked", "link_refused", "stale_choice"),
    *("media_received", "location_shared", "unsupported_message"),
}
FEWEST_HELD_OUT = 12


def examples(data: TrainingData) -> list[tuple[str, str]]:
    return [(message.get("text"), message.get("intent")) for message in data.intent_examples]


@pytest.fixture(scope="module", params=["en", "zh"])
def held_out(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    return examples(load_data(str(PROJECT / "tests" / "nlu" / f"held_out_{request.param}.yml")))


def plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def test_no_held_out_sentence_was_trained_on(training_data: TrainingData, held_out: list[tuple[str, str]]) -> None:
    trained = {plain(text) for text, _ in examples(training_data)}
    assert [text for text, _ in held_out if plain(text) in trained] == []


def test_every_typed_intent_is_held_out_often_enough(
    training_data: TrainingData, held_out: list[tuple[str, str]]
) -> None:
    counts: Counter[str] = Counter(intent for _, intent in held_out)
    taught = {intent for _, intent in examples(training_data)}
    assert {intent: counts[intent] for intent in taught if counts[intent] < FEWEST_HELD_OUT} == {}


def test_no_sentence_is_taught_two_meanings(training_data: TrainingData) -> None:
    meanings: dict[str, set[str]] = {}
    for text, intent in examples(training_data):
        meanings.setdefault(text.casefold(), set()).add(intent)
    assert {text: intents for text, intents in meanings.items() if len(intents) > 1} == {}


def test_every_intent_is_taught_in_both_languages(training_data: TrainingData) -> None:
    taught: dict[str, set[Any]] = {"en": set(), "zh": set()}
    for text, intent in examples(training_data):
        taught["zh" if HAN.search(text) else "en"].add(intent)
    assert taught["en"] == taught["zh"]


def test_what_the_product_reports_cannot_be_understood_from_text(training_data: TrainingData) -> None:
    intents = set(Domain.load(str(PROJECT / "domain")).intents)
    assert intents >= REPORTED_BY_THE_PRODUCT
    assert not REPORTED_BY_THE_PRODUCT & {intent for _, intent in examples(training_data)}


def test_no_phrase_of_the_catalogue_means_two_things(training_data: TrainingData) -> None:
    tables: dict[str, set[str]] = {}
    for table in training_data.lookup_tables:
        for words in table["elements"]:
            tables.setdefault(words.casefold(), set()).add(table["name"])
    assert {words: names for words, names in tables.items() if len(names) > 1} == {}
