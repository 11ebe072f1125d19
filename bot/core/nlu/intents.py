"""What a message is about: the intent, with a confidence that can be relied on.

Several featurizers give a text a vector each, and not each of them can read every text. A *reading* says which vectors
are looked at together and how much each of them counts; the first reading whose vectors a text has is used. Each is a
machine of its own (kernel.py), taught by all the examples that it can read, so the Chinese reading learns from English
examples, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import (
    FEATURE_TYPE_SENTENCE,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.kernel import Floats, Machine, Numbers, Settings, directions, learn

Views = dict[str, Floats]
"""A text's vectors by the alias of the featurizer that made them."""

RANKED = 10
"""As many intents as Rasa's own classifiers list."""

_SUFFIX = "npz"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Weights of the views, which add up to 1, and what an average text looks like in each."""

    weights: dict[str, float]
    means: Views
    machine: Machine

    def fits(self, views: Views) -> bool:
        return self.weights.keys() <= views.keys()

    def probabilities(self, views: Views) -> Floats:
        return self.machine.probabilities(look(views, self.weights, self.means))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LikenessClassifier(IntentClassifier, GraphComponent):  # type: ignore[misc]
    """Intents by how like a text is to the training examples; see kernel.py for how."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"readings": [], "sharpness": 1.5, "penalty": 0.1}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        intents: list[str] | None = None,
        readings: list[Reading] | None = None,
    ) -> None:
        self._wanted = [_shares(reading) for reading in config["readings"]]
        self._settings = Settings(sharpness=config["sharpness"], penalty=config["penalty"])
        self._model_storage = model_storage
        self._resource = resource
        self._intents = intents or []
        self._readings = readings or []

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LikenessClassifier:
        if not config["readings"]:
            raise InvalidConfigException("LikenessClassifier: `readings` lists which featurizers' aliases it looks at.")
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LikenessClassifier:
        with model_storage.read_from(resource) as directory:
            intents = [str(intent) for intent in np.load(directory / f"intents.{_SUFFIX}")["intents"]]
            files = sorted(directory.glob(f"reading-*.{_SUFFIX}"))
            readings = [_unpacked(dict(np.load(file).items())) for file in files]
        return cls(config, model_storage, resource, intents, readings)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [(views_of(example), example.get(INTENT)) for example in training_data.intent_examples]
        self._intents = sorted({intent for _, intent in examples})
        self._readings = [
            self._learn([example for example in examples if weights.keys() <= example[0].keys()], weights)
            for weights in self._wanted
        ]
        with self._model_storage.write_to(self._resource) as directory:
            np.savez(directory / f"intents.{_SUFFIX}", intents=np.array(self._intents))
            for number, reading in enumerate(self._readings):
                np.savez(directory / f"reading-{number:02}.{_SUFFIX}", **_packed(reading))
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """A button's payload says by itself what it means, and Rasa reads it last."""
        for message in messages:
            text = message.get(TEXT) or ""
            ranking = _nothing() if text.startswith(INTENT_MESSAGE_PREFIX) else self.rank(views_of(message))
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def rank(self, views: Views) -> list[dict[str, Any]]:
        """The likeliest intents with their probabilities; no intent for a text that no reading fits."""
        reading = next((reading for reading in self._readings if reading.fits(views)), None)
        if reading is None:
            return _nothing()
        probabilities = reading.probabilities(views)
        return [
            {INTENT_NAME_KEY: self._intents[number], PREDICTED_CONFIDENCE_KEY: float(probabilities[number])}
            for number in np.argsort(-probabilities, kind="stable")[:RANKED]
        ]

    def _learn(self, examples: list[tuple[Views, str]], weights: dict[str, float]) -> Reading:
        if not examples:
            raise InvalidConfigException(f"LikenessClassifier: no example has all the features {sorted(weights)}.")
        numbers: Numbers = np.array([self._intents.index(intent) for _, intent in examples])
        views = {name: np.stack([example[name] for example, _ in examples]) for name in weights}
        means = {name: view.mean(axis=0) for name, view in views.items()}
        machine = learn(look(views, weights, means), numbers, len(self._intents), self._settings)
        return Reading(weights=weights, means=means, machine=machine)


def look(views: Views, weights: dict[str, float], means: Views) -> Floats:
    """All the views as one vector, or examples × one vector, of length 1: the cosine of two texts is then the weighted
    mean of their views' cosines. What all texts have in common says nothing and is taken off before."""
    parts = [np.float32(np.sqrt(weight)) * directions(views[name] - means[name]) for name, weight in weights.items()]
    return np.concatenate(parts, axis=-1)


def views_of(message: Message) -> Views:
    """The message's dense vectors of whole sentences."""
    return {
        features.origin: np.asarray(features.features[0], np.float32)
        for features in message.features
        if features.attribute == TEXT and features.type == FEATURE_TYPE_SENTENCE and features.is_dense()
    }


def _nothing() -> list[dict[str, Any]]:
    """The ranking of what has no intent that could be seen. Those after us may add to it."""
    return [{INTENT_NAME_KEY: None, PREDICTED_CONFIDENCE_KEY: 0.0}]


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Weights as shares of 1, in an order that does not depend on how they were written."""
    total = sum(weights.values())
    return {name: weights[name] / total for name in sorted(weights)}


def _packed(reading: Reading) -> dict[str, Any]:
    names = list(reading.weights)
    machine = reading.machine
    return {
        "views": np.array(names),
        "weights": np.array(list(reading.weights.values())),
        **{f"mean-{name}": reading.means[name] for name in names},
        "basis": machine.basis,
        "examples": machine.examples.astype(np.float16),  # half the file; 3 digits are plenty for a cosine
        "votes": machine.votes,
        "shares": machine.shares,
        "sharpness": machine.sharpness,
        "temperature": machine.temperature,
    }


def _unpacked(arrays: dict[str, Any]) -> Reading:
    names = [str(name) for name in arrays["views"]]
    return Reading(
        weights=dict(zip(names, arrays["weights"].tolist(), strict=True)),
        means={name: arrays[f"mean-{name}"] for name in names},
        machine=Machine(
            basis=arrays["basis"],
            examples=arrays["examples"].astype(np.float32),
            votes=arrays["votes"],
            shares=arrays["shares"],
            sharpness=float(arrays["sharpness"]),
            temperature=float(arrays["temperature"]),
        ),
    )
