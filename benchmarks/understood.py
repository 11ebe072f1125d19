"""Which texts a trained model understands as they are meant. Runs in the core's environment, once for each model:

    python -m benchmarks.understood MODEL < texts.json > understood.json

Both files: {intent: [text, …]}. The comparison uses only what both sides understand, so that both give the same answers
and only their cost differs; how well each understands is measured elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


async def understood(parse: Any, texts: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Those that `parse`, Rasa's `Agent.parse_message`, takes for their intent."""
    found: dict[str, list[str]] = {}
    for intent, own in texts.items():
        parsed = [await parse(text) for text in own]
        found[intent] = [text for text, one in zip(own, parsed, strict=True) if one["intent"]["name"] == intent]
    return found


def main() -> None:
    from rasa.core.agent import Agent  # type: ignore[import-not-found, unused-ignore]  # the core's environment has it

    agent = Agent.load(sys.argv[1])
    json.dump(asyncio.run(understood(agent.parse_message, json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
