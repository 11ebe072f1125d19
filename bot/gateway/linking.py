"""Joining an identity to a customer by a code that only the customer was shown.

A code is random, kept only as a hash, good once, and for ten minutes. A deep link's has 192 bits and is good only on
the channel that it was made for; one that people type has 40 and is good on any (`codes.py`), with few tries
(`guessing.py`). Nothing is ever joined by claiming to be somebody; a company's own server may vouch for one of its
customers, and so may whoever reads that customer's e-mail (`verification.py`).

`identities.assurance` says how sure it is that the identity is the holder of the customer's account. So it is earned
towards the account: where an account meets identities that were linked before, these have to show it anew.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.codes import hash_of, new_code
from bot.gateway.customers import Known, Person, recognise
from bot.store.assurance import SHOWN
from bot.store.merging import join_customers, may_join, whoever_is_now
from bot.store.tables import customers, identities, link_codes

CODE_LIFETIME = timedelta(minutes=10)
TYPED = "code"
"""The channel, so to speak, of a code that is typed wherever the customer likes."""
# Long enough for "that link was used" to be said truthfully next day, short enough to forget.
_KEPT_FOR = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The identity now belongs to `customer`, who had been on `from_channel`."""

    customer: str
    from_channel: str
    merge: int | None = None
    """Two customers became one by this; None if they were one before."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The code joins nothing: it is `expired`, `used` or `unknown`, the company knows two customers (`other_account`),
    or codes are not looked at for now (`too_many`)."""

    problem: str


async def mint(
    connection: AsyncConnection,
    customer: str,
    *,
    from_channel: str,
    to_channel: str,
    now: datetime,
    identity: int | None = None,
) -> str:
    """A new code with which whoever brings it on `to_channel` is joined to `customer`. `identity`: to whom it is shown;
    whoever brings it is no surer than they are."""
    await connection.execute(sa.delete(link_codes).where(link_codes.c.expires_at < now - _KEPT_FOR))
    code = new_code() if to_channel == TYPED else secrets.token_urlsafe(24)
    await connection.execute(
        sa.insert(link_codes).values(
            code_hash=hash_of(code) if to_channel == TYPED else _hash(code),
            customer_id=customer,
            from_channel=from_channel,
            identity_id=identity,
            to_channel=to_channel,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
        )
    )
    return code


async def redeem(
    connection: AsyncConnection, code: str, *, known: Known, channel: str, now: datetime
) -> Linked | Refused:
    """Join the identity `known`, which brought a deep link's `code` on `channel`, to the code's customer."""
    row = await _find(connection, _hash(code))
    if row is None or row.to_channel != channel:
        return Refused(problem="unknown")
    return await _redeem(connection, row, known, now, how="deep_link")


async def redeem_typed(
    connection: AsyncConnection, code: str, *, known: Known, now: datetime
) -> Linked | Refused | None:
    """The same for a code that was typed, as `codes.typed` reads it; None if there is none such."""
    row = await _find(connection, hash_of(code))
    return row and await _redeem(connection, row, known, now, how="short_code")


async def spoil(connection: AsyncConnection, code: str, now: datetime) -> bool:
    """A code was typed where many read it: it is good for nobody any more. False if there is none such."""
    await _use(connection, hash_of(code), now)
    return await _find(connection, hash_of(code)) is not None


async def _find(connection: AsyncConnection, code_hash: str) -> Any:
    return (await connection.execute(sa.select(link_codes).where(link_codes.c.code_hash == code_hash))).one_or_none()


async def _redeem(connection: AsyncConnection, row: Any, known: Known, now: datetime, *, how: str) -> Linked | Refused:
    if known.customer == await whoever_is_now(connection, row.customer_id):
        # The same link opened again by the one it was for: nothing to join and nothing to refuse.
        return Linked(customer=known.customer, from_channel=row.from_channel)
    if row.used_at is None and row.expires_at <= now:
        return Refused(problem="expired")
    if row.used_at is not None or not await _use(connection, row.code_hash, now):
        return Refused(problem="used")
    into = await whoever_is_now(connection, row.customer_id)
    if not await may_join(connection, known.customer, into):
        return Refused(problem="other_account")
    earned = await _earned(connection, known, into, shown_to=row.identity_id)
    merge = await _join(connection, known, into, now, assurance=earned, how=how)
    return Linked(customer=into, from_channel=row.from_channel, merge=merge)


