"""`python -m sandbox` as a process."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp
import pytest

TOKEN = "123456:AAE-hearthside"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def start(port: int, *arguments: str) -> Process:
    environment = os.environ | {
        "SANDBOX_PORT": str(port),
        "GATEWAY_URL": f"http://127.0.0.1:{free_port()}",
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_SECRET_TOKEN": "s3cret-of-the-webhook",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *arguments, env=environment, stdout=PIPE, stderr=PIPE
    )


async def ready(process: Process) -> str:
    """The log until the sandbox is ready."""
    assert process.stderr is not None
    log = ""
    async with asyncio.timeout(30):
        while "sandbox ready" not in log:
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
            await tab.send_json({"type": "say", "text": "something private"})
            assert (await tab.receive_json())["kind"] == "sent"
            process.send_signal(how)
            assert await asyncio.wait_for(process.wait(), 5) == 0
    assert process.stderr is not None
    log += (await process.stderr.read()).decode()
    for secret in (TOKEN, "s3cret-of-the-webhook", "something private"):
        assert secret not in log


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
    for name in ("SANDBOX_PORT", "GATEWAY_URL", "TELEGRAM_BOT_TOKEN", "TELEGRAM_SECRET_TOKEN", "SANDBOX_BOT_USERNAME"):
        assert name in output.decode()
