"""What a turn does while people have the conversation, and when it changes hands.

While a human owns it, the customer's words are recorded, as understood, and nothing is predicted. What the desk wants
done comes as messages of type `desk` (see `bot.store.handoffs.ask_desk`):

    take      {by, agent, over?}           hand_back {by, slots?: {name: value}, over?}
    assign    {by, agent}                  close     {by, reason, ask_rating, over?}
    transfer  {by, agent or team, over?, note?}   snooze {by, until: ISO}     wake {by, agent, until: ISO}
    requeue   {by, agent, why: gone or no_answer}
    say       {by, agent, content, to?: id of an identity}
    set_slot  {by, name, value, over?}

With `quiet: true` the customer is told nothing of it: their platform lets nothing be written any more.

What comes to nothing is refused with a reason, `ownership.Refused`'s or one of `unreachable` (nowhere to write to) and
`no_slot`. Every change of hands is an event of Rasa's, paused or resumed, with who and why in its metadata; an agent's
words are Rasa's AgentUttered.

What customers are told of it are responses of the domain, `utter_handoff_…`; an assistant without them says nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rasa.shared.core.constants import ACTION_LISTEN_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    AgentUttered,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.meaning import clean, text_for_rasa
from bot.core.questions import Asking
from bot.core.replies import content_of_event
from bot.core.stored import Given
from bot.core.turn import Command, Message, Reply
from bot.core.typed import typed_option
from bot.store.content import content_from_json
from bot.store.handoffs import Change, Handoff, Wanted
from bot.store.ownership import (
    AGENT,
    BACK,
    CLOSE,
    HAND_BACK,
    HEARD,
    QUEUED,
    REQUEUE,
    SNOOZED,
    TAKE,
    TRANSFER,
    Doing,
    Ownership,
    Refused,
    after,
)
from bot.store.queueing import NOWHERE
from channels.contract import Content

_HANDED_BACK = "handed_back"
_NOBODYS_WORDS = ("ways", "separated", "separate", "link_refused")
_TOLD_AGAIN_AFTER = timedelta(minutes=1)
_OURS = "handoff"
"""In the metadata of pauses that are ours; those of an assistant's own have none."""

_WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}


class Bot(Protocol):
    """What the dialogue does for it."""

    @property
    def domain(self) -> Domain: ...

    async def understand(self, text: str) -> dict[str, Any]:
        """Rasa's parse of a text."""

    async def say(self, response: str, tracker: DialogueStateTracker, channel: str, **told: Any) -> Content | None:
        """A response of the domain, if it has it."""

    async def go_on(self, message: Message, text: str, tracker: DialogueStateTracker, given: Given) -> Went:
        """Let Rasa handle a text, and answer."""


