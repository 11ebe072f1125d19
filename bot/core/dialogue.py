"""Rasa's Agent, and one turn in memory.

Nothing is written here: a turn takes a message and what is stored of its conversation, and gives the events and replies
that the worker commits. Only Rasa's public classes are used.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import rasa.shared.utils.io
from rasa.core.actions.action import action_for_name_or_text
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.tracker_store import TrackerStore
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.core import handing, shortcuts
from bot.core.depth import depth_of
from bot.core.errors import NobodyThere, TurnFailed
from bot.core.failures import Absence, ActionServer, SwallowedErrors, noting_failures
from bot.core.groups import Groups, groups_of, intent_of_payload
from bot.core.handing import Went
from bot.core.history import TAIL, events_as_json, shorten, suffices, tracker_of
from bot.core.logs import described, get_logger
from bot.core.meaning import text_for_rasa, told_beside
from bot.core.merging import merged
from bot.core.questions import Asking
from bot.core.recent import Past, Recent
from bot.core.replies import Replies, content_of, content_of_event
from bot.core.stored import Given, Other, StoredHistory
from bot.core.turn import Command, Message, Reply, Turn
from bot.store.handoffs import Wanted
from bot.store.offers import PEOPLE, offer_people, spoken
from channels.contract import Content

_log = get_logger()

# One turn with all its actions; a single action has less.
TURN_TIMEOUT = 90.0

_GREETINGS = ("Hello!", "您好！")
_LANGUAGE = "language"
_CATCH_UP = "action_catch_up"
_A_WHILE = timedelta(minutes=30)
_APOLOGY = "utter_technical_problem"
_DESK, _HANDOFF = "desk", "handoff"
_BUILT_IN_APOLOGY = {
    "en": "Sorry, something went wrong on our side and I could not deal with your message. Please try again later.",
    "zh": "抱歉，我们这边出了点问题，没能处理您的消息。请稍后再试。",
}


class Dialogue:
    """A loaded model. Turns of different conversations may overlap."""

    def __init__(self, agent: Agent, model: Path, *, tail: int = TAIL, groups: Groups | None = None) -> None:
        self._agent = agent
        self._tail = tail
        self._groups = groups or Groups()
        self._recent = Recent()
        self._trackers = TurnTrackers(agent.domain)
        _replace_tracker_store(agent, self._trackers)
        actions = agent.processor.action_endpoint
        self._absence = actions.absence if isinstance(actions, ActionServer) else Absence()
        self._depth = depth_of(model, agent.processor.model_metadata)
        self.name = model.name

    @classmethod
    def load(cls, model: Path, endpoints: Path, *, tail: int = TAIL) -> Dialogue:
        """Load a trained model, with the action server and the response server that `endpoints` names. Takes seconds,
        and raises whatever a broken model makes Rasa raise. `tail`: events that a cut of the history leaves."""
        SwallowedErrors.install()
        shortcuts.install()
        settings = rasa.shared.utils.io.read_config_file(endpoints) if endpoints.exists() else {}
        groups = groups_of(settings)
        actions, responses = _action_endpoint(settings), settings.get("nlg")
        agent = Agent.load(
            model,
            action_endpoint=ActionServer(**actions) if actions else None,
            generator=EndpointConfig(**responses) if responses else None,
        )
        _warm_up(agent)
        dialogue = cls(agent, model, tail=tail, groups=groups)
        if dialogue._depth.stories is None:
            _log.warning("history.unbounded", model=model.name, hint="give every policy in config.yml a max_history")
        return dialogue

    @property
    def domain(self) -> Domain:
        """The model's own domain."""
        return self._agent.domain

    def remembers(self, conversation: str, epoch: int) -> bool:
        """Whether a turn under the claim with this epoch may be given no history."""
        return self._recent.has(conversation, epoch)

    def remember(self, conversation: str, epoch: int, turn: Turn) -> None:
        """The turn was committed under the claim with this epoch, and nothing else of the conversation has changed."""
        if turn.past is not None and turn.snapshot is None:
            self._recent.keep(conversation, epoch, turn.past)

    async def turn(self, message: Message, given: Given, read_session: Callable[[], Awaitable[StoredHistory]]) -> Turn:
        """Let Rasa handle one message. Raises TurnFailed, and whatever Rasa raises."""
        if message.found_nobody and await self._absence.lasts():
            raise NobodyThere("another turn has just seen it")
        past = await self._recall(message.conversation, given.history, read_session)
        if given.handoff is not None or message.said.get("type") in (_DESK, _HANDOFF):
            return await self._with_people(message, given, past)
        tracker = past.tracker
        asked = _asking(tracker)
        text = text_for_rasa(
            message.said,
            question=given.question,
            asked_again=given.asked_again,
            asking=asked,
            intents=self.domain.intents,
            besides=given.besides,
        )
        if text is not None and message.said.get("audience") is True:
            text = await self._public(text)
        if text is None:
            return Turn(first_event=past.next_seq, past=past)
        if text == PEOPLE:
            # By no rule and no action of the assistant's: it is offered where those do not work.
            wanted = Command(do="handoff", wanted=Wanted(why="asked"))
            language = _language(tracker, message)
            return Turn(first_event=past.next_seq, past=past, language=language, commands=(wanted,))
        snapshot = shorten(past, self.domain, self._depth, tail=self._tail)
        known, first_event = len(tracker.events), past.next_seq
        joined = self._become_one(tracker, given.other)
        handing.follow(tracker, None, self.domain)
        went = await self.go_on(message, text, tracker, given, joined=joined)
        new = list(itertools.islice(tracker.events, known, None))
        asks, replies = _asking(tracker), went.replies
        if _is_to_be_caught_up(message, given, asked, asks):
            caught_up = await self._catch_up(message, tracker)
            new += caught_up
            replies = (*(Reply(content=content_of_event(event)) for event in caught_up), *replies)
        return Turn(
            first_event=first_event,
            events=events_as_json(new),
            replies=replies,
            language=_language(tracker, message),
            snapshot=snapshot,
            past=past,
            rasa_seconds=went.seconds,
            commands=went.commands,
            asks=asks.slot,
            closes=_closes(asked, asks, replies),
        )

    async def _with_people(self, message: Message, given: Given, past: Past) -> Turn:
        """A turn while people have the conversation, or when it changes hands."""
        tracker, known, first_event = past.tracker, len(past.tracker.events), past.next_seq
        asked = _asking(tracker)
        await self._begin_session(message, tracker)
        handing.follow(tracker, given.handoff, self.domain)
        kind = message.said.get("type")
        if kind == _DESK:
            handed = await handing.at_the_desk(self, message, tracker, given)
        elif kind == _HANDOFF:
            handed = await handing.news(self, message, tracker, given)
        else:
            self._become_one(tracker, given.other)
            handed = await handing.record(self, message, tracker, given)
        asks = _asking(tracker)
        return Turn(
            first_event=first_event,
            events=events_as_json(list(itertools.islice(tracker.events, known, None))),
            replies=handed.went.replies,
            language=_language(tracker, message),
            past=past,
            rasa_seconds=handed.went.seconds,
            commands=handed.went.commands,
            asks=asks.slot,
            closes=_closes(asked, asks, handed.went.replies),
            change=handed.change,
            refused=handed.refused,
        )

    async def _begin_session(self, message: Message, tracker: DialogueStateTracker) -> None:
        """The desk may be the first to do something in a conversation. Rasa begins one only with nothing in it."""
        if not tracker.applied_events():
            with noting_failures() as failures, self._trackers.holding(tracker):
                await self._agent.processor.fetch_tracker_and_update_session(
                    message.conversation, Replies(message.channel)
                )
            if failures:
                raise failures[0]

    async def understand(self, text: str) -> dict[str, Any]:
        """Rasa's parse of a text."""
        return dict(await self._agent.parse_message(text))

    async def say(self, response: str, tracker: DialogueStateTracker, channel: str, **told: Any) -> Content | None:
        """A response of the domain, if it has it."""
        if response not in self.domain.responses:
            return None
        said = await self._agent.nlg.generate(response, tracker, channel, **told)
        return content_of(said) if said else None

    async def go_on(
        self, message: Message, text: str, tracker: DialogueStateTracker, given: Given, *, joined: bool = False
    ) -> Went:
        """Let Rasa handle a text. `joined`: two conversations with content have become one in this turn."""
        known = len(tracker.events)
        answered = await self._handle(message, text, tracker, given, joined=joined)
        commands = handing.wanted_after(tracker, answered.commands, self.domain)
        new = list(itertools.islice(tracker.events, known, None))
        return Went(replies=_replies(answered.said, new, tracker), commands=commands, seconds=answered.seconds)

    async def apology(self, message: Message, history: StoredHistory, failure: str, *, plainly: bool = False) -> Turn:
        """The turn of a message that could not be answered: an apology, and no trace in the dialogue. `plainly`: in the
        product's own words, with nothing of the assistant's."""
        content, language = None, message.language
        if not plainly:
            # What broke the turn may break this too, and there must be an answer all the same.
            with contextlib.suppress(Exception):
                tracker = tracker_of(history, self.domain)
                language = _language(tracker, message)
                content = await self.say(_APOLOGY, tracker, message.channel)
        content = content or Content(text=_BUILT_IN_APOLOGY[spoken(language)])
        if message.identity is not None and not content.all_options():
            content = replace(content, options=(offer_people(language),))
        # What the desk wanted done is told at the desk; no customer has asked for it.
        replies = () if message.said.get("type") == _DESK else (Reply(content=content),)
        return Turn(first_event=history.next_seq, replies=replies, language=language, failure=failure)

    async def _catch_up(self, message: Message, tracker: DialogueStateTracker) -> list[Event]:
        """One line of where the customer was, by the assistant's own action, if it has one. Where that fails, the turn
        is answered without it."""
        if _CATCH_UP not in self.domain.action_names_or_texts:
            return []
        action = action_for_name_or_text(_CATCH_UP, self.domain, self._agent.processor.action_endpoint)
        with noting_failures() as failures:
            try:
                done = await action.run(Replies(message.channel), self._agent.nlg, tracker, self.domain)
            except Exception as error:
                _log.warning("catch_up.failed", **described(error))
                return []
        lines = [] if failures else [event for event in done if isinstance(event, BotUttered)]
        for line in lines:
            tracker.update(line, self.domain)
        return lines

    async def _public(self, text: str) -> str | None:
        """What a group is answered to. Understood twice, since Rasa has no place between understanding and prediction;
        groups are few."""
        intent = intent_of_payload(text)
        if intent is None:
            understood = await self._agent.parse_message(text)
            intent = (understood.get("intent") or {}).get("name")
        return self._groups.instead(text, intent, self.domain.intents)

    async def _recall(
        self,
        conversation: str,
        history: StoredHistory | None,
        read_session: Callable[[], Awaitable[StoredHistory]],
    ) -> Past:
        if history is None:
            past = self._recent.take(conversation)
        else:
            past = Past.of(history, tracker_of(history, self.domain))
        if suffices(past, self._depth):
            return past
        session = await read_session()
        return Past.of(session, tracker_of(session, self.domain))

    def _become_one(self, tracker: DialogueStateTracker, other: Other | None) -> bool:
        """Take over what counts of the other dialogue. Whether anything had been said in it."""
        if other is None:
            return False
        theirs = tracker_of(other.history, self.domain)
        for event in merged(tracker, theirs, self.domain):
            tracker.update(event, self.domain)
        return any(isinstance(event, UserUttered) for event in theirs.events)

    async def _handle(
        self, message: Message, text: str, tracker: DialogueStateTracker, given: Given, *, joined: bool
    ) -> Replies:
        replies = Replies(message.channel)
        account, assured = given.standing
        said = UserMessage(
            text,
            replies,
            message.conversation,
            input_channel=message.channel,
            message_id=str(message.id),
            metadata={
                "channel": message.channel,
                "channels": list(given.channels),
                "language": _language(tracker, message),
                "links": [{"channel": link.channel, "how": link.how, "here": link.here} for link in given.links],
                "account": account,
                "assured": list(assured),
                "phone": given.number and given.number.phone,
                "suggested": _suggested(given),
                "preferred": given.preferred,
                "codes_left": given.codes_left,
                "audience": message.said.get("audience") is True,
                "joined": joined,
                "undoable": given.undoable,
                **told_beside(message.said, message.id),
            },
        )
        began = time.perf_counter()
        with noting_failures() as failures, self._trackers.holding(tracker):
            try:
                await asyncio.wait_for(self._agent.handle_message(said), TURN_TIMEOUT)
            except asyncio.TimeoutError:
                raise TurnFailed(f"the turn took longer than {TURN_TIMEOUT:.0f} seconds") from None
        if failures:
            raise failures[0]
        replies.seconds = time.perf_counter() - began
        return replies


