"""Playing a journey on the running product.

Every message that the bot sends to anybody in the journey is accounted for, in order: a message that no line expects,
or that is on the wrong phone, fails the journey. Nothing is waited for longer than it can still come: once the product
has answered everything, what is not there is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any, TypeVar

from .desk import Desk
from .expected import problem, wanted
from .language import (
    CODE,
    MAIL,
    TITLES,
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
    OnACase,
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
from .ledger import Ledger
from .mailboxes import Mailboxes
from .people import PATIENCE, CannotDo, Phone
from .screens import Heard, Part, contains, flat, leads_to
from .shop import Shop
from .town import Circle, Town
from .trackers import Trackers

Seen = TypeVar("Seen")

_GLANCE = 0.02
"""Seconds between two looks at the phones."""
_QUOTED = 300
_WRONG_CODE = "9Z9Z-9Z9Z"
"""As likely to be somebody's as any other."""


class JourneyFailed(Exception):
    """What was expected at which line, what happened instead, and everything that was said before."""


class _Unexpected(Exception):
    """The same without where it was, for people."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What journeys are played on, one after the other."""

    town: Town
    ledger: Ledger
    desk: Desk
    trackers: Trackers
    shop: Shop | None
    """None: its data is somewhere else, and stays as the journeys leave it."""


async def play(stage: Stage, journey: Journey) -> None:
    """Raises JourneyFailed."""
    if stage.shop is not None:
        stage.shop.put_back()
    await stage.ledger.forget_accounts()
    await stage.desk.everybody_leaves()
    await stage.ledger.empty_the_desk()
    async with AsyncExitStack() as phones:
        await _Play(stage, journey, phones, begun=await stage.ledger.newest()).through()


@dataclass(kw_only=True)
class _Person:
    name: str
    phones: dict[str, Phone] = field(default_factory=dict)
    """By channel."""
    at: Place = field(default_factory=Place)
    """Where they did something last."""
    offer: tuple[Phone, Part] | None = None
    """The newest link that they were offered, and where."""
    url: str = ""
    """That link, once it was looked at."""
    mail: str = ""
    """Their e-mail address."""
    languages: dict[str, str] = field(default_factory=dict)
    """Of their apps that are in another language than everybody's, by channel."""


@dataclass(frozen=True, kw_only=True)
class _Group:
    circle: Circle
    channel: str
    members: tuple[str, ...]


