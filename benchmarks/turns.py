"""The example shop's own bot on our product: a plain answer, one from a custom action, small talk, and one in Chinese.

Stock Rasa is not beside it: training DIET, TED and UnexpecTED on the shop's examples takes longer than a benchmark may.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from benchmarks.figures import Load
from benchmarks.loads import talk
from benchmarks.ours import open_ours
from benchmarks.words import Conversation, Line

# Each is answered with one message.
_SAYINGS = ("when are you open?", "where is my order {number}?", "thank you", "订单 {number} 到哪里了？")
_ORDERS = (1042, 1043)
_POLITELY = ("", "hello, ", "please: ", "hi there, ", "excuse me, ", "hey, ", "ok, ", "sorry, ")


async def measure() -> dict[str, Load]:
    """All loads, one after the other, on one running product."""
    with tempfile.TemporaryDirectory() as folder:
        first = Line(text="hello", last=None)
        async with open_ours(Path(folder) / "shop", first, settings={}, actions=True) as ours:
            await talk(ours, _conversations(8), at_once=4)
            return {
                "one after the other": await talk(ours, _conversations(20), at_once=1),
                "16 at once": await talk(ours, _conversations(80), at_once=16),
            }


def _conversations(count: int) -> list[Conversation]:
    texts = itertools.cycle(
        opening + saying.format(number=number)
        for number, opening in itertools.product(_ORDERS, _POLITELY)
        for saying in _SAYINGS
    )
    return [[Line(text=next(texts), last=None) for _ in _SAYINGS] for _ in range(count)]


def table(loads: dict[str, Load]) -> str:
    head = f"{'the shop, on ours alone':<28}{'turns':>7}{'turns/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms/turn':>13}"
    return "\n".join([head, *(_line(name, load) for name, load in loads.items())])


def _line(name: str, load: Load) -> str:
    times = f"{1000 * load.p50:>9.1f}{1000 * load.p99:>9.1f}{1000 * load.cpu_a_turn:>13.1f}"
    return f"{name:<28}{load.turns:>7}{load.turns_a_second:>10.1f}{times}"
