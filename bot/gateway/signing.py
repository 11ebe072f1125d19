"""Short-lived tokens that only this installation can make: links to files, handles of uploads.

They are JWTs (HS256), each for one purpose, signed with a key that is made when first needed and kept in the database,
so that every gateway signs alike and nobody has to set anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading, transaction
from bot.store.tables import signing_keys

_ALGORITHM = "HS256"


class Signer:
    """Signs and checks tokens of one purpose."""

    def __init__(self, *, engine: AsyncEngine, purpose: str, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._purpose = purpose
        self._clock = clock
        self._key = ""

    async def sign(self, claims: Mapping[str, Any], lifetime: timedelta) -> str:
        """`claims` as a token that is good for `lifetime`; URL-safe. The claims can be read by whoever holds it."""
        until = self._clock() + lifetime
        payload = {**claims, "aud": self._purpose, "exp": int(until.timestamp())}
        return jwt.encode(payload, await self.key(), algorithm=_ALGORITHM)

    async def check(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours that is still good; None for any other text."""
        key = await self.key()
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._purpose,
                options={"require": ["exp", "aud"], "verify_exp": False},
            )
        except (jwt.InvalidTokenError, ValueError):
            return None
        # By our own clock, as all else here.
        return claims if isinstance(claims["exp"], int) and claims["exp"] > self._clock().timestamp() else None

    async def key(self) -> str:
        """The secret of this purpose, the same for all gateways."""
        self._key = self._key or await self._find() or await self._make()
        return self._key

    async def _find(self) -> str:
        mine = sa.select(signing_keys.c.key).where(signing_keys.c.purpose == self._purpose)
        async with reading(self._engine) as connection:
            return (await connection.execute(mine)).scalar_one_or_none() or ""

    async def _make(self) -> str:
        row = {"purpose": self._purpose, "key": secrets.token_hex(32), "created_at": self._clock()}
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(sa.insert(signing_keys).values(**row))
        except IntegrityError:
            pass  # another gateway was first
        return await self._find()
