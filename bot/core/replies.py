"""Collecting what Rasa says as values of the channels' contract.

One response of Rasa becomes one message: text with its buttons, its picture and its cards stays together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel

from bot.core.logs import get_logger
from channels.contract import Card, Content, Option

_log = get_logger()


class Replies(CollectingOutputChannel):  # type: ignore[misc]  # Rasa's class is untyped here
    """Rasa's output channel for one turn. It has the name of the customer's channel, so that a response's `channel:`
    variations apply, and sends nothing anywhere."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel
        self.said: list[Content] = []
        """One for each response, in order; an empty one where nothing can be shown of it."""

    def name(self) -> str:  # a class method there; Rasa calls it on the instance
        """The customer's channel."""
        return self._channel

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Called by Rasa once for each response."""
        self.said.append(content_of(message))


def content_of(message: Mapping[str, Any]) -> Content:
    """A response in Rasa's shape as a `Content`. What has no known shape is left out, and logged by its type."""
    buttons = [*(message.get("quick_replies") or ()), *(message.get("buttons") or ())]
    custom = message.get("custom") or {}
    cards = _cards(message.get("elements") or ())
    invite = None
    text = message.get("text")
    if isinstance(custom, Mapping) and custom:
        kind = custom.get("type")
        if kind == "continue":
            invite = str(custom.get("channel") or "") or None
        elif kind == "cards":
            cards += _cards(custom.get("cards") or ())
        else:
            _log.warning("reply.custom_unknown", type=str(kind)[:40])
        text = text or custom.get("text")
    return Content(
        text=_with_links(text, buttons, message),
        options=_options(buttons),
        image=_image(message),
        cards=cards,
        invite=invite,
    )


def _with_links(text: Any, buttons: Iterable[Mapping[str, Any]], message: Mapping[str, Any]) -> str | None:
    """The text, with what can only be a link to everybody: attachments, and buttons that open a page."""
    lines = [str(text).strip()] if text else []
    lines += [f"{button.get('title', '')}: {button['url']}".lstrip(": ") for button in buttons if button.get("url")]
    attachment = message.get("attachment")
    if attachment and attachment != message.get("image"):
        lines.append(attachment if isinstance(attachment, str) else str(_url(attachment) or ""))
    return "\n".join(line for line in lines if line) or None


def _options(buttons: Iterable[Mapping[str, Any]]) -> tuple[Option, ...]:
    return tuple(
        Option(title=str(button["title"]), payload=str(button.get("payload") or button["title"]))
        for button in buttons
        if button.get("title") and not button.get("url")
    )


def _cards(cards: Iterable[Mapping[str, Any]]) -> tuple[Card, ...]:
    """Ours and Rasa's own "elements": `subtitle` and `image_url` are the latter's words."""
    return tuple(
        Card(
            title=str(card["title"]),
            text=card.get("text") or card.get("subtitle"),
            image=card.get("image") or card.get("image_url"),
            options=_options(card.get("options") or card.get("buttons") or ()),
        )
        for card in cards
        if card.get("title")
    )


def _image(message: Mapping[str, Any]) -> str | None:
    image = message.get("image")
    return str(image) if image else None


def _url(attachment: Any) -> Any:
    """Facebook's shape, which some assistants use: `{type, payload: {src or url}}`."""
    payload = attachment.get("payload") if isinstance(attachment, Mapping) else None
    return payload and (payload.get("src") or payload.get("url"))