async def _earned(connection: AsyncConnection, known: Known, into: str, *, shown_to: int | None) -> str:
    """The assurance of whoever brought a code. Where there is an account, a code earns nobody more than the one to whom
    it was shown, or who brought the account along, has earned towards it."""
    if await _account_of(connection, into) is not None:
        return "none" if await _assurance_of(connection, shown_to, into) == "none" else "code"
    if await _account_of(connection, known.customer) is not None:
        return await _assurance_of(connection, known.identity, known.customer)
    return "code"


async def _assurance_of(connection: AsyncConnection, identity: int | None, customer: str) -> str:
    """None at all where the identity is not this customer's."""
    found = await connection.execute(
        sa.select(identities.c.assurance).where(identities.c.id == identity, identities.c.customer_id == customer)
    )
    return found.scalar_one_or_none() or "none"


@dataclass(frozen=True, kw_only=True)
class Proved:
    """The identity belongs to the customer who has the account."""

    customer: str
    merge: int | None
    """Two customers became one by this; None if they were one before."""


async def sign_in(connection: AsyncConnection, person: Person, account: str, name: str | None, now: datetime) -> bool:
    """The company has vouched that this person is its customer `account`. False, with nothing joined, if they are known
    as another of its customers."""
    known = await recognise(connection, person, now)
    proved = await prove_account(connection, known, account, now, assurance="signed_in", how="jwt")
    if proved is None:
        return False
    await connection.execute(
        sa.update(customers).where(customers.c.id == proved.customer, customers.c.name.is_(None)).values(name=name)
    )
    return True


async def prove_account(
    connection: AsyncConnection, known: Known, account: str, now: datetime, *, assurance: str, how: str
) -> Proved | None:
    """It is shown that this identity is the company's customer `account`. None, with nothing joined, if they are known
    as another of its customers."""
    theirs = await _account_of(connection, known.customer)
    if theirs not in (None, account):
        return None
    owner = await _holder(connection, account)
    if owner is None:
        owner = known.customer
        await _weaken(connection, owner)
        await connection.execute(sa.update(customers).where(customers.c.id == owner).values(account=account))
    merge = await _join(connection, known, owner, now, assurance=assurance, how=how)
    return Proved(customer=owner, merge=merge)


async def _holder(connection: AsyncConnection, account: str) -> str | None:
    """The customer who has the account. Where no identity of theirs has ever shown that it is theirs, or does any more,
    it is taken off them: whoever can show it has not to share it with them."""
    shown = (
        sa.select(identities.c.id)
        .where(identities.c.customer_id == customers.c.id, identities.c.assurance.in_(SHOWN))
        .exists()
    )
    found = await connection.execute(
        sa.select(customers.c.id, shown.label("shown")).where(customers.c.account == account)
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.shown:
        return str(row.id)
    await connection.execute(sa.update(customers).where(customers.c.id == row.id).values(account=None))
    return None


async def _account_of(connection: AsyncConnection, customer: str) -> str | None:
    account: str | None = (
        await connection.execute(sa.select(customers.c.account).where(customers.c.id == customer))
    ).scalar_one()
    return account


async def _weaken_whoever_has_none(connection: AsyncConnection, *two: str) -> None:
    """Where one of the two who become one has an account and the other has not."""
    without = [customer for customer in two if await _account_of(connection, customer) is None]
    if len(without) == 1:
        await _weaken(connection, without[0])


async def _weaken(connection: AsyncConnection, customer: str) -> None:
    """The customer's identities have shown nothing yet towards the account that comes to them now."""
    await connection.execute(
        sa.update(identities)
        .where(identities.c.customer_id == customer, identities.c.assurance == "code")
        .values(assurance="none")
    )


async def _use(connection: AsyncConnection, code_hash: str, now: datetime) -> bool:
    # Two who open the link at once: one row changes once.
    result = await connection.execute(
        sa.update(link_codes)
        .where(link_codes.c.code_hash == code_hash, link_codes.c.used_at.is_(None))
        .values(used_at=now)
    )
    return result.rowcount == 1


async def _join(
    connection: AsyncConnection, known: Known, into: str, now: datetime, *, assurance: str, how: str
) -> int | None:
    """The customer of this identity, with all their identities, is the customer `into` from now on. Returns the merge,
    if there was anything to merge."""
    if known.customer != into:
        await _weaken_whoever_has_none(connection, known.customer, into)
    merge = await join_customers(connection, one=known.customer, into=into, now=now)
    await connection.execute(
        sa.update(identities)
        .where(identities.c.id == known.identity)
        .values(assurance=assurance, linked_how=how, linked_at=now)
    )
    return merge


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
