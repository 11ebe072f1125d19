"""One-time codes by e-mail, or by a channel that is surely the account holder's: made when they are sent, and taken
from whoever asked for them.

A code is bound to the identity that asked and to the account. It is good once, for fifteen minutes and five tries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.codes import hash_of, new_code, shown
from bot.gateway.customers import Known
from bot.gateway.linking import Refused, prove_account
from bot.store.tables import verifications
from bot.store.verifying import LIFETIME
from channels.contract import Outbound, SendError

TRIES = 5

# The first line is a mail's subject, so it does not hold the code: subjects are shown on locked screens.
_TEXT = {
    "en": """Your code for the chat

`{code}`

Type it in the chat where you asked for it{purpose}. It works once, within 15 minutes.

If it wasn't you who asked, do nothing and give it to nobody: without it, nothing of yours is shown.""",
    "zh": """您的聊天验证码

`{code}`

请在刚才的聊天中输入它{purpose}。验证码只能用一次，15 分钟内有效。

如果不是您本人操作，请忽略，也不要把它告诉任何人：没有它，谁也看不到您的信息。""",
}
_PURPOSE = {"en": ", to see order {}", "zh": "，即可查看订单 {}"}


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The identity has shown that the account is theirs, and belongs to `customer` now."""

    customer: str
    merge: int | None
    """Two customers became one by this; None if they were one before."""


async def with_code(connection: AsyncConnection, message: Outbound, now: datetime) -> Outbound:
    """The message with a fresh code in it. Raises SendError if nobody waits for one any more."""
    row = (
        await connection.execute(
            sa.select(verifications).where(verifications.c.message_id == message.id, verifications.c.used_at.is_(None))
        )
    ).one_or_none()
    if row is None or row.expires_at <= now:
        raise SendError("nobody waits for this code any more", permanent=True)
    code = new_code()
    await connection.execute(
        sa.update(verifications)
        .where(verifications.c.id == row.id)
        .values(code_hash=hash_of(code), expires_at=now + LIFETIME)
    )
    text = _text(code, row.about, message.language)
    return replace(message, content=replace(message.content, text=text, invite=None))


async def redeem_sent(
    connection: AsyncConnection, code: str, *, known: Known, now: datetime
) -> Verified | Refused | None:
    """What a code that was typed shows, as `codes.typed` reads it. None if this identity was sent none such."""
    row = (
        await connection.execute(
            sa.select(verifications)
            .where(verifications.c.identity_id == known.identity, verifications.c.code_hash == hash_of(code))
            .order_by(verifications.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.wrong >= TRIES:
        return Refused(problem="too_many")
    if row.used_at is None and row.expires_at <= now:
        return Refused(problem="expired")
    if row.used_at is not None or not await _use(connection, row.id, now):
        return Refused(problem="used")
    proved = await prove_account(connection, known, row.account, now, assurance="code", how="email_code")
    if proved is None:
        return Refused(problem="other_account")
    return Verified(customer=proved.customer, merge=proved.merge)


def _text(code: str, about: str | None, language: str | None) -> str:
    spoken = "zh" if (language or "").lower().startswith("zh") else "en"
    return _TEXT[spoken].format(code=shown(code), purpose=_PURPOSE[spoken].format(about) if about else "")


async def _use(connection: AsyncConnection, verification: int, now: datetime) -> bool:
    result = await connection.execute(
        sa.update(verifications)
        .where(verifications.c.id == verification, verifications.c.used_at.is_(None))
        .values(used_at=now)
    )
    return result.rowcount == 1
