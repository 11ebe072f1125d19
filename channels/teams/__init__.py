"""Microsoft Teams, through botbuilder's types and its connector. Knows no database, no Rasa and no web server.

tokens.py    is a webhook from Teams (keys.py: Microsoft's public keys)
inbound.py   a webhook's bytes → the contract's words (pure); what an invoke is answered; attachments.py what came along
outbound.py  the contract's words → parts, one activity each (pure); markdown.py what it formats and escapes,
             emphasis.py where a style may begin and end
connector.py the port to the SDK; login.py the bot's token; errors.py what went wrong, as the contract's errors
files.py     what customers sent, fetched
address.py   where a reply goes; service_urls.py where a token may go; wire.py HTTP
manifest.py  the app package for Teams
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import ClassVar

from channels.contract import (
    Answer,
    Inbound,
    Outbound,
    Reach,
    Revised,
    SendError,
    Sent,
    Unread,
    Webhook,
    WebhookRejected,
)
from channels.delivery import deliver, in_its_turn
from channels.pacing import Book, Limit, Pace

from . import inbound
from .address import Address, BadAddress, parse
from .connector import BotFrameworkConnector, Connector
from .errors import TooMany
from .files import Files
from .keys import KeySet
from .login import Login
from .manifest import App, package
from .outbound import Part, in_words, render, without_buttons
from .service_urls import PUBLIC_HOSTS, NotAllowed, ServiceUrls, is_host, is_loopback
from .tokens import check_token
from .wire import Wire

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/api/messages"
OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
LOGIN_URL = "https://login.microsoftonline.com/botframework.com"
_TRAVEL = 0.2
"""Seconds that one call may be longer under way than the next: Teams counts when they arrive."""
PER_THREAD = (
    Limit(calls=7, seconds=1 + _TRAVEL),
    Limit(calls=8, seconds=2 + _TRAVEL),
    Limit(calls=60, seconds=30 + _TRAVEL),
    Limit(calls=1800, seconds=3600 + _TRAVEL),
)
"""https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit#per-bot-per-thread-limit"""

_UNKNOWN_WAIT = 1.0
"""Seconds, where Teams does not say how long to wait."""
_ANY_LINK = "https://example.com/"
"""In the place of the invitation's, which is minted for one attempt only."""


