"""What a journey's lines mean, and what is said of a line that means nothing."""

from __future__ import annotations

import re

import pytest

from sandbox.journeys.language import (
    MAIL,
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
from sandbox.journeys.parser import FORMS, NotUnderstood, parse


def lines_of(text: str) -> list[Line]:
    return list(parse(f"# A title\n{text}", "a.journey").lines)


def only(text: str) -> Line:
    [line] = lines_of(text)
    return line


def refusal(text: str) -> str:
    with pytest.raises(NotUnderstood) as refused:
        parse(text, "a.journey")
    return str(refused.value)


def test_the_first_remark_is_the_title_and_the_others_are_remarks() -> None:
    journey = parse("# Alice comes back\n# remark\nlanguage: zh\n\nAlice: hi\n# remark\n", "a.journey")
    assert (journey.title, journey.language, len(journey.lines)) == ("Alice comes back", "zh", 1)


ACTS = {
    "Alice on the website: I want: a refund": ("says", Place(channel="webchat"), "I want: a refund"),
    "Alice: 2": ("says", Place(), "2"),
    "小美 on Telegram: 我想退货": ("says", Place(channel="telegram"), "我想退货"),
    "Alice in Family: anybody home?": ("says", Place(group="Family"), "anybody home?"),
    "Alice: bot: hello": ("says", Place(), "bot: hello"),
}


@pytest.mark.parametrize("text", ACTS)
def test_people_say(text: str) -> None:
    _, place, words = ACTS[text]
    who = text.split()[0].rstrip(":")
    assert only(text) == Says(number=2, source=text, who=who, place=place, words=words)


def test_in_a_group_something_may_be_said_to_the_bot() -> None:
    text = "Alice in Family to the bot: when are you open?"
    place = Place(group="Family")
    words = "when are you open?"
    assert only(text) == Says(number=2, source=text, who="Alice", place=place, words=words, to_the_bot=True)


@pytest.mark.parametrize(
    "line",
    [
        Taps(number=2, source="Alice taps [Refund]", who="Alice", label="Refund"),
        Taps(number=2, source="Bob on Teams taps [退款]", who="Bob", place=Place(channel="teams"), label="退款"),
        Sends(number=2, source="Alice sends a picture", who="Alice", thing="a picture"),
        Sends(number=2, source="Alice sends a file: look", who="Alice", thing="a file", words="look"),
        Sends(
            number=2,
            source="Alice on WhatsApp sends a voice message",
            who="Alice",
            place=Place(channel="whatsapp"),
            thing="a voice message",
        ),
        Opens(number=2, source="Alice opens the website", who="Alice", place=Place(channel="webchat")),
        Follows(number=2, source="Alice follows the link", who="Alice", owner="Alice"),
        Follows(number=2, source="Mallory follows Alice's link", who="Mallory", owner="Alice"),
        Changes(number=2, source="Alice changes that to: 1046", who="Alice", words="1046"),
        TakesBack(number=2, source="Alice takes that back", who="Alice"),
        Gathers(
            number=2,
            source="Family is a group of Alice, Bob and Carol on Telegram",
            title="Family",
            members=("Alice", "Bob", "Carol"),
            channel="telegram",
        ),
        Gathers(
            number=2,
            source="Kitchen is a channel of Dora, Erik on Teams",
            title="Kitchen",
            members=("Dora", "Erik"),
            channel="teams",
            of_a_team=True,
        ),
        TypesCode(
            number=2, source="Mei types the code that Telegram showed", who="Mei", shown_on="telegram", owner="Mei"
        ),
        TypesCode(
            number=2,
            source="小美 on WhatsApp types the code that the website showed",
            who="小美",
            place=Place(channel="whatsapp"),
            shown_on="webchat",
            owner="小美",
        ),
        TypesCode(
            number=2,
            source="Mallory in Family types the code that Mei's website showed",
            who="Mallory",
            place=Place(group="Family"),
            shown_on="webchat",
            owner="Mei",
        ),
        TypesCode(number=2, source="Mei types the code from her mail", who="Mei", shown_on=MAIL, owner="Mei"),
        TypesCode(number=2, source="Bob types the code from Mei's mail", who="Bob", shown_on=MAIL, owner="Mei"),
        TypesCode(number=2, source="Mallory types a wrong code", who="Mallory"),
        Blocks(number=2, source="Mei on Teams blocks the bot", who="Mei", place=Place(channel="teams")),
        Unblocks(number=2, source="Mei unblocks the bot", who="Mei"),
        HasMail(number=2, source="Mei's mail is mei.tan@example.com", who="Mei", address="mei.tan@example.com"),
        GetsMail(number=2, source="Mei gets mail: order 1042", who="Mei", words="order 1042"),
        SetsLanguage(number=2, source="Mei's Telegram is in Chinese", who="Mei", channel="telegram", language="zh"),
        SetsLanguage(number=2, source="Mei’s website is in English", who="Mei", channel="webchat", language="en"),
        TimePasses(number=2, source="ten minutes pass", seconds=600),
        TimePasses(number=2, source="an hour passes", seconds=3600),
        TimePasses(number=2, source="2 days pass", seconds=172_800),
        BotIsDone(number=2, source="bot has said everything"),
        NeverHeard(number=2, source="Mallory has never heard: 1042", who="Mallory", words="1042"),
        Slots(
            number=2,
            source="slots of Alice: return_reason = damaged, return_store = nothing",
            who="Alice",
            values=(("return_reason", "damaged"), ("return_store", None)),
        ),
    ],
    ids=lambda line: line.source,
)
def test_a_line_is_read(line: Line) -> None:
    assert only(line.source) == line


def test_the_bots_words_have_gaps() -> None:
    line = only("bot: Order 1042 … SingPost ... Items")
    assert isinstance(line, BotSays)
    assert line.fragments == ("Order 1042", "SingPost", "Items")


def test_a_message_of_the_bots_is_for_whoever_did_something_last_unless_it_says_for_whom() -> None:
    lines = lines_of("bot: a\nbot to Bob: a\nbot eventually to Bob on Teams: a\nbot in Family: a")
    assert [(line.who, line.place, line.eventually) for line in lines if isinstance(line, BotSays)] == [
        ("", Place(), False),
        ("Bob", Place(), False),
        ("Bob", Place(channel="teams"), True),
        ("", Place(group="Family"), False),
    ]


def test_what_is_beneath_belongs_to_the_message_above() -> None:
    line = only(
        "bot: Which?\n    [A] [B, or C]\n    [D] …\n    with a link to WhatsApp\n    with a picture\n    with a file"
    )
    assert isinstance(line, BotSays)
    assert (line.buttons, line.more_buttons) == (("A", "B, or C", "D"), True)
    assert (line.link_to, line.carries) == ("whatsapp", ("a picture", "a file"))


def test_without_an_ellipsis_the_buttons_are_all_there_are() -> None:
    line = only("bot: Which?\n[A] [B]")
    assert isinstance(line, BotSays)
    assert (line.buttons, line.more_buttons) == (("A", "B"), False)


WRONG = {
    "Alice: hi": (1, "the first line has to be the title"),
    "# T": (1, "there is nothing in this journey"),
    "# T\nAlice shouts hi": (2, "Alice on the website: I want to return the blue kettle"),
    "# T\n\nAlice on Signal: hi": (3, "a channel is the website, Telegram, WhatsApp or Teams"),
    "# T\nAlice sends a cake": (2, "people send a picture, a file"),
    "# T\nbot mumbles": (2, "bot eventually: Order 1042"),
    "# T\nbot says: hi": (2, "what the bot does can be:"),
    "# T\n[Refund]": (2, "beneath a message of the bot's"),
    "# T\nAlice: hi\n    with a picture": (3, "beneath a message of the bot's"),
    "# T\nbot: hi\n    with a cake": (3, "a picture, a file, a location, a code or a link to Telegram"),
    "# T\nbot: hi\n    with a link to Signal": (3, "a channel is"),
    "# T\nlanguage: de": (2, "the language is en or zh"),
    "# T\nAlice: hi\nlanguage: zh": (3, "before the first line"),
    "# T\nFamily is a group of Alice on WhatsApp": (2, "a group is on Telegram or Teams"),
    "# T\nKitchen is a channel of Alice on Telegram": (2, "a channel of several people is on Teams"),
    "# T\nAlice types the code from Telegram": (2, "Alice types the code that Telegram showed"),
    "# T\nAlice's WhatsApp is in Chinese": (2, "WhatsApp tells nobody which language it is in"),
    "# T\nseven minutes pass": (2, "a time is written in digits"),
    "# T\nslots of Alice: reason": (2, "name = value"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_line_that_means_nothing_is_named_with_what_could_stand_there(text: str) -> None:
    number, hint = WRONG[text]
    said = refusal(text)
    assert said.startswith(f"a.journey, line {number}: ")
    assert hint in said
    assert text.splitlines()[number - 1].strip() in said


def test_every_form_that_is_shown_can_be_read() -> None:
    title, *forms = FORMS.splitlines()
    written = "\n".join(re.split(r"\s{2,}", form.strip())[0] for form in forms)
    assert len(parse(f"{title}\n{written}", "forms").lines) > 30


DESK = [
    ComesToTheDesk(number=2, source="小林 comes to the desk", agent="小林"),
    LeavesTheDesk(number=2, source="Maya leaves the desk", agent="Maya"),
    Takes(number=2, source="Maya takes Alice's case", agent="Maya", who="Alice"),
    Takes(number=2, source="Sam takes Mei’s case, but is refused: taken", agent="Sam", who="Mei", refused="taken"),
    Gives(number=2, source="Maya gives Alice's case to Sam", agent="Maya", who="Alice", to="Sam"),
    HandsBack(number=2, source="Maya hands Alice back", agent="Maya", who="Alice"),
    HandsBack(
        number=2,
        source="Maya hands Alice back with reason = damaged, store = nothing",
        agent="Maya",
        who="Alice",
        settled=(("reason", "damaged"), ("store", None)),
    ),
    HandsBack(
        number=2,
        source="Maya hands Alice back with reason = damaged, but is refused: not_yours",
        agent="Maya",
        who="Alice",
        settled=(("reason", "damaged"),),
        refused="not_yours",
    ),
    Closes(number=2, source="Maya closes Alice's case", agent="Maya", who="Alice"),
    Closes(
        number=2, source="Maya closes Alice's case and asks how it was", agent="Maya", who="Alice", asks_rating=True
    ),
    Tells(number=2, source="Maya tells Alice: now: this", agent="Maya", who="Alice", words="now: this"),
    Tells(
        number=2,
        source="Maya tells Alice on Telegram: hello",
        agent="Maya",
        who="Alice",
        place=Place(channel="telegram"),
        words="hello",
    ),
]


@pytest.mark.parametrize("line", DESK, ids=lambda line: line.source)
def test_agents_do_something_at_the_desk(line: Line) -> None:
    assert only(line.source) == line
