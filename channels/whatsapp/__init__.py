"""WhatsApp, through the Business Cloud API. Knows no database, no Rasa and no web server.

webhook.py    whether Meta sent it (pure)
payload.py    the envelope of a webhook; people.py who it is from (both pure)
inbound.py    a webhook's bytes → the contract's words; news.py what they tell of what is known already (both pure)
outbound.py   the contract's words → parts, one message each; titles.py its labels, markup.py its formatting (all pure)
api.py        the Graph API itself; media.py its files; errors.py, answers.py what it answers; pairs.py how long to
              leave one person alone
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar
from urllib.parse import quote

from channels.contract import Answer, Inbound, News, Outbound, SendError, Sent, Unread, Webhook
from channels.delivery import deliver
from channels.pacing import Book, Limit, Pace

from . import inbound, news, webhook
from .api import GraphApi
from .errors import PairLimit, RateLimit
from .outbound import Part, described, render
from .pairs import PairBackoff

__all__ = ["DEFAULT_API_URL", "LARGEST_WEBHOOK", "WEBHOOK_PATH", "WhatsAppChannel"]

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/webhooks/whatsapp"
# https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
LARGEST_WEBHOOK = 3 * 1024 * 1024
DEFAULT_API_URL = "https://graph.facebook.com/v26.0"

_OVERALL = (Limit(calls=80, seconds=1),)
_EACH = (Limit(calls=45, seconds=270),)
"""Meta takes 45 at once, and then nothing until it would have taken as many at one every 6 seconds.
https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput"""
_ANY_LINK = "https://example.com"

_TOKEN = re.compile(r"[\x21-\x7e]+")
_API_URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]+)?/v[0-9]+\.[0-9]+/?")


class WhatsAppChannel:
    """One phone number of a WhatsApp Business account.

    link:          mints the URL for `Content.invite`; asked once per attempt; raises SendError
    api_url:       Graph's address with the version
    phone_number:  the number in deep links, as people write it; asked of Meta when first needed if not given
    timeout:       seconds to wait for Meta's answer, all in all
    patience:      seconds that one message may wait, all in all, for its parts after the first
    book:          where it is kept how fast it was; this process's own, unless one is given

    Raises ValueError, naming the setting, if one cannot be right.
    """

    name: ClassVar[str] = "whatsapp"
    repeatable: ClassVar[bool] = False
    """The Cloud API has no idempotency key: the same call twice is two messages."""
    window: ClassVar[timedelta | None] = timedelta(hours=24)
    """Later only templates may be sent, which are not used here.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages"""
    sign_lasts: ClassVar[timedelta | None] = timedelta(seconds=25)
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators"""
    webhook_set_at: ClassVar[str] = (
        "developers.facebook.com/apps → your app → WhatsApp → Configuration → Webhook, with WHATSAPP_VERIFY_TOKEN"
    )

    def __init__(
        self,
        *,
        access_token: str,
        app_secret: str,
        verify_token: str,
        phone_number_id: str,
        link: Callable[[Outbound], Awaitable[str]],
        api_url: str = DEFAULT_API_URL,
        phone_number: str | None = None,
        timeout: float = 15.0,
        patience: float = 30.0,
        book: Book | None = None,
    ) -> None:
        _check_settings(access_token, app_secret, verify_token, phone_number_id, api_url)
        self._app_secret = app_secret
        self._verify_token = verify_token
        self._phone_number_id = phone_number_id
        self._phone_number = phone_number
        self._link = link
        self._patience = patience
        self._pace = Pace(name="whatsapp", overall=_OVERALL, each=_EACH, book=book)
        self._pairs = PairBackoff()
        self._api = GraphApi(access_token=access_token, phone_number_id=phone_number_id, url=api_url, timeout=timeout)
        self.lost_acknowledgements = 0

    async def start(self) -> None:
        """Open the HTTP client. Asks Meta nothing: the gateway starts while Meta is away."""
        await self._api.open()

    async def close(self) -> None:
        await self._api.close()

    def challenge(self, request: Webhook) -> str:
        """The body that answers Meta's GET with 200. Raises WebhookRejected: 403."""
        return webhook.challenge(request, self._verify_token)

    async def verify(self, request: Webhook) -> None:
        webhook.check_signature(request, self._app_secret)

    def read(self, request: Webhook) -> list[Inbound | Unread]:
        return inbound.read(request, self._phone_number_id)

    def news(self, request: Webhook) -> list[News]:
        """Receipts, edits and deletions, and changed numbers."""
        return news.news(request, self._phone_number_id)

    def answer(self, request: Webhook) -> Answer | None:
        """Meta wants nothing but a 200."""
        return None

    async def send(self, message: Outbound) -> Sent:
        """Once the first part is out, SendError is never retryable: another attempt would say it again. `Sent` means
        that Meta took the message; whether it arrived, a status tells."""
        link = await self._link(message) if message.content.invite else None
        parts = render(message, link)
        if not parts:
            raise SendError("the message holds nothing to show", permanent=True)

        async def send(part: Part) -> str:
            return await self._send(message.address, part)

        return await deliver(send, parts, patience=self._patience)

    async def _send(self, address: str, part: Part) -> str:
        await self._pace.turn(address)
        try:
            platform_id = await self._api.send(address, part.message)
        except PairLimit as error:
            wait = self._pairs.refused(address)
            await self._pace.hold(address, wait)
            raise SendError(error.reason, retry_after=wait) from None
        except RateLimit as error:
            await self._pace.hold_all(error.retry_after or 0)
            raise
        self._pairs.taken(address)
        return platform_id

    def shows(self, message: Outbound) -> list[str]:
        return [described(part) for part in render(message, _ANY_LINK if message.content.invite else None)]

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        """Nothing: a business can neither change nor take back what it sent. A tap on an old button is answered."""

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        """`ref`: Meta's id of the file, good for seven days."""
        return await self._api.fetch(ref, limit)

    async def acknowledge(self, inbound: Inbound) -> None:
        """Blue ticks and the typing sign. Nothing to repair if they do not show."""
        if inbound.platform_id is None:
            return
        try:
            await self._api.mark_read(inbound.platform_id)
        except SendError as error:
            self.lost_acknowledgements += 1
            log.info("whatsapp: a message was not marked as read: %s", error.reason)

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        if platform_id is None:
            return
        try:
            await self._api.mark_read(platform_id)
        except SendError as error:
            log.info("whatsapp: the typing sign was not shown: %s", error.reason)

    async def deep_link(self, code: str | None) -> str:
        """https://faq.whatsapp.com/5913398998672934"""
        self._phone_number = self._phone_number or await self._api.display_phone_number()
        chat = f"https://wa.me/{_digits(self._phone_number)}"
        return chat if code is None else f"{chat}?text={quote(inbound.link_text(code), safe='')}"

    async def check(self) -> str:
        """Whose number Meta says ours is. Raises SendError."""
        return f"{await self._api.display_phone_number()}, the token works"

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers with which Meta would bring these very bytes: for whoever plays Meta to their own gateway."""
        return {
            webhook.SIGNATURE_HEADER: webhook.signature(body, self._app_secret),
            "Content-Type": "application/json",
        }


def _digits(number: str) -> str:
    return "".join(character for character in number if character in "0123456789")


def _check_settings(access_token: str, app_secret: str, verify_token: str, phone_number_id: str, api_url: str) -> None:
    """With an empty secret everybody could sign."""
    tokens = {
        "WHATSAPP_ACCESS_TOKEN": access_token,
        "WHATSAPP_APP_SECRET": app_secret,
        "WHATSAPP_VERIFY_TOKEN": verify_token,
    }
    for setting, value in tokens.items():
        if not _TOKEN.fullmatch(value):
            raise ValueError(f"{setting} is empty, or holds a space or a character that is not ASCII")
    if not re.fullmatch(r"[0-9]{5,20}", phone_number_id):
        raise ValueError("WHATSAPP_PHONE_NUMBER_ID must be digits: the id of the number, not the number itself")
    if not _API_URL.fullmatch(api_url):
        raise ValueError(f"WHATSAPP_API_URL must end in Graph's version, as {DEFAULT_API_URL} does")
