"""What Teams tells us, in the contract's words:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#activity-object

Pure: no network, no clock. Teams shows the customer an error for an activity that is refused, and may send it again, so
one that cannot be read is an `Unread`, never an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botbuilder.schema import Activity

from channels.contract import (
    Answer,
    Choice,
    Inbound,
    Link,
    Malformed,
    Media,
    Reach,
    Revised,
    Said,
    Start,
    Text,
    Unread,
    Webhook,
)
from channels.text import storable
from channels.wording import wording

from .address import Address
from .attachments import attached
from .tokens import CHANNEL

CARD_ACTION = "adaptiveCard/action"

AUDIENCES = ("groupChat", "channel")
"""https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages"""

_OPTION = re.compile(r"([0-9]{1,18}):([0-9]{1,3})")
_LINK_TEXT = "Link code: {}"
_LINK = re.compile(r"Link code: ([A-Za-z0-9_-]{16,64})")
_KIND = re.compile(r"[A-Za-z][A-Za-z/._-]{0,63}")


class _NotReadable(Exception):
    """Why an activity is kept for inspection; holds none of the customer's words."""


def read(webhook: Webhook) -> list[Inbound | Unread]:
    """One activity: mostly one Inbound; nothing if it is nobody's word to the bot (see HANDLERS). Raises Malformed."""
    try:
        activity = _heard(json_object(webhook.body))
        return [] if activity is None else HANDLERS.get(activity.type, _not_handled)(activity)
    except _NotReadable as problem:
        return [Unread(reason=str(problem))]


def news(webhook: Webhook) -> list[Revised | Reach]:
    """What the activity says about what is known already (see NEWS). Raises Malformed."""
    try:
        activity = _heard(json_object(webhook.body))
        return [] if activity is None else NEWS.get(activity.type, _no_news)(activity)
    except _NotReadable:  # `read` says so
        return []


def link_text(code: str) -> str:
    """What a customer sends to be linked, and `read` gives back as a Link."""
    return _LINK_TEXT.format(code)


def deep_link(app_id: str, code: str | None) -> str:
    """https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams"""
    chat = f"https://teams.microsoft.com/l/chat/0/0?users=28:{app_id}"
    return chat if code is None else f"{chat}&message={quote(link_text(code), safe='')}"


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
    if _choice(_action_data(data.get("value"))) is None:
        error = {"code": "BadRequest", "message": "not an action of this bot's cards"}
        return Answer(status=200, body=_card_answer(400, "application/vnd.microsoft.error", error))
    words = wording(_optional(data.get("locale")))
    return Answer(status=200, body=_card_answer(200, "application/vnd.microsoft.activity.message", words.taken))


def _card_answer(status: int, kind: str, value: object) -> dict[str, Any]:
    return {"statusCode": status, "type": kind, "value": value}


# --- Is it for the bot ------------------------------------------------------------------------------------------------


def _heard(data: dict[str, Any]) -> Any:
    """The activity; None if it was said in a group and not to the bot: that is not kept even if it cannot be read.
    Raises _NotReadable."""
    if _is_group(data) and not _is_to_the_bot(data):
        return None
    activity = _parse(_kind(data.get("type"), "an activity"), data)
    if activity.channel_id != CHANNEL:
        raise _NotReadable("channelId is not msteams")
    if activity.conversation.conversation_type != "personal" and not _is_group(data):
        raise _NotReadable("said in a chat of an unknown kind")
    if activity.from_property.id.startswith("28:"):
        raise _NotReadable("said by a bot")
    return activity


def _is_group(data: Mapping[str, Any]) -> bool:
    """A group is an audience, not a customer: nothing of it may enter anyone's conversation."""
    return (
        _at(data, ("conversation", "conversationType")) in AUDIENCES or _at(data, ("conversation", "isGroup")) is True
    )


def _is_to_the_bot(data: Mapping[str, Any]) -> bool:
    """A mention; a tap on a card of ours; the bot put into the group or taken out of it; a message taken back, which
    says nothing but its id."""
    if data.get("type") in ("installationUpdate", "messageDelete"):
        return True
    if _choice(data.get("value")) is not None or _choice(_action_data(data.get("value"))) is not None:
        return True
    entities, bot = data.get("entities"), _at(data, ("recipient", "id"))
    return isinstance(entities, list) and any(
        _at(one, ("type",)) == "mention" and _at(one, ("mentioned", "id")) == bot for one in entities
    )


# --- One function a type of activity ----------------------------------------------------------------------------------


def _message(activity: Any) -> list[Inbound | Unread]:
    """Words, and each thing that is attached to them. The first that can be fetched carries the words, so that the bot
    answers both at once; otherwise they come first."""
    choice = _choice(activity.value)
    if choice is not None:
        return [_by(activity, choice)]
    said = _together(_said_in_words(activity), attached(activity.attachments or ()))
    if not said:
        raise _NotReadable("message of a kind that is not handled" if activity.value is None else _NOT_OURS)
    first, *others = (_by(activity, one) for one in said)
    return [first, *(replace(one, dedupe_key=f"{one.dedupe_key}#{at}") for at, one in enumerate(others, start=1))]


def _together(words: Said | None, others: Sequence[Said]) -> list[Said]:
    media = next((one for one in others if isinstance(one, Media)), None)
    if media is not None and isinstance(words, Text):
        return [replace(media, text=words.text) if one is media else one for one in others]
    return [*([words] if words else ()), *others]


