"""Words that may mean two things are answered with a question and two buttons, in each channel's own form, and the one
that is tapped is done: on the trained model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from sandbox.journeys.town import Town, town
from tests.database import NewDatabase

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # Of the model and of the channels' buttons.
    pytest.mark.parametrize("new_database", ["postgresql"], indirect=True),
]

Json = dict[str, Any]

QUESTION = "Which of these is it?"
# Where an order is, or what was in it? A new training may make one of them clear, but hardly all.
AMBIGUOUS = (
    "something about my last order",
    "info about my latest order please",
    "tell me more about the package",
    "something about my order",
    "tell me about my order",
)
DONE = {"Track an order": "What is your order number?", "What I ordered": "Which order is it?"}
"""What can be meant, and what begins when it is tapped."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("two-buttons"), {"DATABASE_URL": await new_database()}) as everybody:
        yield everybody


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ambiguous(everybody: Town) -> str:
    """Words whose meaning the model cannot tell, each tried by somebody new."""
    for words in AMBIGUOUS:
        async with everybody.phone("telegram", "Somebody") as phone:
            await phone.say(words)
            if QUESTION in (await phone.hears("")).text:
                return words
    raise AssertionError("the model is sure of what all of these mean")


def on_telegram(message: Json) -> list[str]:
    rows = message["reply_markup"]["inline_keyboard"]
    assert all(key["callback_data"] for row in rows for key in row)
    return [key["text"] for row in rows for key in row]


def on_whatsapp(message: Json) -> list[str]:
    assert message["interactive"]["type"] == "button"
    return [button["reply"]["title"] for button in message["interactive"]["action"]["buttons"]]


def on_teams(activity: Json) -> list[str]:
    [attachment] = activity["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    actions = attachment["content"]["body"][-1]["actions"]
    assert {action["type"] for action in actions} == {"Action.Submit"}
    return [action["title"] for action in actions]


def on_the_website(frame: Json) -> list[str]:
    return [option["title"] for option in frame["options"]]


BUTTONS: dict[str, Callable[[Json], list[str]]] = {
    "telegram": on_telegram,
    "whatsapp": on_whatsapp,
    "teams": on_teams,
    "webchat": on_the_website,
}


@pytest.mark.parametrize("channel", BUTTONS)
async def test_of_two_meanings_the_one_that_is_tapped_is_done(everybody: Town, ambiguous: str, channel: str) -> None:
    async with everybody.phone(channel, f"Alice on {channel}") as alice:
        await alice.say(ambiguous)
        question = await alice.hears(QUESTION)
        buttons = BUTTONS[channel](question.raw)
        assert sorted(buttons) == sorted(DONE)
        _, second = buttons
        await alice.tap(question, second)
        assert DONE[second] in (await alice.hears("")).text
