"""All that this part of the desk serves, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access.administration import Administration
from bot.gateway.desk.access.guard import Guard
from bot.gateway.desk.access.login import Login
from bot.gateway.desk.access.me import Me
from bot.gateway.desk.access.page import page_routes
from bot.gateway.desk.access.passwords import Passwords
from bot.gateway.throttle import Networks
from channels.pacing import Book


def access_routes(
    *,
    engine: AsyncEngine,
    clock: Callable[[], datetime],
    guard: Guard,
    channels: Collection[str],
    trusted_proxies: Networks = (),
    passwords: Passwords | None = None,
    book: Book | None = None,
) -> list[web.AbstractRouteDef]:
    """The page, the door, an agent's own things, agents and teams. `channels`: the names of those that are served, as
    they are by the time somebody asks. `book`: how often somebody knocked, at whichever gateway."""
    passwords = passwords or Passwords()
    door = Login(
        engine=engine,
        clock=clock,
        origins=guard.origins,
        passwords=passwords,
        trusted_proxies=trusted_proxies,
        book=book,
    )
    me = Me(engine=engine, clock=clock, guard=guard, passwords=passwords, channels=channels)
    administration = Administration(engine=engine, clock=clock, guard=guard, passwords=passwords)
    return [
        *page_routes(),
        *door.routes(),
        guard.post("/desk/api/logout", door.logout),
        *me.routes(),
        *administration.routes(),
    ]
