"""Who owns a conversation: one state machine, pure.

    bot ──ask──► queued ──take, assign──► agent ──hand_back──► bot
     ▲             │  ▲                    │  ▲
     │           back └──requeue, transfer─┤  └─wake, heard─┐
     │             ▼                       └──snooze──► snoozed
     └──heard── closed ◄──close── queued, agent, snoozed

A doing is asked for by somebody and takes its place in the conversation's own queue; what becomes of it, the state
decides that it meets there. Doings may come late and twice: then they are refused with a reason, and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Optional, Union

BOT, QUEUED, AGENT, SNOOZED, CLOSED = "bot", "queued", "agent", "snoozed", "closed"

ASK, TAKE, ASSIGN, TRANSFER, REQUEUE = "ask", "take", "assign", "transfer", "requeue"
HAND_BACK, BACK, SNOOZE, WAKE, HEARD, CLOSE = "hand_back", "back", "snooze", "wake", "heard", "close"

DOINGS = (ASK, TAKE, ASSIGN, TRANSFER, REQUEUE, HAND_BACK, BACK, SNOOZE, WAKE, HEARD, CLOSE)

WHY_ASKED = ("asked", "not_understood", "action", "stepped_in", "message_left")
"""Why a conversation left the bot: the customer asked; they were not understood; the bot builder's own policy; an agent
stepped in; nobody was there, and a message was left."""


@dataclass(frozen=True)
class Ownership:
    """Who has it now. Exactly one of: the bot (`bot`, `closed`), a queue (`queued`), an agent (`agent`, `snoozed`)."""

    state: str = BOT
    agent: Optional[str] = None
    team: Optional[int] = None
    """Whose queue it waits in, or came from; empty: anybody's."""
    until: Optional[datetime] = None
    """When what is snoozed comes back."""

    @property
    def owner(self) -> str:
        """As `conversations.owner` has it: `bot`, `queue` or the agent's id."""
        if self.state == QUEUED:
            return "queue"
        return self.agent if self.state in (AGENT, SNOOZED) and self.agent else "bot"

    @property
    def with_people(self) -> bool:
        """Whether the bot is silent."""
        return self.state in (QUEUED, AGENT, SNOOZED)


@dataclass(frozen=True)
class Doing:
    """One thing that somebody wants done with the ownership.

    do:      one of `DOINGS`
    by:      an agent's id, or `customer`, `bot`, `product`
    agent:   whom it is for (`take`, `assign`, `transfer`), or who had it, as the asker knew (`requeue`, `wake`)
    team:    whose queue (`ask`, `transfer`)
    over:    the asker may take it out of another's hands: a supervisor
    until:   of `snooze`
    """

    do: str
    by: str
    agent: Optional[str] = None
    team: Optional[int] = None
    over: bool = False
    until: Optional[datetime] = None


@dataclass(frozen=True)
class Refused:
    """The doing came to nothing. `reason` is `taken` (another agent has it), `not_waiting`, `not_yours`, `not_asleep`,
    `already` (it is so already) or `unknown`."""

    reason: str
    has_it: Optional[str] = None
    """The agent who has the conversation."""


def after(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """The ownership once the doing is done."""
    decide = _DECIDE.get(doing.do)
    return decide(now, doing) if decide else Refused("unknown", now.agent)


def _ask(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    return Refused("already", now.agent) if now.with_people else Ownership(QUEUED, team=doing.team)


def _take(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """An agent takes what waits, or steps in while the bot has it."""
    if now.agent == doing.agent and now.state in (AGENT, SNOOZED):
        return Refused("already", now.agent) if now.state == AGENT else Ownership(AGENT, doing.agent, now.team)
    if now.state in (AGENT, SNOOZED) and not doing.over:
        return Refused("taken", now.agent)
    return Ownership(AGENT, doing.agent, now.team) if doing.agent else Refused("unknown", now.agent)


def _assign(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """Somebody else gives it to an agent: what waits only."""
    if now.state != QUEUED:
        return Refused("not_waiting", now.agent)
    return Ownership(AGENT, doing.agent, now.team) if doing.agent else Refused("unknown")


def _transfer(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """To another agent, or to a team's queue."""
    if now.state == QUEUED and not doing.over and doing.agent is not None:
        return Refused("not_yours")
    if now.state not in (QUEUED, AGENT, SNOOZED) or not _may(now, doing):
        return Refused("not_yours", now.agent)
    if doing.agent is None:
        same = now.state == QUEUED and now.team == doing.team
        return Refused("already") if same else Ownership(QUEUED, team=doing.team)
    return Refused("already", now.agent) if now.agent == doing.agent else Ownership(AGENT, doing.agent, now.team)


def _requeue(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """The agent is gone, or does not answer."""
    if now.state != AGENT or now.agent != doing.agent:
        return Refused("not_yours", now.agent)
    return Ownership(QUEUED, team=now.team)


def _hand_back(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    if not now.with_people:
        return Refused("already")
    return Ownership() if _may(now, doing) else Refused("not_yours", now.agent)


def _back(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """The customer would rather go on with the bot, at any time."""
    return Ownership() if now.with_people else Refused("already")


def _snooze(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    if now.state not in (AGENT, SNOOZED) or now.agent != doing.by or doing.until is None:
        return Refused("not_yours", now.agent)
    return replace(now, state=SNOOZED, until=doing.until)


def _wake(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """The time is over; nobody's word for a later time is undone by it."""
    if now.state != SNOOZED or now.agent != doing.agent or (doing.until and now.until and now.until > doing.until):
        return Refused("not_asleep", now.agent)
    return Ownership(AGENT, now.agent, now.team)


def _heard(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    """The customer has said something."""
    if now.state == SNOOZED:
        return Ownership(AGENT, now.agent, now.team)
    return Ownership() if now.state == CLOSED else Refused("already", now.agent)


def _close(now: Ownership, doing: Doing) -> Union[Ownership, Refused]:
    if not now.with_people:
        return Refused("already")
    return Ownership(CLOSED) if _may(now, doing) else Refused("not_yours", now.agent)


def _may(now: Ownership, doing: Doing) -> bool:
    """What is in an agent's hands is theirs; what waits is everybody's."""
    return doing.over or now.agent is None or now.agent == doing.by


_DECIDE: dict[str, Any] = {
    ASK: _ask,
    TAKE: _take,
    ASSIGN: _assign,
    TRANSFER: _transfer,
    REQUEUE: _requeue,
    HAND_BACK: _hand_back,
    BACK: _back,
    SNOOZE: _snooze,
    WAKE: _wake,
    HEARD: _heard,
    CLOSE: _close,
}
