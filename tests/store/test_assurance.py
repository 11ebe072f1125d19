"""Which level is above which, said in one place."""

from __future__ import annotations

import pytest

from bot.store.assurance import LEVELS, SHOWN, at_least, met_by
from bot.store.suggestions import phone_of


def test_the_levels_are_in_order() -> None:
    assert LEVELS == ("none", "confirmed", "code", "signed_in")
    assert at_least("confirmed") == ("confirmed", "code", "signed_in")
    assert SHOWN == ("code", "signed_in")


@pytest.mark.parametrize(
    ("assurance", "met"),
    [
        ("signed_in", LEVELS),
        ("code", ("none", "confirmed", "code")),
        ("confirmed", ("none", "confirmed")),
        ("none", ("none",)),
        (None, ("none",)),
        ("very", ("none",)),
    ],
)
def test_whoever_has_a_level_meets_those_below(assurance: str | None, met: tuple[str, ...]) -> None:
    assert met_by(assurance) == met


def test_what_is_no_level_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        at_least("very")


@pytest.mark.parametrize(
    ("channel", "ids", "phone"),
    [
        ("whatsapp", (None, "6581230101"), "+6581230101"),
        ("whatsapp", ("6581230101", "SG.13491208655302741918"), "+6581230101"),
        ("whatsapp", (None, "SG.13491208655302741918"), None),
        ("telegram", (None, "6581230101"), None),
        ("webchat", (None, "6581230101"), None),
    ],
)
def test_only_a_platform_that_knows_its_people_by_number_tells_one(
    channel: str, ids: tuple[str | None, ...], phone: str | None
) -> None:
    assert phone_of(channel, *ids) == phone
