"""Photos as Telegram takes them: https://core.telegram.org/bots/api#sending-files

A URL is fetched by Telegram, at most 5 MB; an upload has at most 10 MB; width and height at most 10,000 together and at
most 20 to 1. The picture's own bytes decide what it is, its size is read from its header.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from .errors import bad_request

URL_MAX = 5 * 1024 * 1024
UPLOAD_MAX = 10 * 1024 * 1024
_FETCH_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, kw_only=True)
class Picture:
    content: bytes
    content_type: str
    width: int
    height: int


async def fetch_picture(session: aiohttp.ClientSession, url: str) -> Picture:
    content, content_type = await download(session, url, limit=URL_MAX)
    if not content_type.startswith("image/") or _measured(content) is None:
        raise bad_request("wrong type of the web page content")
    return read_picture(content)


async def download(session: aiohttp.ClientSession, url: str, *, limit: int) -> tuple[bytes, str]:
    """Content and content type of what is at an address that a bot gave. Raises ApiError."""
    if not url.startswith(("http://", "https://")):
        raise bad_request("wrong file identifier/HTTP URL specified")
    try:
        async with session.get(url, timeout=_FETCH_TIMEOUT) as answer:
            if answer.status != 200:
                raise bad_request("failed to get HTTP URL content")
            return await _at_most(answer, limit), answer.content_type
    except aiohttp.InvalidURL:
        raise bad_request("wrong file identifier/HTTP URL specified") from None
    except (aiohttp.ClientError, TimeoutError):
        raise bad_request("failed to get HTTP URL content") from None


async def _at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    content = b""
    async for chunk in answer.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) > limit:
            raise bad_request("failed to get HTTP URL content")
    return content


def read_picture(content: bytes) -> Picture:
    if not content:
        raise bad_request("file must be non-empty")
    if len(content) > UPLOAD_MAX:
        raise bad_request("file is too big")
    measured = _measured(content)
    if measured is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    kind, width, height = measured
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return Picture(content=content, content_type=kind, width=width, height=height)


def _measured(content: bytes) -> tuple[str, int, int] | None:
    """Content type, width and height, or None if these are not a picture's bytes."""
    for magic, content_type, measure in _KINDS:
        if content.startswith(magic):
            try:
                size = measure(content)
            except (struct.error, IndexError):
                return None
            return (content_type, *size) if size and min(size) > 0 else None
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    # A cut-off picture has no end chunk: Telegram cannot process it.
    if b"IEND" not in content[-12:] or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _gif(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", content[6:10])
    return width, height


def _jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while content[at] == 0xFF:
        marker, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    kind = content[8:16]
    if kind == b"WEBPVP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"WEBPVP8L":
        bits = struct.unpack("<I", content[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"WEBPVP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    return None


_KINDS: tuple[tuple[bytes, str, Callable[[bytes], tuple[int, int] | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png", _png),
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"GIF87a", "image/gif", _gif),
    (b"GIF89a", "image/gif", _gif),
    (b"RIFF", "image/webp", _webp),
)
