"""Who a message is from, and how to write back.

Meta knows a person by phone number and, since 2026, by a business-scoped user id (`US.13491208655302741918`), which is
always there while the number may be missing:
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids

The rule: a person is their business-scoped user id; their phone number only where Meta gives none. The id changes with
the number, so whoever is given a number that was somebody else's before is somebody new here, and an answer that is
late never reaches them. The two cannot be confused: a number is digits, an id begins with a country's letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .payload import Json, NotReadable, optional

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER = re.compile(r"[0-9]{5,20}")


@dataclass(frozen=True, kw_only=True)
class Person:
    id: str
    """`Inbound.external_id`, and the address too."""
    name: str | None = None
    number: str | None = None
    """The phone number, where it is told beside a business-scoped user id."""


def person(message: Json, contacts: Sequence[Json], *, alone: bool) -> Person:
    """The sender of a message, with what the sender's own of `contacts` tells. Raises NotReadable.

    alone:  whether it is the only message beside these contacts: then an only contact is the sender's, even if its
            `wa_id` is not quite the number, as happens in Brazil and Mexico
    """
    found = [one for one in contacts if _matches(one, message)]
    if not found and alone and len(contacts) == 1 and not _differ(contacts[0].get("user_id"), message, "from_user_id"):
        found = list(contacts)
    contact = found[0] if found else {}
    numbers = message.get("from"), contact.get("wa_id")
    known = identify(message.get("from_user_id"), contact.get("user_id"), *numbers)
    if known is None:
        raise NotReadable("the sender is not told")
    number = _first(_NUMBER, numbers)
    return Person(id=known, name=_name(contact), number=number if number != known else None)


def identify(*candidates: object) -> str | None:
    """The first business-scoped user id; without one, the first phone number."""
    return _first(_USER_ID, candidates) or _first(_NUMBER, candidates)


def recipient(address: str) -> dict[str, str]:
    """How a request names whom it is for: `recipient` for a business-scoped user id, `to` for a phone number."""
    return {"recipient" if _USER_ID.fullmatch(address) else "to": address}


def _first(pattern: re.Pattern[str], candidates: Iterable[object]) -> str | None:
    return next((one for one in candidates if isinstance(one, str) and pattern.fullmatch(one)), None)


def _matches(contact: Json, message: Json) -> bool:
    """By the user id where both have one, else by the number."""
    pairs = (contact.get("user_id"), message.get("from_user_id")), (contact.get("wa_id"), message.get("from"))
    return next((theirs == mine for theirs, mine in pairs if theirs is not None and mine is not None), False)


def _differ(value: object, message: Json, field: str) -> bool:
    return value is not None and message.get(field) is not None and value != message[field]


def _name(contact: Json) -> str | None:
    profile = contact.get("profile")
    return optional(profile.get("name")) if isinstance(profile, dict) else None
