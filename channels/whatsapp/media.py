"""Files that customers sent: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media

Meta gives an address for a file's id, good for five minutes, and wants the same token there. The address comes from
outside, so it is looked at before the token goes along.
"""

from __future__ import annotations

import hashlib
import re

import aiohttp
from yarl import URL  # aiohttp's own way of reading addresses: a second one might see another host in the same text

from channels.contract import FetchError

from .answers import json_object, retry_after
from .errors import refusal
from .payload import Json

_HOST = "lookaside.fbsbx.com"
"""Where Meta keeps them."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SIZE = re.compile(r"[0-9]{1,15}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CHUNK = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5, sock_read=15)
"""Files take longer than answers."""
_OBJECT_UNKNOWN = 100


async def fetch(session: aiohttp.ClientSession, graph: str, media_id: str, limit: int) -> bytes:
    """The file with that id, of at most `limit` bytes. Raises FetchError.

    session:  sends the token with every request
    graph:    the API's address, with the version
    """
    if not _ID.fullmatch(media_id):
        raise FetchError("this is no id of a file on WhatsApp", permanent=True)
    try:
        told = await _told(session, f"{graph}/{media_id}")
        if (size := _size(told)) is not None and size > limit:
            raise _too_large()
        content = await _content(session, _address(told, graph), limit)
    except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:  # a TimeoutError is an OSError
        raise FetchError(f"WhatsApp's file could not be fetched: {type(error).__name__}") from None
    _check_whole(content, told)
    return content


async def _told(session: aiohttp.ClientSession, url: str) -> Json:
    """What Meta says about the file."""
    async with session.get(url, allow_redirects=False) as answer:
        body = json_object(await answer.read()) or {}
        if answer.status == 200:
            return body
        raise _refused(answer, body)


async def _content(session: aiohttp.ClientSession, url: str, limit: int) -> bytes:
    content = bytearray()
    async with session.get(url, allow_redirects=False, timeout=_TIMEOUT) as answer:
        if answer.status != 200:
            raise _refused(answer, {})
        async for chunk in answer.content.iter_chunked(_CHUNK):
            content += chunk
            if len(content) > limit:
                raise _too_large()
    return bytes(content)


def _address(told: Json, graph: str) -> str:
    """Raises FetchError, unless it is Meta's."""
    url = told.get("url")
    if not isinstance(url, str) or not is_metas(url, graph):
        raise FetchError("WhatsApp's file is at an address that is not WhatsApp's", permanent=True)
    return url


def is_metas(url: str, graph: str) -> bool:
    """Its files' host, or the very server that was asked."""
    try:
        parts, asked = URL(url), URL(graph)
    except ValueError:
        return False
    if parts.user or parts.password:
        return False
    return (parts.scheme, parts.host, parts.port) in (("https", _HOST, 443), (asked.scheme, asked.host, asked.port))


def _size(told: Json) -> int | None:
    """A number, which Meta also writes as a string."""
    size = str(told.get("file_size"))
    return int(size) if _SIZE.fullmatch(size) else None


def _check_whole(content: bytes, told: Json) -> None:
    """By Meta's own sum, in hexadecimal. Raises FetchError."""
    expected = told.get("sha256")
    if not isinstance(expected, str) or not _SHA256.fullmatch(expected):
        return
    if hashlib.sha256(content).hexdigest() != expected.lower():
        raise FetchError("WhatsApp's file did not arrive whole")


def _refused(answer: aiohttp.ClientResponse, body: Json) -> FetchError:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if code == _OBJECT_UNKNOWN or (code is None and answer.status in (400, 404, 410)):
        return FetchError(f"WhatsApp does not have the file any more ({answer.status})", permanent=True)
    if 300 <= answer.status < 400:
        return FetchError(f"WhatsApp's file is somewhere else ({answer.status})", permanent=True)
    refused = refusal(answer.status, body, retry_after(answer.headers))
    return FetchError(refused.reason, permanent=refused.permanent, retry_after=refused.retry_after)


def _too_large() -> FetchError:
    return FetchError("the file is larger than what is taken", too_large=True)
