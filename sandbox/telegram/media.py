"""Files as messages carry them: https://core.telegram.org/bots/api#photosize, #document, #voice and their like.

Every one is kept with real bytes, so that a bot that downloads it gets what it was told of. The small ones that people
send are in samples/.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import Json
from .pictures import Picture, read_picture

DOWNLOAD_MAX = 20 * 1024 * 1024
"""Bytes that a bot can download: https://core.telegram.org/bots/api#getfile"""

_SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True, kw_only=True)
class Stored:
    content: bytes
    content_type: str
    path: str
    """`file_path` of getFile."""


@dataclass(kw_only=True)
class Shelf:
    """Every file that anybody sent, by `file_id`."""

    files: dict[str, Stored] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    """Those of them that are photos."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def keep(self, content: bytes, content_type: str, *, prefix: str, folder: str, suffix: str) -> Json:
        """The fields that all kinds of files share."""
        file_id = f"{prefix}ACAgIAAxkBAAI{secrets.token_urlsafe(36)}"
        path = f"{folder}/file_{next(self._numbers)}{suffix}"
        self.files[file_id] = Stored(content=content, content_type=content_type, path=path)
        return {"file_id": file_id, "file_unique_id": file_id[-16:], "file_size": len(content)}

    def at(self, path: str) -> Stored | None:
        return next((stored for stored in self.files.values() if stored.path == path), None)

    def photo(self, picture: Picture) -> Json:
        """One size of a photo. What Telegram sends on is always a JPEG; here the bytes stay as they came."""
        kept = self.keep(picture.content, picture.content_type, prefix="Ag", folder="photos", suffix=".jpg")
        self.pictures[kept["file_id"]] = picture
        return kept | {"width": picture.width, "height": picture.height}

    def document(self, content: bytes, *, name: str | None, content_type: str) -> Json:
        suffix = Path(name or "").suffix
        kept = self.keep(content, content_type, prefix="BQ", folder="documents", suffix=suffix)
        return kept | ({"file_name": name} if name else {}) | {"mime_type": content_type}


# --- What people send -------------------------------------------------------------------------------------------------


def photo(shelf: Shelf, content: bytes | None = None) -> Json:
    """In two sizes, of which the second is the picture as it was sent."""
    picture = read_picture(content or sample("photo.jpg"))
    size = shelf.photo(picture)
    small = {"width": max(1, picture.width // 8), "height": max(1, picture.height // 8)}
    return {"photo": [shelf.photo(picture) | small, size]}


def document(
    shelf: Shelf, content: bytes | None = None, *, name: str = "receipt.pdf", content_type: str = "application/pdf"
) -> Json:
    given = sample("receipt.pdf") if content is None else content
    return {"document": shelf.document(given, name=name, content_type=content_type)}


def voice(shelf: Shelf) -> Json:
    kept = shelf.keep(sample("voice.ogg"), "audio/ogg", prefix="Aw", folder="voice", suffix=".oga")
    return {"voice": kept | {"duration": 3, "mime_type": "audio/ogg"}}


def audio(shelf: Shelf) -> Json:
    kept = shelf.keep(sample("song.mp3"), "audio/mpeg", prefix="CQ", folder="music", suffix=".mp3")
    return {"audio": kept | {"duration": 1, "title": "Air", "file_name": "air.mp3", "mime_type": "audio/mpeg"}}


def video(shelf: Shelf) -> Json:
    kept = shelf.keep(sample("video.mp4"), "video/mp4", prefix="BA", folder="videos", suffix=".mp4")
    shape = {"duration": 2, "width": 640, "height": 360}
    return {"video": kept | shape | {"file_name": "door.mp4", "mime_type": "video/mp4"}}


def video_note(shelf: Shelf) -> Json:
    kept = shelf.keep(sample("video.mp4"), "video/mp4", prefix="DQ", folder="video_notes", suffix=".mp4")
    return {"video_note": kept | {"length": 384, "duration": 2}}


def animation(shelf: Shelf) -> Json:
    """Telegram tells of it as a document, too."""
    kept = shelf.keep(sample("video.mp4"), "video/mp4", prefix="Cg", folder="animations", suffix=".mp4")
    named = kept | {"file_name": "wave.mp4", "mime_type": "video/mp4"}
    return {"animation": named | {"duration": 2, "width": 320, "height": 240}, "document": named}


def sticker(shelf: Shelf) -> Json:
    kept = shelf.keep(sample("sticker.webp"), "image/webp", prefix="CA", folder="stickers", suffix=".webp")
    drawing = {"width": 256, "height": 256, "is_animated": False, "is_video": False, "type": "regular"}
    return {"sticker": kept | drawing | {"emoji": "🙂"}}


def sample(name: str) -> bytes:
    return (_SAMPLES / name).read_bytes()
