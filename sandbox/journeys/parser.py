"""Journeys read from text. Pure.

Every line says one thing and stands for itself; white space at its edges means nothing. What a line can be, `FORMS`
says, and so do the errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from .language import (
    CARRIED,
    CHANNELS,
    MAIL,
    THINGS,
    Blocks,
    BotIsDone,
    BotSays,
    Changes,
    Closes,
    ComesToTheDesk,
    Follows,
    Gathers,
    GetsMail,
    Gives,
    HandsBack,
    HasMail,
    Journey,
    LeavesTheDesk,
    Line,
    NeverHeard,
    Opens,
    Place,
    Says,
    Sends,
    SetsLanguage,
    Slots,
    Takes,
    TakesBack,
    Taps,
    Tells,
    TimePasses,
    TypesCode,
    Unblocks,
)

LANGUAGES = {"en": "English", "zh": "Chinese"}
BOT = "bot"

FORMS = """\
# The title, on the first line; later on, a remark
language: zh

Alice on the website: I want to return the blue kettle
Alice: 2                                    where she was heard last
Alice taps [Refund]
Alice on Telegram taps [Refund]             the newest button of that name there, old as it may be
Alice sends a picture                       a file, a voice message, a video, a sticker, a location
Alice sends a picture: look at this
Alice opens Telegram                        presses START, and says nothing yet
Alice follows the link                      the newest one she was offered, to wherever it leads
Mallory follows Alice's link
Alice types the code that Telegram showed   the newest that her Telegram showed her; `that Alice's Telegram showed`
Alice types the code from her mail          from his, from their, from Alice's
Alice types a wrong code                    one that nobody was ever shown
Alice on Telegram blocks the bot
Alice unblocks the bot
Alice changes that to: 1046
Alice takes that back
Family is a group of Alice, Bob on Telegram
Kitchen is a channel of Alice, Bob on Teams
Alice in Family: anybody home?
Alice in Family to the bot: when are you open?

bot: Which order is it from?                the next message; these words stand in it
bot: Order 1042 … SingPost                  and so do these, whatever is in between
bot to Bob: Order 1043
bot to Alice on the website: Order 1042
bot in Family: our stores
bot eventually: Order 1042                  others may come before it
    [Refund] [Exchange]                     its buttons; with … there may be others
    with a link to Telegram
    with a picture                          a file, a location, a code to type elsewhere
bot has said everything                     and nobody heard anything else; always so at the end

Maya comes to the desk                      she is there for whoever asks for a person; Maya leaves the desk
Maya takes Alice's case                     out of the queue, or out of the bot's hands
Maya tells Alice: I have it here            the next message to her; `tells Alice on Telegram:` also says where
Maya gives Alice's case to Sam
Maya hands Alice back                       to the bot; `with return_reason = damaged`: what Maya has settled
Maya closes Alice's case                    `and asks how it was`
Sam takes Alice's case, but is refused: taken

slots of Alice: return_reason = damaged, return_store = nothing
Mallory has never heard: 1042

Alice's mail is alice@example.com
Alice gets mail: to see order 1042          a mail that nobody gets or takes a code from fails the journey
Alice's Telegram is in Chinese              before she is there; the website's, and Teams', too
ten minutes pass                            an hour passes, 2 days pass: links and codes expire, and so on"""

_NAME = r"(?P<who>[^\W\d_][\w’'-]*)"
_CHANNEL = "|".join(CHANNELS)
_PLACE = rf"(?: on (?P<channel>{_CHANNEL})| in (?P<group>[^\s:]+))?"
_OWNER = r"(?P<owner>[^\W\d_]\w*)['’]s"
_READER = r"(?P<reader>[^\W\d_]\w*)['’]s"
_APP = "|".join([*CHANNELS, *(title.removeprefix("the ") for title in CHANNELS if title.startswith("the "))])
_NOTHING = "nothing"
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "ten": 10, "twenty": 20}
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_BUTTON = re.compile(r"\[([^\[\]]+)\]")
_BUTTONS = re.compile(r"(?:\[[^\[\]]+\]\s*)*(?:…|\.\.\.)?")
_REMARK = re.compile(r"#\s*")


class NotUnderstood(Exception):
    """A journey that cannot be read: which line, why, and what it could be."""

    def __init__(self, file: str, number: int, source: str, why: str) -> None:
        super().__init__(f"{file}, line {number}: {why}\n    {source.strip()}\n")


class _Wrong(Exception):
    """Why a line makes no sense, for people."""


def read_journey(path: Path) -> Journey:
    """Raises NotUnderstood, OSError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise NotUnderstood(str(path), 1, "", "the file is not UTF-8") from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Journey:
    """Raises NotUnderstood."""
    number, source, lines = 0, "", list[Line]()
    title, language = "", "en"
    try:
        for number, source in enumerate(text.splitlines(), 1):
            stripped = source.strip()
            if _REMARK.match(stripped):
                title = title or _REMARK.sub("", stripped, count=1).strip()
            elif not title and stripped:
                raise _Wrong("the first line has to be the title: # What the journey shows")
            elif stripped.startswith("language:"):
                language = _language(stripped.removeprefix("language:").strip(), lines)
            elif stripped:
                _take(number, stripped, lines)
        if not lines:
            raise _Wrong("there is nothing in this journey")
    except _Wrong as error:
        raise NotUnderstood(file, max(number, 1), source, str(error)) from None
    return Journey(file=file, title=title, language=language, lines=tuple(lines))


