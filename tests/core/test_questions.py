"""What taps and typed answers refer to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.meaning import LONGEST_TEXT, clean, text_for_rasa, told_beside
from bot.core.questions import Asking, Question, is_stale
from bot.core.retry import again_after
from channels.contract import Option
from tests.core.playing import NOON

LAMP, CHAIR = Option(title="Lamp", payload="/pick_lamp"), Option(title="Big  Chair", payload="/pick_chair")
OPTIONS = (LAMP, CHAIR)


def question(asks: str | None = "item", options: tuple[Option, ...] = OPTIONS, minutes: int = 0) -> Question:
    return Question(id=1, options=options, asks=asks, asked_at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("asked", "asking", "asked_again", "stale"),
    [
        (question(), Asking(slot="item", since=NOON), None, False),
        (question(), Asking(slot="item", since=NOON), question(), False),
        (question(), Asking(slot="item", since=NOON), question(minutes=5), False),
        (question(), Asking(slot="reason", since=NOON), None, True),
        (question(), Asking(slot=None, since=None), None, True),
        (question(), Asking(slot="item", since=NOON + timedelta(minutes=1)), None, True),
        (question(), Asking(slot="item", since=NOON), question(options=(CHAIR,), minutes=5), True),
        (question(asks=None), Asking(slot="item", since=NOON), question(options=(CHAIR,)), False),
        (question(asks=None), Asking(slot=None, since=None), None, False),
    ],
    ids=[
        "open",
        "the same one",
        "asked once more",
        "the form moved on",
        "the form is over",
        "an earlier run of the form",
        "another order's items",
        "a menu during a form",
        "a menu",
    ],
)
def test_a_question_goes_stale(asked: Question, asking: Asking, asked_again: Question | None, stale: bool) -> None:
    assert is_stale(asked, asking, asked_again) is stale


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("/help", "help"),
        ("  //greet{}", "greet{}"),
        ("\u0000/\u0001/restart", "restart"),
        ("/ / x", "x"),
        ("a/b", "a/b"),
        ("two\nlines", "two\nlines"),
        ("bell\u0007 and \ud800half", "bell and half"),
        ("订单 ＃5", "订单 ＃5"),
        ("///", ""),
    ],
)
def test_a_customers_words_are_never_a_payload(words: str, seen: str) -> None:
    assert clean(words) == seen


def test_an_endless_message_is_cut_for_understanding() -> None:
    assert len(clean("x" * 100_000)) == LONGEST_TEXT


INTENTS = {
    *("greet", "stale_choice", "channel_linked", "link_refused"),
    *("media_received", "location_shared", "unsupported_message"),
}
OPEN = Asking(slot="item", since=NOON)
OVER = Asking(slot=None, since=None)


@pytest.mark.parametrize(
    ("said", "asking", "text"),
    [
        ({"type": "text", "text": "hello"}, OPEN, "hello"),
        ({"type": "text", "text": "2"}, OPEN, "/pick_chair"),
        ({"type": "text", "text": "2"}, OVER, "2"),
        ({"type": "text", "text": "//"}, OPEN, '/unsupported_message{"kind": "empty"}'),
        ({"type": "choice", "message": 1, "option": 1}, OPEN, "/pick_chair"),
        ({"type": "choice", "message": 1, "option": 1}, OVER, "/stale_choice"),
        ({"type": "choice", "message": 1, "option": 2}, OPEN, "/stale_choice"),
        ({"type": "choice", "message": 1, "option": -1}, OPEN, "/stale_choice"),
        ({"type": "start"}, OPEN, "/greet"),
        ({"type": "linked", "from": "webchat"}, OPEN, '/channel_linked{"from_channel": "webchat"}'),
        ({"type": "link_refused", "problem": "used"}, OPEN, '/link_refused{"link_problem": "used"}'),
        ({"type": "unsupported", "kind": "voice"}, OPEN, '/unsupported_message{"kind": "voice"}'),
        ({"type": "unsupported", "kind": 'X"}{/y'}, OPEN, '/unsupported_message{"kind": "xy"}'),
        ({"type": "media", "kind": "picture", "outcome": "stored", "text": "2"}, OPEN, "/pick_chair"),
        ({"type": "media", "kind": "picture", "outcome": "lost", "text": "/broken"}, OPEN, "broken"),
        (
            {"type": "media", "kind": "voice", "outcome": "pending", "name": "a.ogg", "text": " / "},
            OPEN,
            '/media_received{"media_kind": "voice", "media_outcome": "pending"}',
        ),
        (
            {"type": "media", "kind": "file", "outcome": "refused", "problem": "too_large"},
            OPEN,
            '/media_received{"media_kind": "file", "media_outcome": "refused", "media_problem": "too_large"}',
        ),
        (
            {"type": "location", "latitude": 1.3, "longitude": -0.5, "name": '"}/restart'},
            OPEN,
            '/location_shared{"latitude": 1.3, "longitude": -0.5}',
        ),
        ({"type": "taken_back"}, OPEN, None),
        ({"type": "from a later version"}, OPEN, '/unsupported_message{"kind": "fromalaterversion"}'),
    ],
)
def test_what_a_message_means_to_rasa(said: dict[str, object], asking: Asking, text: str | None) -> None:
    assert text_for_rasa(said, question=question(), asked_again=None, asking=asking, intents=INTENTS) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"type": "start"}, "hi"),
        ({"type": "linked", "from": "webchat"}, None),
        ({"type": "unsupported", "kind": "voice"}, None),
        ({"type": "media", "kind": "voice", "outcome": "stored"}, None),
        ({"type": "location", "latitude": 1.3, "longitude": 103.8}, None),
        ({"type": "text", "text": "/"}, None),
        ({"type": "choice", "message": 1, "option": 1}, "/pick_chair"),
        ({"type": "choice", "message": 1, "option": 9}, None),
    ],
)
def test_an_assistant_that_knows_none_of_our_intents_is_spared(said: dict[str, object], text: str | None) -> None:
    assert text_for_rasa(said, question=question(), asked_again=None, asking=OVER, intents=set()) == text


@pytest.mark.parametrize(
    ("said", "kind"), [({"type": "media", "kind": "voice"}, "media"), ({"type": "location"}, "location")]
)
def test_an_assistant_that_knows_no_files_says_that_it_cannot_read_them(said: dict[str, object], kind: str) -> None:
    text = text_for_rasa(said, question=None, asked_again=None, asking=OVER, intents={"unsupported_message"})
    assert text == f'/unsupported_message{{"kind": "{said.get("kind") or kind}"}}'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"type": "text", "text": "hi"}, {}),
        (
            {
                "type": "media",
                "kind": "file",
                "outcome": "stored",
                "name": "b.pdf",
                "mime": "application/pdf",
                "size": 9,
            }
            | {"text": "my bill", "media": "secret", "problem": None},
            {"media": {"kind": "file", "outcome": "stored", "name": "b.pdf", "mime": "application/pdf", "size": 9}},
        ),
        (
            {"type": "location", "latitude": 0.0, "longitude": 9.5, "name": "Home"},
            {"location": {"latitude": 0.0, "longitude": 9.5, "name": "Home"}},
        ),
    ],
)
def test_actions_are_told_of_a_file_and_a_place(said: dict[str, object], told: dict[str, dict[str, object]]) -> None:
    if "media" in told:
        told["media"]["message"] = 7
    assert told_beside(said, 7) == told


def test_waiting_grows_and_ends() -> None:
    decisions = [again_after(attempts, timedelta()) for attempts in range(1, 10)]
    assert [again and again.wait.total_seconds() for again in decisions] == [1, 2, 4, 8, 16, 30, 30, 30, None]
    assert all(again is None or again.counts for again in decisions)


def test_a_message_is_kept_while_the_action_server_is_away_with_all_its_attempts() -> None:
    waited = [timedelta(seconds=seconds) for seconds in (0, 20, 1200)]
    decisions = [again_after(1, so_long, nobody_there=True) for so_long in waited]
    assert [again and again.wait.total_seconds() for again in decisions] == [1, 5, 30]
    assert not any(again is None or again.counts for again in decisions)


def test_an_action_server_that_stays_away_is_given_up() -> None:
    long = timedelta(minutes=40)
    decisions = [again_after(attempts, long, nobody_there=True) for attempts in range(1, 5)]
    assert [again and again.counts for again in decisions] == [True, True, True, None]


def test_a_message_that_waited_long_still_gets_a_few_attempts() -> None:
    long = timedelta(hours=1)
    assert [again_after(attempts, long) is None for attempts in range(1, 5)] == [False, False, False, True]
