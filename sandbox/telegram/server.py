"""Telegram's side of the wire: the Bot API over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from .errors import NOT_FOUND, UNAUTHORIZED, ApiError, Json, Refusal
from .faults import Fault
from .flood import Flood, Limits
from .media import DOWNLOAD_MAX
from .methods import METHODS, Call
from .network import BotAccount, Network
from .params import Params, read_params
from .people import Group, User
from .updates import Delivery, Update

_BODY_MAX = 60 * 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TelegramServer:
    """The whole of Telegram in memory. Use it as an async context manager to have it listen on a free port of loopback,
    or `mount` it into an application of your own and call `close` at the end.

    now:      the wall clock, aware UTC: dates, and the ages of updates and taps
    on_call:  hears of every answered call: the bot's id, the method, the status; never a token or a text
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        now: Callable[[], datetime] = _utc_now,
        on_call: Callable[[int, str, int], None] | None = None,
    ) -> None:
        self.network = Network(limits=limits or Limits(), now=now, monotonic=time.monotonic)
        self._on_call = on_call
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._closing = asyncio.Event()
        self.url = ""

    # --- who there is ---------------------------------------------------------------------------------------------

    def bot(self, token: str, *, username: str = "hearthside_bot", name: str = "Hearthside") -> BotAccount:
        """Register a bot, as @BotFather does."""
        number = token.partition(":")[0]
        bot_id = int(number) if number.isdigit() else self.network.new_id()
        bot = BotAccount(
            token=token,
            json={"id": bot_id, "is_bot": True, "first_name": name, "username": username},
            flood=Flood(limits=self.network.limits, monotonic=self.network.monotonic),
            delivery=Delivery(
                limits=self.network.limits,
                now=self.network.now,
                execute=lambda method, params: self._execute(bot, method, params),
            ),
        )
        self.network.bots[token] = bot
        return bot

    def user(self, name: str, *, language: str = "en", username: str | None = None, user_id: int | None = None) -> User:
        user_id = self.network.new_id() if user_id is None else user_id
        user = User(self.network, user_id=user_id, name=name, language=language, username=username)
        self.network.users[user_id] = user
        return user

    def group(self, title: str, bot: BotAccount, members: list[User], *, topics: tuple[int, ...] = ()) -> Group:
        """A group that the first member has just put the bot into; with topics a forum."""
        chat_id = (-1_000_000_000_000 if topics else 0) - self.network.new_id()
        return Group(self.network, bot, chat_id=chat_id, title=title, members=list(members), topics=topics)

    def post_raw(self, bot: BotAccount, body: Json, *, queue: str = "raw", update_id: int | None = None) -> Update:
        """Have any update delivered, `{kind: object}`, whether or not Telegram would ever send it. With an `update_id`
        it goes out under that number: a repeated delivery, when the number was used before."""
        return bot.delivery.add(body, queue=queue, update_id=update_id)

    async def call(self, bot: BotAccount, method: str, params: Json) -> object:
        """Call a method as the bot's owner would, without HTTP. Raises ApiError."""
        return await self._execute(bot, method, Params(values=params))

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> TelegramServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> str:
        """Listen on loopback, on a free port unless one is given. Returns the address: `http://127.0.0.1:<port>`."""
        app = web.Application(client_max_size=_BODY_MAX)
        self.mount(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    def mount(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token:[^/]+}/{method}", self._answer)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._file)

    async def close(self) -> None:
        self._closing.set()
        for bot in self.network.bots.values():
            await bot.delivery.close()
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- below ----------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.Response:
        bot, method = self._known(request.match_info["token"]), request.match_info["method"]
        if bot is None:
            return _refused(UNAUTHORIZED)
        try:
            params = await read_params(request)
        except ApiError as error:
            return _refused(error.refusal)
        bot.calls.append((method, params.values))
        fault = bot.faults.take(method)
        if fault is None:
            answer = await self._respond(bot, method, params)
        else:
            answer = await self._fail(request, bot, method, params, fault)
        if self._on_call is not None:
            self._on_call(bot.id, method, answer.status)
        return answer

    def _known(self, token: str) -> BotAccount | None:
        for known, bot in self.network.bots.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return bot
        return None

    async def _respond(self, bot: BotAccount, method: str, params: Params) -> web.Response:
        try:
            return web.json_response({"ok": True, "result": await self._execute(bot, method, params)})
        except ApiError as error:
            return _refused(error.refusal)

    async def _execute(self, bot: BotAccount, method: str, params: Params) -> object:
        function = METHODS.get(method.lower())
        if function is None:
            raise ApiError(NOT_FOUND)
        return await function(Call(network=self.network, bot=bot, params=params, session=self._session()))

    async def _fail(
        self, request: web.Request, bot: BotAccount, method: str, params: Params, fault: Fault
    ) -> web.Response:
        if fault.refusal is not None:
            return _page(fault.refusal) if fault.html else _refused(fault.refusal)
        if fault.done:
            await self._respond(bot, method, params)
        if fault.hang is not None:
            await self._closes_within(fault.hang)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _closes_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(trust_env=False)
        return self._client

    async def _file(self, request: web.Request) -> web.Response:
        """https://core.telegram.org/bots/api#file"""
        if self._known(request.match_info["token"]) is None:
            return _refused(UNAUTHORIZED)
        stored = self.network.shelf.at(request.match_info["path"])
        if stored is None or len(stored.content) > DOWNLOAD_MAX:
            return _refused(NOT_FOUND)
        return web.Response(body=stored.content, content_type="application/octet-stream")


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.code)


def _page(refusal: Refusal) -> web.Response:
    body = f"<html><head><title>{refusal.code} {refusal.description}</title></head></html>"
    return web.Response(status=refusal.code, text=body, content_type="text/html")
