"""The lines that a journey is made of. Values only; `parser` reads them, `play` plays them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHANNELS = {
    "the website": "webchat",
    "Telegram": "telegram",
    "WhatsApp": "whatsapp",
    "Teams": "teams",
}
"""What a journey calls them, and what the product does."""
TITLES = {name: title.removeprefix("the ") for title, name in CHANNELS.items()}

THINGS = ("a picture", "a file", "a voice message", "a video", "a sticker", "a location")
"""What people can send besides words."""

CODE = "a code"
CARRIED = ("a picture", "a file", "a location", CODE)
"""What a message of the bot may carry, besides words, buttons and a link."""

MAIL = "email"
"""Where a code may come from, besides the channels."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is said. Both empty: where the person was heard last."""

    channel: str = ""
    """As the product calls it."""
    group: str = ""
    """Its title."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a journey's file."""

    number: int
    source: str


# --- What people do ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Act(Line):
    who: str
    place: Place = Place()


@dataclass(frozen=True, kw_only=True)
class Says(Act):
    words: str
    to_the_bot: bool = False
    """In a group: with the bot's name, so that it is told of it."""


@dataclass(frozen=True, kw_only=True)
class Taps(Act):
    label: str


@dataclass(frozen=True, kw_only=True)
class Sends(Act):
    thing: str
    """One of `THINGS`."""
    words: str = ""
    """What is written beside it."""


@dataclass(frozen=True, kw_only=True)
class Opens(Act):
    """The chat is opened, and nothing said yet."""


@dataclass(frozen=True, kw_only=True)
class Follows(Act):
    """The newest link that the bot offered to `owner` is opened."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class TypesCode(Act):
    """A code is typed as it was shown; in a group with the bot's name, so that it is told of it."""

    shown_on: str = ""
    """A channel, or `MAIL`. Empty: it was shown nowhere."""
    owner: str = ""
    """To whom."""


@dataclass(frozen=True, kw_only=True)
class Blocks(Act):
    """The bot can write to the person here no more, until they let it."""


@dataclass(frozen=True, kw_only=True)
class Unblocks(Act):
    """The bot may write here again."""


@dataclass(frozen=True, kw_only=True)
class Changes(Act):
    """What was said last on this channel says something else from now on."""

    words: str


@dataclass(frozen=True, kw_only=True)
class TakesBack(Act):
    """What was said last on this channel is deleted."""


# --- What agents do at the desk ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AtTheDesk(Line):
    agent: str


@dataclass(frozen=True, kw_only=True)
class ComesToTheDesk(AtTheDesk):
    """From now on the agent is there for whoever asks for a person."""


@dataclass(frozen=True, kw_only=True)
class LeavesTheDesk(AtTheDesk):
    """The agent's desk is closed."""


@dataclass(frozen=True, kw_only=True)
class OnACase(AtTheDesk):
    who: str
    """The customer."""
    refused: str = ""
    """The reason for which the product does not do it; empty: it is done."""


@dataclass(frozen=True, kw_only=True)
class Takes(OnACase):
    """From the queue, or out of the bot's hands."""


@dataclass(frozen=True, kw_only=True)
class Tells(OnACase):
    """Says something, which is the next message to the customer."""

    place: Place = Place()
    words: str


@dataclass(frozen=True, kw_only=True)
class Gives(OnACase):
    """To a colleague."""

    to: str


@dataclass(frozen=True, kw_only=True)
class HandsBack(OnACase):
    """To the bot."""

    settled: tuple[tuple[str, str | None], ...] = ()
    """Slots that the agent has settled. None: emptied."""


@dataclass(frozen=True, kw_only=True)
class Closes(OnACase):
    asks_rating: bool = False


# --- What the bot does ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BotSays(Line):
    """The next message to somebody."""

    who: str = ""
    """Empty: to whoever did something last."""
    place: Place = Place()
    eventually: bool = False
    """Others may come before it."""
    fragments: tuple[str, ...] = ()
    """What stands in it, in this order, whatever is in between."""
    buttons: tuple[str, ...] | None = None
    """Their labels, all of them in this order; None: there may be any."""
    more_buttons: bool = False
    """There may be others besides, in any order."""
    link_to: str = ""
    """The channel that it offers to go on with."""
    carries: tuple[str, ...] = ()
    """Of `CARRIED`."""


@dataclass(frozen=True, kw_only=True)
class BotIsDone(Line):
    """Everything is answered, and nobody was told anything that does not stand here."""


# --- What is set up or looked at --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Gathers(Line):
    """There is a group with the bot in it."""

    title: str
    members: tuple[str, ...]
    channel: Literal["telegram", "teams"]
    of_a_team: bool = False
    """A channel of a team in Teams, where all is said in threads, and not a group chat."""


@dataclass(frozen=True, kw_only=True)
class HasMail(Line):
    """Somebody reads what comes to this e-mail address."""

    who: str
    address: str


@dataclass(frozen=True, kw_only=True)
class GetsMail(Line):
    """The next mail to somebody has these words in it."""

    who: str
    words: str


@dataclass(frozen=True, kw_only=True)
class SetsLanguage(Line):
    """Somebody's app, or browser, is in another language than everybody's."""

    who: str
    channel: str
    language: str


@dataclass(frozen=True, kw_only=True)
class TimePasses(Line):
    """It is so much later for all that the product remembers. The platforms' clocks stand still."""

    seconds: int


@dataclass(frozen=True, kw_only=True)
class Slots(Line):
    """What Rasa's tracker of somebody's conversation holds in the end."""

    who: str
    values: tuple[tuple[str, str | None], ...]
    """None: not set."""


@dataclass(frozen=True, kw_only=True)
class NeverHeard(Line):
    """No message to somebody, up to here, has these words in it."""

    who: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Journey:
    file: str
    title: str
    language: str
    """Of everybody's apps and browsers: `en` or `zh`."""
    lines: tuple[Line, ...]
