"""Our product beside stock Rasa 3.6, in one run on one machine; README.md says what is measured and what it means."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bots import Trained, configure_as_ours, environment, trained, write_bot
from benchmarks.comparison import LONG_ENOUGH, Measured
from benchmarks.figures import Growth, Load, added, together
from benchmarks.loads import Progress, grow, talk
from benchmarks.ours import Ours, open_ours
from benchmarks.sides import Side
from benchmarks.stock import StockRasa, open_stock
from benchmarks.words import Conversation, Line, Script, examples, last_words, repeated, variations
from sandbox.journeys.stack import CORE_PYTHON, ROOT

PARTS = ("training", "start", "turns", "growth")
"""What can be measured by itself. `start` includes the memory, and `turns` what the gateway adds."""

_CUSTOMERS = 16
_ROUNDS = 3
# Conversations of four turns: those of each round; those before, so that nothing is met for the first time; and those
# of one customer at a time.
_CROWD, _WARM_UP, _ALONE = 60, 12, 25
# More than any intent needs, so that no text is said twice.
_CANDIDATES = 240
_STOCK_TURNS = 300


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Both sides, and the share of messages whose text had been said before."""

    stock: Measured
    ours: Measured
    repeated: float | None


NOTHING = Compared(stock=Measured(), ours=Measured(), repeated=None)


@dataclass(frozen=True, kw_only=True)
class _Bots:
    """The same bot, trained for each side, and where what customers say to it comes from."""

    stock: Trained
    ours: Trained
    texts: Mapping[str, list[str]]
    responses: Mapping[str, str]

    def script(self) -> Script:
        return Script(texts=self.texts, responses=self.responses)


async def compare(parts: Collection[str], *, again: bool, progress: Progress) -> Compared:
    """Measure some of PARTS. `again`: train even if there are models of the same bot."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = _train(folder, again=again, progress=progress)
        stock, ours = (Measured(training=model.seconds, training_cpu=model.cpu_seconds) for model in models)
        share = None
        if set(parts) - {"training"}:
            bots = _with_words(folder, *models, progress)
            async with _both(folder, bots, progress) as (one, other):
                stock, ours = replace(stock, started=one.started), replace(ours, started=other.started)
                if "turns" in parts:
                    stock, ours, share = await _turns(one, other, bots, stock, ours, progress)
                stock, ours = replace(stock, memory=one.memory()), replace(ours, memory=other.memory())
                if "growth" in parts:
                    stock = replace(stock, growth=await _growth(one, bots, turns=_STOCK_TURNS, progress=progress))
                    ours = replace(ours, growth=await _growth(other, bots, turns=None, progress=progress))
    return Compared(stock=stock, ours=ours, repeated=share)


def _train(folder: Path, *, again: bool, progress: Progress) -> tuple[Trained, Trained]:
    """The bot for both sides, in folders `stock` and `ours`."""
    for name in ("stock", "ours"):
        write_bot(folder / name)
    configure_as_ours(folder / "ours")
    progress("training the bot as stock Rasa has it, unless there is a model (a minute or two)")
    stock = trained(folder / "stock", again=again)
    progress("training the bot as our assistant has it, unless there is a model")
    return stock, trained(folder / "ours", again=again)


def _with_words(folder: Path, stock: Trained, ours: Trained, progress: Progress) -> _Bots:
    progress("looking for texts that both understand")
    return _Bots(
        stock=stock,
        ours=ours,
        texts=_texts((folder / "stock/data/nlu.yml").read_text(encoding="utf-8"), stock, ours),
        responses=last_words((folder / "stock/domain.yml").read_text(encoding="utf-8")),
    )


def _texts(nlu: str, *bots: Trained) -> dict[str, list[str]]:
    """What all of the bots understand."""
    texts = {intent: variations(own)[:_CANDIDATES] for intent, own in examples(nlu).items()}
    understood = [_understood(texts, bot) for bot in bots]
    return {
        intent: [text for text in own if all(text in each[intent] for each in understood)]
        for intent, own in texts.items()
    }


def _understood(texts: Mapping[str, list[str]], bot: Trained) -> dict[str, list[str]]:
    """Kept beside the model: a thousand messages take DIET a while."""
    asked = json.dumps(texts)
    kept = bot.model.with_name(f"understood-{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json")
    if not kept.exists():
        command: list[str | Path] = [CORE_PYTHON, "-m", "benchmarks.understood", bot.model]
        done = subprocess.run(  # noqa: S603
            command, input=asked, capture_output=True, check=True, text=True, cwd=ROOT, env=environment()
        )
        kept.write_text(done.stdout.splitlines()[-1] + "\n", encoding="utf-8")
    found: dict[str, list[str]] = json.loads(kept.read_text(encoding="utf-8"))
    return found


@contextlib.asynccontextmanager
async def _both(folder: Path, bots: _Bots, progress: Progress) -> AsyncIterator[tuple[StockRasa, Ours]]:
    """Started one after the other."""
    first = bots.script().short(1)[0][0]
    progress("starting stock Rasa")
    async with open_stock(folder / "running-stock", bots.stock.model, first) as stock:
        progress(f"stock Rasa answered after {stock.started:.1f} s; starting ours")
        async with _ours(folder, bots, first) as ours:
            progress(f"ours answered after {ours.started:.1f} s")
            yield stock, ours


def _ours(folder: Path, bots: _Bots, first: Line) -> contextlib.AbstractAsyncContextManager[Ours]:
    # The bot has no custom actions, so neither side has an action server.
    settings = {"MODELS_DIR": str(bots.ours.model.parent), "ENDPOINTS": str(folder / "ours/no-endpoints.yml")}
    return open_ours(folder / "running-ours", first, settings=settings)


async def _turns(
    stock: StockRasa, ours: Ours, bots: _Bots, of_stock: Measured, of_ours: Measured, progress: Progress
) -> tuple[Measured, Measured, float]:
    """Both hear the same conversations, by turns, so that whatever else the machine does meets both."""
    script = bots.script()
    first, alone = script.short(_WARM_UP), script.short(_ALONE)
    for side in (stock, ours):
        progress(f"{side.name}: one customer at a time")
        await talk(side, first, at_once=4)
    of_stock = replace(of_stock, alone=await talk(stock, alone, at_once=1))
    load = await talk(ours, alone, at_once=1)
    of_ours = replace(of_ours, alone=load, added=await _added(ours, load))
    rounds = [script.short(_CROWD) for _ in range(_ROUNDS)]
    stock_crowd, our_crowd = [], []
    for conversations in rounds:
        stock_crowd.append(await _crowd(stock, conversations, progress))
        our_crowd.append(await _crowd(ours, conversations, progress))
    said = [conversation for each in (first, alone, *rounds) for conversation in each]
    return (
        replace(of_stock, crowd=together(stock_crowd)),
        replace(of_ours, crowd=together(our_crowd)),
        repeated(said),
    )


async def _crowd(side: Side, conversations: Sequence[Conversation], progress: Progress) -> Load:
    load = await talk(side, conversations, at_once=_CUSTOMERS)
    progress(f"{side.name}, {_CUSTOMERS} customers: {load}")
    return load


async def _added(ours: Ours, load: Load) -> float | None:
    """What was around Rasa in turns taken one after the other, if every one of them was answered and logged."""
    inside = await ours.inside_rasa(load.turns)
    return added(load.times, inside) if len(inside) == load.turns and not load.failed else None


async def _growth(side: Side, bots: _Bots, *, turns: int | None, progress: Progress) -> Growth:
    return await grow(side, bots.script().endless(), events=LONG_ENOUGH, turns=turns, progress=progress)
