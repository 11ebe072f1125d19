"""Texts as terms. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.searching import LONGEST_TERM, MOST_TERMS, terms_of, terms_of_message, wanted_terms, words_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Hello, WORLD", ["hello", "world"]),
        ("order #1042", ["order", "1042"]),
        ("naïve Straße ﬁne", ["naive", "strasse", "fine"]),
        ("snake_case", ["snake", "case"]),
        ("水壶坏了", ["水", "壶", "坏", "了", "水壶", "壶坏", "坏了"]),
        ("iPhone手机", ["iphone", "手", "机", "手机"]),
        ("👍", []),
        ("a" * 100, ["a" * LONGEST_TERM]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert list(terms_of(text)) == terms


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("my kettle", ["kettle", "my"]),
        ("蓝色水壶", ["蓝色", "色水", "水壶"]),
        ("壶", ["壶"]),
        ("a a", ["a"]),
        ("?", []),
    ],
)
def test_what_a_query_wants(query: str, terms: list[str]) -> None:
    assert wanted_terms(query) == terms


@given(st.text(max_size=80), st.data())
def test_every_text_is_found_by_each_of_its_words(text: str, data: st.DataObject) -> None:
    words = text.split()
    if words:
        word = data.draw(st.sampled_from(words))
        assert set(wanted_terms(word)) <= set(terms_of(text))
    assert all(0 < len(term) <= LONGEST_TERM for term in terms_of(text))


def test_a_message_has_only_so_many_terms() -> None:
    assert len(terms_of_message({"text": " ".join(map(str, range(2 * MOST_TERMS)))})) == MOST_TERMS


def test_words_are_what_people_read() -> None:
    content = {
        "text": "Which?",
        "options": [{"title": "One", "payload": "/one"}],
        "cards": [{"title": "Card", "text": "more", "image": "https://a.example", "options": [{"title": "Two"}]}],
        "file": {"url": "https://b.example", "name": "a.pdf"},
    }
    assert words_of(content).split() == ["Which?", "a.pdf", "One", "Card", "more", "Two"]
    assert words_of({"type": "text", "text": "before", "revised": "after"}) == "after"
    assert words_of({"type": "text", "text": "gone", "taken_back": True}) == ""
