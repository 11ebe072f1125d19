"""Files as WhatsApp takes them, by link or uploaded: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media

A picture is JPEG or PNG, 5 MB at most, and its content has to be what its type says. A document is of the types that
are listed, 100 MB at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from .errors import bad_media

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MEGABYTE = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument"
_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


@dataclass(frozen=True, kw_only=True)
class _Kind:
    types: tuple[str, ...]
    most: int
    """Bytes."""


KINDS: Mapping[str, _Kind] = {
    "image": _Kind(types=("image/jpeg", "image/png"), most=5 * _MEGABYTE),
    "document": _Kind(
        types=(
            "application/msword",
            "application/pdf",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.presentationml.presentation",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.wordprocessingml.document",
            "text/plain",
        ),
        most=100 * _MEGABYTE,
    ),
    "audio": _Kind(types=("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), most=16 * _MEGABYTE),
    "video": _Kind(types=("video/3gpp", "video/mp4"), most=16 * _MEGABYTE),
    "sticker": _Kind(types=("image/webp",), most=500 * 1024),
}


async def fetch_file(session: aiohttp.ClientSession, kind: str, url: str) -> tuple[bytes, str]:
    """The content and its type. Raises GraphError."""
    content, mime_type = await _download(session, url, KINDS[kind].most + 1)
    check_file(kind, content, mime_type)
    return content, mime_type


def check_file(kind: str, content: bytes, mime_type: str) -> None:
    """Raises GraphError unless it can be sent as this kind."""
    rules, named = KINDS[kind], kind.capitalize()
    if len(content) > rules.most:
        raise bad_media(f"{named} file size exceeds the limit of {rules.most} bytes.")
    if mime_type not in rules.types or not content.startswith(_MAGIC.get(mime_type, b"")):
        raise bad_media(f"Unsupported {named} mime type {mime_type}. Please use one of {', '.join(rules.types)}.")


def kind_of(mime_type: str) -> str | None:
    """What can be sent with this type."""
    return next((kind for kind, rules in KINDS.items() if mime_type in rules.types), None)


async def _download(session: aiohttp.ClientSession, url: str, most: int) -> tuple[bytes, str]:
    try:
        async with session.get(url, timeout=_TIMEOUT) as answer:
            if answer.status != 200:
                raise bad_media(f"Downloading media from weblink failed with http code {answer.status}")
            return await _at_most(answer, most), answer.content_type
    except (aiohttp.ClientError, TimeoutError, ValueError):
        raise bad_media("Downloading media from weblink failed.") from None


async def _at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) >= limit:
            break
    return bytes(content)
