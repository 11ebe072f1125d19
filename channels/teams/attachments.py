"""What customers attach to their messages, and where it is fetched:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4

Pure. A file stands on the customer's OneDrive, at an address that is good by itself for some minutes. A picture that
was pasted in stands on the connector, which wants the bot's token for it.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from channels.contract import Media, Unsupported
from channels.text import storable

FILE = "application/vnd.microsoft.teams.file.download.info"
ATTACHMENTS = {
    FILE: "file",
    "image/": "picture",
    "audio/": "audio",
    "video/": "video",
    "application/vnd.microsoft.card.": "card",
}
"""How the content types of what a customer attaches begin, and what we call it."""

_NOT_ATTACHED = ("text/html", "messageReference")
"""What Teams adds by itself: the text once more with its formatting, and the message that is answered."""

_TYPE = re.compile(r"[A-Za-z]{1,32}/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}")
_NAME_MAX = 255


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a file is, as `Media.ref` keeps it."""

    url: str
    token: bool
    """Whether it is given to the bot's token only."""

    def __str__(self) -> str:
        return json.dumps({"url": self.url, "token": self.token}, separators=(",", ":"), ensure_ascii=False)


def place(ref: str) -> Place | None:
    """None if it is no reference of this channel's."""
    try:
        data = json.loads(ref)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.keys() != {"url", "token"}:
        return None
    url, token = data["url"], data["token"]
    return Place(url=url, token=token) if isinstance(url, str) and isinstance(token, bool) else None


def attached(attachments: Iterable[Any]) -> list[Media | Unsupported]:
    """Each thing that the customer attached, in order."""
    return [_read(one) for one in attachments if one is not None and one.content_type not in _NOT_ATTACHED]


def _read(attachment: Any) -> Media | Unsupported:
    content_type = attachment.content_type or ""
    kind = next((ATTACHMENTS[start] for start in ATTACHMENTS if content_type.startswith(start)), "file")
    at = _place(attachment, content_type)
    if kind == "card" or at is None:
        return Unsupported(kind=kind)
    name = _name(attachment.name)
    return Media(
        kind=_kind_by_name(name) if content_type == FILE else kind,
        ref=str(at),
        name=name,
        type=content_type if content_type != FILE and _TYPE.fullmatch(content_type) else None,
    )


def _place(attachment: Any, content_type: str) -> Place | None:
    if content_type != FILE:
        url = attachment.content_url
        return Place(url=storable(url), token=True) if url else None
    content = attachment.content
    url = content.get("downloadUrl") if isinstance(content, dict) else None
    return Place(url=storable(url), token=False) if isinstance(url, str) and url else None


def _name(name: str | None) -> str | None:
    """A file's own name, without the folders that somebody may have put before it."""
    last = re.split(r"[/\\]", storable(name or ""))[-1].strip()
    return last[-_NAME_MAX:] or None


def _kind_by_name(name: str | None) -> str:
    """Teams tells no content type of a file."""
    guessed = mimetypes.guess_type(name or "", strict=True)[0] or ""
    return {"image": "picture", "audio": "audio", "video": "video"}.get(guessed.partition("/")[0], "file")
