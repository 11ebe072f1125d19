"""Meta's side of the wire: the Graph API over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from .calls import Call, media_fields, number_fields, post_message, upload
from .deliveries import Deliverer
from .errors import NO_TOKEN, WRONG_TOKEN, GraphError, Json, Refusal, invalid, unknown_object, unknown_path
from .faults import Fault
from .limits import Flood, Limits
from .network import Network, Number
from .people import Person, new_user_id

_UPLOAD_MAX = 101 * 1024 * 1024
_VERSION = r"v[0-9]+\.[0-9]+"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WhatsAppServer:
    """The whole of WhatsApp in memory. Use it as an async context manager to have it listen on a free port of loopback,
    or `mount` it into an application of your own and call `close` at the end.

    now:        the wall clock, aware UTC: timestamps, the 24-hour window, the ages of webhooks
    monotonic:  the rates' clock, in seconds
    on_call:    hears of every answered POST: the number's id, the kind of call, the status; never a token or a text
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        on_call: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self.network = Network(limits=limits or Limits(), now=now, monotonic=monotonic)
        self._on_call = on_call
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._closing = asyncio.Event()
        self.url = ""

    # --- who there is ---------------------------------------------------------------------------------------------

    def number(
        self,
        phone_number_id: str,
        *,
        access_token: str,
        app_secret: str,
        display: str = "+1 555-078-3881",
        name: str = "Hearthside",
    ) -> Number:
        """Register a business's number, as Meta's console does."""
        limits, now = self.network.limits, self.network.now
        number = Number(
            id=phone_number_id,
            account=self.network.new_id(),
            display=display,
            name=name,
            access_token=access_token,
            flood=Flood(limits=limits, monotonic=self.network.monotonic),
            webhook=Deliverer(app_secret=app_secret, limits=limits, now=now),
            now=now,
        )
        self.network.numbers[phone_number_id] = number
        return number

    def person(self, name: str, number: str, *, country: str = "US", user_id: bool = True) -> Person:
        """Somebody with WhatsApp. Without a `user_id`, webhooks about them are as they were before 2026."""
        bsuid = new_user_id(country) if user_id else None
        person = Person(self.network, name=name, number=number, country=country, user_id=bsuid)
        self.network.people.append(person)
        return person

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> WhatsAppServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> str:
        """Listen on loopback, on a free port unless one is given. Returns the address: `http://127.0.0.1:<port>`."""
        app = web.Application(client_max_size=_UPLOAD_MAX)
        self.mount(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    def mount(self, app: web.Application, prefix: str = "") -> None:
        """`prefix`: a path such as `/whatsapp`, which goes before the version in the API's address."""
        version = prefix + "/{version:" + _VERSION + "}"
        app.router.add_post(version + "/{id}/messages", self._guarded(self._messages))
        app.router.add_post(version + "/{id}/media", self._guarded(self._upload))
        app.router.add_get(version + "/{id}", self._guarded(self._object))
        app.router.add_delete(version + "/{id}", self._guarded(self._delete))
        app.router.add_route("*", version + "/{path:.*}", self._guarded(_no_path))
        app.router.add_get(prefix + "/whatsapp_business/attachments/{key}", self._guarded(self._attachment))
        app.router.add_get(prefix + "/phone/files/{id:[0-9]+}", self._own_file)

    async def close(self) -> None:
        self._closing.set()
        for number in self.network.numbers.values():
            await number.webhook.close()
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the calls ------------------------------------------------------------------------------------------------

    def _guarded(
        self, handle: Callable[[web.Request, str], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guarded(request: web.Request) -> web.Response:
            try:
                return await handle(request, self._token(request))
            except GraphError as error:
                return _refused(error.refusal)

        return guarded

    def _token(self, request: web.Request) -> str:
        """A token that is some number's. Raises GraphError."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise GraphError(NO_TOKEN)
        if not any(_same(token, number.access_token) for number in self.network.numbers.values()):
            raise GraphError(WRONG_TOKEN)
        return token

    def _number(self, request: web.Request, token: str, method: str) -> Number:
        name = request.match_info["id"]
        number = self.network.numbers.get(name)
        if number is None or not _same(token, number.access_token):
            raise unknown_object(name, method)
        return number

    async def _messages(self, request: web.Request, token: str) -> web.Response:
        number = self._number(request, token, "post")
        body = await _json_object(request)
        number.calls.append(body)
        kind = str(body.get("status") or body.get("type", "text"))
        fault = number.faults.take(kind)
        answer = await (self._respond(number, body) if fault is None else self._fail(request, number, body, fault))
        if self._on_call is not None:
            self._on_call(number.id, kind, answer.status)
        return answer

    async def _respond(self, number: Number, body: Json) -> web.Response:
        call = Call(network=self.network, number=number, session=self._session())
        try:
            return web.json_response(await post_message(call, body))
        except GraphError as error:
            return _refused(error.refusal)

    async def _fail(self, request: web.Request, number: Number, body: Json, fault: Fault) -> web.Response:
        if fault.refusal is not None:
            return _page(fault.refusal) if fault.html else _refused(fault.refusal)
        if fault.done:
            await self._respond(number, body)
        if fault.hang is not None:
            await self._closes_within(fault.hang)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _object(self, request: web.Request, token: str) -> web.Response:
        """A number, or media: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media"""
        name = request.match_info["id"]
        if name not in self.network.media:
            number = self._number(request, token, "get")
            return web.json_response(number_fields(number, request.query.get("fields", "")))
        media = self.network.kept(name)
        key = secrets.token_urlsafe(24)
        self.network.media_urls[key] = (name, self.network.now())
        prefix = request.path.partition(f"/{request.match_info['version']}/")[0]
        url = str(request.url.origin()) + f"{prefix}/whatsapp_business/attachments/{key}"
        return web.json_response(media_fields(media, url))

    async def _upload(self, request: web.Request, token: str) -> web.Response:
        number = self._number(request, token, "post")
        fields = await request.post() if request.content_type == "multipart/form-data" else {}
        file = fields.get("file")
        content = file.file.read() if isinstance(file, web.FileField) else None
        mime_type = file.content_type if isinstance(file, web.FileField) else ""
        call = Call(network=self.network, number=number, session=self._session())
        return web.json_response(upload(call, dict(fields), content, mime_type))

    async def _delete(self, request: web.Request, token: str) -> web.Response:
        media = self.network.kept(request.match_info["id"])
        del self.network.media[media.id]
        return web.json_response({"success": True})

    async def _attachment(self, request: web.Request, token: str) -> web.Response:
        """What is deleted, or asked for by an address that was good until a while ago, is not there."""
        name, since = self.network.media_urls.get(request.match_info["key"], ("", self.network.now()))
        age = (self.network.now() - since).total_seconds()
        media = self.network.media.get(name)
        if media is None or age > self.network.limits.media_url_life:
            return web.Response(status=404)
        return web.Response(body=media.content, headers={"Content-Type": media.mime_type})

    async def _own_file(self, request: web.Request) -> web.Response:
        """A file on the phone that sent it, for the phone's screen. Meta has nothing like it."""
        media = self.network.media.get(request.match_info["id"])
        if media is None:
            return web.Response(status=404)
        headers = {"Content-Type": media.mime_type, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=media.content, headers=headers)

    # --- below ----------------------------------------------------------------------------------------------------

    async def _closes_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(trust_env=False)
        return self._client


async def _no_path(request: web.Request, token: str) -> web.Response:
    raise unknown_path(f"/{request.match_info['path']}")


async def _json_object(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise invalid("The parameter messaging_product is required.")
    try:
        data = json.loads(await request.read())
    except ValueError:
        raise invalid("Invalid JSON in the request's body.") from None
    if not isinstance(data, dict):
        raise invalid("The parameter messaging_product is required.")
    return data


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.status)


def _page(refusal: Refusal) -> web.Response:
    body = f"<html><head><title>{refusal.status}</title></head></html>"
    return web.Response(status=refusal.status, text=body, content_type="text/html")
