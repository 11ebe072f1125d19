"""Files that customers sent, fetched from WhatsApp on loopback and from servers that are not to be trusted."""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from channels.contract import FetchError, Inbound, Media, Webhook
from channels.whatsapp import WhatsAppChannel
from channels.whatsapp.media import is_metas
from sandbox.whatsapp import Delivery, Limits, Number, Person, WhatsAppServer

from .conftest import TOKEN, Open

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1000
GRAPH = "https://graph.facebook.com/v26.0"
LOOKASIDE = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3"


def ref(channel: WhatsAppChannel, delivery: Delivery) -> str:
    [one] = channel.read(Webhook(method="POST", body=delivery.body))
    assert isinstance(one, Inbound)
    assert isinstance(one.said, Media)
    return one.said.ref


async def failure(channel: WhatsAppChannel, media: str, limit: int = 10_000_000) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await channel.fetch(media, limit=limit)
    return caught.value


def outcome(error: FetchError) -> Any:
    return (error.reason.partition(", trace ")[0], error.permanent, error.too_large)


@dataclass(kw_only=True)
class Meta:
    """A server in Meta's place that says what a test likes."""

    url: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    content: bytes = PHOTO
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths, and the tokens that came along."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, request.headers.get("Authorization")))
        if request.path.startswith("/v26.0/"):
            return web.json_response({"url": f"{self.url}/file", "mime_type": "image/jpeg"} | self.told)
        return web.Response(status=self.status, body=self.content, headers=self.headers)


@asynccontextmanager
async def meta() -> AsyncIterator[Meta]:
    played = Meta()
    app = web.Application()
    app.router.add_get("/{path:.*}", played.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    played.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield played
    finally:
        await runner.cleanup()


# --- What is there ----------------------------------------------------------------------------------------------------


async def test_file_is_fetched_whole(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    media = ref(channel, await alice.image(shop, "look", PHOTO))
    assert await channel.fetch(media, limit=len(PHOTO)) == PHOTO


async def test_file_that_is_too_large_is_not_even_asked_for(
    channel: WhatsAppChannel, server: WhatsAppServer, shop: Number, alice: Person
) -> None:
    media = ref(channel, await alice.image(shop, "look", PHOTO))
    failed = await failure(channel, media, len(PHOTO) - 1)
    assert outcome(failed) == ("the file is larger than what is taken", True, True)


@pytest.mark.parametrize("told", [{}, {"file_size": 3}, {"file_size": "3"}, {"file_size": None}, {"file_size": "many"}])
async def test_limit_holds_whatever_meta_says_of_the_size(open_channel: Open, told: dict[str, Any]) -> None:
    async with meta() as played:
        played.told = told
        channel = await open_channel(played.url)
        assert await channel.fetch("7", limit=len(PHOTO)) == PHOTO
        assert outcome(await failure(channel, "7", len(PHOTO) - 1))[2] is True


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        (hashlib.sha256(PHOTO).hexdigest(), True),
        (hashlib.sha256(PHOTO).hexdigest().upper(), True),
        (None, True),
        (hashlib.sha256(PHOTO[:-1]).hexdigest(), False),
    ],
)
async def test_metas_sum_is_checked(open_channel: Open, told: str | None, whole: bool) -> None:
    async with meta() as played:
        played.told = {"sha256": told}
        channel = await open_channel(played.url)
        if whole:
            assert await channel.fetch("7", limit=len(PHOTO)) == PHOTO
        else:
            assert outcome(await failure(channel, "7")) == ("WhatsApp's file did not arrive whole", False, False)


# --- What is not ------------------------------------------------------------------------------------------------------


class TestExpired:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(media_url_life=-1)

    async def test_address_that_is_not_good_any_more_is_the_end(
        self, channel: WhatsAppChannel, shop: Number, alice: Person
    ) -> None:
        media = ref(channel, await alice.voice(shop))
        assert outcome(await failure(channel, media)) == (
            "WhatsApp does not have the file any more (404)",
            True,
            False,
        )


async def test_file_that_meta_does_not_know_is_gone(channel: WhatsAppChannel, shop: Number) -> None:
    gone = ("WhatsApp does not have the file any more (400)", True, False)
    assert outcome(await failure(channel, "1003383421387256")) == gone


