"""The two icons that an app package needs, drawn here so that nobody has to: a speech bubble with a line through it.

https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/apps-package#app-icons
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

Pixel = tuple[int, int, int, int]
"""Red, green, blue, opacity; 0 to 255."""

COLOR_SIZE = 192
OUTLINE_SIZE = 32

_WHITE: Pixel = (255, 255, 255, 255)
_CLEAR: Pixel = (255, 255, 255, 0)


def color_icon(accent: str) -> bytes:
    """192 × 192 pixels, the bubble in white on the accent colour (`#RRGGBB`), which fills the whole square."""
    red, green, blue = bytes.fromhex(accent.removeprefix("#"))
    ground = (red, green, blue, 255)
    return _png(COLOR_SIZE, lambda x, y: _WHITE if _in_bubble(x, y) and not _on_line(x, y) else ground)


def outline_icon() -> bytes:
    """32 × 32 pixels, white on nothing: Teams takes no other colours here."""
    return _png(OUTLINE_SIZE, lambda x, y: _WHITE if _in_bubble(x, y) and not _on_line(x, y) else _CLEAR)


def _in_bubble(x: float, y: float) -> bool:
    """Coordinates from 0 to 1."""
    body = ((x - 0.5) / 0.34) ** 4 + ((y - 0.46) / 0.26) ** 4 <= 1
    tail = 0.68 <= y <= 0.84 and 0.3 <= x <= 0.3 + (0.84 - y)
    return body or tail


def _on_line(x: float, y: float) -> bool:
    return 0.42 <= y <= 0.5 and 0.28 <= x <= 0.72


def _png(size: int, draw: Callable[[float, float], Pixel]) -> bytes:
    """https://www.w3.org/TR/png/"""
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    rows = b"".join(_row(size, y, draw) for y in range(size))
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _row(size: int, y: int, draw: Callable[[float, float], Pixel]) -> bytes:
    pixels = (draw((x + 0.5) / size, (y + 0.5) / size) for x in range(size))
    return b"\0" + bytes(value for pixel in pixels for value in pixel)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
