"""Customers whom the page that holds the chat vouches for: a JWT (RFC 7519) that the company's own server has signed.

Only HS256 with `WEBCHAT_JWT_SECRET` counts. The page hands the token over; what it says itself is never believed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.accept import join_dialogues
from bot.gateway.customers import Person
from bot.gateway.linking import sign_in
from bot.gateway.webchat.sessions import begin_session, end_session, new_visitor, renew_session, visitor_of
from bot.store.tables import identities
from channels.text import storable

_AUDIENCE = "throughline"
_LONGEST_TOKEN = 4096
_LONGEST_ACCOUNT, _LONGEST_NAME = 255, 100
_LONGEST_LIFE = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=1)


class IdentityRefused(Exception):
    """The token vouches for nobody. The text is a code of the protocol: `identity_off`, `identity_expired` or
    `identity_refused`."""


@dataclass(frozen=True, kw_only=True)
class Vouched:
    """Whom a token stands for."""

    account: str
    """The company's own number of the customer."""
    name: str | None


class Identities:
    """Checks the tokens. Without a secret nobody can be vouched for."""

    def __init__(self, *, secret: str | None, clock: Callable[[], datetime]) -> None:
        self._secret = secret
        self._clock = clock

    def check(self, token: object) -> Vouched:
        """Raises IdentityRefused."""
        if self._secret is None:
            raise IdentityRefused("identity_off")
        if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
            raise IdentityRefused("identity_refused")
        try:
            # Times are checked below: by our own clock, as all else here.
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                options={
                    "require": ["exp", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise IdentityRefused("identity_refused") from None
        return self._vouched(claims)

    def _vouched(self, claims: dict[str, Any]) -> Vouched:
        now = self._clock().timestamp()
        ends, begins = claims["exp"], claims.get("nbf", 0)
        if not _is_time(ends) or not _is_time(begins):
            raise IdentityRefused("identity_refused")
        if ends <= now:
            raise IdentityRefused("identity_expired")
        slack = _CLOCKS_DIFFER.total_seconds()
        if ends > now + _LONGEST_LIFE.total_seconds() + slack or begins > now + slack:
            raise IdentityRefused("identity_refused")
        account, name, audience = claims["sub"], claims.get("name"), claims.get("aud", _AUDIENCE)
        if not isinstance(account, str) or storable(account).strip() != account or audience != _AUDIENCE:
            raise IdentityRefused("identity_refused")
        if not 0 < len(account) <= _LONGEST_ACCOUNT:
            raise IdentityRefused("identity_refused")
        return Vouched(account=account, name=storable(name)[:_LONGEST_NAME] if isinstance(name, str) else None)


async def session_of_customer(connection: AsyncConnection, token: str, vouched: Vouched, now: datetime) -> str:
    """A token for a visitor who is this customer: the one who holds `token`, unless they are another customer of the
    company's, in a browser that two people share; then a new visitor, who sees nothing of the other.

    Who has just signed in gets a new token: the old one may be known to whoever used the browser before.
    """
    visitor = await visitor_of(connection, token, now) or new_visitor()
    before = await _assurance(connection, visitor)
    if await sign_in(connection, _person(visitor), vouched.account, vouched.name, now):
        await join_dialogues(connection, _person(visitor), now)
        return token if before == "signed_in" else await begin_session(connection, visitor, now)
    await end_session(connection, token)
    visitor = new_visitor()
    await sign_in(connection, _person(visitor), vouched.account, vouched.name, now)
    return await begin_session(connection, visitor, now)


async def session_of_nobody(connection: AsyncConnection, token: str, now: datetime) -> str:
    """A token for a visitor who has not signed in: the one who holds `token`, unless they had."""
    visitor = await visitor_of(connection, token, now)
    if visitor is not None and await _assurance(connection, visitor) == "signed_in":
        await end_session(connection, token)
        return await begin_session(connection, new_visitor(), now)
    return await renew_session(connection, token, now)


async def _assurance(connection: AsyncConnection, visitor: str) -> str | None:
    found = await connection.execute(
        sa.select(identities.c.assurance).where(identities.c.channel == "webchat", identities.c.external_id == visitor)
    )
    assurance: str | None = found.scalar_one_or_none()
    return assurance


def _person(visitor: str) -> Person:
    return Person(channel="webchat", external_id=visitor, address=visitor)


def _is_time(value: object) -> bool:
    """Seconds since 1970, as RFC 7519 has them; no number that is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**40