class TurnTrackers(TrackerStore):  # type: ignore[misc]  # Rasa's class is untyped here
    """Rasa's tracker store, holding only the trackers of the turns that are under way. The worker has read them and
    will write them."""

    def __init__(self, domain: Domain) -> None:
        super().__init__(domain)
        self._held: dict[str, DialogueStateTracker] = {}

    def holding(self, tracker: DialogueStateTracker) -> _Holding:
        """For the time of one turn."""
        return _Holding(self._held, tracker)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker of the turn under way."""
        return self._held[sender_id]

    async def save(self, tracker: DialogueStateTracker) -> None:
        """The turn goes on with the tracker that it began with."""
        assert self._held[tracker.sender_id] is tracker

    async def keys(self) -> Iterable[str]:
        """The conversations with a turn under way."""
        return list(self._held)


class _Holding:
    def __init__(self, held: dict[str, DialogueStateTracker], tracker: DialogueStateTracker) -> None:
        self._held, self._tracker = held, tracker

    def __enter__(self) -> None:
        assert self._tracker.sender_id not in self._held, "one turn at a time in a conversation"
        self._held[self._tracker.sender_id] = self._tracker

    def __exit__(self, *_: object) -> None:
        del self._held[self._tracker.sender_id]


def _warm_up(agent: Agent) -> None:
    """Dictionaries and encoders are read when they are first needed: not while a customer waits."""
    if agent.processor.model_metadata.nlu_target is None:
        return
    for text in _GREETINGS:
        agent.processor.graph_runner.run(
            inputs={PLACEHOLDER_MESSAGE: [UserMessage(text)], PLACEHOLDER_TRACKER: None},
            targets=[agent.processor.model_metadata.nlu_target],
        )


def _action_endpoint(settings: dict[str, Any]) -> dict[str, Any] | None:
    """What endpoints.yml says of the action server; `ACTION_ENDPOINT_URL` wins, since where it listens is the
    operator's affair and the file is the bot builder's."""
    url = os.environ.get("ACTION_ENDPOINT_URL")
    return {**settings.get("action_endpoint", {}), "url": url} if url else settings.get("action_endpoint")


def _replace_tracker_store(agent: Agent, store: TrackerStore) -> None:
    """Rasa wraps whatever store it is given in one that hides failures by starting conversations anew."""
    agent.tracker_store = agent.processor.tracker_store = store
    assert agent.tracker_store is store
    assert agent.processor.tracker_store is store


def _asking(tracker: DialogueStateTracker) -> Asking:
    """What the open form wants to know; nothing where none is open."""
    if tracker.active_loop_name is None:
        return Asking(slot=None, since=None)
    opened = next((event for event in reversed(tracker.events) if isinstance(event, ActiveLoop)), None)
    since = opened and datetime.fromtimestamp(opened.timestamp, timezone.utc)
    return Asking(slot=tracker.get_slot(REQUESTED_SLOT), since=since)


def _closes(asked: Asking, asks: Asking, replies: Iterable[Reply]) -> bool:
    return asked.slot is not None and (asked != asks or any(reply.asks for reply in replies))


def _is_to_be_caught_up(message: Message, given: Given, asked: Asking, asks: Asking) -> bool:
    """Whether the customer comes to an open question from elsewhere, or after a while, and has not answered it.
    Whoever simply goes on is not interrupted."""
    if (
        given.before is None
        or asked.slot is None
        or asked != asks
        or message.said.get("type") in ("linked", "verified", "ways", "separated")
    ):
        return False
    return given.before.channel != message.channel or message.created_at - given.before.at > _A_WHILE


def _suggested(given: Given) -> dict[str, str] | None:
    """Which account the number has suggested, and how that was answered."""
    suggestion = given.number and given.number.suggestion
    return {"account": suggestion.account, "state": suggestion.state} if suggestion else None


def _replies(said: Sequence[Content], new: Sequence[Event], tracker: DialogueStateTracker) -> tuple[Reply, ...]:
    """The turn's messages. Options that the open form offered answer the slot that it asks for; what others said in the
    same turn, such as the answer to a question in between, is a menu."""
    slot = _asking(tracker).slot
    by_form = _said_by(tracker.active_loop_name, new)
    asks = [slot if from_form else None for from_form in by_form] if len(by_form) == len(said) else [slot] * len(said)
    return tuple(
        Reply(content=content, asks=asked if content.all_options() else None)
        for content, asked in zip(said, asks, strict=True)
        if content != Content()
    )


def _said_by(form: str | None, new: Sequence[Event]) -> list[bool]:
    """For each of the turn's utterances, whether it was the form's."""
    by_form, acting = [], None
    for event in new:
        if isinstance(event, ActionExecuted):
            acting = event.action_name
        elif isinstance(event, BotUttered):
            by_form.append(form is not None and acting == form)
    return by_form


def _language(tracker: DialogueStateTracker, message: Message) -> str | None:
    value: Any = tracker.slots[_LANGUAGE].value if _LANGUAGE in tracker.slots else None
    return str(value) if value else message.language
