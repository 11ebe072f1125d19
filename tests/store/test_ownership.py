"""Who owns a conversation: whatever is asked, in whatever order, late or twice, exactly one has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.ownership import (
    AGENT,
    ASK,
    ASSIGN,
    BACK,
    BOT,
    CLOSE,
    CLOSED,
    DOINGS,
    HAND_BACK,
    HEARD,
    QUEUED,
    REQUEUE,
    SNOOZE,
    SNOOZED,
    TAKE,
    TRANSFER,
    WAKE,
    Doing,
    Ownership,
    Refused,
    after,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AGENTS = ("maya", "sam", "lin")

ownerships = st.one_of(
    st.just(Ownership()),
    st.just(Ownership(CLOSED)),
    st.builds(Ownership, st.just(QUEUED), st.none(), st.sampled_from([None, 1, 2])),
    st.builds(Ownership, st.just(AGENT), st.sampled_from(AGENTS), st.sampled_from([None, 1])),
    st.builds(Ownership, st.just(SNOOZED), st.sampled_from(AGENTS), st.none(), st.just(NOON)),
)
doings = st.builds(
    Doing,
    do=st.sampled_from([*DOINGS, "nonsense"]),
    by=st.sampled_from([*AGENTS, "customer", "bot", "product"]),
    agent=st.one_of(st.none(), st.sampled_from(AGENTS)),
    team=st.sampled_from([None, 1, 2]),
    over=st.booleans(),
    until=st.sampled_from([None, NOON, NOON + timedelta(hours=1)]),
)


@given(st.lists(doings, max_size=30), st.data())
def test_any_order_of_doings_keeps_exactly_one_owner(asked: list[Doing], data: st.DataObject) -> None:
    now = Ownership()
    for doing in asked:
        times = data.draw(st.integers(1, 2))  # some are told twice
        for _ in range(times):
            outcome = after(now, doing)
            now = now if isinstance(outcome, Refused) else outcome
            assert_one_owner(now)


@given(ownerships, doings)
def test_what_is_refused_says_why_and_who_has_it(now: Ownership, doing: Doing) -> None:
    outcome = after(now, doing)
    if isinstance(outcome, Refused):
        assert outcome.reason in ("taken", "not_waiting", "not_yours", "not_asleep", "already", "unknown")
        assert outcome.has_it in (None, now.agent)


@given(ownerships, st.sampled_from(AGENTS), st.sampled_from(AGENTS), st.booleans())
def test_of_two_who_take_it_one_has_it_and_the_other_is_told(
    now: Ownership, one: str, other: str, swapped: bool
) -> None:
    free = Ownership(QUEUED) if now.state != QUEUED else now
    first, second = (one, other) if not swapped else (other, one)
    taken = after(free, Doing(TAKE, first, agent=first))
    assert taken == Ownership(AGENT, first, free.team)
    outcome = after(taken, Doing(TAKE, second, agent=second))
    assert outcome == Refused("already" if first == second else "taken", first)


@given(ownerships)
def test_the_customer_can_go_back_to_the_bot_at_any_time(now: Ownership) -> None:
    outcome = after(now, Doing(BACK, "customer"))
    assert outcome == (Ownership() if now.with_people else Refused("already"))


@given(ownerships, doings)
def test_nothing_but_its_agent_a_supervisor_the_customer_or_their_absence_takes_it_from_an_agent(
    now: Ownership, doing: Doing
) -> None:
    outcome = after(now, doing)
    if now.agent is not None and isinstance(outcome, Ownership) and outcome.agent != now.agent:
        assert (
            doing.over or doing.by == now.agent or doing.do == BACK or (doing.do, doing.agent) == (REQUEUE, now.agent)
        )


@pytest.mark.parametrize(
    ("now", "doing", "outcome"),
    [
        (Ownership(), Doing(ASK, "bot", team=2), Ownership(QUEUED, team=2)),
        (Ownership(QUEUED), Doing(ASK, "bot"), Refused("already")),
        (Ownership(CLOSED), Doing(ASK, "bot"), Ownership(QUEUED)),
        (Ownership(), Doing(TAKE, "maya", agent="maya"), Ownership(AGENT, "maya")),
        (Ownership(AGENT, "maya"), Doing(TAKE, "sam", agent="sam", over=True), Ownership(AGENT, "sam")),
        (Ownership(QUEUED, team=1), Doing(ASSIGN, "product", agent="lin"), Ownership(AGENT, "lin", 1)),
        (Ownership(AGENT, "maya"), Doing(ASSIGN, "product", agent="lin"), Refused("not_waiting", "maya")),
        (Ownership(AGENT, "maya"), Doing(TRANSFER, "maya", team=2), Ownership(QUEUED, team=2)),
        (Ownership(AGENT, "maya"), Doing(TRANSFER, "maya", agent="sam"), Ownership(AGENT, "sam")),
        (Ownership(AGENT, "maya"), Doing(TRANSFER, "sam", agent="sam"), Refused("not_yours", "maya")),
        (Ownership(AGENT, "maya", 1), Doing(REQUEUE, "product", agent="maya"), Ownership(QUEUED, team=1)),
        (Ownership(AGENT, "sam"), Doing(REQUEUE, "product", agent="maya"), Refused("not_yours", "sam")),
        (Ownership(AGENT, "maya"), Doing(HAND_BACK, "maya"), Ownership(BOT)),
        (Ownership(AGENT, "maya"), Doing(HAND_BACK, "sam"), Refused("not_yours", "maya")),
        (Ownership(AGENT, "maya"), Doing(SNOOZE, "maya", until=NOON), Ownership(SNOOZED, "maya", None, NOON)),
        (Ownership(SNOOZED, "maya", None, NOON), Doing(HEARD, "customer"), Ownership(AGENT, "maya")),
        (Ownership(SNOOZED, "maya", None, NOON), Doing(WAKE, "product", "maya", until=NOON), Ownership(AGENT, "maya")),
        (
            Ownership(SNOOZED, "maya", None, NOON + timedelta(hours=1)),
            Doing(WAKE, "product", "maya", until=NOON),
            Refused("not_asleep", "maya"),
        ),
        (Ownership(CLOSED), Doing(HEARD, "customer"), Ownership()),
        (Ownership(AGENT, "maya"), Doing(CLOSE, "maya"), Ownership(CLOSED)),
        (Ownership(), Doing(CLOSE, "maya"), Refused("already")),
    ],
)
def test_each_doing(now: Ownership, doing: Doing, outcome: Ownership | Refused) -> None:
    assert after(now, doing) == outcome


def assert_one_owner(now: Ownership) -> None:
    owner = {BOT: "bot", CLOSED: "bot", QUEUED: "queue", AGENT: now.agent, SNOOZED: now.agent}[now.state]
    assert now.owner == owner
    assert (now.agent is not None) == (now.state in (AGENT, SNOOZED))
    assert (now.until is not None) == (now.state == SNOOZED)
    assert now.with_people == (now.owner != "bot")
