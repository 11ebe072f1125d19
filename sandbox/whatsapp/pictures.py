"""Pictures as WhatsApp takes them by link: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media

JPEG or PNG, 5 MB at most; the content decides, and the server has to name it rightly.
"""

from __future__ import annotations

import aiohttp

from .errors import bad_media

IMAGE_MAX = 5 * 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


async def fetch_picture(session: aiohttp.ClientSession, url: str) -> tuple[bytes, str]:
    """The content and its type. Raises GraphError."""
    content, mime_type = await _download(session, url)
    if len(content) > IMAGE_MAX:
        raise bad_media(f"Image file size exceeds the limit of {IMAGE_MAX} bytes.")
    if mime_type not in _MAGIC or not content.startswith(_MAGIC[mime_type]):
        raise bad_media(f"Unsupported Image mime type {mime_type}. Please use one of image/jpeg, image/png.")
    return content, mime_type


async def _download(session: aiohttp.ClientSession, url: str) -> tuple[bytes, str]:
    try:
        async with session.get(url, timeout=_TIMEOUT) as answer:
            if answer.status != 200:
                raise bad_media(f"Downloading media from weblink failed with http code {answer.status}")
            return await _at_most(answer, IMAGE_MAX + 1), answer.content_type
    except (aiohttp.ClientError, TimeoutError, ValueError):
        raise bad_media("Downloading media from weblink failed.") from None


async def _at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    content = b""
    async for chunk in answer.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) >= limit:
            break
    return content
