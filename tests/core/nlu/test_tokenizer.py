"""Words of both languages, with offsets that count in the original text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.core.nlu.tokenizer import BilingualTokenizer, characters, runs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't want it", ["I", "do", "n't", "want", "it"]),
        ("我想退订单1042里的蓝色水壶", ["我", "想", "退", "订单", "1042", "里", "的", "蓝色", "水壶"]),
        ("用Telegram继续", ["用", "Telegram", "继续"]),
        ("", []),
        ("   ", []),
    ],
)
def test_each_language_is_cut_by_its_own_tokenizer(text: str, expected: list[str]) -> None:
    assert [word for word, _ in words(text)] == expected


def test_chinese_is_cut_into_characters_where_phrases_are_looked_up() -> None:
    assert list(characters("蓝色 kettle")) == [("蓝", 0), ("色", 1), ("kettle", 3)]


@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("订单蓝色水壶退货ab 1042,。"))))
def test_every_offset_points_at_its_word(text: str) -> None:
    for word, start in [*words(text), *characters(text)]:
        assert text[start : start + len(word)] == word


@given(st.text())
def test_runs_put_together_are_the_text(text: str) -> None:
    assert "".join(run for run, _ in runs(text)) == text


def test_the_component_gives_rasa_its_tokens() -> None:
    tokenizer = BilingualTokenizer(BilingualTokenizer.get_default_config())
    message = Message({TEXT: "退 kettle"})
    tokens = tokenizer.process([message])[0].get("text_tokens")
    assert [(token.text, token.start, token.end) for token in tokens] == [("退", 0, 1), ("kettle", 2, 8)]
