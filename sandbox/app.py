"""The sandbox's web application: the shop's page, the phone's socket and Telegram's server under one port."""

from __future__ import annotations

from html import escape
from pathlib import Path

import structlog
from aiohttp import web

from .phone import Phones
from .settings import Settings
from .telegram import BotAccount, Limits, TelegramServer

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).parent / "static"
_PICTURES_KEPT_FOR = 24 * 3600

# As Telegram has it, but for the longest wait: nobody who restarts the gateway while trying things out waits a minute.
_LIMITS = Limits(retry_max=4)


def make_app(settings: Settings) -> web.Application:
    telegram = TelegramServer(limits=_LIMITS, on_call=_log_call)
    bot = telegram.bot(settings.bot_token, username=settings.bot_username)
    phones, page = Phones(telegram, bot), _Page(settings, telegram)
    app = web.Application(client_max_size=60 * 1024 * 1024)
    app.router.add_get("/", page.index)
    app.router.add_get("/healthz", page.health)
    app.router.add_get("/products/{sku:[a-z-]+}.png", page.product)
    app.router.add_get("/phone/socket", phones.connect)
    app.router.add_get("/phone/pictures/{file_id}", page.picture)
    app.router.add_static("/static", _STATIC)
    telegram.mount(app)
    app.on_startup.append(lambda _: _set_webhook(settings, telegram, bot))
    app.on_shutdown.append(phones.close)
    app.on_cleanup.append(lambda _: telegram.close())
    return app


async def _set_webhook(settings: Settings, telegram: TelegramServer, bot: BotAccount) -> None:
    """What an operator does once with the real Telegram. A gateway that is not up yet is reached by the retries."""
    url = f"{settings.gateway_url}/webhooks/telegram"
    await telegram.call(bot, "setWebhook", {"url": url, "secret_token": settings.secret_token})
    log.info("webhook set", url=url)


def _log_call(bot_id: int, method: str, status: int) -> None:
    log.info("bot called", bot=bot_id, method=method, status=status)


class _Page:
    """What the browser fetches."""

    def __init__(self, settings: Settings, telegram: TelegramServer) -> None:
        self._settings = settings
        self._telegram = telegram

    async def index(self, request: web.Request) -> web.Response:
        chinese = request.query.get("lang") == "zh"
        values = {
            "lang": "zh-Hans" if chinese else "en",
            "language": "zh" if chinese else "en",
            "title": "炉边 Hearthside · 家居与厨房" if chinese else "Hearthside · home & kitchen",
            "chat": "炉边客服" if chinese else "Hearthside",
            "gateway": self._settings.gateway_url,
            "bot": self._settings.bot_username,
        }
        html = (_STATIC / "index.html").read_text()
        for name, value in values.items():
            html = html.replace("{{" + name + "}}", escape(value, quote=True))
        return web.Response(text=html, content_type="text/html", headers=self._headers())

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def product(self, request: web.Request) -> web.StreamResponse:
        """A product's picture, at the address that the shop's data gives for it."""
        path = _STATIC / "products" / f"{request.match_info['sku']}.png"
        if not path.is_file():
            raise web.HTTPNotFound
        kept = {"Cache-Control": f"public, max-age={_PICTURES_KEPT_FOR}", "Access-Control-Allow-Origin": "*"}
        return web.FileResponse(path, headers=kept)

    async def picture(self, request: web.Request) -> web.Response:
        """A photo that the bot sent, for the phone's screen."""
        picture = self._telegram.network.pictures.get(request.match_info["file_id"])
        if picture is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=picture.content, content_type=picture.content_type, headers=headers)

    def _headers(self) -> dict[str, str]:
        policy = f"script-src 'self' {self._settings.gateway_url}; object-src 'none'; base-uri 'none'"
        return {
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy + "; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
