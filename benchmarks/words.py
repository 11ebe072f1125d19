"""What customers say in the comparison, and what answers it: pure, and the same for both sides.

The bot is the one that `rasa init` writes. Its training examples are few, so what is said is made from them by small
variations: nearly every message is a text of its own, as real customers' are, and no cache of texts pays.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

Json = Mapping[str, Any]

_OPENINGS = (
    "",
    "well, ",
    "oh, ",
    "ok, ",
    "hmm, ",
    "so, ",
    "um, ",
    "ah, ",
    "right, ",
    "look, ",
    "hm ok, ",
    "you know, ",
)
_ENDINGS = ("", "!", " :)", " ...", " then", " really", " now", " you know", " today", " I guess")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What somebody means, and the response that ends the bot's turn."""

    intent: str
    response: str


# The bot's three stories, each with one or both of its rules behind it.
PATHS: tuple[tuple[Step, ...], ...] = (
    (
        Step(intent="greet", response="utter_greet"),
        Step(intent="mood_great", response="utter_happy"),
        Step(intent="bot_challenge", response="utter_iamabot"),
        Step(intent="goodbye", response="utter_goodbye"),
    ),
    (
        Step(intent="greet", response="utter_greet"),
        Step(intent="mood_unhappy", response="utter_did_that_help"),
        Step(intent="affirm", response="utter_happy"),
        Step(intent="goodbye", response="utter_goodbye"),
    ),
    (
        Step(intent="greet", response="utter_greet"),
        Step(intent="mood_unhappy", response="utter_did_that_help"),
        Step(intent="deny", response="utter_goodbye"),
        Step(intent="bot_challenge", response="utter_iamabot"),
    ),
)

# A conversation that never ends consists of what the bot's rules answer at any time; its stories come only once.
ENDLESS: tuple[Step, ...] = (
    Step(intent="bot_challenge", response="utter_iamabot"),
    Step(intent="goodbye", response="utter_goodbye"),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One message of a customer's. `last`: the text that the bot's turn ends with; None: any one message does."""

    text: str
    last: str | None


Conversation = Sequence[Line]


def variations(examples: Sequence[str]) -> list[str]:
    """Distinct texts, the plainest first."""
    made = (
        f"{opening}{example}{ending}"
        for opening, ending in sorted(itertools.product(_OPENINGS, _ENDINGS), key=lambda pair: len(pair[0] + pair[1]))
        for example in examples
    )
    return list(dict.fromkeys(made))


def examples(nlu: str) -> dict[str, list[str]]:
    """The examples of each intent in a file of Rasa's training data."""
    return {
        entry["intent"]: [line.removeprefix("- ") for line in entry["examples"].splitlines()]
        for entry in yaml.safe_load(nlu)["nlu"]
    }


def last_words(domain: str) -> dict[str, str]:
    """The text of each response in a domain file."""
    return {name: variants[0]["text"] for name, variants in yaml.safe_load(domain)["responses"].items()}


class Script:
    """Deals out conversations; a text comes again only when all of its intent have been said."""

    def __init__(self, *, texts: Mapping[str, Sequence[str]], responses: Mapping[str, str]) -> None:
        self._texts = {intent: itertools.cycle(own) for intent, own in texts.items()}
        self._responses = responses

    def short(self, count: int) -> list[Conversation]:
        """Conversations of four messages."""
        return [[self._line(step) for step in path] for path in itertools.islice(itertools.cycle(PATHS), count)]

    def endless(self) -> Iterator[Line]:
        """The lines of one conversation."""
        return (self._line(step) for step in itertools.cycle(ENDLESS))

    def _line(self, step: Step) -> Line:
        return Line(text=next(self._texts[step.intent]), last=self._responses[step.response])


def repeated(conversations: Sequence[Conversation]) -> float:
    """The share of messages whose text was said before."""
    said = [line.text for conversation in conversations for line in conversation]
    return 1 - len(set(said)) / len(said)
