"""Passwords of agents: argon2id, and which ones are good enough.

As NIST SP 800-63B, section 3.1.1, has it: long, not a common one, not the login; no rules about signs, and no change
without a reason.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256

_AT_A_TIME = 2
"""One takes 64 MiB and all of a core for a tenth of a second."""

_FEWEST_SIGNS = 5
_AROUND = "0123456789 -_.!"

_STEMS = {
    *("abc", "admin", "administrator", "agent", "baseball", "changeme", "charlie", "computer", "default", "dragon"),
    *("football", "hello", "helpdesk", "iloveyou", "letmein", "login", "master", "monkey", "password", "passwort"),
    *("princess", "qwerty", "secret", "service", "shadow", "starwars", "summer", "sunshine", "superman", "support"),
    *("superuser", "supervisor", "test", "testing", "throughline", "trustno", "welcome", "winter", "woaini"),
}
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "1q2w3e4r5t6y7u8i9o0p")


class WeakPassword(Exception):
    """Not taken. The text is why: `too_short`, `too_long`, `is_login` or `too_common`."""


class Passwords:
    """Hashes and checks, two at a time and not on the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        # RFC 9106, the second recommended choice: 3 passes over 64 MiB in 4 lanes.
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, normal(password))

    async def matches(self, password: str, known: str | None) -> bool:
        """Whether this is the password of which `known` is the hash. None, for somebody who is not there or has no
        password, takes as long."""
        nobodys = await self._hash_of_nobody()  # for anybody, so that the first one is no slower for who is not there
        async with self._turns:
            return await asyncio.to_thread(self._verify, known or nobodys, normal(password)) and known is not None

    def is_outdated(self, known: str | None) -> bool:
        """Whether it was hashed with parameters that are not ours any more."""
        return known is not None and self._hasher.check_needs_rehash(known)

    async def _hash_of_nobody(self) -> str:
        self._nobodys = self._nobodys or await self.hash("a password that nobody has")
        return self._nobodys

    def _verify(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False


def normal(password: str) -> str:
    """The same password, however the keyboard composes its signs."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def check_strength(password: str, login: str) -> None:
    """Raise WeakPassword for what is guessed early."""
    kept = normal(password)
    if len(kept) < SHORTEST:
        raise WeakPassword("too_short")
    if len(kept) > LONGEST:
        raise WeakPassword("too_long")
    plain = kept.casefold()
    if login.casefold() in plain and not plain.replace(login.casefold(), "").strip(_AROUND):
        raise WeakPassword("is_login")
    if _is_common(plain):
        raise WeakPassword("too_common")


def _is_common(plain: str) -> bool:
    """A common word with digits around it or said again, a row of keys, a handful of signs."""
    if len(set(plain)) < _FEWEST_SIGNS:
        return True
    if any(plain in row * 2 or plain[::-1] in row * 2 for row in _ROWS):
        return True
    words = {_once(word) for word in re.split(r"[\W\d_]+", plain.translate(str.maketrans("@$", "as"))) if word}
    return 1 <= len(words) <= 2 and words <= _STEMS


def _once(word: str) -> str:
    """`word`, or what it repeats."""
    repeated = re.fullmatch(r"(.+?)\1+", word)
    return repeated.group(1) if repeated else word
