"""A component that ends its worker over one text, as a fault in a library would."""

from __future__ import annotations

import os
import signal
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

TEXT_THAT_KILLS = "bring it down"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class Deadly(GraphComponent):  # type: ignore[misc]  # Rasa's class is untyped here
    """Survives every text but one."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Deadly:
        """As Rasa makes components."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """As Rasa asks components."""
        if any(message.get(TEXT) == TEXT_THAT_KILLS for message in messages):
            os.kill(os.getpid(), signal.SIGKILL)
        return messages
