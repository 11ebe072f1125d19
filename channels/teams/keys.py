"""Microsoft's public keys, fetched when needed and kept.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#connector-to-bot
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from .service_urls import is_loopback
from .wire import NoAnswer, Wire

FRESH = 24 * 3600.0
"""Seconds after which the keys are fetched anew, as Microsoft asks."""
USABLE = 2 * FRESH
"""Seconds for which they serve at most, while they cannot be fetched anew."""
PATIENCE = 300.0
"""Seconds between two fetches because of an unknown key: anybody can send a token with one."""
AFTER_FAILURE = 10.0


class NoKeys(Exception):
    """The keys cannot be had now; says why."""


@dataclass(frozen=True, kw_only=True)
class Key:
    public: Any
    """As PyJWT takes it."""
    endorsements: frozenset[str]
    """The channels whose tokens this key may sign."""


class KeySet:
    """The keys behind one OpenID metadata document. `clock`: monotonic seconds."""

    def __init__(self, *, openid_url: str, wire: Wire, clock: Callable[[], float] = time.monotonic) -> None:
        self._openid_url = openid_url
        self._wire = wire
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._fetched: float | None = None
        self._failed: float | None = None
        self._problem = ""
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> Key | None:
        """The key of that id; None if Microsoft has none. Raises NoKeys."""
        if self._is_due(kid):
            async with self._lock:  # one fetch, however many wait for it
                if self._is_due(kid):
                    await self._refresh()
        return self._keys.get(kid)

    def _is_due(self, kid: str) -> bool:
        age = self._age(self._fetched)
        return age > FRESH or (age > PATIENCE and kid not in self._keys)

    async def _refresh(self) -> None:
        """Old keys go on serving for a while: a fetch that fails must not shut every customer out."""
        if self._age(self._failed) > AFTER_FAILURE:
            try:
                self._keys = await _fetch(self._wire, self._openid_url)
                self._fetched = self._clock()
                return
            except NoKeys as problem:
                self._failed, self._problem = self._clock(), str(problem)
        if self._age(self._fetched) > USABLE:
            raise NoKeys(self._problem)

    def _age(self, at: float | None) -> float:
        return float("inf") if at is None else self._clock() - at


async def _fetch(wire: Wire, openid_url: str) -> dict[str, Key]:
    metadata = await _get_object(wire, openid_url)
    jwks_uri = metadata.get("jwks_uri")
    if not isinstance(jwks_uri, str) or not _is_safe(jwks_uri, openid_url):
        raise NoKeys("the OpenID metadata names no https address of keys")
    entries = (await _get_object(wire, jwks_uri)).get("keys")
    found = dict(_read(entry) for entry in entries if _is_rsa(entry)) if isinstance(entries, list) else {}
    if not found:
        raise NoKeys("the key document holds no RSA keys")
    return found


def _is_safe(jwks_uri: str, openid_url: str) -> bool:
    return jwks_uri.startswith("https://") or (is_loopback(jwks_uri) and is_loopback(openid_url))


async def _get_object(wire: Wire, url: str) -> dict[str, Any]:
    try:
        answer = await wire.get(url)
    except NoAnswer as error:
        raise NoKeys(f"Microsoft's keys cannot be fetched: {error.reason}") from None
    if answer.status != 200:
        raise NoKeys(f"Microsoft's keys cannot be fetched: {answer.status}")
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise NoKeys("Microsoft's keys cannot be read") from None
    if not isinstance(data, dict):
        raise NoKeys("Microsoft's keys cannot be read")
    return data


def _is_rsa(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
        return False
    try:
        jwt.PyJWK(entry, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def _read(entry: dict[str, Any]) -> tuple[str, Key]:
    given = entry.get("endorsements")
    endorsements = frozenset(one for one in given if isinstance(one, str)) if isinstance(given, list) else frozenset()
    return entry["kid"], Key(public=jwt.PyJWK(entry, algorithm="RS256").key, endorsements=endorsements)