@pytest.mark.parametrize("media", ["", "../me", "a/b", "7?fields=x", "x" * 129, "七"])
async def test_ref_that_is_none_is_not_asked_for(open_channel: Open, media: str) -> None:
    async with meta() as played:
        failed = await failure(await open_channel(played.url), media)
        assert (outcome(failed), played.seen) == (("this is no id of a file on WhatsApp", True, False), [])


async def test_wrong_token_is_named(server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open) -> None:
    channel = await open_channel(server.url, access_token="EAAG-wrong")
    failed = await failure(channel, ref(channel, await alice.image(shop)))
    assert failed.permanent
    assert failed.reason.startswith("WHATSAPP_ACCESS_TOKEN was refused or has expired: generate a new one")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (404, {}, ("WhatsApp does not have the file any more (404)", True, None)),
        (302, {"Location": "https://evil.example/"}, ("WhatsApp's file is somewhere else (302)", True, None)),
        (429, {"Retry-After": "7"}, ("too many calls for WhatsApp (429)", False, 7)),
        (503, {}, ("WhatsApp is in trouble (503)", False, None)),
    ],
)
async def test_refusal_says_what_to_do(open_channel: Open, status: int, headers: dict[str, str], expected: Any) -> None:
    async with meta() as played:
        played.status, played.headers = status, headers
        failed = await failure(await open_channel(played.url), "7")
    assert (failed.reason, failed.permanent, failed.retry_after) == expected


async def test_meta_that_is_away_is_tried_again(open_channel: Open) -> None:
    async with meta() as played:
        channel = await open_channel(played.url)
    failed = await failure(channel, "7")
    assert outcome(failed) == ("WhatsApp's file could not be fetched: ClientConnectorError", False, False)


async def test_channel_that_is_closed_fetches_nothing(channel: WhatsAppChannel) -> None:
    await channel.close()
    assert outcome(await failure(channel, "7")) == (
        "WhatsApp's file could not be fetched: RuntimeError",
        False,
        False,
    )


# --- Where the token goes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        (LOOKASIDE, True),
        ("https://lookaside.fbsbx.com:443/x", True),
        (f"{GRAPH}/x", True),
        ("http://lookaside.fbsbx.com/x", False),
        ("https://lookaside.fbsbx.com:8443/x", False),
        ("https://lookaside.fbsbx.com.evil.example/x", False),
        ("https://evil-lookaside.fbsbx.com/x", False),
        ("https://lookaside.fbsbx.com@evil.example/x", False),
        ("https://evil.example@lookaside.fbsbx.com/x", False),
        ("https://evil.example#@lookaside.fbsbx.com/x", False),
        ("https://evil.example\\@lookaside.fbsbx.com/x", False),
        ("http://graph.facebook.com/x", False),
        ("//lookaside.fbsbx.com/x", False),
        ("file:///etc/passwd", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_token_goes_to_metas_hosts_alone(url: str, theirs: bool) -> None:
    assert is_metas(url, GRAPH) is theirs


@pytest.mark.parametrize("told", [None, 7, "", "file"])
async def test_address_elsewhere_is_never_asked(open_channel: Open, told: Any) -> None:
    async with meta() as played, meta() as elsewhere:
        played.told = {"url": f"{elsewhere.url}/file" if told == "file" else told}
        failed = await failure(await open_channel(played.url), "7")
        assert outcome(failed) == ("WhatsApp's file is at an address that is not WhatsApp's", True, False)
        assert (played.seen, elsewhere.seen) == ([("/v26.0/7", f"Bearer {TOKEN}")], [])


async def test_nothing_secret_is_told_nor_logged(open_channel: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    async with meta() as played:
        channel = await open_channel(played.url)
        for status, fields in (
            (404, {}),
            (500, {}),
            (200, {"sha256": "0" * 64}),
            (200, {"url": "https://x.example/hush"}),
        ):
            played.status, played.told = status, fields
            told.append("".join(traceback.format_exception(await failure(channel, "7"))))
    logged = [caplog.handler.format(record) for record in caplog.records]
    secrets = (TOKEN, "hush", f"{played.url}/file")
    assert [text for text in [*told, *logged] if any(secret in text for secret in secrets)] == []
