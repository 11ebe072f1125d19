"""How far back a trained model looks: reading it from the model itself.

A conversation's history may be shortened only as far as no policy can tell the difference.
"""

from __future__ import annotations

import base64
import json
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa.core.policies.memoization import MemoizationPolicy
from rasa.core.policies.policy import Policy
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.storage.storage import ModelMetadata


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How many states back a model's predictions depend on."""

    rules: int
    """Of all states: the longest rule."""
    stories: int | None
    """Of the states that learned policies see; None where one of them looks at the whole history."""


def depth_of(model: Path, metadata: ModelMetadata) -> Depth:
    """Reads the rules and stories that the model has memorised, and its policies' settings."""
    memorised = _memorised(model)
    stories: int | None = 0
    for node in metadata.predict_schema.nodes.values():
        if not issubclass(node.uses, Policy) or issubclass(node.uses, RulePolicy):
            continue
        looks_back = _looks_back(node.uses, {**node.uses.get_default_config(), **node.config}, memorised)
        stories = None if stories is None or looks_back is None else max(stories, looks_back)
    rules = max((longest_rule(lookup) for name, lookup in memorised.items() if _is_of_rules(name)), default=0)
    return Depth(rules=rules, stories=stories)


def longest_rule(lookup: Mapping[str, Any]) -> int:
    """How many states the longest of the rules has that a rule policy has memorised."""
    named = lookup.get("rules_not_in_stories", ())  # some by their states, others by a name
    keys = (*lookup.get("rules", ()), *lookup.get("rules_for_loop_unhappy_path", ()), *filter(_has_states, named))
    return max(map(_rule_length, keys), default=0)


def _looks_back(policy: type, config: Mapping[str, Any], memorised: Mapping[str, Any]) -> int | None:
    configured = [config.get("max_history"), *(part.get("max_history") for part in config.get("featurizer") or ())]
    known = [int(value) for value in configured if value is not None]
    if known:
        return max(known)
    if issubclass(policy, MemoizationPolicy):
        return max((_story_length(key) for key in _stories(memorised)), default=0)
    return None


def _memorised(model: Path) -> dict[str, Any]:
    """The JSON files in which memoization and rule policies keep what they learned, by their path in the archive."""
    found = {}
    with tarfile.open(model, "r:gz") as archive:
        for member in archive:
            if member.name.endswith(("rule_policy.json", "memorized_turns.json")):
                file = archive.extractfile(member)
                if file is not None:
                    found[member.name] = json.load(file).get("lookup", {})
    return found


def _stories(memorised: Mapping[str, Any]) -> Iterable[str]:
    for name, lookup in memorised.items():
        if not _is_of_rules(name):
            yield from lookup


def _is_of_rules(name: str) -> bool:
    return name.endswith("rule_policy.json")


def _has_states(source: str) -> bool:
    return source.startswith("[")


def _rule_length(key: str) -> int:
    return len(json.loads(key))


def _story_length(key: str) -> int:
    """The key is a compressed list of states without its quotes; every state but the first has a previous action."""
    try:
        states = zlib.decompress(base64.b64decode(key)).decode()
    except (ValueError, zlib.error):
        states = key  # compression can be turned off
    return states.count("prev_action") + 1
