"""What the channels share about sending: waiting for a platform's rates."""

from __future__ import annotations

import pytest

from channels.contract import SendError
from channels.delivery import in_its_turn


async def test_a_call_that_nobody_waits_for_waits_for_the_platforms_rates_and_for_nothing_else() -> None:
    answers: list[SendError | None] = [SendError("slower", held_back=True, retry_after=0.001), None]

    async def call() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    await in_its_turn(call)
    assert answers == []
    answers += [SendError("no", retry_after=0.001), None]
    with pytest.raises(SendError, match="no"):
        await in_its_turn(call)
    answers[:] = [SendError("much slower", held_back=True, retry_after=3600)]
    with pytest.raises(SendError, match="much slower"):
        await in_its_turn(call)
