"""What makes a journey fail: on a product that says what a test tells it to say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import pytest

from sandbox.feed import Feed
from sandbox.journeys.desk import Desk
from sandbox.journeys.ledger import Ledger
from sandbox.journeys.parser import parse
from sandbox.journeys.people import CannotDo, Phone
from sandbox.journeys.play import JourneyFailed, Stage, play
from sandbox.journeys.screens import Json, Part
from sandbox.journeys.town import Town
from sandbox.journeys.trackers import Trackers
from sandbox.mail import Letter, MailServer

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Said = tuple[str, str, Json]
"""A person, a channel, and a part of a message: `text`, `options`, `link`, `carries`, and `id` where it matters; or an
e-mail address, `mail`, and `text`."""


def shown(message: Json) -> Part:
    return Part(
        id=message["id"],
        chat="",
        text=message.get("text", ""),
        options=tuple(message.get("options", ())),
        link=message.get("link", ""),
        carries=frozenset(message.get("carries", ())),
        raw=message,
    )


def letter(to: str, text: str) -> Letter:
    return Letter(to=to, sender="shop@example.com", subject="Your code", text=text, html="", at=NOON)


@dataclass
class Product:
    """Answers what is said with what it was told to answer, to whomever."""

    answers: Mapping[str, list[Said]]
    slots: Mapping[str, Any] = field(default_factory=dict)
    whole: Mapping[str, list[str]] = field(default_factory=dict)
    """The parts of messages that have several."""
    feeds: dict[tuple[str, str], Feed[Any]] = field(default_factory=dict)
    ids: count[int] = field(default_factory=count)
    mail: MailServer = field(default_factory=lambda: MailServer(user="", password=""))
    languages: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    """Agents of whom nothing is taken."""

    def hear(self, words: str) -> None:
        for name, channel, message in self.answers.get(words, []):
            if channel == "mail":
                self.mail.take(letter(name, message["text"]))
                continue
            self.feeds[name, channel].notify("message", {"id": f"id {next(self.ids)}", **message})

    @asynccontextmanager
    async def phone(self, channel: str, name: str, *, language: str = "en") -> AsyncIterator[Phone]:
        self.feeds[name, channel], self.languages[name, channel] = Feed(), language
        with ToyPhone(self, channel, self.feeds[name, channel]) as phone:
            yield phone


class ToyPhone(Phone):
    def __init__(self, product: Product, channel: str, feed: Feed[Any]) -> None:
        super().__init__(feed, shown)
        self.channel = channel  # type: ignore[misc]  # one class for all of them
        self._product = product

    async def say(self, text: str) -> None:
        self._product.hear(text)

    async def tap(self, part: Part, label: str) -> None:
        self._product.hear(f"{label} of {part.text}")

    async def follow(self, url: str) -> None:
        self._product.hear(url)

    async def open(self) -> None:
        self._product.hear("opened")

    async def send(self, thing: str, words: str) -> None:
        raise CannotDo(f"people cannot send {thing} here")

    async def block(self) -> None:
        self._product.hear("blocked")

    async def unblock(self) -> None:
        self._product.hear("unblocked")

    async def change(self, words: str) -> None:
        self._product.hear(f"changed: {words}")

    async def take_back(self) -> None:
        self._product.hear("taken back")


class Book(Ledger):
    """Everything is said at once."""

    def __init__(self, product: Product) -> None:
        super().__init__("sqlite:///nowhere")
        self._product = product

    async def let_pass(self, seconds: int) -> None:
        self._product.hear(f"{seconds} seconds later")

    async def forget_accounts(self) -> None:
        """Nobody has any."""

    async def empty_the_desk(self) -> None:
        """It is."""

    async def forget(self, agent: str) -> None:
        self._product.hear(f"{agent} is gone")

    async def is_settled(self) -> bool:
        return True

    async def parts(self, channel: str, part: str) -> list[str]:
        return self._product.whole.get(part, [part])

    async def conversation(self, channel: str, part: str) -> str | None:
        return "the conversation"

    async def newest(self) -> int:
        return 0

    async def trouble_since(self, message: int) -> list[str]:
        return ["a message to telegram: blocked by the person"]


@dataclass
class Slots:
    product: Product

    async def slots(self, conversation: str) -> Mapping[str, Any]:
        return self.product.slots


class Office(Desk):
    """The product hears of whatever is done here, and refuses what it is to refuse."""

    def __init__(self, product: Product) -> None:
        self._product = product

    async def comes(self, agent: str) -> None:
        self._product.hear(f"{agent} comes")

    async def leaves(self, agent: str) -> None:
        self._product.hear(f"{agent} leaves")

    async def everybody_leaves(self) -> None:
        """Nobody is there yet."""

    async def do(self, agent: str, conversation: str, doing: Mapping[str, Any]) -> str:
        self._product.hear(json.dumps(doing))
        return "taken" if agent in self._product.refused else ""


async def played(text: str, product: Product) -> None:
    stage = Stage(
        town=cast(Town, product),
        ledger=Book(product),
        desk=Office(product),
        trackers=cast(Trackers, Slots(product)),
        shop=None,
    )
    await play(stage, parse(f"# A title\n{text}", "a.journey"))


async def failure(text: str, product: Product) -> str:
    with pytest.raises(JourneyFailed) as failed:
        await played(text, product)
    return str(failed.value)


def answering(**answers: list[Said]) -> Product:
    return Product(answers=answers)


def to_alice(text: str, **more: Any) -> Said:
    return "Alice", "telegram", {"text": text, **more}


async def test_a_conversation_that_goes_as_written() -> None:
    product = answering(
        hi=[to_alice("Hello,  Alice.\nWhat now?", options=["Track", "Return"])],
        **{"Track of Hello,  Alice.\nWhat now?": [to_alice("Which order?", carries=["a picture"])]},
    )
    await played(
        "Alice on Telegram: hi\nbot: Hello, … What\n  [Track] [Return]\n"
        "Alice taps [Track]\nbot: Which\n  with a picture",
        product,
    )


async def test_other_words_are_shown_with_everything_that_was_said() -> None:
    said = await failure("Alice on Telegram: hi\nbot: Goodbye", answering(hi=[to_alice("Hello")]))
    assert said.splitlines() == [
        "a.journey, line 3",
        "    bot: Goodbye",
        "  expected Telegram, to Alice: “Goodbye”",
        "  but heard: Hello",
        "  so far:",
        "    Telegram  Alice: hi",
        "    Telegram  bot to Alice: Hello",
        "  what the product says went wrong:",
        "    a message to telegram: blocked by the person",
    ]


async def test_silence_where_something_is_expected() -> None:
    assert "but the bot has said everything" in await failure("Alice on Telegram: hi\nbot: Hello", answering())


async def test_a_message_that_no_line_expects() -> None:
    product = answering(hi=[to_alice("Hello"), to_alice("Buy two!")])
    said = await failure("Alice on Telegram: hi\nbot: Hello", product)
    assert "a.journey, line 3\n    the journey's end" in said
    assert "nobody expected this:\n  Telegram, to Alice: Buy two!" in said


async def test_messages_in_another_order() -> None:
    product = answering(hi=[to_alice("One"), to_alice("Two")])
    assert "but heard: One" in await failure("Alice on Telegram: hi\nbot: Two\nbot: One", product)


async def test_a_reply_that_goes_to_somebody_else() -> None:
    product = answering(
        hi=[to_alice("Hello")], where=[to_alice("Order 1043"), ("Bob", "whatsapp", {"text": "Order 1043"})]
    )
    text = "Alice on Telegram: hi\nbot: Hello\nBob on WhatsApp: where\nbot: Order 1043"
    assert "Telegram, to Alice: Order 1043" in await failure(text, product)


async def test_a_reply_that_goes_to_the_customers_other_channel() -> None:
    product = answering(
        hi=[("Alice", "webchat", {"text": "Hello"})], where=[("Alice", "webchat", {"text": "Order 1043"})]
    )
    text = "Alice on the website: hi\nbot: Hello\nAlice on Telegram: where\nbot: Order 1043"
    assert "expected Telegram, to Alice: “Order 1043”\n  but the bot has said everything" in await failure(
        text, product
    )


async def test_eventually_lets_others_come_before_and_none_after() -> None:
    product = answering(hi=[to_alice("One"), to_alice("Two"), to_alice("Three")])
    await played("Alice on Telegram: hi\nbot eventually: Two\nbot: Three", product)
    said = await failure("Alice on Telegram: hi\nbot eventually: Two", answering(**product.answers))
    assert "Telegram, to Alice: Three" in said


@pytest.mark.parametrize(
    ("beneath", "problem"),
    [
        ("[A]", "but with other buttons"),
        ("[B] [A]", "but with other buttons"),
        ("[C] …", "but with other buttons"),
        ("with a link to Teams", "but without a link to Teams"),
        ("with a location", "but without a location"),
    ],
)
async def test_what_a_message_comes_with(beneath: str, problem: str) -> None:
    product = answering(hi=[to_alice("Which?", options=["A", "B"], link="https://wa.me/1", carries=["a picture"])])
    fine = "Alice on Telegram: hi\nbot: Which?"
    await played(f"{fine}\n  [A] [B]\n  with a link to WhatsApp\n  with a picture", product)
    await played(f"{fine}\n  [B] …", product)
    assert problem in await failure(f"{fine}\n  {beneath}", product)


async def test_the_parts_of_one_message_are_one() -> None:
    product = Product(
        answers={"hi": [to_alice("Which?", id="1"), to_alice("This", id="2", options=["A"]), to_alice("Next", id="3")]},
        whole={"1": ["1", "2"], "2": ["1", "2"]},
    )
    await played("Alice on Telegram: hi\nbot: Which? … This\n  [A]\nbot: Next", product)


async def test_a_button_is_looked_for_where_the_customer_is() -> None:
    text = "Alice on Telegram: hi\nbot: Which?\nAlice on the website taps [A]"
    product = answering(hi=[to_alice("Which?", options=["A"])])
    assert "there is no button [A] here" in await failure(text, product)


async def test_a_link_is_followed_to_where_it_leads_and_by_whoever_has_it() -> None:
    product = answering(
        hi=[to_alice("Go on", link="https://wa.me/1")],
        **{"https://wa.me/1": [("Mallory", "whatsapp", {"text": "No."})]},
    )
    await played("Alice on Telegram: hi\nbot: Go on\nMallory follows Alice's link\nbot: No.", product)


async def test_a_code_is_typed_by_whoever_has_seen_it() -> None:
    product = answering(
        hi=[to_alice("Type K7QM-2XPD", carries=["a code"])],
        code=[to_alice("Type 3333-AAAA", carries=["a code"])],
        **{"3333-AAAA": [("Mallory", "whatsapp", {"text": "No."})], "9Z9Z-9Z9Z": [to_alice("What?")]},
    )
    await played(
        "Alice on Telegram: hi\nbot: Type\n  with a code\nAlice: code\nbot: Type\n"
        "Mallory on WhatsApp types the code that Alice's Telegram showed\nbot: No.\n"
        "Alice types a wrong code\nbot: What?",
        product,
    )


ALICES_MAIL = "Alice's mail is alice@example.com\n"


async def test_a_code_from_a_mail_may_be_typed_again() -> None:
    product = answering(
        hi=[("alice@example.com", "mail", {"text": "It is K7QM-2XPD"})],
        **{"K7QM-2XPD": [to_alice("Thank you.")]},
    )
    types = "Alice types the code from her mail\nbot: Thank you.\n"
    await played(f"{ALICES_MAIL}Alice on Telegram: hi\n{types}{types}", product)


async def test_a_mail_that_no_line_expects() -> None:
    product = answering(hi=[("bob@example.com", "mail", {"text": "Bob's secret"})])
    said = await failure("Alice on Telegram: hi", product)
    assert "nobody expected this:\n  mail to bob@example.com: Bob's secret" in said


async def test_a_mail_with_other_words() -> None:
    product = answering(hi=[("alice@example.com", "mail", {"text": "to see order 1043"})])
    text = f"{ALICES_MAIL}Alice on Telegram: hi\nAlice gets mail: "
    await played(f"{text}Your code", product)
    said = await failure(f"{text}order 1042", product)
    assert "expected in the mail to Alice: “order 1042”\n  but read: to see order 1043" in said


async def test_an_app_may_be_in_another_language_than_everybodys() -> None:
    product = answering()
    await played("language: zh\nAlice's Teams is in English\nAlice on Teams: hi\nAlice on Telegram: hi", product)
    assert product.languages == {("Alice", "teams"): "en", ("Alice", "telegram"): "zh"}


async def test_a_bot_that_is_blocked_is_let_in_again() -> None:
    product = answering(blocked=[], unblocked=[to_alice("Hello again")])
    await played("Alice on Telegram: hi\nAlice blocks the bot\nAlice unblocks the bot\nbot: Hello again", product)


async def test_time_passes_once_everything_is_said() -> None:
    product = answering(**{"3600 seconds later": [to_alice("Still there?")]})
    await played("Alice on Telegram: hi\nan hour passes\nbot: Still there?", product)


async def test_what_somebody_was_told_cannot_be_unheard() -> None:
    text = "Alice on Telegram: hi\nbot: Hello\nAlice has never heard: 1042"
    assert "Alice was told of “1042”" in await failure(text, answering(hi=[to_alice("Hello, 1042")]))


async def test_slots_are_as_rasa_has_them() -> None:
    product = Product(answers={"hi": [to_alice("Hello")]}, slots={"reason": "damaged", "asked": True, "store": None})
    text = "Alice on Telegram: hi\nbot: Hello\nslots of Alice: "
    await played(f"{text}reason = damaged, asked = true, store = nothing", product)
    said = await failure(f"{text}reason = other, store = orchard", product)
    assert "reason is damaged, not other, and store is nothing, not orchard" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Alice: hi", "where is Alice?"),
        ("bot: hi", "nobody has done anything yet"),
        ("Alice on Telegram: hi\nbot to Bob: hi", "nobody called Bob"),
        ("Alice on Telegram: hi\nbot to Alice on Teams: hi", "Alice has not been on Teams yet"),
        ("Alice on Telegram: hi\nAlice follows the link", "Alice was not offered a link yet"),
        ("Alice on Telegram sends a sticker", "people cannot send a sticker here"),
        ("Alice in Family: hi", "there is no group Family yet"),
        ("Alice on Telegram types the code from her mail", "where does Alice get mail?"),
        (f"{ALICES_MAIL}Alice on Telegram types the code from her mail", "Alice got no code by mail"),
        (f"{ALICES_MAIL}Alice gets mail: hi", "there is no new mail for Alice"),
        ("Alice on Telegram: hi\nAlice types the code that Telegram showed", "no code was shown on Telegram"),
        ("Alice on Telegram: hi\nAlice types the code that Teams showed", "Alice has not been on Teams yet"),
        ("Alice on Telegram: hi\nAlice's Telegram is in Chinese", "say that before Alice is on Telegram"),
    ],
)
async def test_what_cannot_be_is_said_so(text: str, why: str) -> None:
    assert why in await failure(text, answering())


DESK = [
    ("Maya takes Alice's case", {"do": "take"}),
    ("Maya gives Alice's case to Sam", {"do": "transfer", "to": "Sam"}),
    ("Maya hands Alice back", {"do": "hand_back", "slots": {}}),
    (
        "Maya hands Alice back with why = broken, store = nothing",
        {"do": "hand_back", "slots": {"why": "broken", "store": None}},
    ),
    ("Maya closes Alice's case", {"do": "close", "reason": "solved", "ask_rating": False}),
    ("Maya closes Alice's case and asks how it was", {"do": "close", "reason": "solved", "ask_rating": True}),
]
HI = "Alice on Telegram: hi\nbot: Hello\n"
HELLO: dict[str, list[Said]] = {"hi": [to_alice("Hello")]}


@pytest.mark.parametrize(("line", "asked"), DESK)
async def test_what_is_done_at_the_desk_is_asked_of_the_product(line: str, asked: dict[str, Any]) -> None:
    product = Product(answers={**HELLO, json.dumps(asked): [to_alice("Done")]})
    await played(f"{HI}{line}\nbot: Done", product)


async def test_an_agents_words_are_the_next_message_to_the_customer() -> None:
    say = json.dumps({"say": "I have it"})
    product = Product(answers={**HELLO, say: [to_alice("I have it")]})
    await played(f"{HI}Maya tells Alice: I have it", product)
    said = await failure(f"{HI}Maya tells Alice: I have it", Product(answers={**HELLO, say: [to_alice("Goodbye")]}))
    assert "but heard: Goodbye" in said
    assert "the desk  Maya: I have it (Alice)" in said
    nothing = await failure(f"{HI}Maya tells Alice: I have it", Product(answers=HELLO))
    assert "but the bot has said everything" in nothing


async def test_agents_come_and_leave() -> None:
    product = Product(answers={**HELLO, "Maya comes": [to_alice("Here")], "Maya leaves": [to_alice("Gone")]})
    await played(f"{HI}Maya comes to the desk\nbot: Here\nMaya leaves the desk\nbot: Gone", product)


async def test_a_refusal_has_to_stand_in_the_journey_with_its_reason() -> None:
    product = Product(answers=HELLO, refused=("Maya",))
    await played(f"{HI}Maya takes Alice's case, but is refused: taken", product)
    assert "the product refuses it: taken" in await failure(f"{HI}Maya takes Alice's case", product)
    willing = Product(answers=HELLO)
    assert "the product does it" in await failure(f"{HI}Maya takes Alice's case, but is refused: taken", willing)
