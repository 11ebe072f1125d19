"""One turn through Rasa, in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.dialogue import Dialogue, TurnTrackers
from bot.core.errors import TurnFailed
from bot.core.stored import Given, StoredHistory
from bot.core.turn import Reply, Turn
from channels.contract import Content
from tests.core.playing import Actions, message_of

EMPTY = StoredHistory(conversation="alice", snapshot=(), first_seq=1, events=())


@pytest.fixture
def dialogue(model: Path, endpoints: Path) -> Dialogue:
    return Dialogue.load(model, endpoints)


async def take(
    dialogue: Dialogue, history: StoredHistory, said: str | dict[str, Any], channel: str = "webchat"
) -> Turn:
    async def whole() -> StoredHistory:
        raise AssertionError("nothing was cut")

    content = {"type": "text", "text": said} if isinstance(said, str) else said
    return await dialogue.turn(message_of(content, channel=channel), Given(history=history), whole)


def after(history: StoredHistory, turn: Turn) -> StoredHistory:
    return replace(history, events=history.events + turn.events)


async def through(dialogue: Dialogue, *sayings: str) -> tuple[StoredHistory, Turn]:
    history = EMPTY
    for said in sayings:
        turn = await take(dialogue, history, said)
        history = after(history, turn)
    return history, turn


async def test_a_greeting_is_answered_in_the_channels_own_variation(dialogue: Dialogue) -> None:
    on_the_web = await take(dialogue, EMPTY, "good day")
    on_telegram = await take(dialogue, EMPTY, "good day", channel="telegram")
    assert on_the_web.replies == (Reply(content=Content(text="Hi")),)
    assert on_telegram.replies == (Reply(content=Content(text="Hi on Telegram")),)


async def test_the_customers_message_is_named_in_its_event(dialogue: Dialogue) -> None:
    turn = await take(dialogue, EMPTY, "good day", channel="telegram")
    said = next(event for event in turn.events if event["event"] == "user")
    assert (said["message_id"], said["input_channel"]) == ("1", "telegram")
    assert {"channel": "telegram", "language": None}.items() <= said["metadata"].items()


async def test_a_forms_options_ask_for_its_slot_and_an_answer_in_between_does_not(dialogue: Dialogue) -> None:
    history, turn = await through(dialogue, "return")
    assert [(reply.content.text, reply.asks) for reply in turn.replies] == [("Which item?", "item")]
    turn = await take(dialogue, history, "faq")
    assert [(reply.content.text, reply.asks) for reply in turn.replies] == [
        ("Returns are free", None),
        ("Which item?", "item"),
    ]


async def test_actions_are_told_of_the_file_that_came_with_the_words(dialogue: Dialogue, actions: Actions) -> None:
    picture = {"type": "media", "kind": "picture", "outcome": "stored", "text": "look up", "size": 5}
    await take(dialogue, EMPTY, picture)
    told = actions.calls[0]["tracker"]["latest_message"]["metadata"]["media"]
    assert told == {"kind": "picture", "outcome": "stored", "size": 5, "message": 1}


@pytest.mark.parametrize(
    ("said", "asks", "closes"),
    [
        (["good day"], None, False),
        (["return"], "item", False),
        (["return", "faq"], "item", True),
        (["return", "chair"], "reason", True),
        (["return", "chair", "broken"], None, True),
        (["return", "chair", "broken", "faq"], None, False),
        (["return", "cancel"], None, True),
    ],
    ids=["no form", "it opens", "asks again", "goes on", "is filled", "is over", "is given up"],
)
async def test_a_turn_tells_what_its_form_asks_and_whether_that_is_new(
    dialogue: Dialogue, said: list[str], asks: str | None, closes: bool
) -> None:
    _, turn = await through(dialogue, *said)
    assert (turn.asks, turn.closes) == (asks, closes)


async def test_a_menu_asks_for_nothing(dialogue: Dialogue) -> None:
    _, turn = await through(dialogue, "menu")
    assert [reply.asks for reply in turn.replies] == [None]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"type": "start"}, "Hi"),
        ({"type": "linked", "from": "webchat"}, "Linked"),
        ({"type": "link_refused", "problem": "expired"}, "Not linked"),
        ({"type": "unsupported", "kind": "voice"}, "I cannot read that"),
        ({"type": "media", "kind": "voice", "outcome": "stored"}, "I cannot read that"),
        ({"type": "media", "kind": "picture", "outcome": "stored", "text": "faq"}, "Returns are free"),
        ({"type": "location", "latitude": 1.3, "longitude": 103.8}, "I cannot read that"),
        ({"type": "choice", "message": 5, "option": 0}, "That is over"),
        ("/restart", "Pardon?"),
    ],
)
async def test_what_happens_around_the_words_is_answered(
    dialogue: Dialogue, said: str | dict[str, Any], answer: str
) -> None:
    turn = await take(dialogue, EMPTY, said)
    assert [reply.content.text for reply in turn.replies] == [answer]


async def test_an_action_is_asked_with_the_message_it_serves(dialogue: Dialogue, actions: Actions) -> None:
    await take(dialogue, EMPTY, "look up")
    sent = actions.calls[0]["tracker"]
    assert [event["message_id"] for event in sent["events"] if event["event"] == "user"] == ["1"]
    assert sent["latest_message"]["message_id"] == "1"


async def test_a_failed_action_fails_the_turn_and_asks_no_other(dialogue: Dialogue, actions: Actions) -> None:
    actions.status = 503
    with pytest.raises(TurnFailed, match=r"^the action server is away: answered 503$"):
        await take(dialogue, EMPTY, "look up")
    assert len(actions.calls) == 1


@pytest.fixture
def impatient(endpoints: Path) -> Path:
    endpoints.write_text(endpoints.read_text().replace("timeout: 30", "timeout: 0.5"))
    return endpoints


async def test_an_action_that_takes_too_long_fails_the_turn(model: Path, impatient: Path, actions: Actions) -> None:
    dialogue = Dialogue.load(model, impatient)
    actions.hold("alice")
    with pytest.raises(TurnFailed, match=r"^the action server could not be asked: TimeoutError$"):
        await take(dialogue, EMPTY, "look up")


async def test_no_store_of_rasas_stands_between(dialogue: Dialogue) -> None:
    agent = dialogue._agent
    assert type(agent.tracker_store) is TurnTrackers
    assert agent.processor is not None
    assert agent.processor.tracker_store is agent.tracker_store


async def test_the_apology_is_the_assistants_own(dialogue: Dialogue) -> None:
    message = message_of({"type": "text", "text": "x"}, channel="telegram")
    turn = await dialogue.apology(message, EMPTY, "why")
    assert turn.replies == (Reply(content=Content(text="Something is broken on Telegram")),)
    assert (turn.events, turn.failure) == ((), "why")


async def test_there_is_an_apology_even_where_the_assistant_has_none_to_give(dialogue: Dialogue) -> None:
    dialogue._agent.nlg.responses["utter_technical_problem"] = [{"text": "{no such slot", "custom": 1}]
    message = replace(message_of({"type": "text", "text": "x"}), language="zh-CN")
    turn = await dialogue.apology(message, EMPTY, "why")
    assert (turn.replies[0].content.text or "").startswith("抱歉")
