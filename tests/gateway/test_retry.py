"""What follows a failed attempt, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.gateway.retry import MAX_ATTEMPTS, Again, Over, after_failure, backoff
from channels.contract import SendError


@pytest.mark.parametrize(
    ("error", "attempts", "repeatable", "decision"),
    [
        (SendError("flood", retry_after=7), 1, False, Again(wait=timedelta(seconds=7))),
        (SendError("flood", retry_after=1), 5, False, Again(wait=timedelta(seconds=16))),
        (SendError("no connection"), 1, False, Again(wait=timedelta(seconds=1))),
        (SendError("no connection"), MAX_ATTEMPTS, False, Over(state="failed")),
        (SendError("blocked", permanent=True), 1, False, Over(state="failed")),
        (SendError("no answer", uncertain=True), 1, False, Over(state="uncertain")),
        (SendError("no answer", uncertain=True), 1, True, Again(wait=timedelta(seconds=1))),
        (SendError("no answer", uncertain=True), MAX_ATTEMPTS, True, Over(state="failed")),
    ],
)
def test_decision(error: SendError, attempts: int, repeatable: bool, decision: Again | Over) -> None:
    assert after_failure(error, attempts=attempts, repeatable=repeatable) == decision


def test_backoff_doubles_up_to_ten_minutes() -> None:
    assert [backoff(n) for n in (1, 2, 3, 10, 11, 40)] == [1, 2, 4, 512, 600, 600]
