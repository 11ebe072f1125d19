"""Rasa 3.6.21's own work, done once instead of each time.

Each shortcut replaces one function of Rasa's by another with the same results; tests hold them against the originals.
Together they were more than half of a turn with custom actions. Rasa is pinned to this very release, and is at the end
of its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema
import rasa.core.processor
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.core.featurizers.tracker_featurizers import MaxHistoryTrackerFeaturizer
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import GraphNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event

from bot.core.depth import longest_rule

_resolve = Event.resolve_by_type
_is_empty = Domain.is_empty
_load_rules = RulePolicy.load.__func__
_KNOWN = "_known_to_be_empty"


def install() -> None:
    """For this process; once is enough, more does no harm. Models that are loaded afterwards have all of them."""
    Event.resolve_by_type = staticmethod(resolve_by_type)
    RemoteAction._validate_action_result = validate_action_result
    Domain.is_empty = is_empty
    RulePolicy.load = classmethod(load_rules)
    rasa.core.processor.DaskGraphRunner = StraightRunner


def resolve_by_type(type_name: str, default: type[Event] | None = None) -> type[Event] | None:
    """Rasa's looks through all subclasses, for every event of a conversation."""
    return _resolve(type_name, default) if default is not None else _class_of(type_name)


@lru_cache(maxsize=256)
def _class_of(type_name: str) -> type[Event] | None:
    known: type[Event] | None = _resolve(type_name)
    return known


def validate_action_result(action: RemoteAction, result: dict[str, Any]) -> bool:
    """Rasa's checks its own schema against JSON Schema's anew before each answer of the action server. Raises
    jsonschema.ValidationError."""
    error = best_match(_validator().iter_errors(result))
    if error is not None:
        error.message += f". The action server's answer to '{action.name()}' is not what Rasa takes."
        raise error
    return True


@lru_cache(maxsize=1)
def _validator() -> jsonschema.protocols.Validator:
    schema = RemoteAction.action_response_format_spec()
    return validator_for(schema)(schema)


def is_empty(domain: Domain) -> bool:
    """Rasa's makes an empty domain to compare with, at every message."""
    if not hasattr(domain, _KNOWN):
        setattr(domain, _KNOWN, _is_empty(domain))
    return bool(getattr(domain, _KNOWN))


def load_rules(policy: type[RulePolicy], *args: Any, **kwargs: Any) -> RulePolicy:
    """Rasa's rule policy goes through all states of the past, whatever its rules look at. One more than they do, since
    a past of just that length is told from a longer one."""
    loaded = _load_rules(policy, *args, **kwargs)
    if loaded.lookup and isinstance(loaded.featurizer, MaxHistoryTrackerFeaturizer):
        loaded.featurizer.max_history = longest_rule(loaded.lookup) + 1
    return loaded


class StraightRunner(DaskGraphRunner):  # type: ignore[misc]  # Rasa's class is untyped here
    """Runs the parts of a model one after the other. Rasa's builds a graph for dask, and lets dask find this order,
    at every message and every prediction."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._orders: dict[tuple[str, ...], list[tuple[str, GraphNode, tuple[str, ...]]]] = {}

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """As `GraphRunner.run`. Raises GraphRunError, and what the parts raise."""
        wanted = tuple(targets or self._graph_schema.target_names)
        known: dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
        try:
            for name, node, needs in self._order(wanted):
                known[name] = node(*(known.get(need, need) for need in needs))
        except RuntimeError as error:
            raise GraphRunError("Error running runner.") from error
        return dict(known[name] for name in wanted)

    def _order(self, targets: Sequence[str]) -> list[tuple[str, GraphNode, tuple[str, ...]]]:
        key = tuple(targets)
        if key not in self._orders:
            nodes = self._graph_schema.minimal_graph_schema(list(targets)).nodes
            names = _in_order({name: tuple(node.needs.values()) for name, node in nodes.items()})
            self._orders[key] = [
                (name, self._instantiated_nodes[name], tuple(nodes[name].needs.values())) for name in names
            ]
        return self._orders[key]


def _in_order(needs: dict[str, tuple[str, ...]]) -> list[str]:
    """Each after what it needs. Rasa has made sure that there is no circle."""
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in ordered or name not in needs:
            return
        for need in needs[name]:
            add(need)
        ordered.append(name)

    for name in needs:
        add(name)
    return ordered
