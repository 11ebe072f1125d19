"""The phone beside the shop: one person, with an account in each of the apps, and the page's line to them.

`line` says what goes over the wire; `telegram`, `whatsapp` and `teams` each play one app's account.
"""

from .accounts import Account, App
from .line import Phones
from .teams import TeamsApp
from .telegram import TelegramApp
from .whatsapp import WhatsAppApp

__all__ = ["Account", "App", "Phones", "TeamsApp", "TelegramApp", "WhatsAppApp"]
