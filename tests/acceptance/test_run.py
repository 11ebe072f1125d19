"""`throughline run`, as `make run` calls it: starts everything, says when it is ready, leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from sandbox.journeys.stack import PATIENCE, ROOT, free_ports


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
        timeout=60,
        check=False,
    )
