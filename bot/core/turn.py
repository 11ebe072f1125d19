"""The values that one turn takes and gives. Knows neither Rasa nor how any of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.store.handoffs import Change, Wanted
from channels.contract import Content

if TYPE_CHECKING:  # what the dialogue remembers is its own affair
    from bot.core.recent import Past

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    """An inbound message that waits for its turn."""

    id: int
    conversation: str
    seq: int
    channel: str
    address: str
    said: Mapping[str, Any]
    """What the customer did, as `bot.store.content` writes it."""
    language: str | None
    """The app's or browser's hint."""
    attempts: int
    """Turns that were tried for it and failed."""
    due_at: datetime
    created_at: datetime
    identity: int | None = None
    """Whose it is; nobody's in a group."""
    found_nobody: bool = False
    """Whether the action server was away when its turn was tried last."""
    parked: str | None = None
    """An operator has given it up: `sorry` or `silent`."""
    trace: str | None = None
    """What it has in common with all that the same request brought about; see bot/store/traces.py."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something that the assistant wants done to who is linked with whom, as custom replies of these types say it."""

    do: str
    """`unlink` a channel of the customer's; `undo_link`: undo the newest merge; `ways`: ask how the customer may show
    that an account is theirs; `verify`: send a code to whom they say they are; `suggestion`: note that an account was
    offered, or how that was answered; `prefer` a channel; `handoff`: have people take over; `rate`: what the customer
    thinks of how they did."""
    channel: str | None = None
    account: str | None = None
    """The company's number of that customer of theirs."""
    address: str | None = None
    """Their e-mail address on file."""
    order: str | None = None
    """Number of the order that it is about."""
    via: str | None = None
    """`linked`: rather by a channel that is surely theirs."""
    state: str | None = None
    """Of a suggestion: `offered`, `confirmed` or `declined`."""
    wanted: Wanted | None = None
    """Of a handoff."""
    score: int | None = None
    """1 to 5."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One message that answers."""

    content: Content
    asks: str | None = None
    """The slot that its options answer; empty for a menu, which never goes stale."""
    agent: str | None = None
    """The agent whose words they are; otherwise the bot's."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Rasa events that stand for everything before the tail."""

    seq: int
    """Number of the tail's first event."""
    events: tuple[Json, ...]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a turn adds to its conversation."""

    first_event: int
    """The number that the first of `events` takes."""
    events: tuple[Json, ...] = ()
    replies: tuple[Reply, ...] = ()
    language: str | None = None
    snapshot: Snapshot | None = None
    past: Past | None = None
    """The dialogue as it is after the turn; see `Dialogue.remember`."""
    rasa_seconds: float = 0.0
    """How long Rasa took, waiting for actions included."""
    commands: tuple[Command, ...] = ()
    asks: str | None = None
    """The slot that the open form asks for after the turn."""
    closes: bool = False
    """Whether a question from before the turn may be open no more: the form has moved on, or asks once more."""
    change: Change | None = None
    """What it does to who owns the conversation."""
    refused: str | None = None
    """Why a doing of the desk's came to nothing; see `bot.store.ownership.Refused` and `bot.core.handing`."""
    failure: str | None = None
    """Why the message could not be answered properly and got an apology; holds none of the customer's words."""