class TeamsChannel:
    """One bot in Teams: personal chats, and what is said to it in group chats and channels.

    login_url:      Microsoft's log-in with its tenant; `https://login.microsoftonline.com/<tenant id>` for a bot of one
                    tenant
    service_hosts:  hosts that the bot's token may be sent to
    link:           mints the URL for `Content.invite`; asked once per attempt; raises SendError
    development:    no tokens, neither checked nor sent; activities and service URLs on loopback only
    timeout:        seconds to wait for an answer
    patience:       seconds that one message may wait, all in all, for its parts after the first
    pace:           how fast one chat is written to
    book:           where it is kept how fast it was; this process's own, unless one is given

    Raises ValueError, naming the setting, if one cannot be right.
    """

    name: ClassVar[str] = "teams"
    repeatable: ClassVar[bool] = False
    """The connector has no idempotency key: the same call twice is two messages."""
    window: ClassVar[timedelta | None] = None
    sign_lasts: ClassVar[timedelta | None] = timedelta(seconds=3)
    """Bot Framework's activity schema, A6000:
    https://github.com/microsoft/botframework-sdk/blob/main/specs/botframework-activity/botframework-activity.md"""
    webhook_set_at: ClassVar[str] = "portal.azure.com → your Azure Bot → Configuration → Messaging endpoint"

    def __init__(
        self,
        *,
        app_id: str,
        app_password: str,
        link: Callable[[Outbound], Awaitable[str]],
        openid_url: str = OPENID_URL,
        login_url: str = LOGIN_URL,
        service_hosts: Collection[str] = PUBLIC_HOSTS,
        development: bool = False,
        timeout: float = 15.0,
        patience: float = 30.0,
        pace: Sequence[Limit] = PER_THREAD,
        book: Book | None = None,
    ) -> None:
        if not development:
            _check_settings(app_id, app_password, openid_url, login_url, service_hosts)
        self._app_id = app_id
        self._link = link
        self._patience = patience
        self._pace = Pace(name="teams", each=pace, book=book)
        self._development = development
        self._service_urls = ServiceUrls(service_hosts, development=development)
        # The environment's proxy would be asked for loopback, too.
        self._wire = Wire(timeout=timeout, trust_env=not (development or is_loopback(login_url)))
        self._keys = KeySet(openid_url=openid_url, wire=self._wire)
        login = Login(app_id=app_id, app_password=app_password, login_url=login_url, wire=self._wire)
        self._login = None if development else login
        self._connector: Connector = BotFrameworkConnector(
            service_urls=self._service_urls, login=self._login, wire=self._wire
        )
        self._files = Files(service_urls=self._service_urls, login=self._login, wire=self._wire)
        self.lost_acknowledgements = 0

    async def start(self) -> None:
        """Open the HTTP client. Asks Microsoft nothing: the gateway starts while Microsoft is away."""
        if self._development:
            log.warning("teams: TEAMS_DEVELOPMENT is on: no request is checked, and only loopback is served")
        await self._wire.open()

    async def close(self) -> None:
        await self._wire.close()

    async def verify(self, request: Webhook) -> None:
        service_url = _service_url(request.body)
        if not self._development:
            authorization = request.headers.get("Authorization", "")
            await check_token(authorization, app_id=self._app_id, service_url=service_url, keys=self._keys)
        if service_url is not None:
            self._check_service_url(service_url)

    def read(self, request: Webhook) -> list[Inbound | Unread]:
        return inbound.read(request)

    def news(self, request: Webhook) -> list[Revised | Reach]:
        """No receipts: Teams tells bots that something was read only where an administrator granted it."""
        return inbound.news(request)

    def answer(self, request: Webhook) -> Answer | None:
        """What to answer a webhook that was verified, where an empty 200 is not enough. Raises Malformed."""
        return inbound.answer(request)

    async def send(self, message: Outbound) -> Sent:
        """`Sent.platform_ids` are the parts' activity ids, where Teams gave them. Once the first part is out, SendError
        is never retryable: another attempt would say it again."""
        address = _address(message.address)
        link = await self._link(message) if message.content.invite else None
        parts = render(message, link)
        if not parts:
            raise SendError("the message holds nothing to show", permanent=True)
        return await deliver(partial(self._say, address), parts, patience=self._patience)

    def shows(self, message: Outbound) -> list[str]:
        return [in_words(part) for part in render(message, _ANY_LINK)]

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        """Where Teams did not name every part, nobody knows which is which."""
        parts = render(message)
        if len(parts) != len(platform_ids):
            return
        try:
            address = _address(message.address)
            for part, number in zip(parts, platform_ids, strict=True):
                if (settled := without_buttons(part)) != part:
                    await in_its_turn(partial(self._change, address, number, settled))
        except SendError as error:
            log.info("teams: buttons were not withdrawn: %s", error.reason)

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        return await self._files.fetch(ref, limit=limit)

    async def acknowledge(self, inbound: Inbound) -> None:
        """Show that an answer is on its way; not where that would take the answer's turn."""
        try:
            await self._show_typing(inbound.address)
        except SendError as error:
            self.lost_acknowledgements += 1
            log.info("teams: a message was not acknowledged: %s", error.reason)

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        try:
            await self._show_typing(address)
        except SendError as error:
            log.info("teams: the typing sign was not shown: %s", error.reason)

    async def _show_typing(self, address: str) -> None:
        """Not where that would take an answer's turn. Raises SendError."""
        to = _address(address)
        await self._pace.turn(to.conversation, patience=0)
        await self._connector.typing(to)

    async def deep_link(self, code: str | None) -> str:
        if not self._app_id:
            raise SendError("TEAMS_APP_ID is empty: there is no bot to link to", permanent=True)
        return inbound.deep_link(self._app_id, code)

    async def check(self) -> str:
        """Whether Microsoft gives the bot a token. Raises SendError."""
        if self._login is None:
            return "in development: no token is needed"
        await self._login.token()
        return "the log-in gives a token"

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers with which Teams would bring this body: for whoever plays Teams to their own gateway. Raises
        ValueError, naming the setting, where a gateway would believe nobody but Microsoft."""
        if not self._development:
            raise ValueError(
                "Only Microsoft can sign for Teams, so nothing can be replayed here. On a machine that nobody else "
                "reaches, set TEAMS_DEVELOPMENT=true for the gateway and for this command"
            )
        return {"Content-Type": "application/json"}

    def app_package(self, *, name: str, developer: str, website_url: str, privacy_url: str, terms_url: str) -> bytes:
        """The zip with which the bot comes into Teams. Raises ValueError, naming the field, where Teams would
        refuse it."""
        return package(
            App(
                app_id=self._app_id,
                name=name,
                developer=developer,
                website_url=website_url,
                privacy_url=privacy_url,
                terms_url=terms_url,
            )
        )

    async def _change(self, address: Address, number: str, part: Part) -> None:
        async with self._turn(address):
            await self._connector.change(address, number, part)

    async def _say(self, address: Address, part: Part) -> str:
        async with self._turn(address):
            return await self._connector.send(address, part)

    @asynccontextmanager
    async def _turn(self, address: Address) -> AsyncIterator[None]:
        """For one call that writes to a chat."""
        await self._pace.turn(address.conversation)
        try:
            yield
        except TooMany as error:
            await self._pace.hold(address.conversation, error.retry_after or _UNKNOWN_WAIT)
            raise

    def _check_service_url(self, service_url: str) -> None:
        try:
            self._service_urls.check(service_url)
        except NotAllowed as problem:
            raise WebhookRejected(str(problem)) from None


def _check_settings(
    app_id: str, app_password: str, openid_url: str, login_url: str, service_hosts: Collection[str]
) -> None:
    """An empty app id would let everybody's bots in, were it ever compared with a token's audience."""
    for name, value in (("TEAMS_APP_ID", app_id), ("TEAMS_APP_PASSWORD", app_password)):
        if not value.strip():
            raise ValueError(f"{name} is empty")
    for name, url in (("TEAMS_OPENID_URL", openid_url), ("TEAMS_LOGIN_URL", login_url)):
        if not url.startswith("https://") and not is_loopback(url):
            raise ValueError(f"{name} must be an https address")
    if not service_hosts or not all(is_host(host) for host in service_hosts):
        raise ValueError("TEAMS_SERVICE_HOSTS must be host names, without https:// or a port")


def _service_url(body: bytes) -> str | None:
    """None for what is no activity at all, which `read` will say; empty, which no token is for, if it is missing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    service_url = data.get("serviceUrl")
    return service_url if isinstance(service_url, str) else ""


def _address(text: str) -> Address:
    try:
        return parse(text)
    except BadAddress as problem:
        raise SendError(str(problem), permanent=True) from None
