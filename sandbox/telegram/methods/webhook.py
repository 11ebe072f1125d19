"""Where updates go: https://core.telegram.org/bots/api#setwebhook"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import Json, bad_request
from ..updates import Webhook
from .call import Call

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PORTS = (80, 88, 443, 8443)


async def set_webhook(call: Call) -> bool:
    url = call.params.text("url").strip()
    if not url:
        return await delete_webhook(call)
    _check_url(url)
    webhook = Webhook(url=url, secret_token=_secret(call), max_connections=_max_connections(call))
    call.bot.delivery.allow(_allowed_updates(call))
    if call.params.flag("drop_pending_updates"):
        call.bot.delivery.drop_pending()
    call.bot.delivery.point_at(webhook)
    return True


async def delete_webhook(call: Call) -> bool:
    if call.params.flag("drop_pending_updates"):
        call.bot.delivery.drop_pending()
    call.bot.delivery.point_at(None)
    return True


async def get_webhook_info(call: Call) -> Json:
    delivery = call.bot.delivery
    webhook = delivery.webhook
    info: Json = {
        "url": webhook.url if webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": delivery.pending(),
    }
    if webhook:
        info["max_connections"] = webhook.max_connections
    if delivery.named:
        info["allowed_updates"] = list(delivery.named)
    if delivery.last_error:
        at, words = delivery.last_error
        info |= {"last_error_date": int(at.timestamp()), "last_error_message": words}
    return info


def _check_url(url: str) -> None:
    """The real Telegram takes HTTPS only, on four ports, and no private address; ours also takes any loopback address,
    which is where a sandbox lives."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad_request("invalid webhook URL specified") from None
    if not host or parts.scheme not in ("http", "https"):
        raise bad_request("invalid webhook URL specified")
    if host in _LOOPBACK:
        return
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if port not in (None, *_PORTS):
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def _secret(call: Call) -> str:
    secret = call.params.text("secret_token")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise bad_request("secret token contains unallowed characters")
    return secret


def _max_connections(call: Call) -> int:
    """Telegram brings a wrong number within bounds without a word."""
    return min(100, max(1, call.params.integer("max_connections", absent=40)))


def _allowed_updates(call: Call) -> tuple[str, ...] | None:
    kinds = call.params.parsed("allowed_updates", "allowed updates")
    if kinds is None:
        return None
    if not isinstance(kinds, list):
        raise bad_request("can't parse allowed updates: an Array of String is expected")
    return tuple(str(kind) for kind in kinds)
