"""What every channel agrees on with the product: the words both sides use, and nothing of either.

This room knows no vendor, no database and no Rasa. It needs the standard library alone and runs on Python 3.10 and
later, because both the gateway and Rasa's process read and write these values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
class Media:
    """A file the customer sent, of which the channel was told and which has yet to be fetched (`Channel.fetch`)."""

    kind: str
    """One of `MEDIA_KINDS`."""
    ref: str
    """What the channel needs to fetch it. Only the channel reads it; it may hold a secret and is shown to nobody."""
    text: str = ""
    """What the customer wrote beside it."""
    name: str | None = None
    """What the customer calls the file. Untrusted: no path."""
    type: str | None = None
    """MIME type as the platform tells; what it is, the bytes tell."""
    size: int | None = None
    """Bytes, as the platform tells."""


MEDIA_KINDS = ("picture", "voice", "audio", "video", "sticker", "file")


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place on the map, sent by a customer or by the product."""

    latitude: float
    """Degrees, north is positive."""
    longitude: float
    """Degrees, east is positive."""
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unsupported:
    """Something the channel can carry and the bot cannot use, such as a poll."""

    kind: str
    """The vendor's word for it: `poll`, `dice`, …"""


Said = Union[Text, Choice, Start, Link, Media, Location, Unsupported]


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One thing that one person did on one channel."""

    channel: str
    external_id: str
    """The platform's id of the person; with `channel` it is an identity. In a group, the group's."""
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
    known_as: str | None = None
    """Another id that the platform has for the same person, where it tells two. It may have been somebody else's
    before (a phone number)."""
    audience: bool = False
    """Said to the bot where others listen: in a group. A group is an audience, not a customer."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a platform reports of a message that it had taken from us. Receipts come in any order and more than once."""

    platform_id: str
    """One of `Sent.platform_ids` of the message."""
    state: str
    """`delivered`, `read`, `failed`, or `unshown`: failed for a picture or a file that the platform could not fetch."""
    at: datetime | None = None
    """By the platform's clock; aware UTC."""
    error: str | None = None
    """Why it failed, for people."""


@dataclass(frozen=True, kw_only=True)
class Revised:
    """The customer changed a message of theirs, or took it back."""

    external_id: str
    """Whose message it is; nobody else can change it."""
    platform_id: str
    """`Inbound.platform_id` of the message."""
    text: str | None
    """What it says now; None if it was taken back."""
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The platform knows a person by another id from now on."""

    old: str
    new: str
    """As `Inbound.external_id` has them."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whether a person can be written to: they blocked the bot, removed it, or let it back in."""

    external_id: str
    reachable: bool


News = Union[Receipt, Revised, Moved, Reach]
"""What a platform tells about what is known already."""


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
    description: str | None = None
    """One line more, where the channel has room for it."""


@dataclass(frozen=True, kw_only=True)
class Card:
    title: str
    text: str | None = None
    """With simple formatting."""
    image: str | None = None
    """Absolute URL."""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, kw_only=True)
class File:
    url: str
    """Absolute."""
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Content:
    """What one outbound message says, before any channel's limits. A channel that cannot show a part shows the nearest
    thing it can. In this order: picture, text, file, location, options, cards."""

    text: str | None = None
    """With simple formatting, as `channels.formatting` reads it."""
    options: tuple[Option, ...] = ()
    image: str | None = None
    """Absolute URL."""
    file: File | None = None
    location: Location | None = None
    cards: tuple[Card, ...] = ()
    """Several are a carousel."""
    invite: str | None = None
    """Name of a channel to go on with: the message carries a fresh deep link to it."""

    def all_options(self) -> tuple[Option, ...]:
        """Every option of the message in reading order: its own, then each card's. `Choice.option` counts in it."""
        return self.options + tuple(option for card in self.cards for option in card.options)

    def without_media(self) -> Content:
        """The same for where neither pictures nor files can be shown: a file is a link in the text. Equal to this one
        if it has none."""
        cards = tuple(replace(card, image=None) for card in self.cards)
        if self.file is None:
            return replace(self, image=None, cards=cards)
        name = re.sub(r"([\\\[\]*_`])", r"\\\1", self.file.name or self.file.url)
        text = f"{self.text or ''}\n[{name}]({self.file.url})".strip()
        return replace(self, text=text, image=None, file=None, cards=cards)


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

    platform_ids: tuple[str, ...] = ()
    """In the order of its parts, where the platform names what it took."""


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
    held_back:    nothing was asked of the platform, to keep its limits: no attempt at all
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        uncertain: bool = False,
        retry_after: float | None = None,
        held_back: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.uncertain = uncertain
        self.retry_after = retry_after
        self.held_back = held_back


class FetchError(Exception):
    """A file of a customer's that could not be fetched. The text holds no address and no secret.

    permanent:    it is gone, or not to be had
    too_large:    it is larger than what is taken; permanent
    retry_after:  seconds the platform asked to wait, where it did
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, too_large: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent or too_large
        self.too_large = too_large
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
    """One messaging platform. `read`, `news`, `answer` and `shows` are pure; the others may talk to the platform."""

    name: ClassVar[str]
    repeatable: ClassVar[bool]
    """Whether sending the same message twice shows it once, so that an uncertain attempt may simply be made again."""
    window: ClassVar[timedelta | None]
    """For how long after a person's last message the platform lets anything be written to them; None: always."""
    sign_lasts: ClassVar[timedelta | None]
    """For how long `show_typing` shows; None: there is no such sign here."""

    async def start(self) -> None:
        """Open what `send` needs. Asks the platform nothing: the gateway starts while a platform is away."""

    async def close(self) -> None: ...

    async def verify(self, request: Webhook) -> None:
        """Return if the platform itself sent this. Raises WebhookRejected."""

    def read(self, request: Webhook) -> Sequence[Inbound | Unread]:
        """What happened, in order. Raises Malformed; never anything else, whatever the bytes."""

    def news(self, request: Webhook) -> Sequence[News]:
        """What the same request says about what is known already, in order. Raises Malformed; never anything else,
        whatever the bytes."""

    def answer(self, request: Webhook) -> Answer | None:
        """What to answer a webhook that was verified and accepted; None for an empty 200. Raises Malformed."""

    async def send(self, message: Outbound) -> Sent:
        """Make one attempt. Raises SendError."""

    def shows(self, message: Outbound) -> Sequence[str]:
        """What `send` would ask of the platform, a few of the vendor's words for each call, with its own limits
        applied. For docs/channels.md."""

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        """Take the buttons off a message that was sent, since its question is not open any more; where the platform
        cannot, nothing. Best effort; never raises."""

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        """The file that `Media.ref` stands for, of at most `limit` bytes. Raises FetchError."""

    async def acknowledge(self, inbound: Inbound) -> None:
        """Tell the platform that this was taken, where it wants to be told (a button that spins, say). Best effort,
        after the message is on disk; never raises."""

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        """Show that an answer is on its way to this address, where the message `platform_id` waits for one. Best
        effort, and for `sign_lasts` only; never raises."""

    async def deep_link(self, code: str | None) -> str:
        """The URL that opens this channel, a private chat with the bot where there are others, and brings `code` along
        as a `Link`, if there is one. Raises SendError if it cannot be known now."""
