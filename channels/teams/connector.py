"""Sending, through botbuilder's classes and its connector client: the one place of this channel that knows them.

Microsoft has archived that SDK, so the channel asks for no more than `Connector`. The client's HTTP, which blocks, is
replaced by ours: `_Sender` takes its place in the client's pipeline.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from botbuilder.core import CardFactory, MessageFactory, TurnContext
from botbuilder.schema import (
    Activity,
    ActivityTypes,
    Attachment,
    AttachmentLayoutTypes,
    ChannelAccount,
    ConversationAccount,
    ConversationReference,
    TextFormatTypes,
)
from botframework.connector.aio import ConnectorClient
from msrest.pipeline import Response
from msrest.pipeline.async_abc import AsyncPipeline

from channels.contract import SendError

from .address import Address
from .errors import no_answer, refusal
from .login import Login
from .outbound import Part
from .service_urls import NotAllowed, ServiceUrls
from .tokens import CHANNEL
from .wire import NoAnswer, Wire

_CLIENTS_MAX = 64
"""Service URLs are few: one a region, or one a region and tenant."""


class Connector(Protocol):
    """What this channel needs of an SDK. All raise SendError and nothing else."""

    async def send(self, address: Address, part: Part) -> str:
        """The activity's id, which may be empty."""

    async def change(self, address: Address, number: str, part: Part) -> None:
        """Put `part` in the place of the activity with that id."""

    async def typing(self, address: Address) -> None: ...


class BotFrameworkConnector:
    """`login` is None in development: nothing is sent along then, for there is nobody to know us."""

    def __init__(self, *, service_urls: ServiceUrls, login: Login | None, wire: Wire) -> None:
        self._service_urls = service_urls
        self._sender = _Sender(login=login, wire=wire)
        self._clients: dict[str, Any] = {}

    async def send(self, address: Address, part: Part) -> str:
        return await self._post(address, activity(part))

    async def change(self, address: Address, number: str, part: Part) -> None:
        """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/update-and-delete-bot-messages"""
        changed = _addressed(activity(part), address)
        changed.id = number
        await self._client(address.service_url).conversations.update_activity(address.conversation, number, changed)

    async def typing(self, address: Address) -> None:
        """https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-send-and-receive-messages#send-a-typing-indicator"""
        await self._post(address, Activity(type=ActivityTypes.typing))

    async def _post(self, address: Address, unaddressed: Any) -> str:
        client = self._client(address.service_url)
        addressed = _addressed(unaddressed, address)
        answer = await client.conversations.send_to_conversation(address.conversation, addressed)
        return answer.id if isinstance(answer.id, str) else ""

    def _client(self, service_url: str) -> Any:
        """Checked on every use: the list may have changed since the address was kept."""
        try:
            self._service_urls.check(service_url)
        except NotAllowed as problem:
            raise SendError(str(problem), permanent=True) from None
        if service_url not in self._clients:
            if len(self._clients) >= _CLIENTS_MAX:
                self._clients.clear()
            self._clients[service_url] = _connector_client(service_url, self._sender)
        return self._clients[service_url]


def activity(part: Part) -> Any:
    """The part as botbuilder's Activity, not yet addressed."""
    if not part.cards:
        message = MessageFactory.text(part.text)
        message.text_format = TextFormatTypes.markdown
        return message
    cards = [CardFactory.adaptive_card(card) for card in part.cards]
    message = MessageFactory.carousel(cards) if len(cards) > 1 else _single(cards[0])
    message.summary = part.summary or None
    return message


def _single(card: Attachment) -> Any:
    message = MessageFactory.attachment(card)
    message.attachment_layout = AttachmentLayoutTypes.list
    return message


def _addressed(unaddressed: Any, address: Address) -> Any:
    """Without the tenant, which botbuilder 4.17.1 would call `tenantID`; the chat's id is enough."""
    reference = ConversationReference(
        bot=ChannelAccount(id=address.bot),
        user=ChannelAccount(id=address.user) if address.user else None,
        conversation=ConversationAccount(id=address.conversation),
        channel_id=CHANNEL,
        service_url=address.service_url,
    )
    return TurnContext.apply_conversation_reference(unaddressed, reference)


def _connector_client(service_url: str, sender: Any) -> Any:
    """Without the client's own policies: the answer is read by `_Sender`, and nothing of it is logged."""
    return ConnectorClient(object(), service_url, pipeline_type=lambda config: AsyncPipeline([], sender))


class _Sender:
    """msrest's AsyncHTTPSender, by shape. Whatever is not 2xx leaves as a SendError before msrest reads it."""

    def __init__(self, *, login: Login | None, wire: Wire) -> None:
        self._login = login
        self._wire = wire

    async def __aenter__(self) -> _Sender:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def build_context(self) -> None: ...

    async def send(self, request: Any, **_: object) -> Any:
        token = await self._login.token() if self._login else ""
        headers = dict(request.http_request.headers) | _authorization(token)
        try:
            asked = request.http_request
            answer = await self._wire.send(asked.method, asked.url, _body(asked.data), headers)
        except NoAnswer as error:
            raise no_answer(error) from None
        if self._login and answer.status == 401:
            self._login.forget(token)
        if not 200 <= answer.status <= 299:
            raise refusal(answer)
        return Response(request, _Taken(), {"deserialized_data": _taken(answer.body)})


class _Taken:
    """What msrest's operations ask of an answer."""

    status_code = 200


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _body(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _taken(body: bytes) -> dict[str, Any]:
    """2xx says that the message was taken. An answer without an id is nothing to worry about: Teams gives such."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    number = data.get("id") if isinstance(data, dict) else None
    return {"id": number} if isinstance(number, str) else {}
