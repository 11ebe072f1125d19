"""Every channel with settings of no account, good for what is pure."""

from __future__ import annotations

from collections.abc import Mapping

from channels.contract import Channel
from tests.channels.test_contract import CASES


def every_channel() -> Mapping[str, Channel]:
    """By name."""
    return {name: case.make() for name, case in CASES.items()}
