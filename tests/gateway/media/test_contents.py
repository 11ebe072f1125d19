"""What a file is, is told by its bytes; what may run anywhere is not taken."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.media.contents import LARGEST, NotTaken, check

LAMP = (Path(__file__).parents[3] / "sandbox/static/products/lamp.png").read_bytes()


def office(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\2\0" + brand + b"isom" + bytes(64)


TAKEN = {
    "png": (LAMP, "image/png", True),
    "jpeg": (bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(100), "image/jpeg", True),
    "gif": (b"GIF89a\1\0\1\0" + bytes(30), "image/gif", True),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40), "image/webp", True),
    "heic": (box(b"heic"), "image/heif", True),
    "ogg": (b"OggS\0\2" + bytes(20) + b"\x01\x13OpusHead" + bytes(30), "audio/ogg", True),
    "mp3": (b"ID3\3\0\0\0\0\0\x0a" + bytes(60), "audio/mpeg", True),
    "amr": (b"#!AMR\n" + bytes(30), "audio/amr", True),
    "mp4": (box(b"isom"), "video/mp4", True),
    "mov": (box(b"qt  "), "video/quicktime", True),
    "webm": (b"\x1aE\xdf\xa3\x93B\x82\x88webmB\x87\x81\2" + bytes(50), "video/webm", True),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "application/pdf", False),
    "docx": (
        office("[Content_Types].xml", "word/document.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        False,
    ),
    "text": ("Rechnung 7: 20 €\n你好".encode(), "text/plain", False),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_known_by_its_bytes(name: str) -> None:
    body, type, shown = TAKEN[name]
    checked = check(body, "file")
    assert (checked.type, checked.shown) == (type, shown)


REFUSED = {
    "html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "windows program": b"MZ\x90\0" + bytes(100),
    "linux program": b"\x7fELF\2\1\1" + bytes(100),
    "zip": office("invoice.exe"),
    "java archive": office("META-INF/MANIFEST.MF", "A.class"),
    "word with macros": office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "half a zip": office("[Content_Types].xml", "word/document.xml")[:40],
    "noise": bytes(range(1, 32)) * 10,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_run_or_cannot_be_told_is_not_taken(name: str) -> None:
    with pytest.raises(NotTaken, match=r"^type$"):
        check(REFUSED[name], "picture")


def test_a_program_that_calls_itself_a_picture_is_a_program() -> None:
    with pytest.raises(NotTaken):
        check(REFUSED["windows program"], "picture")


def test_nothing_and_too_much_are_not_taken() -> None:
    with pytest.raises(NotTaken, match=r"^empty$"):
        check(b"", "file")
    with pytest.raises(NotTaken, match=r"^too_large$"):
        check(bytes(LARGEST + 1), "file")


def test_a_moving_sticker_is_taken_as_a_sticker_only() -> None:
    packed = b"\x1f\x8b\x08\0" + bytes(40)
    assert check(packed, "sticker").type == "application/x-tgsticker"
    with pytest.raises(NotTaken):
        check(packed, "file")


@given(st.binary(max_size=400), st.sampled_from(["picture", "file", "sticker"]))
def test_any_bytes_are_taken_or_refused(body: bytes, kind: str) -> None:
    try:
        checked = check(body, kind)
    except NotTaken:
        return
    assert checked.type not in ("text/html", "image/svg+xml", "application/javascript")
