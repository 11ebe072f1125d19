"""Rasa's half of `trackers`: answers a conversation's id on each line of the input with its slots, as JSON.

Runs in Rasa's environment, from the project's root, and goes the way that Rasa's own tools go: through the tracker
store that endpoints.yml names.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from rasa.core.tracker_store import TrackerStore  # type: ignore[import-not-found]
from rasa.shared.core.domain import Domain  # type: ignore[import-not-found]
from rasa.utils.endpoints import read_endpoint_config  # type: ignore[import-not-found]


def main() -> None:
    domain = Domain.load("domain" if Path("domain").exists() else "domain.yml")
    store = TrackerStore.create(read_endpoint_config("endpoints.yml", "tracker_store"), domain=domain)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asyncio.run(_slots(store, line.strip())), ensure_ascii=False) + "\n")
        sys.stdout.flush()


async def _slots(store: Any, conversation: str) -> dict[str, Any]:
    tracker = await store.retrieve_full_tracker(conversation)
    return {} if tracker is None else dict(tracker.current_slot_values())


if __name__ == "__main__":
    main()
