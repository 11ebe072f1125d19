"""Whether a request comes from Meta: the signature under every delivery, and the handshake that registers the address.

Pure. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
"""

from __future__ import annotations

import hashlib
import hmac
import re

from channels.contract import Webhook, WebhookRejected

SIGNATURE_HEADER = "X-Hub-Signature-256"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,256}")


def signature(body: bytes, app_secret: str) -> str:
    """What Meta writes into the header over these very bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def check_signature(webhook: Webhook, app_secret: str) -> None:
    """Raises WebhookRejected unless the body was signed with the app's secret."""
    given = webhook.headers.get(SIGNATURE_HEADER, "")
    if not _same(given, signature(webhook.body, app_secret)):
        raise WebhookRejected(f"{SIGNATURE_HEADER} is missing or wrong")


def challenge(webhook: Webhook, verify_token: str) -> str:
    """The answer to Meta's GET, which registers the address. Raises WebhookRejected.

    Meta's challenges are numbers; one that is anything else is not echoed, so that nobody has us say what they like.
    """
    if webhook.query.get("hub.mode") != "subscribe":
        raise WebhookRejected("hub.mode is not subscribe")
    if not _same(webhook.query.get("hub.verify_token", ""), verify_token):
        raise WebhookRejected("hub.verify_token is missing or wrong")
    given = webhook.query.get("hub.challenge", "")
    if not _CHALLENGE.fullmatch(given):
        raise WebhookRejected("hub.challenge is missing or odd")
    return given


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
