"""What the phone needs of every app."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

Json = dict[str, Any]

TEXT_MAX = 4096
"""Longer than the page's writing lines take."""


class Event(Protocol):
    """Something that the app shows: the vendors' servers say what kinds there are."""

    @property
    def kind(self) -> str: ...

    @property
    def data(self) -> Json: ...


class Feed(Protocol):
    async def get(self) -> Event: ...


class Account(Protocol):
    """One person's account with one app, in the one chat that they have there."""

    def speak(self, language: str) -> None:
        """`language`: `en` or `zh`."""

    def welcome(self) -> Json:
        """Everything there is to show."""

    def events(self) -> AbstractContextManager[Feed]:
        """Everything from now on."""

    async def act(self, frame: Json) -> Json | None:
        """Do what the person did; what the page is told at once, if anything. What cannot be done is left undone."""


class App(Protocol):
    """One app, as installed on every phone."""

    def account(self, name: str) -> Account:
        """Somebody new."""


def text_of(frame: Json) -> str | None:
    """What somebody wrote; None if it is not a message."""
    text = str(frame.get("text") or "").strip()
    return text if 0 < len(text) <= TEXT_MAX else None
