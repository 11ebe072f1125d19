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

from sandbox.journeys.stack import TELEGRAM_SECRET, Stack, running_stack
from sandbox.telegram import UNLIMITED, BotAccount, TelegramServer, User

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
                    await _load(stack, telegram, bot, "one after the other", customers=20, turns=5, at_once=1),
                    await _load(stack, telegram, bot, "16 at once", customers=16, turns=25),
                ]


async def _load(
    stack: Stack,
    telegram: TelegramServer,
    bot: BotAccount,
    load: str,
    *,
    customers: int,
    turns: int,
    at_once: int | None = None,
) -> Figures:
    """`turns` of each customer, `at_once` of them side by side. Nobody is answered more often than Telegram lets a bot
    write to one person: a message a second, over ten seconds."""
    people = [telegram.user(f"{load} {number}") for number in range(customers)]
    room = asyncio.Semaphore(at_once or customers)

    async def talk(person: User, turns: int) -> list[float]:
        async with room:
            return await _talk(person, bot, turns)

    await asyncio.gather(*(talk(person, 2) for person in people))
    cpu, begun = _cpu(stack), time.perf_counter()
    times = await asyncio.gather(*(talk(person, turns) for person in people))
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
