"""What the responses of a domain file become on each channel, without a trained model: for documentation and for bot
builders who want to see it.

    python -m bot.core.preview FILE
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain

from bot.core.replies import content_of
from bot.store.content import content_to_json

CHANNELS = ("telegram", "whatsapp", "teams", "webchat")

Preview = dict[str, dict[str, Any]]


def preview(file: Path) -> Preview:
    """Response → channel → the message's content as `bot.store.content` writes it. Where a response has several
    variations for a channel, any of them. Raises Rasa's errors for a file that is no domain."""
    domain = Domain.load(str(file))
    return {name: dict(_on_each_channel(domain, name)) for name in domain.responses}


def _on_each_channel(domain: Domain, name: str) -> Iterator[tuple[str, Any]]:
    generator = TemplatedNaturalLanguageGenerator(domain.responses)
    for channel in CHANNELS:
        response = generator.generate_from_slots(name, {}, channel)
        if response is not None:
            yield channel, content_to_json(content_of(response))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    print(json.dumps(preview(parser.parse_args().file), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
