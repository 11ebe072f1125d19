"""The benchmark's Telegram takes what the real channel calls, and brings webhooks that it reads."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.telegram import TOKEN, open_telegram
from channels.contract import Content, Inbound, Outbound, Text, Webhook
from channels.telegram import TelegramChannel
from sandbox.journeys.stack import TELEGRAM_SECRET


async def no_link(message: Outbound) -> str:
    raise AssertionError("nothing here invites")


def channel(url: str) -> TelegramChannel:
    return TelegramChannel(token=TOKEN, secret_token=TELEGRAM_SECRET, link=no_link, api_url=url)


async def test_what_the_channel_sends_reaches_whoever_waits() -> None:
    async with open_telegram() as telegram:
        sending = channel(telegram.url)
        await sending.start()
        try:
            text = Outbound(id=1, address="42", content=Content(text="Hello"))
            picture = Outbound(id=2, address="42", content=Content(text="Look", image="https://example.com/a.png"))
            sent = [await sending.send(text), await sending.send(picture)]
        finally:
            await sending.close()

        assert [(await telegram.next_message(42, timeout=5)).text for _ in sent] == ["Hello", "Look"]
        assert all(one.platform_ids for one in sent)


async def test_what_somebody_says_reaches_the_channel() -> None:
    brought: list[Webhook] = []

    async def hook(request: web.Request) -> web.Response:
        brought.append(
            Webhook(method="POST", headers=dict(request.headers), query={}, body=await request.read()),
        )
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with open_telegram() as telegram, TestServer(app) as server:
        await telegram.say(str(server.make_url("/hook")), 42, "hi")
        await telegram.say(str(server.make_url("/hook")), 42, "there")

        receiving = channel(telegram.url)
        for webhook in brought:
            await receiving.verify(webhook)
        read = [one for webhook in brought for one in receiving.read(webhook)]

    assert [one.said for one in read if isinstance(one, Inbound)] == [Text(text="hi"), Text(text="there")]
    assert len({one.dedupe_key for one in read if isinstance(one, Inbound)}) == 2
