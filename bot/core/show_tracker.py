"""A conversation as Rasa sees it: `python -m bot.core.show_tracker <conversation>` prints its tracker as JSON.

It goes the way that Rasa's own tools go, through the tracker store that endpoints.yml names.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import EventVerbosity
from rasa.utils.endpoints import read_endpoint_config


def main(arguments: list[str] | None = None) -> int:
    """0: shown; 1: there is no such conversation."""
    parser = argparse.ArgumentParser(prog="python -m bot.core.show_tracker", description=(__doc__ or "").split(":")[0])
    parser.add_argument("conversation", nargs="?", help="its id; without it, the ids of all conversations are listed")
    parser.add_argument("--endpoints", default=os.environ.get("ENDPOINTS") or "endpoints.yml")
    parser.add_argument("--after-restart", action="store_true", help="leave out what came before the last restart")
    chosen = parser.parse_args(arguments)
    store = TrackerStore.create(read_endpoint_config(chosen.endpoints, "tracker_store"), domain=_domain())
    verbosity = EventVerbosity.AFTER_RESTART if chosen.after_restart else EventVerbosity.ALL
    return asyncio.run(_show(store, chosen.conversation, verbosity))


async def _show(store: TrackerStore, conversation: str | None, verbosity: EventVerbosity) -> int:
    if conversation is None:
        _print(json.dumps(sorted(await store.keys()), indent=2))
        return 0
    tracker = await store.retrieve_full_tracker(conversation)
    if tracker is None:
        sys.stderr.write(f"There is no conversation {conversation}.\n")
        return 1
    _print(json.dumps(tracker.current_state(verbosity), indent=2, ensure_ascii=False))
    return 0


def _domain() -> Domain:
    return Domain.load("domain" if Path("domain").exists() else "domain.yml")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
