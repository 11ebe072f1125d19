"""The real components, taught by the real training data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.core.nlu.catalogue import CatalogueEntities

PROJECT = Path(__file__).resolve().parents[3]
CATALOGUE_CONFIG: dict[str, Any] = {
    "alias": "mentions",
    "timezone": "Asia/Singapore",
    "telling": ["channel", "reason", "resolution"],
}


def saturday_morning(timezone: ZoneInfo) -> datetime:
    return datetime(2026, 11, 21, 9, 0, tzinfo=timezone)


@pytest.fixture(scope="session")
def training_data() -> TrainingData:
    return load_data(str(PROJECT / "data" / "nlu")).merge(load_data(str(PROJECT / "data" / "catalogue")))


@pytest.fixture(scope="session")
def catalogue_storage(tmp_path_factory: pytest.TempPathFactory) -> LocalModelStorage:
    return LocalModelStorage(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def catalogue(catalogue_storage: LocalModelStorage, training_data: TrainingData) -> CatalogueEntities:
    component = CatalogueEntities(CATALOGUE_CONFIG, catalogue_storage, Resource("catalogue"), now=saturday_morning)
    component.train(training_data)
    return component
