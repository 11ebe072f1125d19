"""A turn from the customer's message to the bot's answer on the phone: webhook, accept, claim, Rasa, commit, send.

Telegram is the sandbox's server in this process, without flood limits. CPU time is that of all our processes together
(gateway, core worker, action server), not of the sandbox.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox.telegram import UNLIMITED, BotAccount, TelegramServer, User
from tests.acceptance.stack import TELEGRAM_SECRET, Stack, running_stack

TOKEN = "1234567890:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105  # the sandbox's
# A plain answer, one from a custom action, small talk, and one in Chinese: each is answered with one message.
WORDS = ("when are you open?", "where is my order 1043?", "thank you", "订单 1043 到哪里了？")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One load. Times in milliseconds."""

    load: str
    turns: int
    turns_a_second: float
    p50: float
    p99: float
    cpu: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_line(self) -> str:
        times = f"{self.p50:>9.1f}{self.p99:>9.1f}{self.cpu:>13.1f}"
        return f"{self.load:<28}{self.turns:>7}{self.turns_a_second:>10.1f}{times}"


async def measure() -> list[Figures]:
    """All loads, one after the other, on one running product."""
    with tempfile.TemporaryDirectory() as folder:
        async with TelegramServer(limits=UNLIMITED) as telegram:
            bot = telegram.bot(TOKEN)
            async with running_stack(Path(folder), telegram_url=telegram.url, telegram_token=TOKEN) as stack:
                webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
                await telegram.call(bot, "setWebhook", webhook)
                await _load(stack, telegram, bot, "warming up", customers=4, turns=8)
                return [
                    await _load(stack, telegram, bot, "1 customer", customers=1, turns=100),
                    await _load(stack, telegram, bot, "16 customers", customers=16, turns=25),
                    await _load(stack, telegram, bot, "1 customer, turns 400-500", customers=1, turns=100, before=400),
                ]


async def _load(
    stack: Stack, telegram: TelegramServer, bot: BotAccount, load: str, *, customers: int, turns: int, before: int = 0
) -> Figures:
    people = [telegram.user(f"{load} {number}") for number in range(customers)]
    await asyncio.gather(*(_talk(person, bot, 2 + before) for person in people))
    cpu, begun = _cpu(stack), time.perf_counter()
    times = await asyncio.gather(*(_talk(person, bot, turns) for person in people))
    took, used = time.perf_counter() - begun, _cpu(stack) - cpu
    every = [1000 * each for own in times for each in own]
    return Figures(
        load=load,
        turns=len(every),
        turns_a_second=len(every) / took,
        p50=statistics.median(every),
        p99=statistics.quantiles(every, n=100)[98],
        cpu=1000 * used / len(every),
    )


async def _talk(person: User, bot: BotAccount, turns: int) -> list[float]:
    """Seconds from each message to its answer."""
    times = []
    for turn in range(turns):
        begun = time.perf_counter()
        await person.say(bot, WORDS[turn % len(WORDS)])
        await person.next_message(timeout=120)
        times.append(time.perf_counter() - begun)
    return times


def _cpu(stack: Stack) -> float:
    total = 0.0
    for process in stack.processes.values():
        root = psutil.Process(process.pid)
        for each in (root, *root.children(recursive=True)):
            spent = each.cpu_times()
            total += spent.user + spent.system
    return total
