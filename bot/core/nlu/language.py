"""Which language the customer writes: entity `language`, `en` or `zh`, or nothing when the text does not say.

A number, "ok" or a product's name must not turn a Chinese conversation into English, so such texts fall back on
what the worker passes in the message's metadata: the language known so far, or the customer's app's hint.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
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

from bot.core.nlu.tokenizer import HAN

LATIN_WORD = re.compile(r"[a-z]+(?:['\u2019][a-z]+)?")

NAMES = frozenset({"product", "product_kind", "store", "channel"})
"""Entities that are called the same in either language."""

_INTERNATIONAL = (
    "ok okay okey k hi hello hey yes yeah no nope bye thanks thank thx pls lol haha hmm oh sorry cancel stop "
    "iphone ipad android google grab shopee lazada wifi app email sms qr usb vip dhl fedex ups"
)
INTERNATIONAL = frozenset(_INTERNATIONAL.split())
"""Words that people write in any language."""

_ENGLISH = (
    "a am an and are at because been but by can could did do does for from get give got had has have help how i if in "
    "is it its just like lost me my need not of on open or order our out parcel please return returns she shipping "
    "so some still stock that the their them there these they this to too track tracking want was we what when where "
    "which who why will with would you your broken damaged delivery delivered cracked hours opening human goodbye "
    "anything nothing something actually instead maybe sure"
)
ENGLISH = frozenset(_ENGLISH.split())
"""Words that no other text of a Chinese customer would hold: one of them is enough."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class LanguageEntity(GraphComponent, EntityExtractorMixin):  # type: ignore[misc]
    """Comes after CatalogueEntities in the pipeline: names of products and stores say nothing about the language."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageEntity:
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT) or ""
            if text.startswith(INTENT_MESSAGE_PREFIX):
                continue
            entities = message.get(ENTITIES, [])
            language = language_of(_without(text, entities)) or _hinted(message.get("metadata") or {})
            if language:
                found = self.add_extractor_name([_whole(text, language)])
                message.set(ENTITIES, entities + found, add_to_output=True)
        return messages


def language_of(text: str) -> str | None:
    """The language that the text itself gives away, or None."""
    if HAN.search(text):
        return "zh"
    words = set(LATIN_WORD.findall(text.lower())) - INTERNATIONAL
    telling = {word for word in words if len(word) > 1}
    return "en" if len(telling) >= 2 or words & ENGLISH else None


def supported(tag: str | None) -> str | None:
    """`en` or `zh` for a language tag such as `en-SG` or `zh-Hant`; None for any other language."""
    primary = re.split(r"[-_]", (tag or "").lower())[0]
    return primary if primary in ("en", "zh") else None


def _hinted(metadata: dict[str, Any]) -> str | None:
    return supported(metadata.get("language"))


def _without(text: str, entities: list[dict[str, Any]]) -> str:
    """The text without names, unless they are Chinese, which nobody else writes."""
    for entity in entities:
        if entity[ENTITY_ATTRIBUTE_TYPE] not in NAMES:
            continue
        start, end = entity[ENTITY_ATTRIBUTE_START], entity[ENTITY_ATTRIBUTE_END]
        if not HAN.search(text[start:end]):
            text = text[:start] + " " * (end - start) + text[end:]
    return text


def _whole(text: str, language: str) -> dict[str, Any]:
    return {
        ENTITY_ATTRIBUTE_TYPE: "language",
        ENTITY_ATTRIBUTE_VALUE: language,
        ENTITY_ATTRIBUTE_START: 0,
        ENTITY_ATTRIBUTE_END: len(text),
    }
