"""What a file is, by its bytes and never by its name, and whether it is taken. Pure."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import puremagic

LARGEST = 20 * 1024 * 1024
"""Bytes of one file: what Telegram lets a bot download, https://core.telegram.org/bots/api#getfile"""

_OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".mp3": "audio/mpeg",
    ".mp1": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".amr": "audio/amr",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp4": "video/mp4",
    ".3gp": "video/3gpp",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}presentationml.presentation",
}
"""What is taken, by the extension that belongs to the bytes. Nothing that a browser would run, and no archives."""

_RUNS = (".html", ".htm", ".xhtml", ".svg", ".exe", ".dll", ".jar", ".apk", ".appimage", ".sh", ".bat", ".js", ".php")
_OFFICE_PARTS = {"word/": ".docx", "xl/": ".xlsx", "ppt/": ".pptx"}
_MACROS = "vbaproject.bin"
_TEXT_HEAD = 64 * 1024
# Stickers that move are a drawing for Telegram's apps alone, packed with gzip: https://core.telegram.org/stickers
_STICKER = (b"\x1f\x8b", "application/x-tgsticker")


class NotTaken(Exception):
    """The file is not kept. The text is a word for programs: `empty`, `too_large` or `type`."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file that is taken."""

    type: str
    """MIME type by its bytes."""
    shown: bool
    """Whether a browser may show it in place, rather than save it."""


def check(body: bytes, kind: str) -> Checked:
    """What `body` is. `kind`: what the platform said it was, one of `contract.MEDIA_KINDS`. Raises NotTaken."""
    if not body:
        raise NotTaken("empty")
    if len(body) > LARGEST:
        raise NotTaken("too_large")
    found = _type_of(body, kind)
    return Checked(type=found, shown=found.partition("/")[0] in ("image", "audio", "video"))


def _type_of(body: bytes, kind: str) -> str:
    if kind == "sticker" and body.startswith(_STICKER[0]):
        return _STICKER[1]
    if body.startswith(b"PK\x03\x04"):
        return TYPES[_office(body)]
    extensions = list(_extensions(body))
    if not extensions:
        return _text(body)
    if extensions[0] in _RUNS:
        raise NotTaken("type")
    for extension in extensions:
        if extension in TYPES:
            return TYPES[extension]
    raise NotTaken("type")


def _extensions(body: bytes) -> Iterator[str]:
    """What the bytes may be, likeliest first."""
    try:
        matches = puremagic.magic_string(body)
    except (puremagic.PureError, ValueError):
        return
    for match in matches:
        yield match.extension.lower()


def _office(body: bytes) -> str:
    """A document of an office program is a zip with certain names in it, and any other zip is an archive."""
    try:
        names = [name.lower() for name in zipfile.ZipFile(io.BytesIO(body)).namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise NotTaken("type") from None
    if "[content_types].xml" not in names or any(name.endswith(_MACROS) for name in names):
        raise NotTaken("type")
    for part, extension in _OFFICE_PARTS.items():
        if any(name.startswith(part) for name in names):
            return extension
    raise NotTaken("type")


def _text(body: bytes) -> str:
    """Plain text has no mark of its own: it is UTF-8 without control characters."""
    head = body[:_TEXT_HEAD]
    try:
        text = head.decode("utf-8") if len(body) <= _TEXT_HEAD else head.decode("utf-8", "ignore")
    except UnicodeDecodeError:
        raise NotTaken("type") from None
    if any(ord(character) < 32 and character not in "\t\n\r\f" for character in text):
        raise NotTaken("type")
    return "text/plain"
