"""Conversations that change hands: bot, queue, agents, and back, on the real worker with a trained assistant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.content import content_to_json
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents, audit, handoffs, notes, teams
from bot.store.handoffs import ask_desk
from bot.store.tables import conversations, events, identities, messages, open_channels
from channels.contract import Content, Option
from tests.core.playing import Actions
from tests.core.test_links import Person
from tests.core.test_worker import Office, now, office

__all__ = ["office"]


class Desk:
    """Agents who work on the office's database."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def opens(self, *names: str) -> Desk:
        """These agents are at their desks."""
        async with transaction(self._office.engine) as connection:
            for name in names:
                await connection.execute(
                    sa.insert(agents).values(
                        id=name.lower(),
                        login=name.lower(),
                        name=name,
                        role="agent",
                        languages=[],
                        topics=[],
                        capacity=5,
                        availability="available",
                        seen_at=now() + timedelta(hours=1),
                        created_at=now(),
                    )
                )
        return self

    async def does(self, person: Person, do: str, by: str = "maya", **more: Any) -> tuple[str, str | None]:
        """What came of it, and why not."""
        message = await self.asks(person, do, by, **more)
        await self._office.people.waits_for(message)
        async with reading(self._office.engine) as connection:
            row = (await connection.execute(sa.select(messages).where(messages.c.id == message))).one()
        return row.state, row.error

    async def asks(self, person: Person, do: str, by: str = "maya", **more: Any) -> int:
        async with transaction(self._office.engine) as connection:
            return await ask_desk(
                connection, await person.conversation(), {"do": do, "by": by, **more}, agent=by, now=now()
            )

    async def says(self, person: Person, words: str, by: str = "maya", **more: Any) -> tuple[str, str | None]:
        return await self.does(person, "say", by, agent=by, content=content_to_json(Content(text=words)), **more)

    async def handoff(self) -> Any:
        """The newest stretch."""
        async with reading(self._office.engine) as connection:
            found = await connection.execute(sa.select(handoffs).order_by(handoffs.c.id.desc()).limit(1))
            return found.first()

    async def owner(self, person: Person) -> str:
        async with reading(self._office.engine) as connection:
            found = await connection.execute(
                sa.select(conversations.c.owner).where(conversations.c.id == await person.conversation())
            )
            return str(found.scalar_one())

    async def log(self) -> list[tuple[str, str]]:
        async with reading(self._office.engine) as connection:
            rows = (await connection.execute(sa.select(audit.c.who, audit.c.what).order_by(audit.c.id))).all()
            return [(row.who, row.what) for row in rows]


@pytest.fixture
async def website(office: Office) -> Person:
    return await served(office, "webchat")


@pytest.fixture
async def phone(office: Office) -> Person:
    return await served(office, "telegram")


@pytest.fixture
async def desk(office: Office) -> Desk:
    return Desk(office)


async def served(office: Office, channel: str) -> Person:
    async with transaction(office.engine) as connection:
        await connection.execute(sa.insert(open_channels).values(name=channel, opened_at=now()))
    return await Person(office, channel).begin()


async def told(office: Office, person: Person) -> list[str]:
    """All that was said to them, in order."""
    rows = await office.people.replies(await person.conversation())
    return [str(row.content.get("text")) for row in rows]


async def settled(office: Office) -> None:
    """Until everything in every queue had its turn."""
    while True:
        async with reading(office.engine) as connection:
            waiting = await connection.execute(
                sa.select(messages.c.id).where(messages.c.direction == "in", messages.c.state == "waiting")
            )
            numbers = list(waiting.scalars())
        if not numbers:
            return
        await office.people.waits_for(*numbers)


async def events_of(office: Office, person: Person) -> list[dict[str, Any]]:
    async with reading(office.engine) as connection:
        found = await connection.execute(
            sa.select(events.c.data)
            .where(events.c.conversation_id == await person.conversation())
            .order_by(events.c.seq)
        )
        return list(found.scalars())


async def waits_in_the_queue(office: Office, person: Person) -> None:
    await office.people.waits_for(await person.says("human"))
    await settled(office)