def _invoke(activity: Any) -> list[Inbound | Unread]:
    if activity.name != CARD_ACTION:
        raise _NotReadable(f"invoke of {_kind(activity.name, 'something')} is not handled")
    choice = _choice(_action_data(activity.value))
    if choice is None:
        raise _NotReadable(_NOT_OURS)
    return [_by(activity, choice)]


def _installation_update(activity: Any) -> list[Inbound | Unread]:
    """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events
    An upgrade of the app is no reason to welcome anybody; neither is a group, which has not asked for anything."""
    return [_by(activity, Start())] if activity.action == "add" and not _audience(activity) else []


def _nothing(activity: Any) -> list[Inbound | Unread]:
    """What `news` has; a reaction; a customer who types; the bot put into a chat, which an `installationUpdate` says
    too."""
    return []


def _not_handled(activity: Any) -> list[Inbound | Unread]:
    raise _NotReadable(f"{activity.type} is not handled")


HANDLERS: Mapping[str, Callable[[Any], list[Inbound | Unread]]] = {
    "message": _message,
    "invoke": _invoke,
    "installationUpdate": _installation_update,
    "messageUpdate": _nothing,
    "messageDelete": _nothing,
    "conversationUpdate": _nothing,
    "messageReaction": _nothing,
    "typing": _nothing,
}


# --- News -------------------------------------------------------------------------------------------------------------


def _edited(activity: Any) -> list[Revised | Reach]:
    """Also a message that was taken back and is there again after all (`undeleteMessage`)."""
    return [_revised(activity, _text(activity))]


def _deleted(activity: Any) -> list[Revised | Reach]:
    return [_revised(activity, None)]


def _revised(activity: Any, text: str | None) -> Revised:
    """The activity has the id of the message."""
    return Revised(
        external_id=_external_id(activity), platform_id=_filled(activity.id), text=text, at=_utc(activity.timestamp)
    )


def _reach(activity: Any) -> list[Revised | Reach]:
    reachable = {"add": True, "remove": False}.get(activity.action)
    return [] if reachable is None else [Reach(external_id=_external_id(activity), reachable=reachable)]


def _no_news(activity: Any) -> list[Revised | Reach]:
    return []


NEWS: Mapping[str, Callable[[Any], list[Revised | Reach]]] = {
    "messageUpdate": _edited,
    "messageDelete": _deleted,
    "installationUpdate": _reach,
}


# --- What was said ----------------------------------------------------------------------------------------------------

_NOT_OURS = "submit of a card that is not ours"


def _said_in_words(activity: Any) -> Said | None:
    """A deep link only writes its message into the compose box; the customer sends it. Who only calls the bot in a
    group wants to know what it can do."""
    text = _text(activity)
    link = _LINK.fullmatch(text)
    if link is not None:
        return Link(code=link[1])
    if not text and _audience(activity):
        return _called(activity)
    return Text(text=text) if text else None


def _called(activity: Any) -> Start | None:
    return Start() if activity.text and not attached(activity.attachments or ()) else None


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


# --- Who said it, and where -------------------------------------------------------------------------------------------


def _by(activity: Any, said: Said) -> Inbound:
    person, group = activity.from_property, _audience(activity)
    conversation, number = _filled(activity.conversation.id), _filled(activity.id)
    external_id, teams_id = _external_id(activity), _filled(person.id)
    return Inbound(
        channel="teams",
        external_id=external_id,
        address=str(_address(activity)),
        dedupe_key=f"{conversation}|{number}",
        said=said,
        platform_id=number,
        sent_at=_utc(activity.timestamp),
        language=_optional(activity.locale),
        name=_title(activity) if group else _optional(person.name),
        known_as=None if group or external_id == teams_id else teams_id,
        audience=group,
    )


def _audience(activity: Any) -> bool:
    return activity.conversation.conversation_type in AUDIENCES or activity.conversation.is_group is True


def _external_id(activity: Any) -> str:
    """A person's id in their organisation's directory, which is the same for every bot; Teams' own for guests and
    others who have none. Of a channel every thread is the same group."""
    if _audience(activity):
        return f"group:{_filled(activity.conversation.id).partition(';')[0]}"
    person = activity.from_property
    return storable(person.aad_object_id or "") or _filled(person.id)


def _title(activity: Any) -> str | None:
    """Of the group chat, or of the team's channel."""
    data = activity.channel_data if isinstance(activity.channel_data, dict) else {}
    places = (("channel", "name"), ("team", "name"))
    found = (_optional(name) for name in (activity.conversation.name, *(_at(data, path) for path in places)))
    return next(filter(None, found), None)


def _address(activity: Any) -> Address:
    """Of a group no one person is the addressee."""
    return Address(
        service_url=_filled(activity.service_url),
        conversation=_filled(activity.conversation.id),
        bot=_filled(activity.recipient.id),
        user="" if _audience(activity) else _filled(activity.from_property.id),
        tenant=_tenant(activity),
    )


def _tenant(activity: Any) -> str:
    data = activity.channel_data if isinstance(activity.channel_data, dict) else {}
    tenant = data.get("tenant")
    return (_optional(tenant.get("id")) if isinstance(tenant, dict) else None) or ""


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
    ("conversation", "name"),
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
    if not isinstance(_at(data, ("conversation", "isGroup")), bool | None):
        raise _NotReadable("conversation.isGroup is neither true nor false")
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
