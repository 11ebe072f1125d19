"""What happens here, as Chatwoot is told of it.

    queued            a contact and a conversation, open, with what was said so far as a private note
    a customer's words    an incoming message, marked with the channel
    the bot's, and those of agents at the other desk    a private note
    its own agents'   are there already: how their delivery goes is told
    returned          pending; closed: resolved

Chatwoot has no idempotency key. What may have been told before is looked for first: everything carries a tag.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.outside import events
from bot.gateway.desk.outside.chatwoot import DESK, wording
from bot.gateway.desk.outside.chatwoot.api import ChatwootApi, NotTaken, Upload
from bot.gateway.desk.outside.delivery import Undelivered
from bot.gateway.desk.outside.events import Event
from bot.gateway.desk.outside.messages import Json
from bot.gateway.media.handles import SCHEME
from bot.store.database import reading, transaction
from bot.store.desk_tables import outside_conversations

Open = Callable[[str], Awaitable[Upload | None]]
"""The id of a customer's file → the file, if it is still there."""

_TAG = "throughline"


class Chatwoot:
    """The receiver. `inbox` is the number of an inbox of the kind API."""

    def __init__(
        self, *, engine: AsyncEngine, api: ChatwootApi, inbox: int, open_file: Open, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._api = api
        self._inbox = inbox
        self._open_file = open_file
        self._clock = clock
        self._tell = {
            events.QUEUED: self._queued,
            events.ASSIGNED: self._assigned,
            events.RETURNED: self._returned,
            events.CLOSED: self._closed,
            events.CREATED: self._said,
            events.UPDATED: self._changed,
            events.REFUSED: self._refused,
        }

    async def start(self) -> None:
        await self._api.start()

    async def close(self) -> None:
        await self._api.close()

    async def tell(self, event: Event) -> None:
        """Raises Undelivered."""
        await self._tell[event.type](event)

    # --- Whose it is ------------------------------------------------------------------------------------------------

    async def _queued(self, event: Event) -> None:
        if event.data["again"]:
            conversation = await self._conversation(event)
            await self._note(event, conversation, "It waits for somebody again.")
            await self._api.unassign(conversation)
            return
        conversation = await self._find(event) or await self._begin(event)
        await self._note(event, conversation, wording.beginning(event.data))

    async def _assigned(self, event: Event) -> None:
        agent = event.data["agent"]
        if agent is not None and agent["desk"] != DESK:
            await self._note(event, await self._conversation(event), f"{agent['name']} has it now, at the other desk.")

    async def _returned(self, event: Event) -> None:
        conversation = await self._conversation(event)
        if event.data["by"] == "customer":
            await self._note(event, conversation, "The customer has gone back to the bot.")
        await self._api.set_status(conversation, "pending")

    async def _closed(self, event: Event) -> None:
        await self._api.set_status(await self._conversation(event), "resolved")

    # --- What is said -----------------------------------------------------------------------------------------------

    async def _said(self, event: Event) -> None:
        message = event.data["message"]
        conversation = await self._conversation(event)
        if message["author"] == "customer":
            await self._incoming(event, conversation, message)
            return
        there = _written_there(message)
        if there is None:
            await self._note(event, conversation, wording.note_of(message))
        else:
            # It may have come to an end before it was told of.
            await self._deliver_state(conversation, there, message)

    async def _changed(self, event: Event) -> None:
        message, changed = event.data["message"], event.data["changed"]
        conversation = await self._conversation(event)
        there = _written_there(message)
        if there is not None:
            await self._deliver_state(conversation, there, message)
        elif message["author"] == "customer" and "content" in changed:
            if message.get("revised") or message.get("taken_back"):
                await self._note(event, conversation, wording.change_of(message))
            elif _file_of(message):
                await self._incoming(event, conversation, message)

    async def _deliver_state(self, conversation: int, there: int, message: Json) -> None:
        """https://developers.chatwoot.com/api-reference/messages: sent, delivered, read or failed."""
        if message["state"] in ("failed", "uncertain"):
            await self._api.update_message(conversation, there, status="failed", error=message["error"])
        elif message["delivered_at"]:
            await self._api.update_message(
                conversation, there, status="read" if message["read_at"] else "delivered", error=None
            )

    async def _refused(self, event: Event) -> None:
        reference = event.data["reference"] or {}
        if event.data["do"] != "say" or reference.get("desk") != DESK:
            return
        conversation, why = await self._conversation(event), wording.refusal(event.data["error"])
        await self._api.update_message(conversation, message_number(reference["key"]), status="failed", error=why)
        await self._note(event, conversation, f"Your message did not reach the customer. {why}")

    async def _incoming(self, event: Event, conversation: int, message: Json) -> None:
        file = await self._open_file(_file_of(message)) if _file_of(message) else None
        told = {"content": wording.incoming(message), "message_type": "incoming", "private": False}
        await self._post(event, conversation, told, [file] if file else [])

    async def _note(self, event: Event, conversation: int, text: str) -> None:
        await self._post(event, conversation, {"content": text, "message_type": "outgoing", "private": True}, [])

    async def _post(self, event: Event, conversation: int, message: Json, files: list[Upload]) -> None:
        if event.attempts > 1 and await self._is_there(conversation, event.key):
            return
        await self._api.create_message(conversation, message | {"content_attributes": {_TAG: event.key}}, files)

    async def _is_there(self, conversation: int, key: str) -> bool:
        there = await self._api.messages_of(conversation)
        return any(_tag(message.get("content_attributes")) == key for message in there)

    # --- Which conversation -----------------------------------------------------------------------------------------

    async def _conversation(self, event: Event) -> int:
        number = await self._find(event)
        if number is None:
            raise Undelivered("Chatwoot never got this conversation", permanent=True)
        return number

    async def _find(self, event: Event) -> int | None:
        known = sa.select(outside_conversations.c.remote_id).where(outside_conversations.c.handoff_id == event.handoff)
        async with reading(self._engine) as connection:
            number: int | None = (await connection.execute(known)).scalar_one_or_none()
        return number

    async def _begin(self, event: Event) -> int:
        try:
            return await self._open(event)
        except NotTaken as error:
            # An inbox that is not there, or not ours: the operator may mend it, and nothing is lost meanwhile.
            raise Undelivered(error.reason, retry_after=error.retry_after) from None

    async def _open(self, event: Event) -> int:
        contact = await self._contact(event.data)
        number = await self._opened_before(event, contact) if event.attempts > 1 else None
        if number is None:
            number = await self._create(event, contact)
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.insert(outside_conversations).values(
                    handoff_id=event.handoff, remote_id=number, contact_id=contact, created_at=self._clock()
                )
            )
        return number

    async def _opened_before(self, event: Event, contact: int) -> int | None:
        """An earlier attempt may have come as far as that."""
        for one in await self._api.conversations_of(contact):
            if _tag(one.get("additional_attributes")) == event.key and isinstance(one.get("id"), int):
                return int(one["id"])
        return None

    async def _create(self, event: Event, contact: int) -> int:
        await self._api.profile()
        created = await self._api.create_conversation(
            {
                "source_id": _source_id(event.data),
                "inbox_id": self._inbox,
                "contact_id": contact,
                "status": "open",
                "additional_attributes": {_TAG: event.key},
            }
        )
        if created["status"] != "open":
            # An inbox that has a bot of Chatwoot's own begins conversations as pending, whatever is asked for.
            await self._api.set_status(created["id"], "open")
        return int(created["id"])

    async def _contact(self, data: Json) -> int:
        customer = data["customer"] or {"id": data["conversation"], "name": None}
        contact: dict[str, Any] = {
            "inbox_id": self._inbox,
            "name": customer["name"] or "Customer",
            "identifier": customer["id"],
            "source_id": _source_id(data),
            "additional_attributes": {_TAG: customer["id"]},
        }
        try:
            return await self._api.create_contact(contact)
        except NotTaken as error:
            found = await self._api.find_contact(customer["id"]) if error.status == 422 else None
            if found is None:
                raise
            return found


def message_number(key: str) -> int:
    """Chatwoot's number of the message in the key of a doing: `m12`, and `m12-1` for its second part."""
    return int(key.removeprefix("m").partition("-")[0])


def _written_there(message: Json) -> int | None:
    reference = message.get("reference") or {}
    return message_number(reference["key"]) if reference.get("desk") == DESK else None


def _file_of(message: Json) -> str:
    """The id of a customer's file that can be had, or nothing."""
    url = (message.get("media") or {}).get("url") or ""
    return str(url).removeprefix(SCHEME)


def _source_id(data: Json) -> str:
    """By which the inbox knows the customer: the same at each of their conversations."""
    return f"throughline-{(data['customer'] or {}).get('id') or data['conversation']}"


def _tag(attributes: Any) -> Any:
    return attributes.get(_TAG) if isinstance(attributes, dict) else None