async def test_an_agent_takes_over_in_the_middle_of_a_form_and_the_bot_asks_the_very_question_again(
    office: Office, actions: Actions, website: Person, desk: Desk
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await website.says_and_hears("return")
        assert await website.says_and_hears("the lamp") == ["Why?"]
        await waits_in_the_queue(office, website)
        assert (await desk.handoff()).state == "queued"
        assert await website.says_and_hears("hello?") == []
        assert await desk.does(website, "take", agent="maya") == ("done", None)
        assert await website.says_and_hears("broken") == []
        assert await desk.says(website, "Let me look") == ("done", None)
        assert await desk.does(website, "hand_back") == ("done", None)
        assert await website.says_and_hears("broken") == ["the lamp goes back"]
    assert await told(office, website) == [
        *("Which item?", "Why?", "You are number 1", "Maya is here", "Let me look", "I am back", "Why?"),
        "the lamp goes back",
    ]
    assert await desk.owner(website) == "bot"
    row = await desk.handoff()
    assert (row.state, row.agent_id, row.topic, row.why) == ("returned", "maya", "returns", "asked")
    assert row.asked_at <= row.taken_at <= row.answered_at <= row.ended_at
    assert await desk.log() == [("bot", "ask"), ("maya", "take"), ("maya", "hand_back")]


async def test_while_people_have_it_words_are_recorded_as_understood_and_nothing_is_predicted(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        before = len(await events_of(office, website))
        assert await website.says_and_hears("faq") == []
        assert await website.says_and_hears({"type": "media", "kind": "picture", "text": "", "outcome": "stored"}) == []
    said, picture = (await events_of(office, website))[before:]
    assert (said["event"], said["text"], said["parse_data"]["intent"]["name"]) == ("user", "faq", "faq")
    assert (picture["event"], picture["text"]) == ("user", '/unsupported_message{"kind": "picture"}')


async def test_every_change_of_hands_and_an_agents_words_are_events_of_rasas(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya", "Sam")
    async with office.worker():
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        await desk.says(website, "Good day")
        await desk.does(website, "transfer", agent="sam")
        await desk.does(website, "hand_back", by="sam")
    changes = [
        (event["event"], event.get("text") or event["metadata"]["handoff"])
        for event in await events_of(office, website)
        if event["event"] == "agent" or "handoff" in event.get("metadata", {})
    ]
    assert changes == [
        ("pause", {"by": "bot", "why": "asked"}),
        ("pause", {"state": "agent", "agent": "maya", "by": "maya", "why": "take"}),
        ("agent", "Good day"),
        ("pause", {"state": "agent", "agent": "sam", "by": "maya", "why": "transfer"}),
        ("resume", {"by": "sam", "why": "hand_back"}),
    ]


async def test_of_two_agents_who_take_it_at_the_same_moment_one_has_it_and_the_other_is_told(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya", "Sam")
    async with office.worker():
        await waits_in_the_queue(office, website)
    first = await desk.asks(website, "take", "sam", agent="sam")
    second = await desk.asks(website, "take", "maya", agent="maya")
    async with office.worker():
        await office.people.waits_for(first, second)
    rows = {row.id: (row.state, row.error) for row in await office.people.rows(await website.conversation())}
    assert (rows[first], rows[second]) == (("done", None), ("refused", "taken"))
    assert await desk.owner(website) == "sam"


async def test_what_was_settled_is_in_the_bots_slots_when_it_goes_on(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        assert await website.says_and_hears("return") == ["Which item?"]
        await desk.does(website, "take", agent="maya")
        assert await desk.does(website, "hand_back", slots={"nonsense": 1}) == ("refused", "no_slot")
        assert await desk.does(website, "hand_back", slots={"item": "the chair"}) == ("done", None)
        assert await website.says_and_hears("broken") == ["the chair goes back"]
    assert (await told(office, website))[-3:] == ["I am back", "Why?", "the chair goes back"]


async def test_a_slot_is_edited_at_the_desk(office: Office, website: Person, desk: Desk, actions: Actions) -> None:
    await desk.opens("Maya", "Sam")
    async with office.worker():
        await website.says_and_hears("return")
        await website.says_and_hears("the lamp")
        assert await desk.does(website, "set_slot", name="item", value="the chair") == ("done", None)
        await desk.does(website, "take", agent="maya")
        refused = await desk.does(website, "set_slot", by="sam", name="item", value="the bed")
        assert refused == ("refused", "not_yours")
        await desk.does(website, "hand_back")
        assert await website.says_and_hears("broken") == ["the chair goes back"]


async def test_the_customer_goes_back_to_the_bot_by_the_button_or_by_its_words(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await website.says_and_hears("return")
        await waits_in_the_queue(office, website)
        question = (await office.people.replies(await website.conversation()))[-1]
        tap = {"type": "choice", "message": question.id, "option": 0, "label": "Back to the bot"}
        assert await website.says_and_hears(tap) == ["I am back", "Which item?"]
        assert await desk.owner(website) == "bot"
        await waits_in_the_queue(office, website)
        assert await website.says_and_hears("1") == []  # may be meant for people
        await desk.does(website, "take", agent="maya")
        assert await website.says_and_hears("back to the bot") == []  # a number or two later it is words again
        await desk.does(website, "hand_back")
        await waits_in_the_queue(office, website)
        assert await website.says_and_hears("Back to the bot") == ["I am back", "Which item?"]
    assert (await desk.handoff()).state == "returned"


async def test_the_agents_words_follow_the_customer_from_channel_to_channel(
    office: Office, website: Person, phone: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await website.says_and_hears("return")
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        await desk.says(website, "One moment")
        await office.people.waits_for(await phone.opens_link_of(website))
        assert await phone.says_and_hears("I am on my way home") == []
        await desk.says(website, "Have a good trip")
        await desk.says(website, "This is for the website", to=website.identity)
        await desk.does(website, "hand_back")
    rows = await office.people.replies(await website.conversation())
    assert [(row.channel, row.content["text"]) for row in rows[-6:]] == [
        ("webchat", "One moment"),
        ("telegram", "Here too"),
        ("telegram", "Have a good trip"),
        ("webchat", "This is for the website"),
        ("telegram", "I am back"),
        ("telegram", "Which item?"),
    ]
    assert [(row.author, row.agent_id) for row in rows[-4:-2]] == [("agent", "maya")] * 2


async def test_whoever_waits_elsewhere_and_is_linked_keeps_their_place(
    office: Office, website: Person, phone: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await website.says_and_hears("good day")
        await phone.says_and_hears("good day")
        await waits_in_the_queue(office, phone)
        old = await phone.conversation()
        await office.people.waits_for(await phone.opens_link_of(website))
        assert await website.says_and_hears("are you there?") == []
        assert await desk.owner(website) == "queue"
        assert await desk.does(website, "take", agent="maya") == ("done", None)
        assert await desk.says(website, "Yes") == ("done", None)
    row = await desk.handoff()
    assert (row.conversation_id, row.state) == (await website.conversation(), "agent")
    async with reading(office.engine) as connection:
        found = await connection.execute(sa.select(conversations.c.owner).where(conversations.c.id == old))
        assert found.scalar_one() == "bot"


async def test_nobody_is_there_and_a_message_is_left(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    async with office.worker():
        await waits_in_the_queue(office, website)
        assert await told(office, website) == ["Nobody is there"]
        assert await desk.owner(website) == "bot"
        assert await website.says_and_hears("faq") == ["Returns are free"]
        await office.people.waits_for(await website.says({"type": "choice", **await self_made_tap(office, website)}))
        await settled(office)
        assert await website.says_and_hears("My lamp hums") == ["It is noted"]
        assert await website.says_and_hears("and flickers") == []
    row = await desk.handoff()
    assert (row.state, row.left_message, row.why) == ("queued", True, "message_left")
    assert (await told(office, website))[-2:] == ["Write it here", "It is noted"]


async def self_made_tap(office: Office, person: Person) -> dict[str, Any]:
    """A button that an agent or an action had offered."""
    async with transaction(office.engine) as connection:
        offered = content_to_json(Content(text="?", options=(Option(title="Leave", payload="/leave_message"),)))
        last = (await office.people.replies(await person.conversation()))[-1]
        await connection.execute(sa.update(messages).where(messages.c.id == last.id).values(content=offered))
    return {"message": last.id, "option": 0, "label": "Leave"}


async def test_outside_its_hours_the_team_says_when_it_is_there(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    tomorrow = now() + timedelta(days=1)
    weekly = {tomorrow.strftime("%a").lower(): [["09:00", "17:00"]]}
    async with transaction(office.engine) as connection:
        await connection.execute(
            sa.insert(teams).values(
                id=1,
                name="Care",
                topics=["returns"],
                hours={"timezone": "UTC", "weekly": weekly, "closed": []},
                answer_within=60,
                assignment="pulled",
                created_at=now(),
            )
        )
    await desk.opens("Maya")
    async with office.worker():
        await waits_in_the_queue(office, website)
    assert await told(office, website) == [f"Nobody before {tomorrow:%A} 09:00"]


async def test_an_agent_who_is_gone_leaves_the_conversation_in_its_place_in_the_queue(
    office: Office, website: Person, phone: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await waits_in_the_queue(office, website)
        since = (await desk.handoff()).queued_at
        await desk.does(website, "take", agent="maya")
        await waits_in_the_queue(office, phone)
        assert await desk.does(website, "requeue", by="product", agent="sam", why="gone") == ("refused", "not_yours")
        assert await desk.does(website, "requeue", by="product", agent="maya", why="gone") == ("done", None)
        await settled(office)
    assert (await told(office, website))[-1] == "Again number 1"
    async with reading(office.engine) as connection:
        found = await connection.execute(sa.select(handoffs).order_by(handoffs.c.id).limit(1))
        row = found.one()
    assert (row.state, row.agent_id, row.queued_at) == ("queued", None, since)


async def test_whoever_writes_while_they_wait_is_told_a_new_place_not_the_same_one(
    office: Office, website: Person, phone: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await waits_in_the_queue(office, website)
        await waits_in_the_queue(office, phone)
        assert (await told(office, phone))[-1] == "You are number 2"
        assert await phone.says_and_hears("still there?") == []
        await desk.does(website, "take", agent="maya")
        async with transaction(office.engine) as connection:
            await connection.execute(sa.update(handoffs).values(told_at=now() - timedelta(minutes=2)))
        assert await phone.says_and_hears("and now?") == ["Now number 1"]
        assert await phone.says_and_hears("thanks") == []


async def test_closing_asks_how_it_was_and_the_answer_is_kept(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        assert await desk.does(website, "close", reason="solved", ask_rating=True) == ("done", None)
        question = (await office.people.replies(await website.conversation()))[-1]
        assert question.content["text"] == "How was it?"
        tap = {"type": "choice", "message": question.id, "option": 0, "label": "Good"}
        await office.people.waits_for(await website.says(tap))
        await settled(office)
        assert await website.says_and_hears("faq") == ["Returns are free"]
    row = await desk.handoff()
    assert (row.state, row.reason, row.rating) == ("closed", "solved", 4)


async def test_where_nothing_may_be_written_any_more_the_customer_is_told_nothing(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    async with office.worker():
        await website.says_and_hears("return")
        await waits_in_the_queue(office, website)
        before = await told(office, website)
        assert await desk.does(website, "take", agent="maya", quiet=True) == ("done", None)
        assert await desk.does(website, "hand_back", quiet=True) == ("done", None)
        assert await desk.does(website, "take", agent="maya", quiet=True) == ("done", None)
        assert await desk.does(website, "close", reason="solved", ask_rating=True, quiet=True) == ("done", None)
    assert await told(office, website) == before
    assert await desk.owner(website) == "bot"


async def test_what_is_snoozed_comes_back_when_the_customer_writes(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya")
    until = (now() + timedelta(hours=2)).isoformat()
    async with office.worker():
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        assert await desk.does(website, "snooze", until=until) == ("done", None)
        assert (await desk.handoff()).state == "snoozed"
        assert await website.says_and_hears("one more thing") == []
        row = await desk.handoff()
        assert (row.state, row.agent_id, row.snoozed_until) == ("agent", "maya", None)
        assert await desk.does(website, "wake", by="product", agent="maya", until=until) == ("refused", "not_asleep")


async def test_words_of_an_agent_who_does_not_have_it_or_cannot_reach_anybody_are_refused(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya", "Sam")
    async with office.worker():
        await waits_in_the_queue(office, website)
        assert await desk.says(website, "Hello") == ("refused", "not_yours")
        await desk.does(website, "take", agent="maya")
        assert await desk.says(website, "Hello", by="sam") == ("refused", "not_yours")
        assert await desk.says(website, "Hello", to=website.identity + 1) == ("refused", "unreachable")
        async with transaction(office.engine) as connection:
            await connection.execute(sa.update(identities).values(blocked_at=now()))
        assert await desk.says(website, "Hello") == ("refused", "unreachable")
    assert "Hello" not in await told(office, website)


async def test_a_note_for_the_next_colleague_stays_between_them(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    await desk.opens("Maya", "Sam")
    async with office.worker():
        await waits_in_the_queue(office, website)
        await desk.does(website, "take", agent="maya")
        assert await desk.does(website, "transfer", agent="nobody") == ("refused", "unknown")
        assert await desk.does(website, "transfer", agent="sam", note="is in a hurry") == ("done", None)
    assert (await told(office, website))[-1] == "Sam goes on"
    async with reading(office.engine) as connection:
        row = (await connection.execute(sa.select(notes))).one()
    assert (row.agent_id, row.text) == ("maya", "is in a hurry")
    assert "is in a hurry" not in str(await events_of(office, website))


async def test_an_assistant_that_pauses_itself_hands_over_to_people(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    async with office.worker():
        await office.people.waits_for(await website.says("good day"))
        actions.body = {"events": [{"event": "pause"}], "responses": []}
        await office.people.waits_for(await website.says("look up"))
        await settled(office)
        assert await desk.owner(website) == "queue"
        assert await website.says_and_hears("faq") == ["It is noted"]
    assert (await desk.handoff()).why == "action"


async def test_a_conversation_that_was_paused_elsewhere_goes_to_people_at_its_next_message(
    office: Office, website: Person, desk: Desk, actions: Actions
) -> None:
    async with transaction(office.engine) as connection:
        await connection.execute(
            sa.insert(events).values(
                conversation_id=await website.conversation(),
                seq=1,
                type="pause",
                timestamp=1.0,
                data={"event": "pause", "timestamp": 1.0},
            )
        )
    async with office.worker():
        await office.people.waits_for(await website.says("faq"))
        await settled(office)
    assert await desk.owner(website) == "queue"
    assert "Returns are free" not in await told(office, website)