@dataclass(frozen=True, kw_only=True)
class Went:
    """What came of letting Rasa go on; its events are in the tracker."""

    replies: tuple[Reply, ...] = ()
    commands: tuple[Command, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What a turn with people did, besides the events that it left in the tracker."""

    went: Went = Went()
    change: Change | None = None
    refused: str | None = None


def follow(tracker: DialogueStateTracker, handoff: Handoff | None, domain: Domain) -> None:
    """Let the tracker be paused exactly while people have the conversation: it is not yet, after it has been queued or
    when it came along with another. What the assistant itself has paused stays so, until people take over."""
    if handoff is not None and not _is_paused_by_us(tracker):
        tracker.update(_paused(handoff.ownership, by="bot", why=handoff.why), domain)
    if handoff is None and _is_paused_by_us(tracker):
        tracker.update(ConversationResumed(metadata={_OURS: {"by": "product"}}), domain)


async def record(bot: Bot, message: Message, tracker: DialogueStateTracker, given: Given) -> Handed:
    """Something came while people have the conversation: the customer's words, or news of the product's own."""
    assert given.handoff is not None
    kind = message.said.get("type")
    if kind in ("linked", "verified"):
        return Handed(went=await _tell(bot, message, tracker, "utter_handoff_here"))
    if kind in _NOBODYS_WORDS:
        return Handed()
    if _goes_back(message, given):
        return await _hand_over_to_bot(bot, message, tracker, given, Doing(BACK, "customer"), by="customer")
    words = _words(message) or text_for_rasa(
        message.said, question=None, asked_again=None, asking=Asking(slot=None, since=None), intents=bot.domain.intents
    )
    if words is not None:
        await _note_words(bot, message, tracker, words)
    ownership = given.handoff.ownership
    if ownership.state == SNOOZED:
        doing = Doing(HEARD, "customer")
        now = after(ownership, doing)
        assert isinstance(now, Ownership)
        tracker.update(_paused(now, by="customer", why=HEARD), bot.domain)
        return Handed(change=Change(now=now, doing=doing))
    return await _tell_place(bot, message, tracker, given.handoff)


async def news(bot: Bot, message: Message, tracker: DialogueStateTracker, given: Given) -> Handed:
    """Tell the customer what has become of their wish to speak to people."""
    handoff, kind = given.handoff, message.said.get("news")
    if kind == "nobody":
        if handoff is not None:
            return Handed()  # somebody has stepped in since
        opens = _spoken(message.said, tracker, message.created_at)
        response = "utter_handoff_nobody" if opens else "utter_handoff_nobody_known"
        return Handed(went=await _tell(bot, message, tracker, response, opens=opens))
    if handoff is None or handoff.ownership.state != QUEUED:
        return Handed()  # taken before it could be told
    if kind == "message":
        return Handed(went=await _tell(bot, message, tracker, "utter_handoff_message"))
    response = "utter_handoff_requeued" if kind == REQUEUE else "utter_handoff_queued"
    return await _tell_position(bot, message, tracker, handoff, response)


async def at_the_desk(bot: Bot, message: Message, tracker: DialogueStateTracker, given: Given) -> Handed:
    """A doing of the desk's."""
    said, ownership = message.said, given.handoff.ownership if given.handoff else Ownership()
    kind, by = said.get("do"), str(said.get("by"))
    if kind == "say":
        return _say(message, tracker, ownership, bot.domain)
    if kind == "set_slot":
        return _set_slot(said, tracker, ownership, bot.domain)
    doing = doing_of(said)
    if doing.do == HAND_BACK:
        return await _hand_over_to_bot(bot, message, tracker, given, doing, by="agent", slots=said.get("slots"))
    now = after(ownership, doing)
    if isinstance(now, Refused):
        return Handed(refused=now.reason)
    if now.state == AGENT and doing.agent is not None and given.agent_name is None:
        return Handed(refused="unknown")
    change = Change(now=now, doing=doing, reason=_text(said.get("reason")), note=_text(said.get("note")))
    if now.with_people:
        tracker.update(_paused(now, by=by, why=doing.do), bot.domain)
    else:
        tracker.update(_resumed(by=by, why=doing.do), bot.domain)
    return await _announced(bot, message, tracker, given, ownership, change)


def wanted_after(tracker: DialogueStateTracker, commands: Sequence[Command], domain: Domain) -> tuple[Command, ...]:
    """The turn's commands. An assistant that pauses itself wants people, and does not ask whether anybody is there. One
    that asks for people may pause, so that nothing more is said in the turn; it is gone on with if nobody comes."""
    asked = next((command.wanted for command in commands if command.wanted), None)
    if not tracker.is_paused() or _is_paused_by_us(tracker):
        return tuple(commands)
    if asked is not None:
        tracker.update(ConversationPaused(metadata={_OURS: {"by": "bot", "why": asked.why}}), domain)
    if tracker.latest_action_name != ACTION_LISTEN_NAME:
        # Rasa stops predicting at once, and would take the next message for a part of this turn.
        tracker.update(ActionExecuted(ACTION_LISTEN_NAME), domain)
    if asked is not None:
        return tuple(commands)
    return (*commands, Command(do="handoff", wanted=Wanted(why="action", message=True)))


def doing_of(said: Mapping[str, Any]) -> Doing:
    """What a message of the desk's asks of the ownership."""
    until = _moment(said.get("until"))
    team = said.get("team")
    return Doing(
        do=str(said.get("do")),
        by=str(said.get("by")),
        agent=_text(said.get("agent")),
        team=team if isinstance(team, int) else None,
        over=said.get("over") is True,
        until=until,
    )


# --- Changing hands -------------------------------------------------------------------------------------------------


async def _hand_over_to_bot(
    bot: Bot,
    message: Message,
    tracker: DialogueStateTracker,
    given: Given,
    doing: Doing,
    *,
    by: str,
    slots: Any = None,
) -> Handed:
    ownership = given.handoff.ownership if given.handoff else Ownership()
    now = after(ownership, doing)
    if isinstance(now, Refused):
        return Handed(refused=now.reason)
    settled = slots if isinstance(slots, Mapping) else {}
    if any(name not in tracker.slots for name in settled):
        return Handed(refused="no_slot")
    for name, value in settled.items():
        tracker.update(SlotSet(name, value, metadata={_OURS: {"by": doing.by}}), bot.domain)
    tracker.update(_resumed(by=doing.by, why=doing.do), bot.domain)
    return Handed(went=await _resume(bot, message, tracker, given, by), change=Change(now=now, doing=doing))


async def _resume(bot: Bot, message: Message, tracker: DialogueStateTracker, given: Given, by: str) -> Went:
    """The bot goes on where it stopped: an assistant that knows of it says so by its own rules; for any other, its open
    question is said once more as it was."""
    if message.channel == NOWHERE:
        return Went()
    if _HANDED_BACK in bot.domain.intents:
        return await bot.go_on(message, f"/{_HANDED_BACK}{json.dumps({'by': by})}", tracker, given)
    question = _open_question(tracker)
    if question is None:
        return Went()
    tracker.update(BotUttered(question.text, question.data), bot.domain)
    content = content_of_event(question)
    asks = tracker.get_slot(REQUESTED_SLOT) if content.all_options() else None
    return Went(replies=(Reply(content=content, asks=asks),))


async def _announced(
    bot: Bot, message: Message, tracker: DialogueStateTracker, given: Given, before: Ownership, change: Change
) -> Handed:
    """The change, with what the customer is told of it."""
    doing, now = change.doing, change.now
    assert doing is not None
    if message.channel == NOWHERE:
        return Handed(change=change)
    if doing.do == CLOSE:
        went = await _tell(bot, message, tracker, "utter_handoff_closed")
        if message.said.get("ask_rating") is True:
            asked = await _tell(bot, message, tracker, "utter_rate_service")
            went = Went(replies=(*went.replies, *asked.replies))
        return Handed(went=went, change=change)
    if now.state == AGENT and before.agent != now.agent:
        response = "utter_handoff_transferred" if doing.do == TRANSFER else "utter_handoff_joined"
        return Handed(went=await _tell(bot, message, tracker, response, agent=given.agent_name), change=change)
    return Handed(change=change)


def _say(message: Message, tracker: DialogueStateTracker, ownership: Ownership, domain: Domain) -> Handed:
    said, agent = message.said, str(message.said.get("agent"))
    if ownership.agent != agent:
        return Handed(refused="not_yours")
    if message.channel == NOWHERE:
        return Handed(refused="unreachable")
    content = content_from_json(said.get("content") or {})
    tracker.update(AgentUttered(content.text, {"agent": agent, **_shown(said)}), domain)
    change = Change(now=ownership, answered=True)
    if ownership.state == SNOOZED:
        now = replace(ownership, state=AGENT, until=None)
        change = Change(now=now, doing=Doing(TAKE, agent, agent=agent), answered=True)
    return Handed(went=Went(replies=(Reply(content=content, agent=agent),)), change=change)


def _set_slot(said: Mapping[str, Any], tracker: DialogueStateTracker, ownership: Ownership, domain: Domain) -> Handed:
    by, name = str(said.get("by")), str(said.get("name"))
    if ownership.agent not in (None, by) and said.get("over") is not True:
        return Handed(refused="not_yours")
    if name not in tracker.slots:
        return Handed(refused="no_slot")
    tracker.update(SlotSet(name, said.get("value"), metadata={_OURS: {"by": by}}), domain)
    return Handed()


# --- What the customer said while people have the conversation ------------------------------------------------------


def _goes_back(message: Message, given: Given) -> bool:
    """Whether the customer has chosen to go on with the bot: by the button, or by its words."""
    question = given.question
    if question is None:
        return False
    if message.said.get("type") == "choice":
        index = message.said.get("option")
        options = question.options
        chosen = options[index] if isinstance(index, int) and 0 <= index < len(options) else None
    else:
        # A number may be meant for the agent; the button's words are not.
        words = clean(str(message.said.get("text", "")))
        chosen = None if words.isdecimal() else typed_option(words, question.options)
    return chosen is not None and chosen.payload.startswith(f"/{_HANDED_BACK}")


def _words(message: Message) -> str | None:
    """A customer's own words, as they are: while people have the conversation, nothing stands for a payload."""
    if message.said.get("type") == "choice":
        return clean(str(message.said.get("label", ""))) or None
    return clean(str(message.said.get("text", ""))) or None


async def _note_words(bot: Bot, message: Message, tracker: DialogueStateTracker, words: str) -> None:
    understood = await bot.understand(words)
    tracker.update(
        UserUttered(
            words,
            understood.get("intent"),
            understood.get("entities"),
            understood,
            input_channel=message.channel,
            message_id=str(message.id),
            metadata={"channel": message.channel},
        ),
        bot.domain,
    )


async def _tell_place(bot: Bot, message: Message, tracker: DialogueStateTracker, handoff: Handoff) -> Handed:
    """How long it may take, to somebody who writes while they wait; not at every word."""
    if handoff.ownership.state != QUEUED or message.said.get("type") == "start":
        return Handed()
    if handoff.left_message:
        if handoff.told_at is not None:
            return Handed()
        went = await _tell(bot, message, tracker, "utter_handoff_noted")
        return Handed(went=went, change=Change(now=handoff.ownership, told_position=0))
    told_lately = handoff.told_at is not None and message.created_at - handoff.told_at < _TOLD_AGAIN_AFTER
    if handoff.position == handoff.told_position or told_lately:
        return Handed()
    return await _tell_position(bot, message, tracker, handoff, "utter_handoff_position")


async def _tell_position(
    bot: Bot, message: Message, tracker: DialogueStateTracker, handoff: Handoff, response: str
) -> Handed:
    went = await _tell(bot, message, tracker, response, position=handoff.position)
    return Handed(went=went, change=Change(now=handoff.ownership, told_position=handoff.position))


async def _tell(bot: Bot, message: Message, tracker: DialogueStateTracker, response: str, **told: Any) -> Went:
    if message.channel == NOWHERE:
        return Went()
    content = await bot.say(response, tracker, message.channel, **told)
    if content is None:
        return Went()
    tracker.update(BotUttered(content.text, metadata={"utter_action": response}), bot.domain)
    return Went(replies=(Reply(content=content),))


# --- Events and values ----------------------------------------------------------------------------------------------


def _paused(ownership: Ownership, *, by: str, why: str) -> Event:
    who = {"state": ownership.state, "agent": ownership.agent, "team": ownership.team, "by": by, "why": why}
    return ConversationPaused(metadata={_OURS: {name: value for name, value in who.items() if value is not None}})


def _resumed(*, by: str, why: str) -> Event:
    return ConversationResumed(metadata={_OURS: {"by": by, "why": why}})


def _is_paused_by_us(tracker: DialogueStateTracker) -> bool:
    if not tracker.is_paused():
        return False
    last = next((event for event in reversed(tracker.events) if isinstance(event, ConversationPaused)), None)
    return last is not None and _OURS in (last.metadata or {})


def _open_question(tracker: DialogueStateTracker) -> BotUttered | None:
    """What the bot said last before people took over, if a form is open."""
    if tracker.active_loop_name is None:
        return None
    before = itertools.dropwhile(lambda event: not isinstance(event, ConversationPaused), reversed(tracker.events))
    return next((event for event in before if isinstance(event, BotUttered)), None)


def _shown(said: Mapping[str, Any]) -> dict[str, Any]:
    """What an agent showed besides words."""
    content = said.get("content")
    return {name: part for name, part in content.items() if name != "text"} if isinstance(content, Mapping) else {}


def _spoken(said: Mapping[str, Any], tracker: DialogueStateTracker, now: datetime) -> str | None:
    """When somebody will be there again, in the customer's language and the team's own time."""
    opens = _moment(said.get("opens"))
    if opens is None:
        return None
    try:
        zone: Any = ZoneInfo(str(said.get("timezone") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        zone = timezone.utc
    language = "zh" if str(tracker.get_slot("language") or "").startswith("zh") else "en"
    there, here = opens.astimezone(zone), now.astimezone(zone)
    if there.date() == here.date():
        day = {"en": "today", "zh": "今天"}[language]
    else:
        day = _WEEKDAYS[language][there.weekday()]
    return f"{day} {there:%H:%M}"


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
