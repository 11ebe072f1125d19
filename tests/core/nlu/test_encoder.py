"""Sentences as vectors, by the real encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.encoder import DIMENSIONS, SentenceEncoder, Vector


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder("encoder", {**SentenceEncoder.get_default_config(), "alias": None})


def vector(encoder: SentenceEncoder, text: str) -> Vector:
    message = encoder.process([Message({TEXT: text})])[0]
    sequence, sentence = message.get_dense_features(TEXT)
    assert sequence is None
    features: Any = sentence.features
    assert features.shape == (1, DIMENSIONS)
    return np.asarray(features[0])


def test_the_same_question_is_near_in_both_languages(encoder: SentenceEncoder) -> None:
    english, chinese = vector(encoder, "where is my order"), vector(encoder, "我的订单在哪里")
    other = vector(encoder, "the weather is lovely")
    assert english @ chinese > 0.6 > english @ other


def test_shouting_means_the_same(encoder: SentenceEncoder) -> None:
    assert np.allclose(vector(encoder, "WHERE IS MY ORDER"), vector(encoder, "where is my order"), atol=1e-6)


def test_a_payload_costs_no_encoding(encoder: SentenceEncoder) -> None:
    assert not vector(encoder, '/inform{"resolution": "refund"}').any()


def test_training_gives_the_same_vectors_as_use(encoder: SentenceEncoder) -> None:
    texts = ["I want to return the kettle", "退货", "opening hours"]
    data = encoder.process_training_data(TrainingData([Message({TEXT: text}) for text in texts]))
    trained = [message.get_dense_features(TEXT)[1].features[0] for message in data.training_examples]
    assert np.allclose(trained, [vector(encoder, text) for text in texts], atol=1e-4)


def test_the_weight_stretches_the_vector() -> None:
    config = {**SentenceEncoder.get_default_config(), "alias": None, "weight": 15.0}
    assert np.linalg.norm(vector(SentenceEncoder("encoder", config), "hello")) == pytest.approx(15.0, rel=1e-3)
