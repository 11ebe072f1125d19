"""The application API over HTTP. https://github.com/chatwoot/chatwoot/tree/develop/swagger/paths/application"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

from . import rules
from .account import Account, Contact, Conversation, Inbox, Json, Message, User
from .deliveries import Webhooks

LOST = -1
"""As a fault: the call is done, and the connection breaks before it is answered."""

_PAGE = 20
_MESSAGE_STATES = ("sent", "delivered", "read", "failed")

_Thing = TypeVar("_Thing")

Handler = Callable[[web.Request, User], Awaitable[Any]]


class ChatwootServer:
    """One account with what belongs to it."""

    def __init__(self, *, account: int = 1, clock: Callable[[], float] = time.time) -> None:
        self.webhooks = Webhooks()
        self.account = Account(id=account, tell=self.webhooks.send, clock=clock)
        self.faults: list[int] = []
        self.calls: list[tuple[str, str, int]] = []
        self.uploads: list[tuple[str, str, bytes]] = []
        """Name, type and bytes of every attachment."""
        self.url = ""
        self._runner: web.AppRunner | None = None

    # --- The account ------------------------------------------------------------------------------------------------

    def inbox(self, *, webhook_url: str, secret: str, bot: bool = False, one_conversation: bool = False) -> Inbox:
        inbox = Inbox(
            id=self.account.next_id(),
            webhook_url=webhook_url,
            secret=secret,
            bot=bot,
            one_conversation=one_conversation,
        )
        self.account.inboxes.append(inbox)
        return inbox

    def agent(self, name: str, *, role: str = "agent") -> User:
        user = User(id=self.account.next_id(), name=name, role=role, account=self.account)
        self.account.users.append(user)
        return user

    def administrator(self, name: str) -> User:
        return self.agent(name, role="administrator")

    async def conversation(self, number: int) -> Conversation:
        """The first, the second… of all that there were."""
        conversations = self.account.conversations
        await self.account.until(lambda: len(conversations) >= number, f"conversation {number}")
        return conversations[number - 1]

    # --- HTTP -------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> ChatwootServer:
        self._runner = web.AppRunner(self._app(), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        at = "/api/v1/accounts/{account}"
        one = at + "/conversations/{conversation}"
        app.router.add_get("/api/v1/profile", self._called(self._profile))
        app.router.add_post(f"{at}/contacts", self._called(self._create_contact))
        app.router.add_get(f"{at}/contacts/search", self._called(self._search_contacts))
        app.router.add_get(at + "/contacts/{contact}/conversations", self._called(self._conversations_of))
        app.router.add_post(f"{at}/conversations", self._called(self._create_conversation))
        app.router.add_get(f"{one}/messages", self._called(self._messages))
        app.router.add_post(f"{one}/messages", self._called(self._create_message))
        app.router.add_patch(one + "/messages/{message}", self._called(self._update_message))
        app.router.add_post(f"{one}/toggle_status", self._called(self._toggle_status))
        app.router.add_post(f"{one}/assignments", self._called(self._assign))
        return app

    def _called(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def called(request: web.Request) -> web.StreamResponse:
            fault = self.faults.pop(0) if self.faults else 0
            status, answer = fault, {"error": "Internal Server Error"}
            if fault in (0, LOST):
                try:
                    status, answer = 200, await handler(request, self._user(request))
                except rules.Refusal as refusal:
                    status, answer = refusal.status, refusal.body
            self.calls.append((request.method, request.path, fault or status))
            if fault == LOST and request.transport is not None:
                request.transport.abort()
            return web.json_response(answer, status=status)

        return called

    def _user(self, request: web.Request) -> User:
        token = request.headers.get("api_access_token", "")
        user = next((one for one in self.account.users if one.token == token), None)
        if user is None:
            raise rules.unauthorized()
        account = request.match_info.get("account", str(self.account.id))
        if account != str(self.account.id):
            raise rules.unauthorized("You are not authorized to access this account")
        return user

    async def _profile(self, _request: web.Request, user: User) -> Json:
        return {"id": user.id, "name": user.name, "role": user.role, "account_id": self.account.id}

    # --- Contacts ---------------------------------------------------------------------------------------------------

    async def _create_contact(self, request: web.Request, _user: User) -> Json:
        body = await _json(request)
        rules.check_contact(body)
        inbox = self._inbox(body["inbox_id"])
        identifier = body.get("identifier")
        if identifier and any(one.identifier == identifier for one in self.account.contacts):
            raise rules.invalid_record("Identifier has already been taken", "identifier")
        contact = Contact(
            id=self.account.next_id(),
            name=body.get("name", ""),
            identifier=identifier,
            additional=body.get("additional_attributes", {}),
        )
        source = body.get("source_id") or f"source-{contact.id}"
        contact.sources.append((inbox.id, source))
        self.account.contacts.append(contact)
        inbox_json = {"id": inbox.id, "name": inbox.name, "channel_type": "Channel::Api"}
        return {"payload": {"contact": contact.json, "contact_inbox": {"inbox": inbox_json, "source_id": source}}}

    async def _search_contacts(self, request: web.Request, _user: User) -> Json:
        words = request.query.get("q", "").strip()
        if not words:
            raise rules.unprocessable("Specify search string with parameter q")
        found = [one for one in self.account.contacts if words in (one.identifier or "") or words in one.name]
        return {"meta": {"count": len(found), "current_page": 1}, "payload": [one.json for one in found[:15]]}

    async def _conversations_of(self, request: web.Request, _user: User) -> Json:
        contact = self._contact(request.match_info["contact"])
        theirs = [one for one in self.account.conversations if one.contact is contact]
        return {"payload": [one.json for one in theirs[::-1][:_PAGE]]}

    # --- Conversations ----------------------------------------------------------------------------------------------

    async def _create_conversation(self, request: web.Request, _user: User) -> Json:
        body = await _json(request)
        rules.check_conversation(body)
        if "inbox_id" not in body or "contact_id" not in body:
            raise rules.not_found()
        inbox, contact = self._inbox(body["inbox_id"]), self._contact(str(body["contact_id"]))
        source = (inbox.id, body["source_id"])
        if any(source in one.sources for one in self.account.contacts if one is not contact):
            raise rules.unprocessable("source_id should be unique")
        if source not in contact.sources:
            contact.sources.append(source)
        before = [one for one in self.account.conversations if one.contact is contact and one.inbox is inbox]
        if inbox.one_conversation and before:
            return before[0].json
        conversation = Conversation(
            id=len(self.account.conversations) + 1,
            account=self.account,
            inbox=inbox,
            contact=contact,
            source_id=body["source_id"],
            status="pending" if inbox.bot else body.get("status", "open"),
            additional=body.get("additional_attributes", {}),
            updated=self.account.now(),
        )
        self.account.conversations.append(conversation)
        self.account.tell(inbox, "conversation_created", conversation.webhook_json)
        self.account.notify()
        return conversation.json

    async def _toggle_status(self, request: web.Request, user: User) -> Json:
        conversation, body = self._conversation(request), await _json(request)
        rules.check_status(body)
        status = body.get("status") or ("resolved" if conversation.status == "open" else "open")
        if status == "open" and user.role == "agent":
            conversation.change(status=status, assignee=user)
        else:
            conversation.change(status=status)
        shown = {"success": True, "conversation_id": conversation.id, "current_status": conversation.status}
        return {"meta": {}, "payload": shown}

    async def _assign(self, request: web.Request, _user: User) -> Json | None:
        conversation, body = self._conversation(request), await _json(request)
        rules.check_assignment(body)
        if "assignee_id" not in body:
            return None
        assignee = next((one for one in self.account.users if one.id == body["assignee_id"]), None)
        conversation.change(assignee=assignee)
        return assignee.as_sender if assignee else None

    # --- Messages ---------------------------------------------------------------------------------------------------

    async def _messages(self, request: web.Request, _user: User) -> Json:
        conversation = self._conversation(request)
        return {"meta": {}, "payload": [one.json for one in conversation.messages[-_PAGE:]]}

    async def _create_message(self, request: web.Request, user: User) -> Json:
        conversation = self._conversation(request)
        body, files = await self._form(request) if "multipart" in request.content_type else (await _json(request), [])
        rules.check_message(body, len(files))
        type = body.get("message_type", "outgoing")
        message = conversation.add(
            body.get("content", ""),
            type=type,
            private=body.get("private", False),
            sender=user if type == "outgoing" else conversation.contact,
            attributes=body.get("content_attributes"),
            files=files,
        )
        return message.json

    async def _update_message(self, request: web.Request, _user: User) -> Json:
        conversation, body = self._conversation(request), await _json(request)
        rules.check_state(body)
        message = _found([one for one in conversation.messages if str(one.id) == request.match_info["message"]])
        self._set_state(message, body)
        return message.json

    def _set_state(self, message: Message, body: Json) -> None:
        """What is no step forward is taken and changes nothing."""
        status = body["status"]
        if status not in _MESSAGE_STATES or (message.status == "read" and status == "delivered"):
            return
        message.status = status
        message.error = body.get("external_error") if status == "failed" else None
        self.account.tell(message.conversation.inbox, "message_updated", message.webhook_json)
        self.account.notify()

    async def _form(self, request: web.Request) -> tuple[Json, list[tuple[str, str]]]:
        """A form names what is inside something as `content_attributes[name]`, and everything is text."""
        body, files = dict[str, Any](), list[tuple[str, str]]()
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                if name != "attachments[]":
                    raise rules.unprocessable(f"found unpermitted parameter: :{name}")
                self.uploads.append((value.filename, value.content_type, value.file.read()))
                files.append((value.content_type.split("/")[0], f"{self.url}/files/{len(self.uploads)}"))
            elif name.startswith("content_attributes["):
                body.setdefault("content_attributes", {})[name[19:-1]] = value
            else:
                body[name] = value == "true" if name == "private" else value
        return body, files

    # --- Looking up -------------------------------------------------------------------------------------------------

    def _inbox(self, id: int) -> Inbox:
        return _found([one for one in self.account.inboxes if one.id == id])

    def _contact(self, id: str) -> Contact:
        return _found([one for one in self.account.contacts if str(one.id) == id])

    def _conversation(self, request: web.Request) -> Conversation:
        number = request.match_info["conversation"]
        return _found([one for one in self.account.conversations if str(one.id) == number])


def _found(things: list[_Thing]) -> _Thing:
    if not things:
        raise rules.not_found()
    return things[0]


async def _json(request: web.Request) -> Json:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        raise rules.Refusal(400, {"error": "There was a problem in the JSON you submitted"}) from None
    if not isinstance(body, dict):
        raise rules.Refusal(400, {"error": "There was a problem in the JSON you submitted"})
    return body
