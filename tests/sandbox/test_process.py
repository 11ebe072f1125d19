"""`python -m sandbox` as a process."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp
import pytest
from aiohttp import web

from sandbox.ports import free_port

TOKEN = "123456:AAE-hearthside"
CHANNELS = {
    "WHATSAPP_ACCESS_TOKEN": "EAAG-token-of-whatsapp",
    "WHATSAPP_APP_SECRET": "app-secret-of-whatsapp",
    "WHATSAPP_VERIFY_TOKEN": "verify-token-of-whatsapp",
    "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
    "TEAMS_APP_ID": "f2f1e0d9-0000-4000-8000-000000000001",
    "TEAMS_APP_PASSWORD": "password-of-teams",
}


async def start(port: int, *arguments: str, gateway: int | None = None) -> Process:
    environment = (
        os.environ
        | CHANNELS
        | {
            "SANDBOX_PORT": str(port),
            "GATEWAY_URL": f"http://127.0.0.1:{gateway or free_port()}",
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_SECRET_TOKEN": "s3cret-of-the-webhook",
        }
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *arguments, env=environment, stdout=PIPE, stderr=PIPE
    )


async def ready(process: Process, until: str = "sandbox ready") -> str:
    """The log until the sandbox is ready, or something else has happened."""
    assert process.stderr is not None
    log = ""
    async with asyncio.timeout(30):
        while until not in log:
            line = await process.stderr.readline()
            assert line, log
            log += line.decode()
    return log


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_and_stops_cleanly_with_a_tab_open(how: signal.Signals) -> None:
    port = free_port()
    process = await start(port)
    log = await ready(process)
    origin = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{origin}/") as page:
            assert (page.status, page.content_type) == (200, "text/html")
        async with session.get(f"{origin}/products/kettle-blue.png") as picture:
            assert (picture.status, picture.content_type) == (200, "image/png")
            assert picture.headers["Cache-Control"] == "public, max-age=86400"
        async with session.get(f"{origin}/products/../app.png") as missing:
            assert missing.status == 404
        async with session.get(f"{origin}/bot{TOKEN}/getWebhookInfo") as answer:
            assert (await answer.json())["result"]["url"].endswith("/webhooks/telegram")
        async with session.ws_connect(f"{origin}/phone/socket", headers={"Origin": origin}) as tab:
            await tab.send_json({"type": "hello", "key": None, "language": "en"})
            assert (await tab.receive_json())["type"] == "welcome"
            await tab.send_json({"type": "say", "app": "telegram", "text": "something private"})
            assert (await tab.receive_json())["kind"] == "sent"
            process.send_signal(how)
            assert await asyncio.wait_for(process.wait(), 30) == 0
    assert process.stderr is not None
    log += (await process.stderr.read()).decode()
    for secret in (TOKEN, "s3cret-of-the-webhook", "something private"):
        assert secret not in log
    for name in set(CHANNELS) - {"WHATSAPP_PHONE_NUMBER_ID", "TEAMS_APP_ID"}:
        assert CHANNELS[name] not in log
    assert "Traceback" not in log


async def test_whatsapps_webhook_waits_for_a_gateway_that_is_late() -> None:
    gateway = free_port()
    process = await start(free_port(), gateway=gateway)
    log = await ready(process, "whatsapp webhook waits for the gateway")
    await asyncio.sleep(2.5)
    app = web.Application()
    app.router.add_get("/webhooks/whatsapp", handshake)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", gateway).start()
    log += await ready(process, "whatsapp webhook set")
    assert log.count("waits for the gateway") == 1
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    await runner.cleanup()


async def handshake(request: web.Request) -> web.Response:
    return web.Response(text=request.query["hub.challenge"])


async def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        process = await start(port)
        _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert f"sandbox: port {port} is in use: free it, or set SANDBOX_PORT to another one" in errors.decode()


async def test_help_names_every_setting() -> None:
    process = await start(0, "--help")
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    for name in (
        "SANDBOX_PORT",
        "GATEWAY_URL",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_SECRET_TOKEN",
        "SANDBOX_BOT_USERNAME",
        *CHANNELS,
    ):
        assert name in output.decode()
