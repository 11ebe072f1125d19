"""What agents do with conversations: who has it afterwards, who is told no, and what nobody can claim."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.doings import Outcome, Outcomes
from bot.gateway.desk.pulse import Pulse
from bot.store.database import transaction
from bot.store.desk_tables import handoffs
from bot.store.handoffs import ask_desk
from bot.store.tables import messages
from bot.store.wake import notify, open_wake
from tests.database import Clock
from tests.gateway.desk.office import Office, office
from tests.gateway.desk.staff import Browser
from tests.gateway.desk.test_items import Town
from tests.gateway.people import rows

__all__ = ["office"]


async def do(browser: Browser, conversation: str, do: str, **more: Any) -> tuple[int, Any]:
    return await browser.post(f"/desk/api/conversations/{conversation}/do", {"do": do, **more})


async def test_two_take_it_in_the_same_moment_and_one_has_it(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    agents = {login: await office.comes(login) for login in ("maya", "ben")}
    answers = dict(
        zip(agents, await asyncio.gather(*(do(one, conversation, "take") for one in agents.values())), strict=True)
    )
    assert sorted(status for status, _ in answers.values()) == [200, 409]
    winner = next(login for login, (status, _) in answers.items() if status == 200)
    [loser] = [said for status, said in answers.values() if status == 409]
    assert loser == {"error": "taken", "has_it": office.agents[winner]}
    [row] = await rows(office.engine, handoffs)
    assert (row.state, row.agent_id) == ("agent", office.agents[winner])


async def test_who_asks_and_what_they_may_is_never_taken_from_the_request(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben, eve = await office.comes("maya"), await office.comes("ben"), await office.comes("eve", "supervisor")
    her = office.agents["maya"]
    forged = {"by": office.agents["ben"], "agent": office.agents["ben"], "type": "separate", "content": "x", "key": "k"}
    assert (await do(maya, conversation, "take", **forged))[0] == 200
    said = (await rows(office.engine, messages, author="agent"))[-1]
    assert said.content == {"do": "take", "by": her, "agent": her, "type": "desk"}
    assert await do(ben, conversation, "hand_back", over=True) == (409, {"error": "not_yours", "has_it": her})
    assert await do(ben, conversation, "assign", agent=her) == (403, {"error": "not_allowed"})
    assert (await do(eve, conversation, "take", over=True))[0] == 200
    for unknown in ("ask", "heard", "back", "requeue", "say", "drop", None, 7):
        assert (await do(maya, conversation, unknown))[0] == 422  # type: ignore[arg-type]


async def test_everything_else_that_agents_do_reaches_the_queue_as_the_core_reads_it(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben = await office.comes("maya"), await office.comes("ben")
    until = office.clock() + timedelta(hours=2)
    steps: list[tuple[Browser, str, dict[str, Any]]] = [
        (maya, "take", {}),
        (maya, "snooze", {"until": until.isoformat().replace("+00:00", "Z")}),
        (maya, "wake", {}),
        (maya, "set_slot", {"name": "order_number", "value": {"any": ["JSON", 1]}}),
        (maya, "transfer", {"agent": office.agents["ben"], "note": "a return"}),
        (ben, "hand_back", {"slots": {"return_reason": "damaged"}}),
        (ben, "take", {}),
        (ben, "close", {"reason": "solved", "ask_rating": True}),
    ]
    for browser, what, more in steps:
        assert (await do(browser, conversation, what, **more))[0] == 200, what
    queued = [row.content for row in await rows(office.engine, messages, author="agent")]
    her, him = office.agents["maya"], office.agents["ben"]
    asked = {"type": "desk", "by": her}
    assert queued[1:5] == [
        {**asked, "do": "snooze", "until": until.isoformat()},
        {**asked, "do": "wake", "agent": her},
        {**asked, "do": "set_slot", "name": "order_number", "value": {"any": ["JSON", 1]}},
        {**asked, "do": "transfer", "agent": him, "note": "a return"},
    ]
    assert queued[5]["slots"] == {"return_reason": "damaged"}
    assert queued[7] | {"by": him} == {
        "type": "desk",
        "do": "close",
        "by": him,
        "reason": "solved",
        "ask_rating": True,
    }
    status, shown = await ben.get(f"/desk/api/conversations/{conversation}")
    assert (status, shown["state"]) == (200, "closed")
    assert [one["state"] for one in shown["earlier"]] == ["closed", "returned"]
    assert [note["text"] for note in shown["notes"]] == ["a return"]


CASES: list[tuple[str, dict[str, Any]]] = [
    ("snooze", {}),
    ("snooze", {"until": "tomorrow"}),
    ("snooze", {"until": "2026-11-21T12:30:00"}),
    ("snooze", {"until": "2020-01-01T00:00:00Z"}),
    ("snooze", {"until": "2099-01-01T00:00:00Z"}),
    ("transfer", {}),
    ("transfer", {"team": 99}),
    ("transfer", {"agent": "nobody"}),
    ("transfer", {"agent": ["x"]}),
    ("close", {}),
    ("close", {"reason": "x" * 65}),
    ("set_slot", {"name": "a b", "value": 1}),
    ("set_slot", {"name": "a", "value": "x" * 10_001}),
    ("hand_back", {"slots": ["a"]}),
    ("hand_back", {"slots": {"": 1}}),
]


async def test_what_cannot_be_is_refused_before_it_is_queued(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    for what, more in CASES:
        status, said = await do(maya, conversation, what, **more)
        assert (status, said["error"]) == (422, "invalid"), (what, more)
    assert await do(maya, "nobodys", "take") == (404, {"error": "unknown"})
    assert await rows(office.engine, messages, author="agent") == []


async def test_what_has_not_had_its_turn_is_pending_and_what_has_is_told_to_all_who_wait(
    engine: AsyncEngine, clock: Clock
) -> None:
    town, pulse = Town(engine, clock), Pulse(lambda: open_wake(engine.url))
    outcomes = Outcomes(engine=engine, pulse=pulse)
    conversation = await town.writes("alice")
    async with transaction(engine) as connection:
        asked = {"do": "close", "by": "x"}
        message = await ask_desk(connection, conversation, asked, agent="x", now=clock())
    assert await outcomes.of(message, within=0.05) is None
    waiting = [asyncio.create_task(outcomes.of(message)) for _ in range(3)]
    async with transaction(engine) as connection:
        refused = sa.update(messages).where(messages.c.id == message).values(state="refused", error="already")
        await connection.execute(refused)
        await notify(connection)
    assert await asyncio.gather(*waiting) == [Outcome(state="refused", error="already")] * 3
    await outcomes.close()
    await pulse.close()
