"""Who is given what waits. Pure: what waits and who is there go in, pairs come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A conversation in the queue of a team that is given its work."""

    id: int
    """The stretch's; decides between those that were queued in the same instant."""
    conversation: str
    team: int
    priority: int
    queued_at: datetime
    language: str | None
    topic: str | None
    missed_by: frozenset[str] = frozenset()
    """Agents who were given it and did not answer: it is offered to others, and anybody may take it."""


@dataclass(frozen=True, kw_only=True)
class Free:
    """An agent who is here. `languages` and `topics`: empty is any."""

    agent: str
    teams: frozenset[int]
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    capacity: int
    open: int
    """What they have in hand, and what they are about to be given."""
    given_at: datetime | None
    """When something last came into their hands, or left them; empty: not lately."""


def assignments(waiting: Iterable[Waiting], agents: Iterable[Free]) -> list[tuple[str, str]]:
    """Pairs of conversation and agent, in the order in which they are given: the highest priority first, then whoever
    has waited longest; to whom it fits, of those to who has least in hand, then to who was idle longest."""
    here = {one.agent: one for one in agents}
    given: list[tuple[str, str]] = []
    for one in sorted(waiting, key=lambda one: (-one.priority, one.queued_at, one.id)):
        fitting = [agent for agent in here.values() if _fits(one, agent)]
        if fitting:
            chosen = min(fitting, key=_turn)
            given.append((one.conversation, chosen.agent))
            # Whoever was given something just now is the last in turn among equals.
            last = max(agent.given_at or _LONG_AGO for agent in here.values())
            here[chosen.agent] = replace(chosen, open=chosen.open + 1, given_at=last + timedelta(microseconds=1))
    return given


def suits(agent: Free, *, team: int, language: str | None, topic: str | None) -> bool:
    """Whether the agent is of the team, writes the language and knows of the topic."""
    return (
        team in agent.teams
        and (language is None or _writes(agent.languages, language))
        and (topic is None or not agent.topics or topic in agent.topics)
    )


def _fits(one: Waiting, agent: Free) -> bool:
    return (
        agent.open < agent.capacity
        and agent.agent not in one.missed_by
        and suits(agent, team=one.team, language=one.language, topic=one.topic)
    )


def _writes(languages: Sequence[str], wanted: str) -> bool:
    """By the language itself: who writes zh-Hans is given zh-TW rather than nobody."""
    return not languages or primary(wanted) in {primary(one) for one in languages}


def primary(language: str) -> str:
    """Of a BCP 47 tag, its first part."""
    return language.replace("_", "-").partition("-")[0].lower()


def _turn(agent: Free) -> tuple[int, datetime, str]:
    return (agent.open, agent.given_at or _LONG_AGO, agent.agent)
