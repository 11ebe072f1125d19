"""What any channel does to text from outside before it goes further."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` without what a database refuses: NUL, and lone surrogates, which JSON can carry and UTF-8 cannot."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
