"""The shop vouches for its own customers, where it shares a secret with the gateway."""

from __future__ import annotations

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.app import make_app
from sandbox.settings import Settings

SECRET = "a-secret-that-only-the-shop-and-the-gateway-know"


def settings(secret: str = "") -> Settings:
    return Settings(
        port=0,
        gateway_url="http://127.0.0.1:9",
        bot_token="123456789:AAbbCC",
        secret_token="s3cret",
        bot_username="hearthside_bot",
        webchat_jwt_secret=secret,
    )


async def test_a_customer_is_vouched_for() -> None:
    async with TestClient(TestServer(make_app(settings(SECRET)))) as shop:
        async with shop.get("/identity/C-1001") as answer:
            claims = jwt.decode(await answer.text(), SECRET, algorithms=["HS256"], audience="throughline")
        assert (claims["sub"], claims["name"]) == ("C-1001", "Mei")
        async with shop.get("/") as page:
            assert 'data-accounts="C-1001 C-1002"' in await page.text()


@pytest.mark.parametrize(("secret", "account"), [(SECRET, "C-9999"), ("", "C-1001"), (SECRET, "nobody")])
async def test_nobody_else_is(secret: str, account: str) -> None:
    server = TestServer(make_app(settings(secret)))
    async with TestClient(server) as shop, shop.get(f"/identity/{account}") as answer:
        assert answer.status == 404


async def test_without_a_secret_the_page_offers_no_accounts() -> None:
    async with TestClient(TestServer(make_app(settings()))) as shop, shop.get("/") as page:
        assert 'data-accounts=""' in await page.text()
