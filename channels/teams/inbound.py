"""What Teams tells us, in the contract's words:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#activity-object

Pure: no network, no clock. Teams shows the customer an error for an activity that is refused, and may send it again, so
one that cannot be read is an `Unread`, never an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botbuilder.schema import Activity

from channels.contract import Answer, Choice, Inbound, Link, Malformed, Said, Start, Text, Unread, Unsupported, Webhook
from channels.text import storable
from channels.wording import wording

from .address import Address
from .tokens import CHANNEL

CARD_ACTION = "adaptiveCard/action"

AUDIENCES = ("groupChat", "channel")
"""https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages"""

ATTACHMENTS = {
    "application/vnd.microsoft.teams.file.download.info": "file",
    "image/": "image",
    "audio/": "audio",
    "video/": "video",
    "application/vnd.microsoft.card.": "card",
}
"""How the content types of what a customer attaches begin, and what we call it:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4"""

_NOT_ATTACHED = ("text/html", "messageReference")
"""What Teams adds by itself: the text once more with its formatting, and the message that is answered."""

_OPTION = re.compile(r"([0-9]{1,18}):([0-9]{1,3})")
_LINK_TEXT = "Link code: {}"
_LINK = re.compile(r"Link code: ([A-Za-z0-9_-]{16,64})")
_KIND = re.compile(r"[A-Za-z][A-Za-z/._-]{0,63}")


class _NotReadable(Exception):
    """Why an activity is kept for inspection; holds none of the customer's words."""


def read(webhook: Webhook) -> list[Inbound | Unread]:
    """One activity: mostly one Inbound; nothing if it is nobody's word to the bot (see HANDLERS). Raises Malformed."""
    data = json_object(webhook.body)
    if _is_audience(data):
        return []
    try:
        return _read(data)
    except _NotReadable as problem:
        return [Unread(reason=str(problem))]


def link_text(code: str) -> str:
    """What a customer sends to be linked, and `read` gives back as a Link."""
    return _LINK_TEXT.format(code)


def deep_link(app_id: str, code: str) -> str:
    """https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams"""
    return f"https://teams.microsoft.com/l/chat/0/0?users=28:{app_id}&message={quote(link_text(code), safe='')}"


def choice_data(message: int, option: int) -> dict[str, str]:
    """`data` of a card's action, which `read` gives back as a Choice."""
    return {"o": f"{message}:{option}"}


# --- An invoke waits for its answer -----------------------------------------------------------------------------------


def answer(webhook: Webhook) -> Answer | None:
    """None unless the activity is an invoke. Raises Malformed.

    https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#response-format
    """
    data = json_object(webhook.body)
    if data.get("type") != "invoke":
        return None
    if data.get("name") != CARD_ACTION:
        return Answer(status=501)
    if _is_audience(data) or _choice(_action_data(data.get("value"))) is None:
        error = {"code": "BadRequest", "message": "not an action of this bot's cards"}
        return Answer(status=200, body=_card_answer(400, "application/vnd.microsoft.error", error))
    words = wording(_optional(data.get("locale")))
    return Answer(status=200, body=_card_answer(200, "application/vnd.microsoft.activity.message", words.taken))


def _card_answer(status: int, kind: str, value: object) -> dict[str, Any]:
    return {"statusCode": status, "type": kind, "value": value}


# --- One function a type of activity ----------------------------------------------------------------------------------


def _read(data: dict[str, Any]) -> list[Inbound | Unread]:
    kind = _kind(data.get("type"), "an activity")
    activity = _parse(kind, data)
    if activity.channel_id != CHANNEL:
        raise _NotReadable("channelId is not msteams")
    if activity.conversation.conversation_type != "personal":
        raise _NotReadable("said in a chat that is not personal")
    return HANDLERS.get(kind, _not_handled)(activity)


def _message(activity: Any) -> list[Inbound | Unread]:
    """Words and what is attached to them are two things: the bot answers the one and admits that it cannot see the
    other."""
    choice = _choice(activity.value)
    if choice is not None:
        return [_by(activity, choice)]
    text, attached = _text(activity), _attached(activity)
    said: list[Inbound | Unread] = []
    if text:
        said.append(_by(activity, _words(text)))
    if attached:
        inbound = _by(activity, attached)
        said.append(replace(inbound, dedupe_key=f"{inbound.dedupe_key}#attachment") if text else inbound)
    if not said:
        raise _NotReadable("message of a kind that is not handled" if activity.value is None else _NOT_OURS)
    return said


def _invoke(activity: Any) -> list[Inbound | Unread]:
    if activity.name != CARD_ACTION:
        raise _NotReadable(f"invoke of {_kind(activity.name, 'something')} is not handled")
    choice = _choice(_action_data(activity.value))
    if choice is None:
        raise _NotReadable(_NOT_OURS)
    return [_by(activity, choice)]


def _installation_update(activity: Any) -> list[Inbound | Unread]:
    """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events
    An upgrade of the app is no reason to welcome anybody."""
    return [_by(activity, Start())] if activity.action == "add" else []


def _nothing(activity: Any) -> list[Inbound | Unread]:
    """A reaction; a customer who types; the bot put into a chat, which an `installationUpdate` says too."""
    return []


def _not_handled(activity: Any) -> list[Inbound | Unread]:
    raise _NotReadable(f"{activity.type} is not handled")


HANDLERS: Mapping[str, Callable[[Any], list[Inbound | Unread]]] = {
    "message": _message,
    "invoke": _invoke,
    "installationUpdate": _installation_update,
    "conversationUpdate": _nothing,
    "messageReaction": _nothing,
    "typing": _nothing,
    # The bot has answered what was said before. That it was changed or taken back stays on file for people to see.
    "messageUpdate": _not_handled,
    "messageDelete": _not_handled,
}


