"""The sandbox's web application: the shop's page, the phone's socket and the vendors' servers under one port."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path

import jwt
import structlog
from aiohttp import web

from .mail import MailPage, MailServer
from .phone import App, Phones, TeamsApp, TelegramApp, WhatsAppApp
from .settings import DeskSettings, Settings
from .teams import TeamsServer
from .telegram import BotAccount, Limits, TelegramServer
from .whatsapp import CallbackRefused, Number, WhatsAppServer
from .whatsapp import Limits as WhatsAppLimits

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).parent / "static"
_PICTURES_KEPT_FOR = 24 * 3600
_ACCOUNTS = {"C-1001": "Mei", "C-1002": "Tom"}
"""Customers of the shop who have an account, and what they are called."""

# As Telegram has it, but for the longest wait: nobody who restarts the gateway while trying things out waits a minute.
_LIMITS = Limits(retry_max=4)
_WHATSAPP_LIMITS = WhatsAppLimits(retry_max=4)
_TRIED_AGAIN_AFTER = 1.0


def make_app(settings: Settings) -> web.Application:
    app = web.Application(client_max_size=60 * 1024 * 1024)
    telegram = TelegramServer(limits=_LIMITS, on_call=_log_call)
    bot = telegram.bot(settings.bot_token, username=settings.bot_username)
    page = _Page(settings, telegram)
    phones = Phones(
        {
            "telegram": TelegramApp(telegram, bot),
            "whatsapp": _add_whatsapp(app, settings, page),
            "teams": _add_teams(app, settings, page),
        }
    )
    app.router.add_get("/", page.index)
    app.router.add_get("/healthz", page.health)
    app.router.add_get("/products/{sku:[a-z-]+}.png", page.product)
    app.router.add_get("/identity/{account:C-[0-9]{4}}", page.identity)
    app.router.add_get("/phone/socket", phones.connect)
    app.router.add_get("/phone/pictures/{file_id}", page.picture)
    app.router.add_static("/documents", _STATIC / "documents")
    app.router.add_static("/static", _STATIC)
    app.on_shutdown.append(phones.close)
    telegram.mount(app)
    _add_mail(app, settings)
    app.on_startup.append(lambda _: _set_webhook(settings, telegram, bot))
    app.on_cleanup.append(lambda _: telegram.close())
    return app


async def _set_webhook(settings: Settings, telegram: TelegramServer, bot: BotAccount) -> None:
    """What an operator does once with the real Telegram. A gateway that is not up yet is reached by the retries."""
    url = f"{settings.gateway_url}/webhooks/telegram"
    await telegram.call(bot, "setWebhook", {"url": url, "secret_token": settings.secret_token})
    log.info("webhook set", url=url)


def _add_whatsapp(app: web.Application, settings: Settings, page: _Page) -> App | None:
    if settings.whatsapp is None:
        return None
    whatsapp = WhatsAppServer(limits=_WHATSAPP_LIMITS, on_call=_log_whatsapp_call)
    number = whatsapp.number(
        settings.whatsapp.phone_number_id,
        access_token=settings.whatsapp.access_token,
        app_secret=settings.whatsapp.app_secret,
    )
    page.values["whatsapp"] = number.digits
    whatsapp.mount(app, "/whatsapp")
    url, verify_token = f"{settings.gateway_url}/webhooks/whatsapp", settings.whatsapp.verify_token

    async def run(_: web.Application) -> AsyncIterator[None]:
        subscribing = asyncio.create_task(_subscribe(number, url, verify_token))
        yield
        subscribing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await subscribing
        await whatsapp.close()

    app.cleanup_ctx.append(run)
    return WhatsAppApp(whatsapp, number)


async def _subscribe(number: Number, url: str, verify_token: str) -> None:
    """What an operator does once in Meta's console, which does not repeat a handshake that failed."""
    waiting = False
    while True:
        try:
            await number.subscribe(url, verify_token)
        except CallbackRefused:
            if not waiting:
                log.info("whatsapp webhook waits for the gateway", url=url)
            waiting = True
            await asyncio.sleep(_TRIED_AGAIN_AFTER)
        else:
            log.info("whatsapp webhook set", url=url)
            return


def _add_teams(app: web.Application, settings: Settings, page: _Page) -> App | None:
    if settings.teams is None:
        return None
    teams = TeamsServer(on_call=_log_teams_call)
    teams.located(f"{settings.url}/teams")
    bot = teams.bot(
        app_id=settings.teams.app_id,
        password=settings.teams.app_password,
        endpoint=f"{settings.gateway_url}/api/messages",
    )
    page.values["teams"] = bot.id
    server = web.Application()
    teams.mount(server)
    app.add_subapp("/teams", server)
    app.on_cleanup.append(lambda _: teams.close())
    log.info("teams endpoint set", url=bot.endpoint)
    return TeamsApp(teams, bot)


def _add_mail(app: web.Application, settings: Settings) -> None:
    if settings.mail is None:
        return
    mail = settings.mail
    server = MailServer(user=mail.user, password=mail.password)
    app.add_routes(MailPage(server).routes())

    async def run(_: web.Application) -> AsyncIterator[None]:
        await server.start(mail.port)
        log.info("mail server listens", port=server.port)
        yield
        await server.close()

    app.cleanup_ctx.append(run)


def _log_call(bot_id: int, method: str, status: int) -> None:
    log.info("bot called", bot=bot_id, method=method, status=status)


def _log_whatsapp_call(number_id: str, kind: str, status: int) -> None:
    log.info("whatsapp called", number=number_id, kind=kind, status=status)


def _log_teams_call(operation: str, status: int) -> None:
    log.info("teams called", operation=operation, status=status)


class _Page:
    """What the browser fetches."""

    def __init__(self, settings: Settings, telegram: TelegramServer) -> None:
        self._settings = settings
        self._telegram = telegram
        self.values = {"bot": settings.bot_username, "whatsapp": "", "teams": ""}
        """Whom links lead to; "" where a channel is off."""
        self.values["mail"] = "/mail" if settings.mail else ""
        desk = settings.desk or DeskSettings(url="")
        self.values |= {"desk": desk.url, "desk-login": desk.login, "desk-password": desk.password}
        self.values["accounts"] = " ".join(_ACCOUNTS) if settings.webchat_jwt_secret else ""

    async def index(self, request: web.Request) -> web.Response:
        chinese = request.query.get("lang") == "zh"
        values = self.values | {
            "lang": "zh-Hans" if chinese else "en",
            "language": "zh" if chinese else "en",
            "title": "炉边 Hearthside · 家居与厨房" if chinese else "Hearthside · home & kitchen",
            "chat": "炉边客服" if chinese else "Hearthside",
            "gateway": self._settings.gateway_url,
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

    async def identity(self, request: web.Request) -> web.Response:
        """What a shop's server hands to the page of a customer who has signed in. Here anybody may be anybody."""
        account = request.match_info["account"]
        if account not in _ACCOUNTS or not self._settings.webchat_jwt_secret:
            raise web.HTTPNotFound
        claims = {"sub": account, "name": _ACCOUNTS[account], "aud": "throughline", "exp": int(time.time()) + 600}
        token = jwt.encode(claims, self._settings.webchat_jwt_secret, algorithm="HS256")
        return web.Response(text=token, headers={"Cache-Control": "no-store"})

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
