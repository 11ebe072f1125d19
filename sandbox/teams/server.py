"""Microsoft's side of the wire: the OpenID keys, the log-in and the Bot Connector over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiohttp import web

from .deliveries import TIMEOUT, Courier, Delivery
from .errors import (
    NO_ACTIVITY,
    NO_ATTACHMENT,
    NOT_THE_BOTS,
    UNAUTHORIZED,
    ApiError,
    Json,
    Refusal,
    too_many_requests,
)
from .faults import Fault, FaultPlan
from .files import File
from .keys import ISSUER, Keys
from .network import BotAccount, Chat, Network
from .people import Person, Team
from .rates import PER_THREAD, Throttle, Window
from .rules import check_activity, read_activity

_SCOPE = "https://api.botframework.com/.default"
_TOKEN_LIFE = timedelta(seconds=3599)
_BODY_MAX = 4 * 1024 * 1024

Respond = Callable[[], web.Response]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TeamsServer:
    """Teams, the Bot Connector and Microsoft's log-in, in memory. Use it as an async context manager to have it listen
    on a free port of loopback, or `mount` it into an application of your own, say `located(url)`, and `close` it at the
    end.

    windows:  how fast a bot may write to a conversation; () for no limit
    timeout:  seconds that a bot's endpoint has for its answer
    now:      the wall clock, aware UTC
    on_call:  hears of every answered call: the operation and the status; never a token or a text
    """

    def __init__(
        self,
        *,
        windows: Sequence[Window] = PER_THREAD,
        timeout: float = TIMEOUT,
        now: Callable[[], datetime] = _utc_now,
        on_call: Callable[[str, int], None] | None = None,
    ) -> None:
        courier = Courier(sign=self._sign, on_end=_tell_sender, timeout=timeout)
        self.network = Network(now=now, courier=courier)
        self.keys = Keys(now)
        self.faults = FaultPlan()
        """Of what belongs to no bot: `openid`, `keys`, `token` and `file`."""
        self.key_fetches = 0
        self._throttle = Throttle(windows=windows, monotonic=time.monotonic)
        self._tokens: dict[str, tuple[BotAccount, datetime]] = {}
        self._on_call = on_call
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self.url = ""

    # --- who there is ---------------------------------------------------------------------------------------------

    def bot(
        self, *, endpoint: str = "", app_id: str | None = None, password: str | None = None, name: str = "Hearthside"
    ) -> BotAccount:
        """Register a bot, as Azure does. `endpoint` may be set later."""
        bot = BotAccount(
            app_id=app_id or str(uuid.uuid4()),
            password=password or secrets.token_urlsafe(30),
            name=name,
            endpoint=endpoint,
        )
        self.network.bots[bot.app_id] = bot
        return bot

    def person(self, name: str, *, language: str = "en-GB", aad_object_id: str | None = None) -> Person:
        """`aad_object_id`: made up if not given; "" for somebody without one."""
        person = Person(self.network, name=name, language=language, aad_object_id=aad_object_id)
        self.network.people.append(person)
        return person

    def team(
        self,
        bot: BotAccount,
        members: list[Person],
        *,
        kind: Literal["groupChat", "channel"] = "channel",
        title: str = "Moving house",
    ) -> Team:
        """A channel or a group chat into which the first member has just put the bot."""
        return Team(self.network, bot, kind=kind, members=list(members), title=title)

    def post_raw(self, chat: Chat, activity: Json) -> Delivery:
        """Have any activity delivered, whether or not Teams would ever send it."""
        return self.network.courier.deliver(chat, activity)

    @property
    def openid_url(self) -> str:
        return f"{self.url}/v1/.well-known/openidconfiguration"

    @property
    def login_url(self) -> str:
        return f"{self.url}/botframework.com"

    @property
    def service_url(self) -> str:
        return self.network.service_url

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> TeamsServer:
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
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.located(f"http://127.0.0.1:{self._runner.addresses[0][1]}")
        return self.url

    def located(self, url: str) -> None:
        """Where this server is reached."""
        self.url = url.rstrip("/")
        self.network.service_url = f"{self.url}/emea/"

    def mount(self, app: web.Application) -> None:
        app.router.add_get("/v1/.well-known/openidconfiguration", self._openid)
        app.router.add_get("/v1/.well-known/keys", self._published_keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_post("/emea/v3/conversations/{conversation}/activities", self._activities)
        app.router.add_post("/emea/v3/conversations/{conversation}/activities/{activity}", self._activities)
        app.router.add_put("/emea/v3/conversations/{conversation}/activities/{activity}", self._change)
        app.router.add_get("/emea/v3/attachments/{attachment}/views/{view}", self._attachment)
        app.router.add_get("/personal/_layouts/15/download.aspx", self._download)
        app.router.add_get("/phone/pictures/{attachment}", self._shown)

    async def close(self) -> None:
        self._closing.set()
        await self.network.courier.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- keys -----------------------------------------------------------------------------------------------------

    async def _openid(self, request: web.Request) -> web.Response:
        metadata = {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": f"{self.url}/v1/.well-known/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }
        return await self._respond(request, "openid", self.faults, lambda: web.json_response(metadata))

    async def _published_keys(self, request: web.Request) -> web.Response:
        self.key_fetches += 1
        return await self._respond(request, "keys", self.faults, lambda: web.json_response(self.keys.published()))

    def _sign(self, delivery: Delivery) -> Mapping[str, str]:
        bot = delivery.chat.bot
        return self.keys.authorization(bot.app_id, str(delivery.json.get("serviceUrl")), bot.forgery)

    # --- log-in ---------------------------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"""
        form = {name: str(value) for name, value in (await request.post()).items()}
        return await self._respond(request, "token", self.faults, lambda: self._login(form))

    def _login(self, form: Mapping[str, str]) -> web.Response:
        if form.get("grant_type") != "client_credentials":
            return _login_error(
                400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type."
            )
        if form.get("scope") != _SCOPE:
            return _login_error(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
        bot = self.network.bots.get(form.get("client_id", ""))
        if bot is None:
            return _login_error(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        if not hmac.compare_digest(bot.password.encode(), form.get("client_secret", "").encode()):
            return _login_error(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = secrets.token_urlsafe(60)
        self._tokens[token] = bot, self.network.now() + _TOKEN_LIFE
        lasts = int(_TOKEN_LIFE.total_seconds())
        return web.json_response(
            {"token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts, "access_token": token}
        )

    def revoke_tokens(self) -> None:
        """Every token so far is refused from now on."""
        self._tokens.clear()

    def _bearer(self, request: web.Request) -> BotAccount:
        """Raises ApiError."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bot, until = self._tokens.get(token, (None, self.network.now()))
        if scheme != "Bearer" or bot is None or until < self.network.now():
            raise ApiError(UNAUTHORIZED)
        return bot

    # --- the connector --------------------------------------------------------------------------------------------

    async def _activities(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#send-to-conversation"""
        try:
            bot = self._bearer(request)
            activity = read_activity(await request.read())
        except ApiError as error:
            return self._called("activities", _refused(error.refusal))
        bot.calls.append((request.match_info["conversation"], activity))
        operation = "typing" if activity.get("type") == "typing" else "message"
        return await self._respond(request, operation, bot.faults, lambda: self._take(request, bot, activity))

    def _take(self, request: web.Request, bot: BotAccount, activity: Json) -> web.Response:
        """Raises ApiError."""
        chat = self._writable(request, bot)
        replied = request.match_info.get("activity")
        if replied is not None and replied not in {one.json["id"] for one in bot.deliveries} | chat.activities.keys():
            raise ApiError(NO_ACTIVITY)
        check_activity(activity, conversation=chat.id, bot=bot.id)
        self._count(chat)
        return web.json_response({"id": self._show(chat, activity)}, status=201)

    def _show(self, chat: Chat, activity: Json) -> str:
        shown = activity | {"id": self.network.new_id(), "conversation": chat.json}
        if activity["type"] == "message":
            chat.activities[shown["id"]] = shown
        for person in chat.members:
            person.notify("message" if activity["type"] == "message" else "typing", shown)
        return str(shown["id"])

    async def _change(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#update-activity"""
        try:
            bot = self._bearer(request)
            activity = read_activity(await request.read())
        except ApiError as error:
            return self._called("change", _refused(error.refusal))
        bot.changes.append((request.match_info["conversation"], activity))
        return await self._respond(request, "change", bot.faults, lambda: self._put(request, bot, activity))

    def _put(self, request: web.Request, bot: BotAccount, activity: Json) -> web.Response:
        """Raises ApiError."""
        chat, number = self._writable(request, bot), request.match_info["activity"]
        there = chat.activities.get(number)
        if there is None:
            raise ApiError(NO_ACTIVITY)
        if there["from"]["id"] != bot.id:
            raise ApiError(NOT_THE_BOTS)
        check_activity(activity, conversation=chat.id, bot=bot.id)
        self._count(chat)
        chat.activities[number] = activity | {"id": number, "conversation": chat.json}
        for person in chat.members:
            person.notify("edited", chat.activities[number])
        return web.json_response({"id": number})

    def _writable(self, request: web.Request, bot: BotAccount) -> Chat:
        """The chat that a call names. Raises ApiError if the bot may not write there."""
        chat = self.network.chat(request.match_info["conversation"])
        if chat.bot is not bot:
            raise ApiError(UNAUTHORIZED)
        if chat.closed is not None:
            raise ApiError(chat.closed)
        return chat

    def _count(self, chat: Chat) -> None:
        """Raises ApiError if the chat is written to too fast."""
        if wait := self._throttle.wait(chat.id):
            raise ApiError(too_many_requests(wait))

    # --- files ----------------------------------------------------------------------------------------------------

    async def _attachment(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#get-attachment"""
        try:
            bot = self._bearer(request)
        except ApiError as error:
            return self._called("attachment", _refused(error.refusal))
        file = self.network.files.pasted.get(request.match_info["attachment"])
        return await self._respond(request, "attachment", bot.faults, lambda: _given(file))

    async def _download(self, request: web.Request) -> web.Response:
        """SharePoint knows nothing of the connector's tokens: who sends one along is refused, and has shown it."""
        file = self.network.files.onedrive.get(request.query.get("UniqueId", ""))
        opened = file is not None and file.opens_with(request.query.get("tempauth", ""))
        if "Authorization" in request.headers or not opened:
            return self._called("file", web.Response(status=401, text="Access denied."))
        return await self._respond(request, "file", self.faults, lambda: _given(file))

    async def _shown(self, request: web.Request) -> web.Response:
        """A pasted picture on the screen of whoever pasted it, whose own log-in is not played."""
        file = self.network.files.pasted.get(request.match_info["attachment"])
        answer = _answer(lambda: _given(file))
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    # --- trouble --------------------------------------------------------------------------------------------------

    async def _respond(self, request: web.Request, operation: str, faults: FaultPlan, respond: Respond) -> web.Response:
        fault = faults.take(operation)
        answer = _answer(respond) if fault is None else await self._fail(request, fault, respond)
        return self._called(operation, answer)

    async def _fail(self, request: web.Request, fault: Fault, respond: Respond) -> web.Response:
        if fault.refusal is not None:
            return _refused(fault.refusal, fault.page)
        if fault.done:
            _answer(respond)
        if fault.page is not None:
            return web.Response(text=fault.page, content_type="application/json")
        if fault.hang is not None:
            await self._closes_within(fault.hang)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _closes_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _called(self, operation: str, answer: web.Response) -> web.Response:
        if self._on_call is not None:
            self._on_call(operation, answer.status)
        return answer


def _given(file: File | None) -> web.Response:
    """Raises ApiError."""
    if file is None:
        raise ApiError(NO_ATTACHMENT)
    return web.Response(body=file.content, content_type=file.content_type)


def _answer(respond: Respond) -> web.Response:
    try:
        return respond()
    except ApiError as error:
        return _refused(error.refusal)


def _refused(refusal: Refusal, page: str | None = None) -> web.Response:
    if page is not None:
        return web.Response(status=refusal.status, text=page, content_type="text/html", headers=refusal.headers())
    return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers())


def _login_error(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


def _tell_sender(delivery: Delivery) -> None:
    told = {
        "id": delivery.json.get("id"),
        "status": delivery.status,
        "answer": delivery.answer.decode(errors="replace"),
    }
    for person in delivery.chat.members:
        if person.id == delivery.json.get("from", {}).get("id"):
            person.notify("taken" if delivery.ok else "refused", told | {"error": delivery.error})
