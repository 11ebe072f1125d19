"""The documentation's examples are what Rasa and the core make of them today."""

from __future__ import annotations

import json
from pathlib import Path

from bot.core.preview import CHANNELS, preview

FOLDER = Path(__file__).resolve().parents[2] / "docs/messages"


def test_the_documented_kinds_are_what_becomes_of_them() -> None:
    documented = json.loads((FOLDER / "kinds.json").read_text(encoding="utf-8"))
    assert preview(FOLDER / "kinds.yml") == documented, "make it anew: `make docs`"


def test_a_variation_is_for_its_channel_alone() -> None:
    texts = {channel: content["text"] for channel, content in preview(FOLDER / "kinds.yml")["utter_variations"].items()}
    assert set(texts) == set(CHANNELS)
    assert len({texts["telegram"], texts["teams"], texts["whatsapp"]}) == 3
    assert texts["whatsapp"] == texts["webchat"]
