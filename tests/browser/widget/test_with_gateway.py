"""The widget with the real gateway behind it: what only shows where both are real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Accepted
from bot.gateway.app import build_app
from bot.gateway.settings import load_settings
from bot.store.database import connect
from bot.store.tables import customers, messages
from tests.browser.widget.conftest import Visit, serve
from tests.browser.widget.protocol_server import ShopPage
from tests.browser.widget.test_conversation import open_chat, say
from tests.browser.widget.test_files import BILL, PICTURE, choose, sent
from tests.database import fresh_sqlite
from tests.gateway.people import bot_says, rows

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a-secret-that-only-the-shop-and-the-gateway-know"


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path: Path) -> AsyncIterator[ShopPage]:
    """Instead of the page of the gateway that is played."""
    page = ShopPage("")
    runner, page.url = await serve(page.app(), "localhost")
    yield page
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def engine(shop: ShopPage, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """The database of a gateway that serves the shop's page."""
    url = fresh_sqlite(tmp_path)
    settings = load_settings(
        _env_file=None,
        database_url=url,
        media_dir=tmp_path / "media",
        webchat_origins=(shop.url,),
        webchat_jwt_secret=SECRET,
    )
    app: web.Application = build_app(settings)
    runner, shop.gateway = await serve(app, "127.0.0.1")
    engine = connect(url)
    yield engine
    await engine.dispose()
    await runner.cleanup()


def vouch(account: str) -> str:
    claims: dict[str, Any] = {"sub": account, "exp": datetime.now(UTC) + timedelta(minutes=5)}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def answer(engine: AsyncEngine, text: str) -> None:
    row = (await rows(engine, messages))[-1]
    cause = Accepted(message=row.id, conversation=row.conversation_id, repeated=False)
    await bot_says(engine, cause, text, datetime.now(UTC))


async def begun(visit: Visit, text: str) -> Page:
    page = await visit()
    await open_chat(page)
    await say(page, text)
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    return page


async def test_a_picture_is_sent_kept_and_shown_again(visit: Visit, engine: AsyncEngine) -> None:
    page = await begun(visit, "Look at this")
    await choose(page, PICTURE, BILL)
    await say(page, "and this")
    await expect(sent(page)).to_have_count(3)
    await expect(sent(page).last).to_have_attribute("data-state", "sent")
    other = await visit(context=page.context)
    await open_chat(other)
    picture = sent(other).get_by_role("link").get_by_role("img", name="broken spout.png")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("node => node.decode().then(() => node.naturalWidth)") == 40
    await expect(sent(other).get_by_role("link", name="账单 42.pdf")).to_be_visible()


async def test_what_the_bot_says_is_formatted_and_noted_as_read(visit: Visit, engine: AsyncEngine) -> None:
    page = await begun(visit, "Where is my order?")
    await answer(engine, "**On its way**: [track it](https://example.com/42) <b>now</b>")
    shown = page.locator(".bot .text")
    await expect(shown).to_have_text("On its way: track it <b>now</b>")
    await expect(shown.locator("strong")).to_have_text("On its way")
    await expect(shown.get_by_role("link", name="track it")).to_have_attribute("href", "https://example.com/42")
    await page.reload()
    await open_chat(page)
    await expect(shown).to_be_visible()
    told = (await rows(engine, messages))[-1]
    assert told.delivered_at is not None
    assert told.read_at is not None


async def test_signing_in_keeps_the_conversation_and_signing_out_forgets_it(visit: Visit, engine: AsyncEngine) -> None:
    page = await begun(visit, "Before I sign in")
    assert await page.evaluate("jwt => Throughline.identify(jwt)", vouch("C-1001")) is True
    await say(page, "And after")
    await expect(sent(page).last).to_have_attribute("data-state", "sent")
    await expect(page.locator(".customer .text")).to_have_text(["Before I sign in", "And after"])
    assert [row.account for row in await rows(engine, customers)] == ["C-1001"]
    await page.evaluate("console.warn = () => {}")
    assert await page.evaluate("jwt => Throughline.identify(jwt)", "forged") is False
    assert await page.evaluate("Throughline.identify(null)") is True
    await expect(page.locator(".customer")).to_have_count(0)
    await say(page, "Who am I?")
    await expect(page.locator(".customer .text")).to_have_text(["Who am I?"])
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    assert len({row.conversation_id for row in await rows(engine, messages)}) == 2
