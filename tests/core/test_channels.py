"""What a turn does differently because of where its message came from: another channel, a group, a second dialogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.dialogue import Dialogue
from bot.core.groups import groups_of
from bot.core.history import tracker_of
from bot.core.questions import Question
from bot.core.stored import Before, Given, Other, StoredHistory
from bot.core.turn import Turn
from channels.contract import Option
from tests.core.playing import NOON, Actions, message_of
from tests.core.test_dialogue import EMPTY, after, through

ON_THE_WEB = Before(channel="webchat", at=NOON - timedelta(minutes=1))


@pytest.fixture
def dialogue(model: Path, endpoints: Path) -> Dialogue:
    with endpoints.open("a") as file:
        file.write("groups:\n  answers: [faq]\n")
    return Dialogue.load(model, endpoints)


async def take(dialogue: Dialogue, given: Given, said: str | dict[str, Any], channel: str) -> Turn:
    async def whole() -> StoredHistory:
        raise AssertionError("nothing was cut")

    content = {"type": "text", "text": said} if isinstance(said, str) else said
    return await dialogue.turn(message_of(content, channel=channel), given, whole)


def words(turn: Turn) -> list[str | None]:
    return [reply.content.text for reply in turn.replies]


# --- Another channel --------------------------------------------------------------------------------------------------


async def test_whoever_comes_from_elsewhere_is_told_where_they_were(dialogue: Dialogue) -> None:
    history, _ = await through(dialogue, "return")
    turn = await take(dialogue, Given(history=history, before=ON_THE_WEB), "faq", "telegram")
    assert words(turn) == ["You were returning something", "Returns are free", "Which item?"]
    assert [reply.asks for reply in turn.replies] == [None, None, "item"]
    told = [event["text"] for event in turn.events if event["event"] == "bot"]
    assert "You were returning something" in told


async def test_whoever_answers_right_away_is_not_interrupted(dialogue: Dialogue) -> None:
    history, _ = await through(dialogue, "return")
    turn = await take(dialogue, Given(history=history, before=ON_THE_WEB), "the lamp", "telegram")
    assert words(turn) == ["Why?"]


async def test_whoever_comes_back_after_a_while_is_told_too(dialogue: Dialogue) -> None:
    history, _ = await through(dialogue, "return")
    long_ago = replace(ON_THE_WEB, at=NOON - timedelta(hours=2))
    assert len(words(await take(dialogue, Given(history=history, before=long_ago), "faq", "webchat"))) == 3
    assert len(words(await take(dialogue, Given(history=history, before=ON_THE_WEB), "faq", "webchat"))) == 2


async def test_where_no_question_is_open_there_is_no_ceremony(dialogue: Dialogue) -> None:
    history, _ = await through(dialogue, "faq")
    turn = await take(dialogue, Given(history=history, before=ON_THE_WEB), "faq", "telegram")
    assert words(turn) == ["Returns are free"]


async def test_an_action_server_that_is_away_costs_the_line_and_not_the_answer(
    dialogue: Dialogue, actions: Actions
) -> None:
    history, _ = await through(dialogue, "return")
    actions.status = 500
    turn = await take(dialogue, Given(history=history, before=ON_THE_WEB), "faq", "telegram")
    assert words(turn) == ["Returns are free", "Which item?"]


# --- A second dialogue ------------------------------------------------------------------------------------------------


async def test_two_dialogues_become_one_and_the_open_form_goes_on(dialogue: Dialogue, actions: Actions) -> None:
    mine, _ = await through(dialogue, "good day")
    theirs, _ = await through(dialogue, "return", "the lamp")
    given = Given(history=mine, other=Other(history=replace(theirs, conversation="bob"), under_way=False))
    turn = await take(dialogue, given, {"type": "linked", "from": "telegram", "merge": 1}, "webchat")

    tracker = tracker_of(after(mine, turn), dialogue.domain)
    assert (tracker.active_loop_name, tracker.get_slot("item")) == ("return_form", "the lamp")
    said = next(event for event in turn.events if event["event"] == "user")
    assert said["metadata"]["joined"] is True
    turn = await take(dialogue, Given(history=after(mine, turn)), "broken", "webchat")
    assert words(turn) == ["the lamp goes back"]


async def test_somebody_who_had_said_nothing_brings_nothing(dialogue: Dialogue) -> None:
    given = Given(history=EMPTY, other=Other(history=replace(EMPTY, conversation="bob"), under_way=False))
    turn = await take(dialogue, given, {"type": "linked", "from": "telegram", "merge": 1}, "webchat")
    said = next(event for event in turn.events if event["event"] == "user")
    assert said["metadata"]["joined"] is False


# --- A group ----------------------------------------------------------------------------------------------------------


def in_group(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "audience": True}


async def test_a_group_is_answered_what_is_public(dialogue: Dialogue) -> None:
    turn = await take(dialogue, Given(history=EMPTY), in_group("faq"), "telegram")
    assert words(turn) == ["Returns are free"]


async def test_for_the_rest_a_group_is_offered_a_private_chat(dialogue: Dialogue) -> None:
    turn = await take(dialogue, Given(history=EMPTY), in_group("return"), "telegram")
    assert words(turn) == ["Let us talk in private"]
    assert tracker_of(after(EMPTY, turn), dialogue.domain).active_loop_name is None


async def test_a_tap_in_a_group_is_held_to_the_same(dialogue: Dialogue) -> None:
    turn = await take(dialogue, Given(history=EMPTY), in_group("/return_item"), "telegram")
    assert tracker_of(after(EMPTY, turn), dialogue.domain).active_loop_name is None


async def test_without_the_section_everything_is_private(model: Path, endpoints: Path) -> None:
    turn = await take(Dialogue.load(model, endpoints), Given(history=EMPTY), in_group("faq"), "telegram")
    assert words(turn) == ["Let us talk in private"]


@pytest.mark.parametrize("section", [["faq"], {"answers": "faq"}, {"answers": {"faq": True}}, "faq"])
def test_a_section_that_is_wrong_is_named(section: object) -> None:
    with pytest.raises(ValueError, match="groups"):
        groups_of({"groups": section})


# --- Two questions in one turn ----------------------------------------------------------------------------------------


async def test_a_typed_answer_may_be_meant_for_what_was_offered_beside_the_forms_question(dialogue: Dialogue) -> None:
    history, _ = await through(dialogue, "return")
    asked = Question(id=3, options=(Option(title="Lamp", payload="lamp"),), asks="item", asked_at=NOON)
    offered = Question(id=2, options=(Option(title="Yes, please", payload="/faq"),), asks=None, asked_at=NOON)
    given = Given(history=history, question=asked, besides=(offered,))
    assert words(await take(dialogue, given, "yes, please", "webchat"))[0] == "Returns are free"
    assert words(await take(dialogue, given, "lamp", "webchat")) == ["Why?"]
