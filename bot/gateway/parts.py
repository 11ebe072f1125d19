"""What most of the gateway's doings need, made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Acceptor
from bot.gateway.backlog import Backlog
from bot.gateway.invitations import Invitations
from bot.gateway.media import handles
from bot.gateway.media.links import MediaLinks
from bot.gateway.media.vault import Vault
from bot.gateway.settings import Settings
from bot.gateway.siblings import Siblings, siblings_of
from bot.gateway.signing import Signer
from bot.gateway.tracing import Traces, traces_of
from bot.store.clock import DatabaseClock
from bot.store.database import connect, database_url
from bot.store.lives import process_name
from channels.contract import Channel

Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """channels: filled as they are wired; by name"""

    settings: Settings
    engine: AsyncEngine
    of_database: DatabaseClock
    clock: Clock
    name: str
    siblings: Siblings
    acceptor: Acceptor
    traces: Traces
    backlog: Backlog
    invitations: Invitations
    vault: Vault
    links: MediaLinks
    channels: dict[str, Channel] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, clock: Clock | None) -> Parts:
        """The time is the database's, unless another `clock` is given."""
        engine = connect(database_url(settings.database_url))
        of_database = DatabaseClock(engine)
        clock = clock or of_database
        name = process_name()
        channels: dict[str, Channel] = {}
        vault = Vault(settings.media_dir)
        return cls(
            settings=settings,
            engine=engine,
            of_database=of_database,
            clock=clock,
            name=name,
            siblings=siblings_of(engine.url, name),
            acceptor=Acceptor(engine, clock),
            traces=traces_of(engine),
            backlog=Backlog(engine=engine, most=settings.max_backlog),
            invitations=Invitations(engine=engine, channels=channels, clock=clock),
            vault=vault,
            links=MediaLinks(engine=engine, vault=vault, signer=Signer(engine=engine, purpose="media", clock=clock)),
            channels=channels,
        )

    def signer(self, purpose: str) -> Signer:
        return Signer(engine=self.engine, purpose=purpose, clock=self.clock)

    async def sent_file_url(self, media_id: str) -> str:
        """Where customers and platforms load a file that we sent."""
        base = self.settings.public_url or f"http://127.0.0.1:{self.settings.port}"
        return base + await self.links.url(media_id, handles.LIFETIME)
