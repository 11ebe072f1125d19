"""`throughline run`, as `make run` calls it: starts everything, says when it is ready, leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from sandbox.journeys.stack import PATIENCE, ROOT
from sandbox.ports import free_ports


def environment(folder: Path) -> dict[str, str]:
    gateway, actions, sandbox = free_ports(3)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELEGRAM_", "WEBCHAT_"))}
    return {
        **kept,
        "DATABASE_URL": f"sqlite:///{folder}/throughline.db",
        "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
        "PORT": str(gateway),
        "ACTIONS_PORT": str(actions),
        "SANDBOX_PORT": str(sandbox),
    }


async def start(settings: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.gateway", "run"),
        cwd=ROOT,
        env=settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def read_until(process: asyncio.subprocess.Process, words: str) -> str:
    text = ""
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        while words not in text:
            line = await process.stdout.readline()
            assert line, text
            text += line.decode()
    return text


async def test_it_prints_the_addresses_when_a_turn_can_be_served_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    settings = environment(tmp_path)
    process = await start(settings)
    await read_until(process, "Throughline is ready")
    await read_until(process, f"http://127.0.0.1:{settings['SANDBOX_PORT']}/")
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{settings['PORT']}/readyz") as ready:
            assert ready.status == 200
        async with http.get(f"http://127.0.0.1:{settings['SANDBOX_PORT']}/") as page:
            assert "widget.js" in await page.text()
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 4
    # Where all want the processor, the worker comes last; of another session it would be compared with nobody.
    assert {os.getsid(child.pid) for child in family} == {os.getsid(process.pid)}
    run = psutil.Process(process.pid)
    nicer = {child.pid for child in run.children() if child.nice() > run.nice()}
    assert nicer == {core_of(run).pid}

    process.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def core_of(run: psutil.Process) -> psutil.Process:
    """The worker that runs now."""
    [core] = [child for child in run.children() if "bot.core.worker" in child.cmdline()]
    return core


@asynccontextmanager
async def visitor(settings: dict[str, str]) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A customer's chat on the shop's page."""
    gateway, origin = f"http://127.0.0.1:{settings['PORT']}", f"http://127.0.0.1:{settings['SANDBOX_PORT']}"
    async with aiohttp.ClientSession(headers={"Origin": origin}) as http:
        async with http.post(f"{gateway}/webchat/session", json={"token": None}) as answer:
            token = (await answer.json())["token"]
        async with http.ws_connect(f"{gateway}/webchat/socket") as socket:
            await socket.send_json({"type": "hello", "token": token, "cursor": 0, "language": "en"})
            yield socket


async def bot_answers(socket: aiohttp.ClientWebSocketResponse) -> str:
    while True:
        frame = await socket.receive_json(timeout=PATIENCE)
        if frame["type"] == "message" and frame["author"] == "bot":
            return str(frame["text"])


async def test_a_worker_that_is_killed_is_started_again_and_answers(tmp_path: Path) -> None:
    settings = environment(tmp_path)
    process = await start(settings)
    await read_until(process, "Throughline is ready")
    run = psutil.Process(process.pid)
    others = {child.pid for child in run.children()} - {core_of(run).pid}
    async with visitor(settings) as alice:
        core_of(run).kill()
        await alice.send_json({"type": "say", "id": str(uuid.uuid4()), "text": "hello"})
        assert await bot_answers(alice)
    said = await read_until(process, "throughline: core is ready again")
    assert "throughline: core was ended by SIGKILL" in said
    assert {child.pid for child in run.children()} == others | {core_of(run).pid}

    family = run.children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


async def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing_either(tmp_path: Path) -> None:
    process = await start(environment(tmp_path))
    await read_until(process, "|")
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize("setting", ["PORT", "ACTIONS_PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_said_with_what_to_do(tmp_path: Path, setting: str) -> None:
    settings = environment(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(settings[setting])))
        other.listen()
        said = run(settings)
    assert said.returncode == 1
    assert f"Port {settings[setting]} is in use" in said.stderr
    assert f"{setting}=" in said.stderr
    assert "Traceback" not in said.stderr


def test_one_port_for_two_is_said(tmp_path: Path) -> None:
    settings = environment(tmp_path)
    said = run({**settings, "SANDBOX_PORT": settings["PORT"]})
    assert said.returncode == 1
    assert f"PORT and SANDBOX_PORT are both {settings['PORT']}" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_wrong_setting_stops_the_start_with_its_name(tmp_path: Path) -> None:
    said = run({**environment(tmp_path), "DATABASE_URL": "mysql://shop"})
    assert said.returncode == 1
    assert "DATABASE_URL" in said.stderr
    assert "Traceback" not in said.stderr


def test_help_explains_each_command() -> None:
    said = run(dict(os.environ), "--help")
    assert said.returncode == 0
    for command in ("run", "gateway", "migrate", "doctor"):
        assert f"    {command} " in said.stdout


def run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.gateway", *(arguments or ("run",))],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
