"""The shop's own words in a message: products, colours, stores, reasons; order numbers; days.

Phrases come from the lookup tables and synonyms of the training data and travel with the model, so that what the shop
sells is known without asking its database. Where phrases overlap, the longest wins ("blue kettle", not "kettle").

Which kinds of entities a message mentions also says what it is about, and says so in any language: it is one of the
vectors that intents are told by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import rasa.shared.utils.io
import spacy
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc
from spacy.util import filter_spans

from bot.core.nlu.days import DayMention, find_days
from bot.core.nlu.quantities import find_quantities
from bot.core.nlu.tokenizer import characters

Entity = dict[str, Any]
Phrase = tuple[str, str, str]
"""Entity, value, and the words for it."""

PHRASES_FILE = "phrases.json"

FOUND_BY_RULE = {"order_number", "day", "quantity"}
COUNTED = {"product", "product_kind", "colour"}
NOTHING = "nothing"

ORDER_NUMBER = re.compile(
    r"(?:\b(?:order|ord|no|num|number)\b[\s.:,#]*(?:(?:number|num|no|id|is)\b[\s.:,#]*)*"
    r"|(?:订单|訂單|单号|單號|订单号|訂單號|单子|單子)\s*(?:号码|號碼|编号|編號|号|號)?\s*(?:是|为|為)?[\s:#]*"
    r"|#\s*)(?P<named>\d{3,8})(?!\d)"
    r"|(?<![\d$.])(?P<bare>\d{4})(?!\d|\.\d)"
)


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER],
    is_trainable=True,
)
class CatalogueEntities(DenseFeaturizer, GraphComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Finds the catalogue's phrases by spaCy's PhraseMatcher; order numbers, days and quantities by rule.

    The vector has a place for each entity, and for each value of those in `telling`; the first place is for none.
    """

    @staticmethod
    def required_packages() -> list[str]:
        return ["spacy", "dateparser"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**DenseFeaturizer.get_default_config(), "timezone": "UTC", "telling": []}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing can be wrong here that the time zone's library would not say itself."""

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        phrases: Iterable[Phrase] = (),
        now: Callable[[ZoneInfo], datetime] = datetime.now,
    ) -> None:
        super().__init__(resource.name, {**self.get_default_config(), **config})
        self._model_storage = model_storage
        self._resource = resource
        self._timezone = ZoneInfo(config["timezone"])
        self._now = now
        self._vocab = spacy.blank("en").vocab  # a bare Vocab knows no lower case, and everything would match
        self._learn(phrases)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CatalogueEntities:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CatalogueEntities:
        with model_storage.read_from(resource) as directory:
            phrases = rasa.shared.utils.io.read_json_file(directory / PHRASES_FILE)
        return cls(config, model_storage, resource, [(entity, value, words) for entity, value, words in phrases])

    def train(self, training_data: TrainingData) -> Resource:
        phrases = [
            (table["name"], training_data.entity_synonyms.get(words, words), words)
            for table in training_data.lookup_tables
            for words in table["elements"]
        ]
        with self._model_storage.write_to(self._resource) as directory:
            rasa.shared.utils.io.dump_obj_as_json_to_file(directory / PHRASES_FILE, phrases)
        self._learn(phrases)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Training examples get the vectors, and keep the entities that somebody has marked in them."""
        for example in training_data.training_examples:
            if example.get(TEXT):
                self._add_vector(example, self.find(example.get(TEXT)))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text and not text.startswith(INTENT_MESSAGE_PREFIX):
                found = self.find(text)
                self._add_vector(message, found)
                message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name(found), add_to_output=True)
        return messages

    def find(self, text: str) -> list[Entity]:
        """Entities in the order of the text."""
        plain = _half_width(text)
        days = find_days(plain, self._now(self._timezone).date())
        phrases = self._phrases_in(plain)
        products = [entity[ENTITY_ATTRIBUTE_START] for entity in phrases if entity[ENTITY_ATTRIBUTE_TYPE] in COUNTED]
        found = phrases + _order_numbers(plain) + _quantities(plain, products, days)
        found += [_entity("day", mention.day.isoformat(), mention.start, mention.end) for mention in days]
        return sorted(found, key=lambda entity: (entity[ENTITY_ATTRIBUTE_START], entity[ENTITY_ATTRIBUTE_TYPE]))

    def _learn(self, phrases: Iterable[Phrase]) -> None:
        self._matcher = PhraseMatcher(self._vocab, attr="LOWER")
        self._values: dict[tuple[str, str], str] = {}
        for entity, value, words in phrases:
            self._matcher.add(entity, [self._document(_half_width(words))[0]])
            self._values[entity, _half_width(words).lower()] = value

        telling = {(entity, value) for entity, value, _ in phrases if entity in self._config["telling"]}
        names = {entity for entity, _ in self._values} | FOUND_BY_RULE
        self._places = [NOTHING, *sorted(names), *sorted(f"{entity}={value}" for entity, value in telling)]

    def _add_vector(self, message: Message, found: list[Entity]) -> None:
        mentioned = {entity[ENTITY_ATTRIBUTE_TYPE] for entity in found}
        mentioned |= {f"{entity[ENTITY_ATTRIBUTE_TYPE]}={entity[ENTITY_ATTRIBUTE_VALUE]}" for entity in found}
        places = [[place in (mentioned or {NOTHING}) for place in self._places]]
        vector = np.array(places, np.float32)
        self.add_features_to_message(sequence=None, sentence=vector, attribute=TEXT, message=message)

    def _phrases_in(self, text: str) -> list[Entity]:
        document, offsets = self._document(text)
        found = []
        for span in filter_spans(self._matcher(document, as_spans=True)):
            start, end = offsets[span.start], offsets[span.end - 1] + len(document[span.end - 1])
            value = self._values.get((span.label_, text[start:end].lower()), text[start:end])
            found.append(_entity(span.label_, value, start, end))
        return found

    def _document(self, text: str) -> tuple[Doc, list[int]]:
        pieces = list(characters(text))
        return Doc(self._vocab, words=[piece for piece, _ in pieces]), [start for _, start in pieces]


def _order_numbers(text: str) -> list[Entity]:
    found = []
    for match in ORDER_NUMBER.finditer(text.lower()):
        group = "named" if match["named"] else "bare"
        found.append(_entity("order_number", match[group], match.start(group), match.end(group)))
    return found


def _quantities(text: str, products: list[int], days: list[DayMention]) -> list[Entity]:
    """Numbers of pieces that are no part of a day ("in two days", 三天后)."""
    return [
        _entity("quantity", str(mention.count), mention.start, mention.end)
        for mention in find_quantities(text, products)
        if not any(mention.start < day.end and day.start < mention.end for day in days)
    ]


def _entity(entity: str, value: str, start: int, end: int) -> Entity:
    return {
        ENTITY_ATTRIBUTE_TYPE: entity,
        ENTITY_ATTRIBUTE_VALUE: value,
        ENTITY_ATTRIBUTE_START: start,
        ENTITY_ATTRIBUTE_END: end,
    }


def _half_width(text: str) -> str:
    """Full-width digits, letters and spaces as plain ones, character by character so that offsets stay true."""
    return "".join(_narrow(character) for character in text)


def _narrow(character: str) -> str:
    narrow = unicodedata.normalize("NFKC", character)
    return narrow if len(narrow) == 1 else character
