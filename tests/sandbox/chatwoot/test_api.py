"""The stand-in refuses what Chatwoot refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from sandbox.chatwoot import ChatwootServer, Conversation, Inbox, User


@dataclass
class Client:
    chatwoot: ChatwootServer
    inbox: Inbox
    user: User
    http: ClientSession
    hooks: list[tuple[dict[str, str], dict[str, Any]]]
    answer: int = 200

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, account: int = 1
    ) -> tuple[int, Any]:
        headers = {"api_access_token": self.user.token if token is None else token}
        url = f"{self.chatwoot.url}/api/v1/accounts/{account}{path}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else None

    async def conversation(self, who: str = "c1") -> Conversation:
        contact = {"inbox_id": self.inbox.id, "name": "Alice", "identifier": who}
        _, made = await self.call("POST", "/contacts", contact)
        number = made["payload"]["contact"]["id"]
        body = {"source_id": f"source-of-{who}", "inbox_id": self.inbox.id, "contact_id": number}
        _, made = await self.call("POST", "/conversations", body)
        return next(one for one in self.chatwoot.account.conversations if one.id == made["id"])


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    hooks: list[tuple[dict[str, str], dict[str, Any]]] = []
    app = web.Application()
    server = TestServer(app)
    async with ChatwootServer() as chatwoot, ClientSession() as http:
        inbox = chatwoot.inbox(webhook_url="", secret="s3cret")
        client = Client(chatwoot, inbox, chatwoot.administrator("Integration"), http, hooks)

        async def receive(request: web.Request) -> web.Response:
            hooks.append((dict(request.headers), await request.json()))
            return web.Response(status=client.answer)

        app.router.add_post("/hook", receive)
        await server.start_server()
        inbox.webhook_url = str(server.make_url("/hook"))
        yield client
        await chatwoot.webhooks.delivered()
    await server.close()


async def test_whose_token_is_wrong_gets_nothing(client: Client) -> None:
    assert await client.call("GET", "/contacts/search?q=a", token="") == (401, {"error": "Invalid Access Token"})
    assert (await client.call("GET", "/contacts/search?q=a", token="wrong"))[0] == 401
    assert (await client.call("GET", "/contacts/search?q=a", account=2))[0] == 401
    assert (await client.call("GET", "/nothing"))[0] == 404


async def test_an_identifier_is_one_contacts(client: Client) -> None:
    contact = {"inbox_id": client.inbox.id, "name": "Alice", "identifier": "c1"}
    assert (await client.call("POST", "/contacts", contact))[0] == 200
    status, said = await client.call("POST", "/contacts", contact)
    assert (status, said["attributes"]) == (422, ["identifier"])
    _, found = await client.call("GET", "/contacts/search?q=c1")
    assert [one["identifier"] for one in found["payload"]] == ["c1"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "Alice"}, 422),
        ({"inbox_id": "1"}, 422),
        ({"inbox_id": 4711}, 404),
        ({"inbox_id": 1, "nickname": "Al"}, 422),
        ({"inbox_id": 1, "name": 5}, 422),
        ([], 400),
    ],
)
async def test_what_is_no_contact_is_refused(client: Client, body: Any, status: int) -> None:
    assert (await client.call("POST", "/contacts", body))[0] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"source_id": ""}, 422),
        ({"status": "snoozed"}, 422),
        ({"contact_id": 4711}, 404),
        ({"inbox_id": 4711}, 404),
        ({"source_id": "source-of-bob"}, 422),
    ],
)
async def test_what_is_no_conversation_is_refused(client: Client, changes: dict[str, Any], status: int) -> None:
    await client.conversation("bob")
    alice = await client.conversation("alice")
    body = {"source_id": "source-of-alice", "inbox_id": client.inbox.id, "contact_id": alice.contact.id}
    assert (await client.call("POST", "/conversations", {**body, **changes}))[0] == status


@pytest.mark.parametrize(
    "body",
    [
        {"content": ""},
        {"content": 5},
        {"content": "hi", "private": "yes"},
        {"content": "hi", "message_type": "template"},
        {"content": "hi", "content_type": "html"},
        {"content": "hi", "content_attributes": []},
        {"content": "hi", "sender": 1},
        {"content": "x" * 150_001},
    ],
)
async def test_what_is_no_message_is_refused(client: Client, body: Any) -> None:
    conversation = await client.conversation()
    assert (await client.call("POST", f"/conversations/{conversation.id}/messages", body))[0] == 422
    assert conversation.messages == []


async def test_a_customers_message_opens_what_was_resolved(client: Client) -> None:
    conversation = await client.conversation()
    client.user.set_status(conversation, "resolved")
    body = {"content": "hello", "message_type": "incoming"}
    status, made = await client.call("POST", f"/conversations/{conversation.id}/messages", body)
    assert (status, made["message_type"], made["sender"]["type"]) == (200, 0, "contact")
    assert conversation.status == "open"


async def test_an_agent_who_opens_a_conversation_gets_it(client: Client) -> None:
    conversation = await client.conversation()
    path, maya = f"/conversations/{conversation.id}/toggle_status", client.chatwoot.agent("Maya")
    await client.call("POST", path, {"status": "resolved"}, token=maya.token)
    assert conversation.assignee is None
    _, said = await client.call("POST", path, {"status": "open"}, token=maya.token)
    assert said["payload"]["current_status"] == "open"
    await conversation.assignee_becomes(maya)
    assert (await client.call("POST", path, {"status": "closed"}))[0] == 422


async def test_a_message_that_was_read_is_not_delivered_afterwards(client: Client) -> None:
    conversation = await client.conversation()
    message = client.user.write(conversation, "hi")
    path = f"/conversations/{conversation.id}/messages/{message.id}"
    for status in ("read", "delivered", "nonsense"):
        assert (await client.call("PATCH", path, {"status": status}))[0] == 200
    assert message.status == "read"
    assert (await client.call("PATCH", path, {}))[0] == 422
    assert (await client.call("PATCH", f"/conversations/{conversation.id}/messages/99", {"status": "read"}))[0] == 404


async def test_webhooks_are_signed_and_come_doubled_and_late_where_asked(client: Client) -> None:
    conversation = await client.conversation()
    client.chatwoot.webhooks.doubled = True
    with client.chatwoot.webhooks.held():
        client.user.write(conversation, "one")
        client.user.write(conversation, "two")
    await client.chatwoot.webhooks.delivered()
    told = [body["content"] for _, body in client.hooks if body["event"] == "message_created"]
    assert told == ["two", "two", "one", "one"]
    headers, body = client.hooks[-1]
    assert headers["X-Chatwoot-Signature"].startswith("sha256=")
    assert (body["message_type"], body["conversation"]["id"], body["sender"]["type"]) == ("outgoing", 1, "user")


async def test_an_agents_message_that_the_webhook_does_not_take_has_failed(client: Client) -> None:
    conversation = await client.conversation()
    client.answer = 500
    message = client.user.write(conversation, "hi")
    await message.status_becomes("failed")
    assert len(client.chatwoot.webhooks.sent[-1].statuses) == 1
