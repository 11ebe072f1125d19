"""`python -m benchmarks.gateway`: the gateway as it is, but for one thing: it may speak to Telegram as fast as it can.

Telegram lets a bot send about 30 messages a second (channels/telegram/pace.py). With that the benchmark would measure
Telegram's limit and not the product.
"""

from __future__ import annotations

import sys
from functools import partial

import channels.telegram
from bot.gateway.cli import main
from channels.pacing import Limit
from channels.telegram.pace import Rates

_ANY = Limit(calls=1_000, seconds=0.001)  # as many as there can be, and a short list of them to keep


if __name__ == "__main__":
    lifted = partial(channels.telegram.TelegramChannel, rates=Rates(overall=_ANY, private=_ANY, group=_ANY))
    setattr(channels.telegram, "TelegramChannel", lifted)  # noqa: B010  # where the gateway finds it
    sys.exit(main(["gateway"]))