class _Play:
    def __init__(self, stage: Stage, journey: Journey, phones: AsyncExitStack, *, begun: int) -> None:
        """`begun` is the newest message of those before."""
        self._stage = stage
        self._journey = journey
        self._switched_on = phones
        self._begun = begun
        self._people: dict[str, _Person] = {}
        self._groups: dict[str, _Group] = {}
        """By title."""
        self._mail = Mailboxes(stage.town.mail)
        self._last: _Person | None = None
        self._transcript: list[tuple[str, str, str]] = []
        """Where, who and what."""

    async def through(self) -> None:
        *_, last = self._journey.lines
        for line in (*self._journey.lines, BotIsDone(number=last.number, source="the journey's end")):
            try:
                await self._play(line)
            except (_Unexpected, CannotDo) as error:
                raise JourneyFailed(await self._report(line, str(error))) from None
            except TimeoutError:
                late = f"the product took longer than {PATIENCE:.0f} seconds"
                raise JourneyFailed(await self._report(line, late)) from None

    # --- what people do -----------------------------------------------------------------------------------------------

    @singledispatchmethod
    async def _play(self, line: Line) -> None:
        raise AssertionError(f"no way to play {type(line).__name__}")

    @_play.register
    async def _says(self, line: Says) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, line.words)
        await self._say(person, phone, line.words, to_the_bot=line.to_the_bot)

    @_play.register
    async def _taps(self, line: Taps) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, f"taps [{line.label}]")
        phone.look()
        await phone.tap(phone.with_button(line.label), line.label)

    @_play.register
    async def _sends(self, line: Sends) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, f"sends {line.thing} {line.words}".strip())
        await phone.send(line.thing, line.words)

    @_play.register
    async def _opens(self, line: Opens) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, "opens the chat")
        await phone.open()

    @_play.register
    async def _follows(self, line: Follows) -> None:
        url = await self._link_of(self._known(line.owner))
        person, phone = await self._act(line.who, Place(channel=leads_to(url)))
        self._note(person, f"follows {'the' if line.owner == line.who else f'{line.owner}’s'} link")
        await phone.follow(url)

    @_play.register
    async def _types_code(self, line: TypesCode) -> None:
        code = await self._code(line)
        person, phone = await self._act(line.who, line.place)
        self._note(person, f"types {'a wrong code' if not line.shown_on else f'the code {code}'}")
        await self._say(person, phone, code, to_the_bot=True)

    @_play.register
    async def _blocks(self, line: Blocks) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, "blocks the bot")
        await phone.block()

    @_play.register
    async def _unblocks(self, line: Unblocks) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, "unblocks the bot")
        await phone.unblock()

    @_play.register
    async def _changes(self, line: Changes) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, f"changes that to: {line.words}")
        await phone.change(line.words)

    @_play.register
    async def _takes_back(self, line: TakesBack) -> None:
        person, phone = await self._act(line.who, line.place)
        self._note(person, "takes that back")
        await phone.take_back()

    @_play.register
    async def _gathers(self, line: Gathers) -> None:
        members = [await self._phone(self._person(name), line.channel) for name in line.members]
        circle = await self._stage.town.circle(line.title, members, of_a_team=line.of_a_team)
        self._groups[line.title] = _Group(circle=circle, channel=line.channel, members=line.members)

    # --- what agents do -----------------------------------------------------------------------------------------------

    @_play.register
    async def _comes(self, line: ComesToTheDesk) -> None:
        await self._stage.desk.comes(line.agent)

    @_play.register
    async def _leaves(self, line: LeavesTheDesk) -> None:
        await self._stage.desk.leaves(line.agent)
        await self._stage.ledger.forget(line.agent)

    @_play.register
    async def _takes(self, line: Takes) -> None:
        await self._at_the_desk(line, "takes the case", do="take")

    @_play.register
    async def _gives(self, line: Gives) -> None:
        await self._at_the_desk(line, f"gives the case to {line.to}", do="transfer", to=line.to)

    @_play.register
    async def _hands_back(self, line: HandsBack) -> None:
        await self._at_the_desk(line, "hands it back", do="hand_back", slots=dict(line.settled))

    @_play.register
    async def _closes(self, line: Closes) -> None:
        await self._at_the_desk(line, "closes the case", do="close", reason="solved", ask_rating=line.asks_rating)

    @_play.register
    async def _tells(self, line: Tells) -> None:
        await self._at_the_desk(line, line.words, say=line.words)
        said = BotSays(
            number=line.number, source=line.source, who=line.who, place=line.place, fragments=(line.words,), buttons=()
        )
        await self._bot_says(said)

    async def _at_the_desk(self, line: OnACase, what: str, **doing: Any) -> None:
        """Once everything before it had its turn, so that both see the same."""
        await self._settle()
        person = self._known(line.who)
        self._transcript.append(("the desk", line.agent, f"{what} ({line.who})"))
        self._last = person
        refused = await self._stage.desk.do(line.agent, await self._conversation_of(person), doing)
        if refused != line.refused:
            raise _Unexpected(f"the product {f'refuses it: {refused}' if refused else 'does it'}")

    # --- what the bot does --------------------------------------------------------------------------------------------

    @_play.register
    async def _bot_says(self, line: BotSays) -> None:
        place, listeners = self._listeners(line)
        for listener in listeners:
            await self._is_told(listener, place, line)

    async def _is_told(self, person: _Person, place: Place, line: BotSays) -> None:
        phone = person.phones[place.channel]
        chat = self._groups[place.group].circle.id if place.group else ""
        while True:
            heard = await self._hear(phone, chat)
            to = f"{_where(place)}, to {person.name}"
            if heard is None:
                raise _Unexpected(f"expected {to}: {wanted(line)}\nbut the bot has said everything")
            self._transcript.append((_where(place), f"bot to {person.name}", heard.in_words()))
            if heard.inviting:
                person.offer, person.url = (phone, heard.inviting), ""
            wrong = problem(heard, line)
            if not wrong:
                return
            if not line.eventually:
                raise _Unexpected(f"expected {to}: {wanted(line)}\n{wrong}: {_quoted(heard.in_words())}")

    @_play.register
    async def _bot_is_done(self, _line: BotIsDone) -> None:
        await self._settle()
        leftover = [
            f"{self._chat_of(phone, part)}, to {person.name}: {_quoted(Heard(parts=(part,)).in_words())}"
            for person, phone in self._phones()
            for part in phone.unread
        ]
        leftover += [f"mail to {letter.to}: {_quoted(letter.text)}" for letter in self._mail.unopened()]
        if leftover:
            raise _Unexpected("\n".join(["nobody expected this:", *leftover]))

    # --- what is set up or looked at ----------------------------------------------------------------------------------

    @_play.register
    async def _has_mail(self, line: HasMail) -> None:
        self._person(line.who).mail = line.address

    @_play.register
    async def _gets_mail(self, line: GetsMail) -> None:
        letter = self._mail.open_next(await self._mail_address(line.who))
        if letter is None:
            raise _Unexpected(f"there is no new mail for {line.who}")
        if not contains(f"{letter.subject}\n{letter.text}", [line.words]):
            raise _Unexpected(f"expected in the mail to {line.who}: “{line.words}”\nbut read: {_quoted(letter.text)}")

    @_play.register
    async def _sets_language(self, line: SetsLanguage) -> None:
        person = self._person(line.who)
        if line.channel in person.phones:
            raise _Unexpected(f"say that before {line.who} is on {TITLES[line.channel]}")
        person.languages[line.channel] = line.language

    @_play.register
    async def _time_passes(self, line: TimePasses) -> None:
        await self._settle()
        # What was only offered on the website is not made yet.
        for person, phone in self._phones():
            if person.offer is not None:
                await self._link_of(person)
            if any(CODE in part.carries for part in phone.kept):
                await phone.code()
        await self._stage.ledger.let_pass(line.seconds)

    @_play.register
    async def _slots(self, line: Slots) -> None:
        await self._settle()
        slots = await self._stage.trackers.slots(await self._conversation_of(self._known(line.who)))
        wrong = [
            f"{name} is {_slot(slots.get(name))}, not {_slot(value)}"
            for name, value in line.values
            if _slot(slots.get(name)) != _slot(value)
        ]
        if wrong:
            raise _Unexpected("in Rasa's tracker, " + ", and ".join(wrong))

    @_play.register
    async def _never_heard(self, line: NeverHeard) -> None:
        await self._settle()
        for phone in self._known(line.who).phones.values():
            if any(contains(part.text, [line.words]) for part in phone.kept):
                raise _Unexpected(f"{line.who} was told of “{line.words}”")

    # --- people and places --------------------------------------------------------------------------------------------

    def _person(self, name: str) -> _Person:
        return self._people.setdefault(name, _Person(name=name))

    def _known(self, name: str) -> _Person:
        if name not in self._people:
            raise _Unexpected(f"nobody called {name} has done anything yet")
        return self._people[name]

    async def _act(self, name: str, place: Place) -> tuple[_Person, Phone]:
        """Who does something, and on which of their phones."""
        person = self._person(name)
        if place.group:
            place = Place(channel=self._group(place.group).channel, group=place.group)
        if place != Place():
            person.at = place
        if not person.at.channel:
            raise _Unexpected(f"where is {name}? Say it once: {name} on Telegram: …")
        self._last = person
        return person, await self._phone(person, person.at.channel)

    async def _phone(self, person: _Person, channel: str) -> Phone:
        if channel not in person.phones:
            language = person.languages.get(channel, self._journey.language)
            new = self._stage.town.phone(channel, person.name, language=language)
            person.phones[channel] = await self._switched_on.enter_async_context(new)
        return person.phones[channel]

    def _group(self, title: str) -> _Group:
        if title not in self._groups:
            raise _Unexpected(f"there is no group {title} yet: {title} is a group of Alice, Bob on Telegram")
        return self._groups[title]

    def _listeners(self, line: BotSays) -> tuple[Place, list[_Person]]:
        if not line.who and self._last is None and not line.place.group:
            raise _Unexpected("nobody has done anything yet")
        person = self._known(line.who) if line.who else self._last
        place = line.place if line.place != Place() else (person.at if person else Place())
        if place.group:
            group = self._group(place.group)
            return Place(channel=group.channel, group=place.group), [self._known(name) for name in group.members]
        assert person is not None
        if place.channel not in person.phones:
            raise _Unexpected(f"{person.name} has not been on {_where(place)} yet")
        return place, [person]

    async def _conversation_of(self, person: _Person) -> str:
        """The one that the last message to them, where they are, is in."""
        phone = person.phones[person.at.channel]
        if not phone.kept:
            raise _Unexpected(f"{person.name} has heard nothing on {_where(person.at)} yet")
        return await self._stage.ledger.conversation(phone.channel, phone.kept[-1].id) or ""

    def _chat_of(self, phone: Phone, part: Part) -> str:
        groups = (title for title, group in self._groups.items() if group.circle.id == part.chat)
        return next(groups, TITLES[phone.channel])

    def _phones(self) -> Iterator[tuple[_Person, Phone]]:
        return ((person, phone) for person in self._people.values() for phone in person.phones.values())

    async def _link_of(self, person: _Person) -> str:
        if person.offer is None:
            raise _Unexpected(f"{person.name} was not offered a link yet")
        phone, part = person.offer
        person.url = person.url or await phone.link(part)
        return person.url

    async def _say(self, person: _Person, phone: Phone, words: str, *, to_the_bot: bool) -> None:
        if person.at.group:
            await self._groups[person.at.group].circle.say(phone, words, to_the_bot=to_the_bot)
        else:
            await phone.say(words)

    # --- codes and mail -----------------------------------------------------------------------------------------------

    async def _code(self, line: TypesCode) -> str:
        if not line.shown_on:
            return _WRONG_CODE
        if line.shown_on == MAIL:
            return await self._code_by_mail(line.owner)
        phones = self._known(line.owner).phones
        if line.shown_on not in phones:
            raise _Unexpected(f"{line.owner} has not been on {TITLES[line.shown_on]} yet")
        await self._settle()
        return await phones[line.shown_on].code()

    async def _code_by_mail(self, owner: str) -> str:
        code = self._mail.newest_code(await self._mail_address(owner))
        if code is None:
            raise _Unexpected(f"{owner} got no code by mail")
        return code

    async def _mail_address(self, name: str) -> str:
        """Somebody's, once everything is there that was sent to it."""
        address = self._person(name).mail
        if not address:
            raise _Unexpected(f"where does {name} get mail? Say it once: {name}'s mail is {name.lower()}@example.com")
        await self._settle()
        return address

    # --- hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, phone: Phone, chat: str) -> Heard | None:
        """The next message, whole; None if there will be none."""

        async def next_part() -> Part | None:
            phone.look()
            return next((part for part in phone.unread if part.chat == chat), None)

        first = await self._wait(next_part)
        if first is None:
            return None
        ids = [first.id]
        if phone.channel != "webchat":
            ids = await self._wait(lambda: self._stage.ledger.parts(phone.channel, first.id)) or []
        parts = tuple(part for part in phone.unread if part.chat == chat and part.id in ids)
        if not parts:
            said = _quoted(Heard(parts=(first,)).in_words())
            raise _Unexpected(f"the product does not know that it sent this, or not that it was sent whole: {said}")
        phone.unread = [part for part in phone.unread if part not in parts]
        return Heard(parts=parts)

    async def _settle(self) -> None:
        """Until the product has answered everything and everybody has it on the screen."""

        async def nothing() -> None:
            """Not to be seen before the end."""

        await self._wait(nothing)

    async def _wait(self, look: Callable[[], Awaitable[Seen]]) -> Seen:
        """What `look` sees, once it sees anything, or once there is nothing more to come."""
        async with asyncio.timeout(PATIENCE):
            while True:
                # First this: what is on its way now is on the screen at the next look.
                settled = await self._is_settled()
                for _, phone in self._phones():
                    phone.look()
                if (seen := await look()) or settled:
                    return seen
                await asyncio.sleep(_GLANCE)

    async def _is_settled(self) -> bool:
        ledger = self._stage.ledger
        if not await ledger.is_settled():
            return False
        return all([await phone.shows_everything(ledger.newest_for_visitor) for _, phone in self._phones()])

    # --- telling ------------------------------------------------------------------------------------------------------

    def _note(self, person: _Person, what: str) -> None:
        self._transcript.append((_where(person.at), person.name, what))

    async def _report(self, line: Line, what: str) -> str:
        lines = [f"{self._journey.file}, line {line.number}", f"    {line.source}"]
        lines += [f"  {one}" for one in what.splitlines()]
        lines += ["  so far:"] + [f"    {place:<9} {who}: {_quoted(words)}" for place, who, words in self._transcript]
        for person, phone in self._phones():
            phone.look()
            for part in phone.unread:
                words = _quoted(Heard(parts=(part,)).in_words())
                lines.append(f"    {self._chat_of(phone, part):<9} bot to {person.name}: {words}  (in no line)")
        trouble = await self._stage.ledger.trouble_since(self._begun)
        if trouble:
            lines += ["  what the product says went wrong:"] + [f"    {one}" for one in trouble]
        return "\n".join(lines)


def _where(place: Place) -> str:
    return place.group or TITLES[place.channel]


def _quoted(words: str) -> str:
    words = flat(words)
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED]}…"


def _slot(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)
