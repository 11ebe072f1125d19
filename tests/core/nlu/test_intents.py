"""Intents by likeness: what is learned, how sure it is, and what travels with the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.intents import LikenessClassifier
from bot.core.nlu.kernel import Floats, Settings, calibration_error, directions, fit_temperature, learn, softmax

CONFIG = {**LikenessClassifier.get_default_config(), "readings": [{"near": 3, "far": 1}, {"far": 1}]}
CENTRES = np.eye(3, 8, dtype=np.float32)
INTENTS = ["ask", "buy", "chat"]


def message(number: int, noise: float, seed: int, views: tuple[str, ...] = ("near", "far"), **more: Any) -> Message:
    """Somewhere about the centre of an intent, the same for a seed."""
    said = Message({TEXT: f"text {seed}", **more})
    for place, view in enumerate(views):
        away = np.random.default_rng([seed, place]).normal(size=8) * noise
        said.add_features(Features(np.array([CENTRES[number] + away], np.float32), FEATURE_TYPE_SENTENCE, TEXT, view))
    return said


def examples(views: tuple[str, ...] = ("near", "far"), noise: float = 0.1) -> list[Message]:
    return [message(i, noise, 10 * i + n, views, **{INTENT: INTENTS[i]}) for i in range(3) for n in range(8)]


@pytest.fixture
def storage(tmp_path: Path) -> LocalModelStorage:
    return LocalModelStorage(tmp_path)


def taught(storage: LocalModelStorage, data: list[Message]) -> LikenessClassifier:
    classifier = LikenessClassifier.create(CONFIG, storage, Resource("intents"), Mock())
    classifier.train(TrainingData(data))
    return classifier


def ranked(classifier: LikenessClassifier, asked: Message) -> list[str]:
    classifier.process([asked])
    ranking = asked.get("intent_ranking")
    assert ranking[0] == asked.get(INTENT)
    assert sum(each["confidence"] for each in ranking) == pytest.approx(1, abs=1e-4)
    return [each["name"] for each in ranking]


def test_a_text_means_what_like_texts_mean(storage: LocalModelStorage) -> None:
    classifier = taught(storage, examples())
    assert [ranked(classifier, message(i, 0.1, 900 + i))[0] for i in range(3)] == INTENTS


def test_a_text_that_not_every_encoder_reads_is_understood_by_the_others(storage: LocalModelStorage) -> None:
    classifier = taught(storage, examples())
    assert [ranked(classifier, message(i, 0.1, 900 + i, ("far",)))[0] for i in range(3)] == INTENTS


def test_a_text_that_nothing_reads_has_no_intent(storage: LocalModelStorage) -> None:
    asked = message(0, 0.1, 900, ())
    taught(storage, examples()).process([asked])
    assert asked.get(INTENT) == {"name": None, "confidence": 0.0}


def test_payloads_are_left_to_rasa(storage: LocalModelStorage) -> None:
    asked = Message({TEXT: "/affirm"})
    taught(storage, examples()).process([asked])
    assert asked.get(INTENT) == {"name": None, "confidence": 0.0}


def test_between_two_intents_it_is_unsure(storage: LocalModelStorage) -> None:
    classifier = taught(storage, examples(noise=0.6))
    middle = message(0, 0.0, 900)
    for features in middle.features:
        features.features = (CENTRES[0] + CENTRES[1])[None] / 2
    assert {*ranked(classifier, middle)[:2]} == {"ask", "buy"}
    assert middle.get(INTENT)["confidence"] < 0.9 < clear(classifier)


def clear(classifier: LikenessClassifier) -> float:
    """How sure it is of a text in the very centre of an intent."""
    centre = message(0, 0.0, 900)
    classifier.process([centre])
    return float(centre.get(INTENT)["confidence"])


def test_what_was_learned_travels_with_the_model(storage: LocalModelStorage) -> None:
    classifier = taught(storage, examples())
    loaded = LikenessClassifier.load(CONFIG, storage, Resource("intents"), Mock())
    for views in (("near", "far"), ("far",)):
        asked, again = message(1, 0.3, 7, views), message(1, 0.3, 7, views)
        assert ranked(classifier, asked) == ranked(loaded, again)
        assert asked.get(INTENT)["confidence"] == pytest.approx(again.get(INTENT)["confidence"], abs=0.01)


def test_a_pipeline_without_readings_is_refused(storage: LocalModelStorage) -> None:
    with pytest.raises(InvalidConfigException, match="readings"):
        LikenessClassifier.create({**CONFIG, "readings": []}, storage, Resource("intents"), Mock())


def test_a_view_that_no_example_has_is_named(storage: LocalModelStorage) -> None:
    with pytest.raises(InvalidConfigException, match="near"):
        taught(storage, examples(("far",)))


def blurred(count: int, noise: float, seed: int) -> tuple[Floats, Any]:
    chance = np.random.default_rng(seed)
    numbers = chance.integers(0, 3, count)
    return directions((CENTRES[numbers] + chance.normal(size=(count, 8)) * noise).astype(np.float32)), numbers


@pytest.mark.parametrize("noise", [0.2, 0.5, 0.8])
def test_confidence_is_as_high_as_accuracy(noise: float) -> None:
    """However hard the texts are to tell apart, among those that were not learned from."""
    machine = learn(*blurred(600, noise, 1), 3, Settings(sharpness=1.5, penalty=0.1))
    vectors, numbers = blurred(1000, noise, 2)
    found = np.stack([machine.probabilities(vector) for vector in vectors])
    assert calibration_error(found.max(axis=1), found.argmax(axis=1) == numbers) < 0.06


def test_the_temperature_is_found_that_made_the_scores() -> None:
    chance = np.random.default_rng(0)
    scores = chance.normal(size=(4000, 3)).astype(np.float32)
    numbers = np.array([chance.choice(3, p=row) for row in softmax(scores.astype(np.float64) / 0.3)])
    assert fit_temperature(scores, numbers) == pytest.approx(0.3, rel=0.1)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    right = np.array([True] * 6 + [False] * 4)
    assert calibration_error(np.full(10, 0.9, np.float32), right) == pytest.approx(0.3, abs=1e-5)
    assert calibration_error(np.full(10, 0.6, np.float32), right) == pytest.approx(0.0, abs=1e-5)