def _language(tag: str, lines: Sequence[Line]) -> str:
    if tag not in LANGUAGES:
        raise _Wrong(f"the language is {' or '.join(LANGUAGES)}")
    if lines:
        raise _Wrong("the language stands before the first line of the conversation")
    return tag


def _take(number: int, text: str, lines: list[Line]) -> None:
    """Add a line, or what is beneath a message of the bot's to that message."""
    if _BUTTONS.fullmatch(text) or text.startswith("with "):
        if not lines or not isinstance(lines[-1], BotSays):
            raise _Wrong("this belongs beneath a message of the bot's")
        lines[-1] = _beneath(lines[-1], text)
    else:
        lines.append(_line(number, text))


def _beneath(message: BotSays, text: str) -> BotSays:
    if _BUTTONS.fullmatch(text):
        labels = (message.buttons or ()) + tuple(label.strip() for label in _BUTTON.findall(text))
        return replace(message, buttons=labels, more_buttons=message.more_buttons or text.endswith(("…", "...")))
    what = text.removeprefix("with ").strip()
    if what.startswith("a link to "):
        return replace(message, link_to=_channel(what.removeprefix("a link to ")))
    if what not in CARRIED:
        raise _Wrong(f"a message of the bot's comes with {_either([*CARRIED, 'a link to Telegram'])}")
    return replace(message, carries=(*message.carries, what))


def _line(number: int, text: str) -> Line:
    for pattern, make in _FORMS:
        if match := pattern.fullmatch(text):
            return make(number, text, match)
    raise _Wrong(_guess(text))


def _guess(text: str) -> str:
    """What somebody probably meant, from the little that can be seen."""
    if text.startswith(f"{BOT} ") or text.startswith(f"{BOT}:"):
        return "what the bot does can be:\n" + _examples(lambda form: form.startswith(BOT))
    if re.match(rf"{_NAME} sends\b", text):
        return f"people send {_either(THINGS)}"
    if re.match(rf"{_NAME} types\b", text):
        return "what is typed without being said can be:\n" + _examples(lambda form: " types " in form)
    if re.match(rf"{_NAME} (?:on|in|opens)\b", text):
        return f"a channel is {_either([*CHANNELS])}; a group is one word"
    return "no line of a journey looks like this. What it can be:\n" + _examples(bool)


def _examples(wanted: Callable[[str], bool]) -> str:
    return "\n".join(f"        {form}" for form in FORMS.splitlines() if form and wanted(form))


