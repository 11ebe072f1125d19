"""What every channel agrees on with the product: the words both sides use, and nothing of either.

This room knows no vendor, no database and no Rasa. It needs the standard library alone and runs on Python 3.10 and
later, because both the gateway and Rasa's process read and write these values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, Union

# --- What a customer did --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words the customer wrote, as the channel delivered them."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A tap on one of the options that an outbound message offered.

    What the tap means, and whether its question is still open, is decided in the turn: it depends on the dialogue's
    state at that moment.
    """

    message: int
    """`Outbound.id` of the message that offered the option."""
    option: int
    """Index into `Content.all_options()` of that message."""
    label: str = ""
    """The option as the customer saw it, for the transcript."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The customer opened the chat and has said nothing yet."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """The customer came with a link code, from a deep link or a QR code."""

    code: str


@dataclass(frozen=True, kw_only=True)
class Unsupported:
    """Something the channel can carry and the bot cannot read yet, such as a photograph."""

    kind: str
    """The vendor's word for it: `photo`, `voice`, …"""


Said = Union[Text, Choice, Start, Link, Unsupported]


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One thing that one person did on one channel."""

    channel: str
    external_id: str
    """The platform's id of the person; with `channel` it is an identity."""
    address: str
    """Where a reply goes; only the channel knows how to read it."""
    dedupe_key: str
    """The same for every delivery of the same thing, different for all else on this channel."""
    said: Said
    platform_id: str | None = None
    """The platform's id of the message, where it has one."""
    sent_at: datetime | None = None
    """When the customer sent it by the platform's clock; aware UTC."""
    language: str | None = None
    """BCP 47 tag of the customer's app or browser, as a hint."""
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a platform reports of a message that it had taken from us. Receipts come in any order and more than once."""

    platform_id: str
    """`Sent.platform_id` of the message."""
    state: str
    """`delivered`, `read` or `failed`."""
    at: datetime | None = None
    """By the platform's clock; aware UTC."""
    error: str | None = None
    """Why it failed, for people."""


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A part of a webhook that could not be read. It is kept for inspection and the webhook is answered 200 all the
    same, since a platform that is refused holds up everything behind that update."""

    reason: str
    """For people who operate the gateway; holds none of the customer's words."""


# --- What the product says ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Option:
    """One answer offered: its label and the Rasa payload it stands for."""

    title: str
    payload: str


@dataclass(frozen=True, kw_only=True)
class Card:
    title: str
    text: str | None = None
    image: str | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Content:
    """What one outbound message says, before any channel's limits. A channel that cannot show a part shows the nearest
    thing it can."""

    text: str | None = None
    options: tuple[Option, ...] = ()
    image: str | None = None
    """Absolute URL."""
    cards: tuple[Card, ...] = ()
    invite: str | None = None
    """Name of a channel to go on with: the message carries a fresh deep link to it."""

    def all_options(self) -> tuple[Option, ...]:
        """Every option of the message in reading order: its own, then each card's. `Choice.option` counts in it."""
        return self.options + tuple(option for card in self.cards for option in card.options)


@dataclass(frozen=True, kw_only=True)
class Outbound:
    """One message on its way to one address."""

    id: int
    address: str
    content: Content
    language: str | None = None
    """Language of the conversation, for the few words a channel adds of its own."""
    reply_to: str | None = None
    """Platform id of the message this answers."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The platform took the message."""

    platform_id: str | None = None


# --- Errors ---------------------------------------------------------------------------------------------------------


class WebhookRejected(Exception):
    """The request does not come from the platform: answered 403, nothing stored. The text never holds a secret."""


class Malformed(Exception):
    """The request's body is not what the platform sends at all, such as broken JSON: answered 400, nothing stored."""


class SendError(Exception):
    """An attempt to send that did not end in `Sent`.

    permanent:    trying again cannot help (blocked, unknown chat, text refused)
    uncertain:    the request left and no answer came: the message may have arrived
    retry_after:  seconds the platform asked to wait, where it did
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        uncertain: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.uncertain = uncertain
        self.retry_after = retry_after


# --- A channel ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A request as it came: nothing parsed, so that a signature can be checked over the very bytes."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Case-insensitive."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a webhook is to be answered with, where the platform wants more than an empty 200."""

    status: int
    body: Mapping[str, Any] | None = None
    """JSON."""


class Channel(Protocol):
    """One messaging platform. `read`, `receipts` and `answer` are pure; the others may talk to the platform."""

    name: ClassVar[str]
    repeatable: ClassVar[bool]
    """Whether sending the same message twice shows it once, so that an uncertain attempt may simply be made again."""

    async def start(self) -> None:
        """Open what `send` needs. Asks the platform nothing: the gateway starts while a platform is away."""

    async def close(self) -> None: ...

    async def verify(self, request: Webhook) -> None:
        """Return if the platform itself sent this. Raises WebhookRejected."""

    def read(self, request: Webhook) -> Sequence[Inbound | Unread]:
        """What happened, in order. Raises Malformed; never anything else, whatever the bytes."""

    def receipts(self, request: Webhook) -> Sequence[Receipt]:
        """What the same request says about our own messages; nothing where the platform does not tell. Pure; raises
        Malformed."""

    def answer(self, request: Webhook) -> Answer | None:
        """What to answer a webhook that was verified and accepted; None for an empty 200. Raises Malformed."""

    async def send(self, message: Outbound) -> Sent:
        """Make one attempt. Raises SendError."""

    async def acknowledge(self, inbound: Inbound) -> None:
        """Tell the platform that this was taken, where it wants to be told (a button that spins, say). Best effort,
        after the message is on disk; never raises."""

    async def deep_link(self, code: str) -> str:
        """The URL that opens this channel and brings `code` along as a `Link`. Raises SendError if it cannot be known
        now."""
