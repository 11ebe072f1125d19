"""Agents to try the desk with, beside the sandbox: made where there are none, with a password of their own.

The password is kept in a file that only its owner can read, so that each run can print it again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access import staff
from bot.gateway.desk.access.passwords import Passwords
from bot.gateway.desk.access.staff import Exists, NewAgent
from bot.gateway.desk.access.teams import add_team
from bot.store.database import reading, transaction
from bot.store.desk_tables import saved_replies

FILE = Path("var/desk-demo.json")

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look like one another."""
_PRODUCT = "product"

_SAVED: tuple[tuple[str, str, str, str, list[str]], ...] = (
    ("hello", "en", "Greeting", "Hello, this is {agent}. I have read what you wrote. One moment, please.", []),
    ("where", "en", "Looking up an order", "I am looking up your order. It takes a minute.", ["track_order"]),
    ("refund", "en", "Refund is on its way", "The refund is on its way. It takes up to five days.", ["return_item"]),
    ("bye", "en", "Goodbye", "You are welcome. If anything is left, just write here.", ["thank", "goodbye"]),
    ("hello", "zh", "问候", "您好，我是{agent}，您写的我都看到了，请稍等。", []),
    ("where", "zh", "正在查询订单", "我正在查询您的订单，请稍等一分钟。", ["track_order"]),
    ("refund", "zh", "退款已办理", "退款已办理，最多五天到账。", ["return_item"]),
    ("bye", "zh", "道别", "不客气，如果还有问题，直接在这里留言就好。", ["thank", "goodbye"]),
)
"""Shortcut, language, title, text, and the intents for which it is suggested."""

_MAYA, _SAM, _LIN = "maya", "sam", "xiaolin"
_TEAM = "Customer care"


@dataclass(frozen=True, kw_only=True)
class Demo:
    """How to log in."""

    login: str
    password: str
    others: tuple[str, ...]
    """More logins, with the same password."""


async def demo_staff(engine: AsyncEngine, clock: Callable[[], datetime], file: Path = FILE) -> Demo | None:
    """Maya, Sam and 小林, who are added where there is no agent yet. None where the agents are others, or have another
    password by now. Raises OSError."""
    password, passwords = _password(file), Passwords()
    async with reading(engine) as connection:
        is_first = not await staff.anybody(connection)
    if is_first:
        try:
            async with transaction(engine) as connection:
                await _add(connection, await passwords.hash(password), clock())
        except Exists:
            pass  # another run was first
    async with reading(engine) as connection:
        maya = await staff.find_agent(connection, _MAYA)
    if maya is None or maya.disabled_at is not None or not await passwords.matches(password, maya.password_hash):
        return None
    return Demo(login=_MAYA, password=password, others=(_SAM, _LIN))


async def _add(connection: AsyncConnection, password_hash: str, now: datetime) -> None:
    new = (
        NewAgent(login=_MAYA, name="Maya", role="agent", languages=["en"], password_hash=password_hash),
        NewAgent(login=_SAM, name="Sam", role="admin", password_hash=password_hash),
        NewAgent(login=_LIN, name="小林", role="agent", languages=["zh"], password_hash=password_hash),
    )
    members = [await staff.add_agent(connection, one, by=_PRODUCT, now=now) for one in new]
    await add_team(connection, _TEAM, {}, members=members, by=_PRODUCT, now=now)
    for shortcut, language, title, text, intents in _SAVED:
        await connection.execute(
            sa.insert(saved_replies).values(
                shortcut=shortcut,
                language=language,
                title=title,
                content={"text": text},
                intents=intents,
                created_at=now,
            )
        )


def _password(file: Path) -> str:
    """What stands in the file, or is written into it now."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(file)
    groups = ("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
    password = "-".join(groups)
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        json.dump({"password": password}, out)
    return password


def _read(file: Path) -> str:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["password"])
    except (ValueError, KeyError, TypeError):
        raise OSError(f"{file} is not as it was written: delete it") from None