def _either(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _channel(title: str) -> str:
    if title not in CHANNELS:
        raise _Wrong(f"a channel is {_either([*CHANNELS])}")
    return CHANNELS[title]


def _place(match: re.Match[str]) -> Place:
    found = match.groupdict()
    channel = found.get("channel")
    return Place(channel=CHANNELS[channel] if channel else "", group=found.get("group") or "")


# --- One function a form ----------------------------------------------------------------------------------------------


def _says(number: int, text: str, match: re.Match[str]) -> Line:
    return Says(number=number, source=text, who=match["who"], place=_place(match), words=match["words"].strip())


def _tells_the_bot(number: int, text: str, match: re.Match[str]) -> Line:
    return Says(
        number=number,
        source=text,
        who=match["who"],
        place=Place(group=match["group"]),
        words=match["words"].strip(),
        to_the_bot=True,
    )


def _taps(number: int, text: str, match: re.Match[str]) -> Line:
    return Taps(number=number, source=text, who=match["who"], place=_place(match), label=match["label"].strip())


def _sends(number: int, text: str, match: re.Match[str]) -> Line:
    words = (match["words"] or "").strip()
    return Sends(number=number, source=text, who=match["who"], place=_place(match), thing=match["thing"], words=words)


def _opens(number: int, text: str, match: re.Match[str]) -> Line:
    return Opens(number=number, source=text, who=match["who"], place=_place(match))


def _follows(number: int, text: str, match: re.Match[str]) -> Line:
    return Follows(number=number, source=text, who=match["who"], owner=match["owner"] or match["who"])


def _types_code(number: int, text: str, match: re.Match[str]) -> Line:
    who, shown_on = match["who"], ""
    if match["mail"]:
        shown_on = MAIL
    elif match["app"]:
        shown_on = _owned(match["app"])
    owner = (match["reader"] or match["owner"] or who) if shown_on else ""
    return TypesCode(number=number, source=text, who=who, place=_place(match), shown_on=shown_on, owner=owner)


def _owned(app: str) -> str:
    """A channel as it is called where it is somebody's: Alice's website."""
    return CHANNELS.get(app) or CHANNELS[f"the {app}"]


def _blocks(number: int, text: str, match: re.Match[str]) -> Line:
    act = Unblocks if match["un"] else Blocks
    return act(number=number, source=text, who=match["who"], place=_place(match))


def _changes(number: int, text: str, match: re.Match[str]) -> Line:
    return Changes(number=number, source=text, who=match["who"], place=_place(match), words=match["words"].strip())


def _takes_back(number: int, text: str, match: re.Match[str]) -> Line:
    return TakesBack(number=number, source=text, who=match["who"], place=_place(match))


def _bot_says(number: int, text: str, match: re.Match[str]) -> Line:
    fragments = (part.strip() for part in re.split(r"…|\.\.\.", match["words"]))
    return BotSays(
        number=number,
        source=text,
        who=match["who"] or "",
        place=_place(match),
        eventually=match["eventually"] is not None,
        fragments=tuple(filter(None, fragments)),
    )


def _bot_is_done(number: int, text: str, _match: re.Match[str]) -> Line:
    return BotIsDone(number=number, source=text)


def _gathers(number: int, text: str, match: re.Match[str]) -> Line:
    channel, of_a_team = _channel(match["at"]), match["kind"] == "channel"
    if channel not in ("telegram", "teams"):
        raise _Wrong("a group is on Telegram or Teams")
    if of_a_team and channel != "teams":
        raise _Wrong("a channel of several people is on Teams")
    members = tuple(re.split(r",\s*|\s+and\s+", match["members"].strip()))
    return Gathers(
        number=number,
        source=text,
        title=match["title"],
        members=members,
        channel=cast(Literal["telegram", "teams"], channel),
        of_a_team=of_a_team,
    )


def _has_mail(number: int, text: str, match: re.Match[str]) -> Line:
    return HasMail(number=number, source=text, who=match["owner"], address=match["address"])


def _gets_mail(number: int, text: str, match: re.Match[str]) -> Line:
    return GetsMail(number=number, source=text, who=match["who"], words=match["words"].strip())


def _sets_language(number: int, text: str, match: re.Match[str]) -> Line:
    channel = _owned(match["app"])
    if channel == "whatsapp":
        raise _Wrong("WhatsApp tells nobody which language it is in")
    tag = next(tag for tag, name in LANGUAGES.items() if name == match["language"])
    return SetsLanguage(number=number, source=text, who=match["owner"], channel=channel, language=tag)


def _time_passes(number: int, text: str, match: re.Match[str]) -> Line:
    count = match["count"]
    if not count.isdecimal() and count not in _COUNTS:
        raise _Wrong(f"a time is written in digits, or as {_either([*_COUNTS])}: {text.replace(count, '15', 1)}")
    seconds = (_COUNTS.get(count) or int(count)) * _UNITS[match["unit"]]
    return TimePasses(number=number, source=text, seconds=seconds)


def _slots(number: int, text: str, match: re.Match[str]) -> Line:
    return Slots(number=number, source=text, who=match["who"], values=tuple(_values(match["values"])))


def _values(text: str) -> Iterator[tuple[str, str | None]]:
    for pair in text.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals and value):
            raise _Wrong("slots are written as: name = value, other = nothing")
        yield name, None if value == _NOTHING else value


def _comes_or_leaves(number: int, text: str, match: re.Match[str]) -> Line:
    act = ComesToTheDesk if match["comes"] else LeavesTheDesk
    return act(number=number, source=text, agent=match["who"])


def _takes(number: int, text: str, match: re.Match[str]) -> Line:
    return Takes(number=number, source=text, **_case(match))


def _tells(number: int, text: str, match: re.Match[str]) -> Line:
    words = match["words"].strip()
    return Tells(
        number=number, source=text, agent=match["who"], who=match["customer"], place=_place(match), words=words
    )


