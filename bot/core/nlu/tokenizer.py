"""Words of a message that may hold English, Chinese or both.

Neither of spaCy's tokenizers can take the other's language, so a text is cut into runs of Han characters and runs of
everything else, and each run goes to the tokenizer that knows it. Offsets always count in the original text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jieba
import spacy
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message
from spacy.language import Language

jieba.setLogLevel(logging.WARNING)  # it announces its dictionary on stderr otherwise

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ebef]+")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class BilingualTokenizer(Tokenizer):  # type: ignore[misc]
    """Tokens as spaCy cuts English and as jieba cuts Chinese."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> BilingualTokenizer:
        return cls(config)

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        return [Token(word, start) for word, start in words(message.get(attribute))]


def words(text: str) -> Iterator[tuple[str, int]]:
    """Words and punctuation with their offsets; Chinese in the words that jieba finds."""
    for run, start in runs(text):
        yield from _cut(_chinese() if HAN.match(run) else _english(), run, start)


def characters(text: str) -> Iterator[tuple[str, int]]:
    """Like `words`, but Chinese character by character: a phrase must match whatever its neighbours are."""
    for run, start in runs(text):
        if HAN.match(run):
            yield from ((character, start + place) for place, character in enumerate(run))
        else:
            yield from _cut(_english(), run, start)


def runs(text: str) -> Iterator[tuple[str, int]]:
    """The text in alternating runs of Han characters and of anything else."""
    position = 0
    for han in HAN.finditer(text):
        if han.start() > position:
            yield text[position : han.start()], position
        yield han.group(), han.start()
        position = han.end()
    if position < len(text):
        yield text[position:], position


def _cut(language: Language, run: str, start: int) -> Iterator[tuple[str, int]]:
    return ((token.text, start + token.idx) for token in language.make_doc(run) if not token.is_space)


@lru_cache(maxsize=1)
def _english() -> Language:
    return spacy.blank("en")


@lru_cache(maxsize=1)
def _chinese() -> Language:
    return spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "jieba"}}})
