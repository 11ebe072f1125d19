"""What Chatwoot's agents read of what happens here. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.gateway.desk.outside.messages import Json

_CHANNELS = {"webchat": "Web chat", "telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Teams", "email": "E-mail"}
_LONGEST_LINE = 2_000
_REFUSED = {
    "window_closed": "WhatsApp lets nothing be written to this customer until they write again.",
    "blocked": "The customer has blocked us.",
    "unreachable": "There is no channel by which this customer can be written to now.",
    "ended": "The conversation is with the bot again.",
    "not_yours": "Another agent has the conversation.",
    "empty": "There is nothing in it that the customer could be shown.",
}


def mark(channel: str | None) -> str:
    """Where something was said."""
    return _CHANNELS.get(channel or "", (channel or "").capitalize())


def incoming(message: Json) -> str:
    """A customer's message."""
    return f"[{mark(message['channel'])}] {said(message)}"


def said(message: Json) -> str:
    """The words of a message, and what stands for what has none."""
    if message.get("taken_back") and not message.get("text"):
        return "(taken back)"
    parts = [message.get("text"), _beside(message)]
    return "\n".join(str(part) for part in parts if part) or "(nothing that can be shown)"


def note_of(message: Json) -> str:
    """A message of ours that was not written at Chatwoot."""
    agent = message.get("agent")
    who = f"{agent['name']} (at the other desk)" if agent else "Bot"
    return f"{who} [{mark(message['channel'])}]: {said(message)}"


def change_of(message: Json) -> str:
    """What a customer changed of what they had said."""
    if message.get("taken_back"):
        return f"The customer has taken back: {said(message)}"
    return f"The customer has changed it to: {message.get('revised') or said(message)}"


def beginning(data: Json) -> str:
    """The conversation so far, and why it came."""
    customer = data.get("customer") or {}
    facts = {
        "Why": data.get("why"),
        "Topic": data.get("topic"),
        "Language": data.get("language"),
        "Account": customer.get("account"),
        "Channels": ", ".join(mark(one["channel"]) for one in data.get("channels", ())),
    }
    known = [f"{name}: {value}" for name, value in facts.items() if value]
    if data.get("left_message"):
        known.append("Nobody was there: a message was left, and the customer does not wait.")
    return "\n".join([*known, "", *_lines(data.get("transcript", ()))]).strip()


def refusal(error: str | None) -> str:
    return _REFUSED.get(error or "", "It could not be said.")


def _lines(transcript: Sequence[Json]) -> list[str]:
    names = {"customer": "Customer", "bot": "Bot", "product": "Bot"}
    return [
        f"{(line.get('agent') or {}).get('name') or names.get(line['author'], 'Agent')}"
        f" [{mark(line['channel'])}]: {said(line)}"[:_LONGEST_LINE]
        for line in transcript
    ]


def _beside(message: Json) -> str | None:
    media, place = message.get("media"), message.get("location")
    if media:
        return f"({media.get('kind') or 'file'}{': ' + media['name'] if media.get('name') else ''})"
    if place:
        return f"https://www.openstreetmap.org/?mlat={place.get('latitude')}&mlon={place.get('longitude')}"
    if message.get("unsupported"):
        return f"({message['unsupported']})"
    return _shown(message.get("content") or {})


def _shown(content: Json) -> str | None:
    options = [option.get("title") for option in content.get("options", ())]
    parts: list[Any] = [content.get("image"), (content.get("file") or {}).get("name")]
    parts += [card.get("title") for card in content.get("cards", ())]
    parts += [" ".join(f"[{title}]" for title in options)] if options else []
    return "\n".join(str(part) for part in parts if part) or None
