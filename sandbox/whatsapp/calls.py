"""What the calls do: https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import aiohttp

from .errors import (
    CLOSED_WINDOW,
    PAIR_LIMIT,
    THROUGHPUT,
    UNDELIVERABLE,
    GraphError,
    Json,
    Refusal,
    bad_value,
    invalid,
)
from .files import check_file, fetch_file, kind_of
from .network import Media, Network, Number, new_message_id
from .people import Person
from .rules import attached, check_message

_FIELDS = {"display_phone_number", "id", "verified_name", "quality_rating"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call with the right token for a number."""

    network: Network
    number: Number
    session: aiohttp.ClientSession


async def post_message(call: Call, body: Json) -> Json:
    """Send a message, or mark one as read. Raises GraphError."""
    if body.get("messaging_product") != "whatsapp":
        raise invalid("The parameter messaging_product is required.")
    if "status" in body:
        return _mark_read(call, body)
    whom = _whom(body)
    check_message(body)
    return await _send(call, body, whom)


def number_fields(number: Number, fields: str) -> Json:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers"""
    known = {
        "id": number.id,
        "display_phone_number": number.display,
        "verified_name": number.name,
        "quality_rating": "GREEN",
    }
    asked = {one.strip() for one in fields.split(",")} if fields else _FIELDS
    for field in sorted(asked - _FIELDS):
        raise invalid(f"Tried accessing nonexisting field ({field})")
    return {key: known[key] for key in known if key in asked | {"id"}}


async def _send(call: Call, body: Json, whom: dict[str, str]) -> Json:
    person, given = call.network.person(whom), next(iter(whom.values()))
    message_id = new_message_id(given)
    refusal = await _refused(call, body, person)
    if refusal is None and person is not None:
        _arrive(call.number, person, body | {"id": message_id})
    elif refusal is not None:
        _refuse(call, _recipient(person, whom), message_id, refusal)
    contact = {"input": given} | ({"wa_id": given} if "to" in whom else {"user_id": given})
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message_id}]}


def _refuse(call: Call, recipient: Json, message_id: str, refusal: Refusal) -> None:
    if refusal.code not in call.network.limits.told_later:
        raise GraphError(refusal)
    call.number.tell_failed(recipient, message_id, refusal)


def _recipient(person: Person | None, whom: dict[str, str]) -> Json:
    if person is not None:
        return person.as_recipient()
    return {"recipient_id": whom["to"]} if "to" in whom else {"recipient_user_id": whom["recipient"]}


async def _refused(call: Call, body: Json, person: Person | None) -> Refusal | None:
    limits = call.network.limits
    if person is None:
        return UNDELIVERABLE
    exceeded = call.number.flood.exceeded(person.number)
    if exceeded:
        return PAIR_LIMIT if exceeded == "pair" else THROUGHPUT
    if limits.window is not None and person.window_closed(call.number, limits.window):
        return CLOSED_WINDOW
    return await _file_refused(call, body)


async def _file_refused(call: Call, body: Json) -> Refusal | None:
    """Meta fetches what is at a link, or looks up what was uploaded."""
    found = attached(body)
    if found is None:
        return None
    kind, file = found
    try:
        if "link" in file:
            call.network.keep(*await fetch_file(call.session, kind, file["link"]))
        else:
            media = call.network.kept(file["id"])
            check_file(kind, media.content, media.mime_type)
    except GraphError as error:
        return error.refusal
    return None


def upload(call: Call, fields: Json, content: bytes | None, mime_type: str) -> Json:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#upload-media"""
    if fields.get("messaging_product") != "whatsapp":
        raise invalid("The parameter messaging_product is required.")
    if content is None:
        raise invalid("The parameter file is required.")
    kind = kind_of(mime_type)
    if kind is None:
        raise invalid(f'Param file must be a file with one of the supported types - got "{mime_type}".')
    check_file(kind, content, mime_type)
    return {"id": call.network.keep(content, mime_type, days=30).id}


def media_fields(media: Media, url: str) -> Json:
    """What Meta tells about a file: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#get-media-url"""
    return {
        "messaging_product": "whatsapp",
        "url": url,
        "mime_type": media.mime_type,
        "sha256": hashlib.sha256(media.content).hexdigest(),
        "file_size": len(media.content),
        "id": media.id,
    }


def _arrive(number: Number, person: Person, message: Json) -> None:
    """Show the message, and tell the business; to one who blocked it nothing is shown and no more is told."""
    arrives = not person.has_blocked(number)
    if number.tell_statuses:
        number.tell(person, message["id"], *(("sent", "delivered") if arrives else ("sent",)))
    if arrives:
        shown = {key: message[key] for key in message if key not in ("to", "recipient", "messaging_product")}
        shown |= {"timestamp": number.timestamp(), "business": number.id}
        person.messages.append(shown)
        person.notify("message", shown)


def _whom(body: Json) -> dict[str, str]:
    """`to` counts where both are given. https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids"""
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        raise invalid("The parameter to is required.")
    if to is not None:
        digits = re.sub(r"[+ ()-]", "", to) if isinstance(to, str) else ""
        if not re.fullmatch(r"[0-9]{5,20}", digits):
            raise bad_value("The phone number is malformed: Please use the format: +1234567890.")
        return {"to": digits}
    if not isinstance(recipient, str) or not re.fullmatch(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", recipient):
        raise bad_value("Recipient is not a valid business-scoped user ID.")
    return {"recipient": recipient}


def _mark_read(call: Call, body: Json) -> Json:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators"""
    if body.get("status") != "read":
        raise invalid("Param status must be one of {READ}.")
    typing = body.get("typing_indicator")
    if typing not in (None, {"type": "text"}):
        raise invalid("Param typing_indicator['type'] must be one of {TEXT}.")
    message_id = body.get("message_id")
    writer = _writer(call.network, message_id)
    if writer is None:
        raise bad_value("Message ID is invalid.")
    shown = {"business": call.number.id, "message_id": message_id}
    writer.notify("read", shown)
    if typing is not None:
        writer.notify("typing", shown)
    return {"success": True}


def _writer(network: Network, message_id: object) -> Person | None:
    for person in network.people:
        if any(message["id"] == message_id and "business" not in message for message in person.messages):
            return person
    return None
