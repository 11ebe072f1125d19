"""Fetching what customers sent."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from channels.contract import FetchError, Inbound, Media, Webhook
from channels.telegram import TelegramChannel
from sandbox.telegram import (
    BotAccount,
    Fault,
    TelegramServer,
    Update,
    User,
    close_connection,
    flood_wait,
    hang,
    media,
    refuse,
    server_error,
)

from .conftest import TOKEN, Open, answering

MEGABYTE = 1024 * 1024


def ref(channel: TelegramChannel, update: Update) -> str:
    [inbound] = channel.read(Webhook(method="POST", body=json.dumps(update.json).encode()))
    assert isinstance(inbound, Inbound)
    assert isinstance(inbound.said, Media)
    return inbound.said.ref


async def failure(channel: TelegramChannel, file_id: str = "x", limit: int = MEGABYTE) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await channel.fetch(file_id, limit=limit)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    return caught.value


async def test_files_arrive_as_they_were_sent(channel: TelegramChannel, shop: BotAccount, alice: User) -> None:
    for name, update in (
        ("photo.jpg", await alice.photo(shop)),
        ("receipt.pdf", await alice.document(shop)),
        ("voice.ogg", await alice.voice(shop)),
        ("sticker.webp", await alice.sticker(shop)),
        ("video.mp4", await alice.animation(shop)),
    ):
        assert await channel.fetch(ref(channel, update), limit=MEGABYTE) == media.sample(name)


async def test_file_of_just_the_limit_is_taken(channel: TelegramChannel, shop: BotAccount, alice: User) -> None:
    file_id = ref(channel, await alice.document(shop, content=b"x" * 1000))
    assert len(await channel.fetch(file_id, limit=1000)) == 1000
    error = await failure(channel, file_id, limit=999)
    assert (error.too_large, error.permanent) == (True, True)


async def test_file_that_telegram_does_not_give_for_its_size(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    file_id = ref(channel, await alice.document(shop, content=bytes(20 * MEGABYTE + 1)))
    error = await failure(channel, file_id, limit=100 * MEGABYTE)
    assert (error.too_large, str(error)) == (True, "Telegram does not give the file: File is too big")


async def test_file_that_telegram_cannot_find_may_come_back(channel: TelegramChannel, shop: BotAccount) -> None:
    error = await failure(channel, "of-nobody")
    assert not error.permanent


ASKED: dict[str, tuple[Fault, tuple[str, bool, float | None]]] = {
    "flood": (flood_wait(7), ("too many messages for Telegram", False, 7)),
    "trouble": (server_error(502, html=True), ("Telegram is in trouble: Bad Gateway (502)", False, None)),
    "closed": (close_connection(), ("no answer from Telegram: ServerDisconnectedError", False, None)),
    "token": (refuse(401, "Unauthorized"), ("TELEGRAM_BOT_TOKEN was refused", False, 60)),
    "invalid": (
        refuse(400, "Bad Request: invalid file_id"),
        ("Telegram does not give the file: Invalid file_id", True, None),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), ASKED.values(), ids=ASKED.keys())
async def test_refusal_says_what_to_do(
    channel: TelegramChannel, shop: BotAccount, fault: Fault, expected: tuple[str, bool, float | None]
) -> None:
    shop.faults.order("getFile", fault)
    error = await failure(channel)
    assert (str(error), error.permanent, error.retry_after) == expected


async def test_no_answer_in_time_is_no_file(server: TelegramServer, shop: BotAccount, open_channel: Open) -> None:
    shop.faults.order("getFile", hang())
    assert not (await failure(open_channel(server.url, timeout=1))).permanent


async def test_address_is_in_no_log(
    channel: TelegramChannel, shop: BotAccount, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await channel.fetch(ref(channel, await alice.photo(shop)), limit=MEGABYTE)
    await failure(channel, "of-nobody")
    logged = [caplog.handler.format(record) for record in caplog.records]
    assert [text for text in logged if TOKEN in text] == []


# --- A server that is not what it should be ---------------------------------------------------------------------------


@asynccontextmanager
async def telegram(answer: Callable[[web.Request], web.StreamResponse], size: int | None = None) -> AsyncIterator[str]:
    """Tells of a file at documents/a.pdf, and answers the download as it is told to."""

    async def get_file(_: web.Request) -> web.Response:
        file = {"file_id": "x", "file_unique_id": "y", "file_path": "documents/a.pdf"}
        return web.json_response({"ok": True, "result": file | ({"file_size": size} if size else {})})

    async def download(request: web.Request) -> web.StreamResponse:
        return answer(request)

    app = web.Application()
    app.router.add_post("/bot{token}/getFile", get_file)
    app.router.add_get("/file/bot{token}/documents/a.pdf", download)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_limit_is_kept_though_telegram_tells_no_size(open_channel: Open) -> None:
    async with telegram(lambda _: web.Response(body=b"x" * 1001)) as url:
        assert (await failure(open_channel(url), limit=1000)).too_large


async def test_file_that_is_said_to_be_too_large_is_not_downloaded(open_channel: Open) -> None:
    asked = list[str]()

    def download(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"x")

    async with telegram(download, size=1001) as url:
        assert (await failure(open_channel(url), limit=1000)).too_large
    assert asked == []


async def test_packed_bytes_are_not_unpacked(open_channel: Open) -> None:
    """A small answer could become a large one."""
    headers = {"Content-Encoding": "gzip"}
    async with telegram(lambda _: web.Response(body=b"packed", headers=headers)) as url:
        assert await open_channel(url).fetch("x", limit=1000) == b"packed"


async def test_no_other_host_is_asked(open_channel: Open) -> None:
    async with answering(200, b"from elsewhere", "application/pdf") as elsewhere:
        redirect = web.Response(status=302, headers={"Location": f"{elsewhere}/a.pdf"})
        async with telegram(lambda _: redirect) as url:
            error = await failure(open_channel(url))
    assert (str(error), error.permanent) == ("Telegram answered 302 instead of the file", True)


@pytest.mark.parametrize(
    ("status", "permanent", "retry_after"), [(404, True, None), (401, False, 60), (429, False, 9), (503, False, None)]
)
async def test_refused_download_says_what_to_do(
    open_channel: Open, status: int, permanent: bool, retry_after: float | None
) -> None:
    async with telegram(lambda _: web.Response(status=status, headers={"Retry-After": "9"})) as url:
        error = await failure(open_channel(url))
    assert (error.permanent, error.retry_after) == (permanent, retry_after)


async def test_half_a_file_is_none(open_channel: Open) -> None:
    def cut_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        request.transport.close()
        return web.Response()

    async with telegram(cut_off) as url:
        error = await failure(open_channel(url))
    assert (str(error), error.permanent) == ("the file did not arrive: ClientPayloadError", False)
