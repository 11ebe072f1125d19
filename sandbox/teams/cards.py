"""The Adaptive Card schema's basics, as far as Teams refuses or hides what breaks them:
https://adaptivecards.io/explorer/ and
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from .errors import Json, bad_argument

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")
ACTIONS_MAX = 6


def check_card(card: object) -> None:
    """Raises ApiError."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise bad_argument("content.type must be AdaptiveCard")
    if card.get("version") not in VERSIONS:
        raise bad_argument("content.version is not one that Teams shows")
    _check_elements(card.get("body", []))
    _check_actions(card.get("actions", []))


def actions_of(card: Json) -> list[Json]:
    """Every button of a card, in reading order."""
    return list(_actions(card.get("body", []))) + list(card.get("actions", []))


def _actions(elements: list[Json]) -> Iterator[Json]:
    for element in elements:
        yield from element.get("actions", [])
        yield from _actions(element.get("items", []))


def _check_elements(elements: object) -> None:
    if not isinstance(elements, list):
        raise bad_argument("a card's body must be a list")
    for element in elements:
        kind = element.get("type") if isinstance(element, dict) else None
        if kind not in _ELEMENTS:
            raise bad_argument(f"unknown card element {kind!r}")
        _ELEMENTS[kind](element)


def _check_text(element: Json) -> None:
    if not isinstance(element.get("text"), str) or not element["text"]:
        raise bad_argument("TextBlock.text must be text")


def _check_image(element: Json) -> None:
    url = element.get("url")
    parts = urlsplit(url) if isinstance(url, str) else None
    on_loopback = parts is not None and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts is None or not (parts.scheme == "https" or on_loopback):
        raise bad_argument("Image.url must be an https address")


def _check_set(element: Json) -> None:
    if not element.get("actions"):
        raise bad_argument("ActionSet.actions must not be empty")
    _check_actions(element["actions"])


def _check_container(element: Json) -> None:
    _check_elements(element.get("items"))


_ELEMENTS: Mapping[str | None, Callable[[Json], None]] = {
    "TextBlock": _check_text,
    "Image": _check_image,
    "ActionSet": _check_set,
    "Container": _check_container,
}


def _check_actions(actions: object) -> None:
    if not isinstance(actions, list) or len(actions) > ACTIONS_MAX:
        raise bad_argument(f"a card shows at most {ACTIONS_MAX} actions in a row")
    for action in actions:
        kind = action.get("type") if isinstance(action, dict) else None
        if kind not in _ACTIONS or not isinstance(action.get("title"), str) or not action["title"]:
            raise bad_argument(f"unknown card action {kind!r}, or one without a title")
        _ACTIONS[kind](action)


def _check_submit(action: Json) -> None:
    if not isinstance(action.get("data", {}), dict):
        raise bad_argument("Action.Submit.data must be an object")


def _check_open_url(action: Json) -> None:
    if not str(action.get("url", "")).startswith(("https://", "http://")):
        raise bad_argument("Action.OpenUrl.url must be a web address")


_ACTIONS: Mapping[str | None, Callable[[Json], None]] = {
    "Action.Submit": _check_submit,
    "Action.Execute": _check_submit,
    "Action.OpenUrl": _check_open_url,
}
