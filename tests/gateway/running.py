"""A whole gateway, running on a free port of loopback with its own database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.app import build_app
from bot.gateway.migrate import upgrade
from bot.gateway.settings import load_settings
from bot.store.database import connect
from tests.database import Clock, migrated_sqlite, utc_now

TOKEN, SECRET = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr", "s3cret-Token_of-Telegram"
SHOP = "https://shop.example.com"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    url: str
    engine: AsyncEngine
    http: ClientSession


@asynccontextmanager
async def running_gateway(
    folder: Path,
    *,
    telegram_url: str = "http://127.0.0.1:9",
    clock: Clock | None = None,
    database_url: str | None = None,
    **more_settings: Any,
) -> AsyncIterator[Gateway]:
    """Without `telegram_url` nothing answers where Telegram should be. The database is SQLite unless one is given."""
    url = database_url or await migrated_sqlite(folder)
    settings = load_settings(
        _env_file=None,
        database_url=url,
        telegram_bot_token=TOKEN,
        telegram_secret_token=SECRET,
        telegram_api_url=telegram_url,
        webchat_origins=(SHOP,),
        media_dir=folder / "media",
        **more_settings,
    )
    engine = connect(url)
    await upgrade(engine)
    server = TestServer(build_app(settings, clock or now))
    await server.start_server()
    try:
        async with ClientSession() as http:
            yield Gateway(url=str(server.make_url("")).rstrip("/"), engine=engine, http=http)
    finally:
        await server.close()
        await engine.dispose()


now = utc_now
