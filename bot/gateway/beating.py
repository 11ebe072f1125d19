"""A gateway's row among the gateways: that it lives, and whether all of them were given the same settings.

Two gateways that check webhooks with different secrets would refuse every other one, and a platform would take both for
one. So each leaves a fingerprint of every setting that all must share, and whoever starts compares.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import get_args

import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.gateway.signing import Signer
from bot.store.database import reading, transaction
from bot.store.outage import POSSIBLE
from bot.store.tables import gateways

log = structlog.get_logger()

BEAT_EVERY = 2.0
LIVES_FOR = timedelta(seconds=6)
"""A gateway whose row is older has died, or has lost the database."""
_FORGOTTEN_AFTER = timedelta(hours=1)

# Any number will do that no other program takes for its advisory locks.
_ONE_BEGINS = sa.text("SELECT pg_advisory_xact_lock(7114209)")

_OF_EACH = frozenset(
    {
        "database_url",
        "host",
        "port",
        "media_dir",
        "action_endpoint_url",
        "allow_different_settings",
        "log_format",
        "log_level",
        "shutdown_delay",
    }
)
"""Settings in which gateways may differ: where a machine listens, and how it reaches what all share."""

_ACCOUNTS = frozenset({"teams_app_id", "whatsapp_phone_number_id", "chatwoot_account_id", "chatwoot_inbox_id"})
"""Not secret, and as bad as a wrong secret if they differ."""


class Beating:
    """One gateway's row, from `begin` to `end`."""

    def __init__(self, *, engine: AsyncEngine, name: str, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._name = name
        self._settings = settings
        self._clock = clock
        self._fingerprints: dict[str, str] = {}
        self._started = clock()
        self._over = asyncio.Event()

    async def begin(self) -> None:
        """Be among the gateways. Raises CannotRun if another one that lives has different secrets."""
        self._started = self._clock()
        key = await Signer(engine=self._engine, purpose="settings", clock=self._clock).key()
        self._fingerprints = fingerprints(self._settings, key)
        async with transaction(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(_ONE_BEGINS)
            self._compare(await living(connection, self._started))
            await connection.execute(sa.delete(gateways).where(gateways.c.seen_at < self._started - _FORGOTTEN_AFTER))
            await self._insert(connection)

    async def run(self) -> None:
        """Keep the row fresh until `stop`."""
        while not self._over.is_set():
            try:
                await asyncio.wait_for(self._over.wait(), BEAT_EVERY)
            except TimeoutError:
                await self._beat()

    def stop(self) -> None:
        self._over.set()

    async def end(self) -> None:
        """Be no more among the gateways; a database that is away finds out by itself."""
        try:
            async with transaction(self._engine, durable=False) as connection:
                await connection.execute(sa.delete(gateways).where(gateways.c.id == self._name))
        except POSSIBLE as error:
            log.warning("gateway.row_left", error=type(error).__name__)

    def _compare(self, others: Mapping[str, Mapping[str, str]]) -> None:
        for other, theirs in others.items():
            names = differing(self._fingerprints, theirs)
            breaking = [name for name in names if breaks_customers(name)]
            if breaking and not self._settings.allow_different_settings:
                raise CannotRun(
                    f"{', '.join(breaking)} here differ{'s' * (len(breaking) == 1)} from what the running gateway "
                    f"{other} was given, so that each would refuse what is meant for the other. Give all gateways the "
                    "same; to change a secret one gateway after the other, start the new ones with "
                    "ALLOW_DIFFERENT_SETTINGS=1."
                )
            if names:
                log.warning("settings.differ", other=other, settings=names)

    async def _beat(self) -> None:
        try:
            async with transaction(self._engine, durable=False) as connection:
                mine = sa.update(gateways).where(gateways.c.id == self._name).values(seen_at=self._clock())
                if not (await connection.execute(mine)).rowcount:
                    await self._insert(connection)
        except POSSIBLE as error:
            log.warning("gateway.not_seen", error=type(error).__name__)

    async def _insert(self, connection: AsyncConnection) -> None:
        row = {"id": self._name, "version": version("throughline"), "settings": self._fingerprints}
        await connection.execute(sa.insert(gateways).values(**row, started_at=self._started, seen_at=self._clock()))


async def living(connection: AsyncConnection, now: datetime) -> dict[str, dict[str, str]]:
    """The gateways that live, each with the fingerprints of its settings. None on SQLite, where a file's lock keeps
    all others out: a row there is that of a gateway that was killed, or of the one that is asked about."""
    if connection.dialect.name == "sqlite":
        return {}
    seen = sa.select(gateways.c.id, gateways.c.settings).where(gateways.c.seen_at > now - LIVES_FOR)
    return {row.id: row.settings for row in await connection.execute(seen.order_by(gateways.c.started_at))}


async def in_disagreement(engine: AsyncEngine, settings: Settings, clock: Callable[[], datetime]) -> list[str]:
    """The settings, as operators write them, in which a gateway that lives differs from these."""
    async with reading(engine) as connection:
        others = await living(connection, clock())
    if not others:
        return []
    mine = fingerprints(settings, await Signer(engine=engine, purpose="settings", clock=clock).key())
    return sorted({name for theirs in others.values() for name in differing(mine, theirs)})


def fingerprints(settings: Settings, key: str) -> dict[str, str]:
    """For each setting that all gateways must share, in an operator's spelling: 32 bits, which tell values apart and
    tell nothing else, since about as many wrong guesses fit as there are values to guess from."""
    return {
        name.upper(): hmac.new(key.encode(), f"{name}={_text(value)}".encode(), hashlib.sha256).hexdigest()[:8]
        for name, value in settings
        if name not in _OF_EACH
    }


def differing(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """The settings that both know and that are not the same. A gateway of another version may know others."""
    return sorted(name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name])


def breaks_customers(name: str) -> bool:
    """Whether gateways that differ in this setting refuse what is meant for one another."""
    field = Settings.model_fields[name.lower()]
    return name.lower() in _ACCOUNTS or SecretStr in get_args(field.annotation)


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