def _gives(number: int, text: str, match: re.Match[str]) -> Line:
    return Gives(number=number, source=text, to=match["to"], **_case(match))


def _hands_back(number: int, text: str, match: re.Match[str]) -> Line:
    settled = tuple(_values(match["values"])) if match["values"] else ()
    return HandsBack(number=number, source=text, settled=settled, **_case(match))


def _closes(number: int, text: str, match: re.Match[str]) -> Line:
    return Closes(number=number, source=text, asks_rating=match["asks"] is not None, **_case(match))


def _case(match: re.Match[str]) -> dict[str, str]:
    return {"agent": match["who"], "who": match["customer"], "refused": match["refused"] or ""}


def _never_heard(number: int, text: str, match: re.Match[str]) -> Line:
    return NeverHeard(number=number, source=text, who=match["who"], words=match["words"].strip())


_Form = tuple[re.Pattern[str], Callable[[int, str, re.Match[str]], Line]]
_TO = r"(?: to (?P<who>[^\W\d_][\w’'-]*))?"
_WORDS = r":\s*(?P<words>.+)"
_CUSTOMER = r"(?P<customer>[^\W\d_]\w*)"
_CASE = rf"{_CUSTOMER}['’]s case"
_REFUSED = r"(?:, but is refused: (?P<refused>\w+))?"

_FORMS: Sequence[_Form] = [
    (re.compile(rf"{BOT} has said everything"), _bot_is_done),
    (re.compile(rf"{BOT}(?P<eventually> eventually)?{_TO}{_PLACE}{_WORDS}"), _bot_says),
    (re.compile(rf"(?P<count>\w+) (?P<unit>{'|'.join(_UNITS)})s? pass(?:es)?"), _time_passes),
    (re.compile(rf"{_OWNER} mail is (?P<address>[^\s@]+@[^\s@]+)"), _has_mail),
    (re.compile(rf"{_OWNER} (?P<app>{_APP}) is in (?P<language>{'|'.join(LANGUAGES.values())})"), _sets_language),
    (re.compile(rf"slots of {_NAME}:\s*(?P<values>.+)"), _slots),
    (re.compile(rf"{_NAME} has never heard{_WORDS}"), _never_heard),
    (re.compile(rf"(?P<title>\S+) is a (?P<kind>group|channel) of (?P<members>.+) on (?P<at>{_CHANNEL})"), _gathers),
    (re.compile(rf"{_NAME}{_PLACE} taps \[(?P<label>[^\[\]]+)\]"), _taps),
    (re.compile(rf"{_NAME}{_PLACE} sends (?P<thing>{'|'.join(THINGS)})(?:{_WORDS})?"), _sends),
    (re.compile(rf"{_NAME} opens (?P<channel>{_CHANNEL})"), _opens),
    (re.compile(rf"{_NAME} follows (?:the|{_OWNER}) link"), _follows),
    (
        re.compile(
            rf"{_NAME}{_PLACE} types (?:a wrong code|the code (?:that (?:{_OWNER} )?(?P<app>{_APP}) showed"
            rf"|from (?:his|her|their|{_READER}) (?P<mail>mail)))"
        ),
        _types_code,
    ),
    (re.compile(rf"{_NAME} gets mail{_WORDS}"), _gets_mail),
    (re.compile(rf"{_NAME}{_PLACE} (?P<un>un)?blocks the bot"), _blocks),
    (re.compile(rf"{_NAME}{_PLACE} changes that to{_WORDS}"), _changes),
    (re.compile(rf"{_NAME}{_PLACE} takes that back"), _takes_back),
    (re.compile(rf"{_NAME} (?:(?P<comes>comes to)|leaves) the desk"), _comes_or_leaves),
    (re.compile(rf"{_NAME} takes {_CASE}{_REFUSED}"), _takes),
    (re.compile(rf"{_NAME} tells {_CUSTOMER}{_PLACE}{_WORDS}"), _tells),
    (re.compile(rf"{_NAME} gives {_CASE} to (?P<to>[^\W\d_]\w*){_REFUSED}"), _gives),
    (re.compile(rf"{_NAME} hands {_CUSTOMER} back(?: with (?P<values>[^,]+=.+?))?{_REFUSED}"), _hands_back),
    (re.compile(rf"{_NAME} closes {_CASE}(?P<asks> and asks how it was)?{_REFUSED}"), _closes),
    (re.compile(rf"{_NAME} in (?P<group>[^\s:]+) to the bot{_WORDS}"), _tells_the_bot),
    (re.compile(rf"(?!{BOT}\b){_NAME}{_PLACE}{_WORDS}"), _says),
]
