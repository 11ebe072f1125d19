"""What the bot says where others listen: in a group it answers what is public, and offers a private chat for the rest.

Which intents are public, the bot builder says in endpoints.yml; without that section, none is:

    groups:
      answers: [greet, faq, ask_store_hours]
      otherwise: private_matter
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Optional

_INTENT_PAYLOAD = re.compile(r"/([^{@\s]+)")


@dataclass(frozen=True, kw_only=True)
class Groups:
    """What is answered in groups."""

    answers: frozenset[str] = frozenset()
    """Intents."""
    otherwise: str = "private_matter"
    """The intent that stands for every other one."""

    def instead(self, text: str, intent: Optional[str], known: Collection[str]) -> Optional[str]:
        """What Rasa is to be told of a message: the message itself if it is public; None where this assistant has
        nothing to say to what is private. `intent`: as understood; `known`: the assistant's intents."""
        if intent in self.answers:
            return text
        return f"/{self.otherwise}" if self.otherwise in known else None


def groups_of(endpoints: Mapping[str, Any]) -> Groups:
    """The section of endpoints.yml. Raises ValueError for one that is wrong: nothing private must leak by a slip."""
    section = endpoints.get("groups") or {}
    answers = section.get("answers") if isinstance(section, Mapping) else None
    if not isinstance(section, Mapping) or not isinstance(answers or [], list):
        raise ValueError("endpoints.yml: `groups` must have `answers`, a list of intents")
    return Groups(
        answers=frozenset(str(intent) for intent in answers or []),
        otherwise=str(section.get("otherwise") or "private_matter"),
    )


def intent_of_payload(text: str) -> Optional[str]:
    """The intent of an option's payload; None for words."""
    found = _INTENT_PAYLOAD.match(text)
    return found.group(1) if found else None