# --- What was said ----------------------------------------------------------------------------------------------------

_NOT_OURS = "submit of a card that is not ours"


def _words(text: str) -> Said:
    """A deep link only writes its message into the compose box; the customer sends it."""
    link = _LINK.fullmatch(text)
    return Text(text=text) if link is None else Link(code=link[1])


def _text(activity: Any) -> str:
    """Without the mentions of the bot: by what the entities say stands for them, not by pattern, since any customer may
    type `<at>`."""
    text = storable(activity.text or "")
    for entity in filter(None, activity.entities or ()):
        shown = _mention_of(entity, activity.recipient.id)
        if shown and shown in text:
            text = text.replace(shown, " ").replace("&nbsp;", " ")
    return text.strip()


def _mention_of(entity: Any, bot: str) -> str:
    """What stands in the text for a mention of the bot; empty for any other entity."""
    fields = entity.additional_properties or {}
    mentioned = fields.get("mentioned")
    if entity.type != "mention" or not isinstance(mentioned, dict) or mentioned.get("id") != bot:
        return ""
    return _optional(fields.get("text")) or ""


def _choice(value: object) -> Choice | None:
    """None if it is not the data of an action that we made. A messageBack button brings its value as text."""
    data = _loads(value) if isinstance(value, str) else value
    chosen = data.get("o") if isinstance(data, dict) else None
    option = _OPTION.fullmatch(chosen) if isinstance(chosen, str) else None
    return Choice(message=int(option[1]), option=int(option[2])) if option else None


def _action_data(value: object) -> object:
    """https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#actionexecute"""
    action = value.get("action") if isinstance(value, dict) else None
    return action.get("data") if isinstance(action, dict) else None


def _attached(activity: Any) -> Unsupported | None:
    """The first thing that the customer attached."""
    for attachment in filter(None, activity.attachments or ()):
        kind = attachment.content_type or ""
        if kind not in _NOT_ATTACHED:
            return Unsupported(
                kind=next((ATTACHMENTS[start] for start in ATTACHMENTS if kind.startswith(start)), "file")
            )
    return None


# --- Who said it, and where -------------------------------------------------------------------------------------------


def _by(activity: Any, said: Said) -> Inbound:
    person = activity.from_property
    if person.id.startswith("28:"):
        raise _NotReadable("said by a bot")
    conversation, number = _filled(activity.conversation.id), _filled(activity.id)
    return Inbound(
        channel="teams",
        external_id=storable(person.aad_object_id or "") or _filled(person.id),
        address=str(_address(activity)),
        dedupe_key=f"{conversation}|{number}",
        said=said,
        platform_id=number,
        sent_at=_utc(activity.timestamp),
        language=_optional(activity.locale),
        name=_optional(person.name),
    )


def _address(activity: Any) -> Address:
    return Address(
        service_url=_filled(activity.service_url),
        conversation=_filled(activity.conversation.id),
        bot=_filled(activity.recipient.id),
        user=_filled(activity.from_property.id),
        tenant=_tenant(activity),
    )


def _tenant(activity: Any) -> str:
    data = activity.channel_data if isinstance(activity.channel_data, dict) else {}
    tenant = data.get("tenant")
    return (_optional(tenant.get("id")) if isinstance(tenant, dict) else None) or ""


def _is_audience(data: Mapping[str, Any]) -> bool:
    """A group is an audience, not a customer: nothing of it may enter anyone's conversation, nor be kept because it
    could not be read."""
    return (
        _at(data, ("conversation", "conversationType")) in AUDIENCES or _at(data, ("conversation", "isGroup")) is True
    )


def _utc(at: datetime | None) -> datetime | None:
    try:
        return None if at is None else at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None


# --- Untrusted values -------------------------------------------------------------------------------------------------

_STRINGS = (
    ("type",),
    ("id",),
    ("timestamp",),
    ("serviceUrl",),
    ("channelId",),
    ("text",),
    ("name",),
    ("action",),
    ("locale",),
    ("from", "id"),
    ("from", "name"),
    ("from", "aadObjectId"),
    ("recipient", "id"),
    ("conversation", "id"),
    ("conversation", "conversationType"),
)
"""Fields that botbuilder would make strings of, whatever they are."""

_NEEDED = (("id",), ("serviceUrl",), ("from", "id"), ("recipient", "id"), ("conversation", "id"))


def json_object(body: bytes) -> dict[str, Any]:
    """Raises Malformed."""
    data = _loads(body)
    if data is None:
        raise Malformed("the body is not JSON")
    if not isinstance(data, dict):
        raise Malformed("the body is not a JSON object")
    return data


def _loads(text: str | bytes) -> object:
    """None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parse(kind: str, data: dict[str, Any]) -> Any:
    """botbuilder names no errors for data that is not as documented, and raises many kinds of them."""
    for path in _STRINGS:
        if not isinstance(_at(data, path), str | None):
            raise _NotReadable(f"{'.'.join(path)} is not a string")
    for path in _NEEDED:
        if not _at(data, path):
            raise _NotReadable(f"{'.'.join(path)} is missing")
    try:
        return Activity.deserialize(data)
    except Exception as problem:
        raise _NotReadable(f"{kind} is not as documented: {type(problem).__name__}") from None


def _at(data: object, path: tuple[str, ...]) -> object:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _kind(value: object, unknown: str) -> str:
    return value if isinstance(value, str) and _KIND.fullmatch(value) else f"{unknown} of an unknown kind"


def _filled(value: str) -> str:
    cleaned = storable(value)
    if not cleaned:
        raise _NotReadable("an id is not a string that can be kept")
    return cleaned


def _optional(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None
