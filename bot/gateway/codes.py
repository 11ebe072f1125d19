"""Codes that people read on one screen and type on another. Pure, but for the randomness of new ones.

Eight characters in two groups, such as `K7QM-2XPD`: 33 symbols, where those that look alike count as one, with at least
one letter and one digit that look like nothing else, so that no word and no telephone number is taken for a code. That
is 40 bits and a little more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from math import log2

_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
_DIGITS = "23456789"
_SYMBOLS = "01" + _DIGITS + _LETTERS
_LOOKS_LIKE = str.maketrans("OIL", "011")

HIDDEN = "••••-••••"
"""What stands for a code where it was typed."""

BITS = log2(len(_SYMBOLS) ** 8 - len("01" + _LETTERS) ** 8 - len("01" + _DIGITS) ** 8)
"""Of one code, at the least."""

_DASHES = "\\-\u2010-\u2015\u2212\u30fc_"
_SHAPE = re.compile(rf"(?:[A-Z0-9][\s{_DASHES}]*){{8}}")
_AS_SHOWN = re.compile(rf"[A-Z0-9]{{4}}\s?[{_DASHES}]\s?[A-Z0-9]{{4}}")
_LONGEST = 40


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A message that is a code by its shape."""

    code: str
    """In its one spelling, as `hash_of` wants it."""
    surely: bool
    """It was meant as one: it has its dash. Anything else may be a word of the customer's."""


def new_code() -> str:
    """A code in its one spelling."""
    while True:
        code = "".join(secrets.choice(_SYMBOLS) for _ in range(8))
        if _is_telling(code):
            return code


def shown(code: str) -> str:
    """As it is written for people."""
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> Typed | None:
    """The code that a message consists of, however it is spelled; None if it has another shape."""
    if len(text) > _LONGEST:
        return None
    bare = unicodedata.normalize("NFKC", text).strip().upper()
    if not _SHAPE.fullmatch(bare):
        return None
    characters = re.sub(rf"[\s{_DASHES}]", "", bare)
    if not _is_telling(characters):
        return None
    return Typed(code=characters.translate(_LOOKS_LIKE), surely=_AS_SHOWN.fullmatch(bare) is not None)


def hash_of(code: str) -> str:
    """What is kept of a code. Deep links' codes are hashed apart, so that neither kind passes for the other."""
    return hashlib.sha256(f"typed:{code}".encode()).hexdigest()


def _is_telling(characters: str) -> bool:
    return any(one in _DIGITS for one in characters) and any(one in _LETTERS for one in characters)
