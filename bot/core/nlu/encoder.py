"""A sentence as a vector: one that means the same in English and in Chinese, and one that knows English better.

Both encoders come with their packages, so nothing is downloaded. They cost most of the time that understanding takes:
payloads of buttons skip them, and texts that come again are remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.minilm import minilm
from bot.core.nlu.networks import Floats
from bot.core.nlu.tokenizer import HAN
from bot.core.nlu.use import universal_encoder

_NUMBER = re.compile(r"(?<!\d)\d{3,}(?!\d)")
_ANY_NUMBER = "1000"


def as_written(text: str) -> str:
    """Encoders were trained on written text: shouting must not change what a sentence means, nor must which order it
    is about."""
    return _NUMBER.sub(_ANY_NUMBER, text.lower())


class TextEncoder(DenseFeaturizer, GraphComponent):  # type: ignore[misc]
    """One dense vector a message, or none for a text that the encoder cannot read; none for single words."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**DenseFeaturizer.get_default_config(), "remembered_texts": 2048}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing can be wrong here."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        super().__init__(name, config)
        self._remembered: Callable[[str], Floats] = lru_cache(maxsize=config["remembered_texts"])(self.encode)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TextEncoder:
        return cls(execution_context.node_name, config)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text and not text.startswith(INTENT_MESSAGE_PREFIX) and self.reads(text):
                sentence = self._remembered(as_written(text)).reshape(1, -1)
                self.add_features_to_message(sequence=None, sentence=sentence, attribute=TEXT, message=message)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def reads(self, text: str) -> bool:
        return True

    def encode(self, text: str) -> Floats:
        """Of length 1."""
        raise NotImplementedError


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(TextEncoder):
    """Any of 16 languages, by the multilingual Universal Sentence Encoder."""

    def encode(self, text: str) -> Floats:
        return universal_encoder().encode(text)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class EnglishEncoder(TextEncoder):
    """Texts without Chinese, by all-MiniLM-L6-v2."""

    def reads(self, text: str) -> bool:
        return not HAN.search(text)

    def encode(self, text: str) -> Floats:
        return np.asarray(minilm().encode(text))
