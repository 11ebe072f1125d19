"""A message as other desks are told of it. Pure.

    {id, at, direction: in or out, author: customer, bot, agent or product, agent, channel, text, …}

    of a customer's:  label is text; media: {kind, name, type, size, url, outcome}; location; revised; taken_back
    of ours:          content, as content.py writes it; state; error; delivered_at; read_at; reference

Files are named by their handles (`vault:…`); whoever brings it to a receiver puts addresses in their place with
`addressed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from bot.gateway.media.handles import SCHEME, handle

Json = dict[str, Any]

Address = Callable[[str], Awaitable[str]]
"""The id of a file → where the receiver can have it for a while."""

REFERENCE = "outside"
"""How the keys begin by which doings of other desks are known: `outside:<desk>:<key>`."""

_WORDS = ("text", "choice", "media", "location", "unsupported", "taken_back")
_MARKS = ("revised", "taken_back")
_SENT_STATES = {"sending": "queued"}
_ADDRESSES = ("url", "image")
"""Names of what is an address; anything else that looks like a handle is somebody's words."""


def is_words(row: Any) -> bool:
    """Whether somebody says something with it: not what the product tells itself, nor a start."""
    return row.direction == "out" or (row.author == "customer" and row.content.get("type") in _WORDS)


def message_json(row: Any, agents: Mapping[str, Json], references: Mapping[int, str]) -> Json:
    """A row of `messages`.

    agents:      what is told of the agents, by id
    references:  keys of doings that came from other desks, by the id of the message
    """
    told = {
        "id": row.id,
        "at": iso(row.created_at),
        "direction": row.direction,
        "author": row.author,
        "agent": agents.get(row.agent_id) if row.agent_id else None,
        "channel": row.channel,
    }
    return told | (_ours(row, references) if row.direction == "out" else _theirs(row.content))


def shown_state(state: str) -> str:
    """Being sent is not told apart from waiting to be."""
    return _SENT_STATES.get(state, state)


def reference_json(key: str | None) -> Json | None:
    """What the asker called a doing: `{desk, key}`."""
    if not key or not key.startswith(f"{REFERENCE}:"):
        return None
    _, desk, own = key.split(":", 2)
    return {"desk": desk, "key": own}


async def addressed(value: Any, address: Address, name: str = "") -> Any:
    """The same JSON with an address in the place of each handle."""
    if isinstance(value, Mapping):
        return {key: await addressed(part, address, key) for key, part in value.items()}
    if isinstance(value, list):
        return [await addressed(part, address, name) for part in value]
    if isinstance(value, str) and name in _ADDRESSES and value.startswith(SCHEME):
        return await address(value.removeprefix(SCHEME))
    return value


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _ours(row: Any, references: Mapping[int, str]) -> Json:
    return {
        "text": row.content.get("text"),
        "content": row.content,
        "state": shown_state(row.state),
        "error": row.error,
        "delivered_at": iso(row.delivered_at),
        "read_at": iso(row.read_at),
        "reference": reference_json(references.get(row.cause_id or 0)),
    }


def _theirs(said: Mapping[str, Any]) -> Json:
    told: Json = {"text": said.get("label") if said.get("type") == "choice" else said.get("text")}
    if said.get("type") == "media":
        told["media"] = {
            "kind": said.get("kind"),
            "name": said.get("name"),
            "type": said.get("mime"),
            "size": said.get("size"),
            "outcome": said.get("outcome"),
            "url": handle(said["media"]) if said.get("outcome") == "stored" and said.get("media") else None,
        }
    if said.get("type") == "location":
        told["location"] = {name: part for name, part in said.items() if name != "type"}
    if said.get("type") == "unsupported":
        told["unsupported"] = said.get("kind")
    return told | {mark: said[mark] for mark in _MARKS if said.get(mark)} | _gone(said)


def _gone(said: Mapping[str, Any]) -> Json:
    return {"taken_back": True} if said.get("type") == "taken_back" else {}
