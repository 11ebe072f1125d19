"""`python -m benchmarks.load.gateway`: the gateway as it is, but for what its surroundings would hold it to.

Telegram lets a bot send about 30 messages a second and WhatsApp a number 80 (channels/telegram/pace.py,
channels/whatsapp/__init__.py): with that the load would measure their limits. The web chat lets one address open a few
sockets a second, and here all customers are on one.
"""

from __future__ import annotations

import sys
from functools import partial

import bot.gateway.webchat.routes
import channels.telegram
import channels.whatsapp
from bot.gateway.cli import main
from bot.gateway.throttle import Throttles
from channels.pacing import Limit
from channels.telegram.pace import Rates

# As much as nobody can send; a moment, so that no more of it is written down than of the real limits.
_ANY = Limit(calls=1_000, seconds=0.001)


def lift() -> None:
    """Put what knows no limits where the gateway finds it."""
    rates = Rates(overall=_ANY, private=_ANY, group=_ANY)
    lifted = partial(channels.telegram.TelegramChannel, rates=rates)
    setattr(channels.telegram, "TelegramChannel", lifted)  # noqa: B010
    setattr(channels.whatsapp, "_OVERALL", (_ANY,))  # noqa: B010
    setattr(channels.whatsapp, "_EACH", (_ANY,))  # noqa: B010
    setattr(bot.gateway.webchat.routes, "Throttles", _unthrottled)  # noqa: B010


def _unthrottled(**_: object) -> Throttles:
    return Throttles(at_once=1_000_000, a_second=1_000_000)


if __name__ == "__main__":
    lift()
    sys.exit(main(["gateway"]))
