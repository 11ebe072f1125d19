"""Files that Telegram fetches for a bot: https://core.telegram.org/bots/api#sending-files

By their address only PDF, ZIP and GIF, of at most 20 MB; an upload has at most 50 MB.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import aiohttp

from .errors import bad_request
from .pictures import download

URL_MAX = 20 * 1024 * 1024
UPLOAD_MAX = 50 * 1024 * 1024
_FETCHED = {"application/pdf": b"%PDF-", "application/zip": b"PK", "image/gif": b"GIF8"}
"""What it takes from an address, and how its bytes begin."""


async def fetch_document(session: aiohttp.ClientSession, url: str) -> tuple[bytes, str, str]:
    """Content, content type and name."""
    content, content_type = await download(session, url, limit=URL_MAX)
    if content_type not in _FETCHED or not content.startswith(_FETCHED[content_type]):
        raise bad_request("wrong type of the web page content")
    return content, content_type, unquote(urlsplit(url).path.rpartition("/")[2]) or "file"


def read_document(content: bytes) -> bytes:
    if not content:
        raise bad_request("file must be non-empty")
    if len(content) > UPLOAD_MAX:
        raise bad_request("file is too big")
    return content
