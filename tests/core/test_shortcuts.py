"""The shortcuts give what Rasa's own functions give."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.utils.common import all_subclasses

from bot.core import shortcuts
from bot.core.shortcuts import StraightRunner
from bot.core.tracker import TurnTracker
from tests.core.test_tracker import anything

ANSWERS: list[Any] = [
    {"events": [], "responses": []},
    {"events": [{"event": "slot", "name": "item", "value": "lamp"}], "responses": [{"text": "yes"}]},
    {"events": [{"event": "slot", "value": "lamp"}], "responses": []},
    {"events": [{"event": "no such"}]},
    {"events": "none"},
    {"events": [], "responses": ["text"]},
    {"responses": [{"text": 1}]},
    [],
    None,
]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    shortcuts.install()


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_the_same_answers_of_an_action_are_taken(answer: Any) -> None:
    action = RemoteAction("action_x", None)
    assert accepted(action, answer, RemoteAction._validate_action_result) == accepted(action, answer, as_rasa_has_it)


def as_rasa_has_it(action: RemoteAction, answer: Any) -> bool:
    from jsonschema import validate

    validate(answer, action.action_response_format_spec())
    return True


def accepted(action: RemoteAction, answer: Any, check: Any) -> bool:
    try:
        return bool(check(action, answer))
    except ValidationError:
        return False


def test_every_type_of_event_is_found() -> None:
    for kind in all_subclasses(Event):
        assert Event.resolve_by_type(kind.type_name) is shortcuts._resolve(kind.type_name)
    assert Event.resolve_by_type("topic") is None
    assert Event.resolve_by_type("no such", Event) is Event
    with pytest.raises(ValueError, match="no such"):
        Event.resolve_by_type("no such")


def test_an_empty_domain_is_told_from_others(model: Path) -> None:
    assert Domain.empty().is_empty()
    domain = Agent.load(model).domain
    assert [domain.is_empty(), domain.is_empty()] == [False, False]


def test_a_models_parts_run_in_an_order_in_which_each_has_what_it_needs(model: Path) -> None:
    runner = Agent.load(model).processor.graph_runner
    assert type(runner) is StraightRunner
    targets = ["run_RegexMessageHandler"] if "run_RegexMessageHandler" in runner._graph_schema.nodes else None
    seen: set[str] = set()
    for name, _, needs in runner._order(targets or runner._graph_schema.target_names):
        assert all(need in seen or need.startswith("__") for need in needs)
        seen.add(name)


async def test_a_model_understands_and_decides_as_with_rasas_runner(model: Path, monkeypatch: Any) -> None:
    ours = Agent.load(model)
    monkeypatch.setattr("rasa.core.processor.DaskGraphRunner", DaskGraphRunner)
    theirs = Agent.load(model)
    assert type(theirs.processor.graph_runner) is DaskGraphRunner
    for text in ("hello", "faq", "/return_item", "what?", "lamp"):
        assert await ours.parse_message(text) == await theirs.parse_message(text)
        assert await ours.handle_text(text, sender_id="a") == await theirs.handle_text(text, sender_id="a")


@pytest.mark.parametrize("seed", range(4))
def test_rules_decide_the_same_without_the_states_before_them(seed: int, model: Path, monkeypatch: Any) -> None:
    ours = rules_of(model)
    monkeypatch.setattr(RulePolicy, "load", classmethod(shortcuts._load_rules))
    theirs = rules_of(model)
    assert (ours.featurizer.max_history, theirs.featurizer.max_history) == (4, None)
    dice = random.Random(seed)
    domain = Agent.load(model).domain
    tracker = TurnTracker("alice", domain.slots)
    decided: set[int] = set()
    for _ in range(100):
        for event in anything(dice):
            tracker.update(event, domain)
        prediction = ours.predict_action_probabilities(tracker, domain)
        assert vars(prediction) == vars(theirs.predict_action_probabilities(tracker, domain))
        decided.add(prediction.probabilities.index(prediction.max_confidence))
    assert len(decided) > 3


def rules_of(model: Path) -> RulePolicy:
    nodes = Agent.load(model).processor.graph_runner._instantiated_nodes.values()
    return next(node._component for node in nodes if isinstance(node._component, RulePolicy))
