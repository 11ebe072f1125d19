"""The product as an operator runs it: real processes on free ports, with a database and a shop of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from sandbox.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
CORE_PYTHON = ROOT / "bot/core/.venv/bin/python"
TELEGRAM_SECRET = "a-secret-of-the-tests_0123456789"  # noqa: S105  # of a platform that is played
_LINES = 5
PATIENCE = 120.0
"""Seconds; generous, since a worker loads TensorFlow and the machine may be busy."""


class NotReady(Exception):
    """The product did not start: which part of it, and what its processes said last."""


class Process:
    """One process of ours, whose output goes to a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._process = process
        self.log = log

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        """As a power cut would."""
        self.signal(signal.SIGKILL)
        await self._process.wait()

    async def end_by_itself(self) -> int:
        """Returns the exit status."""
        return await asyncio.wait_for(self._process.wait(), PATIENCE)

    async def end(self) -> int:
        """As an operator would; returns the exit status."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 30)

    def said(self, words: str) -> bool:
        return words in self.log.read_text(encoding="utf-8", errors="replace")

    async def says(self, words: str) -> None:
        """Wait until it has logged `words`."""
        await until(lambda: self.said(words), f"{self.name} to log {words!r}")


@dataclass(kw_only=True)
class Stack:
    """Gateway, core worker and action server; the sandbox where it is asked for."""

    folder: Path
    telegram_url: str
    telegram_token: str
    environment: dict[str, str]
    gateway_url: str
    origin: str
    processes: dict[str, Process] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def database(self) -> Path:
        """The file, on SQLite."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    async def start(self, name: str) -> Process:
        """Start one of the processes again, or for the first time."""
        log = self.folder / f"{name}-{len(self.logs)}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *_COMMANDS[name](self),
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self.logs.append(log)
        self.processes[name] = Process(name, process, log)
        return self.processes[name]

    async def migrate(self) -> None:
        """Bring the tables up to date, as an operator does on PostgreSQL before anything starts."""
        process = await self.start("migrate")
        if await process.end_by_itself() != 0:
            raise NotReady(self.last_words())
        del self.processes["migrate"]

    async def ready(self) -> None:
        """Wait until a turn can be served."""
        await answers_200(f"{self.gateway_url}/readyz")

    def last_words(self) -> str:
        """The ends of all logs."""
        ends = (log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:] for log in self.logs)
        return "\n".join(f"  {log.name}: {line}" for log, end in zip(self.logs, ends, strict=True) for line in end)

    async def end(self) -> None:
        await asyncio.gather(*(process.end() for process in self.processes.values()))


_COMMANDS: dict[str, Callable[[Stack], list[str]]] = {
    "gateway": lambda _: [sys.executable, "-m", "bot.gateway", "gateway"],
    "migrate": lambda _: [sys.executable, "-m", "bot.gateway", "migrate"],
    "core": lambda _: [str(CORE_PYTHON), "-m", "bot.core.worker"],
    "actions": lambda stack: [
        *(str(CORE_PYTHON), "-m", "rasa_sdk", "--actions", "actions"),
        *("--port", stack.environment["ACTIONS_PORT"]),
    ],
    "sandbox": lambda _: [sys.executable, "-m", "sandbox"],
}


@asynccontextmanager
async def running_stack(
    folder: Path,
    *,
    telegram_url: str | None = None,
    telegram_token: str | None = None,
    action_url: str | None = None,
    settings: Mapping[str, str] | None = None,
    every_platform: bool = False,
) -> AsyncIterator[Stack]:
    """All processes, ready. With `telegram_url` it talks to that Bot API server and starts no sandbox; `action_url`
    puts something else in the action server's place; `settings` are added to the processes' environment. With
    `every_platform` the sandbox plays WhatsApp and Teams, too."""
    gateway, actions, sandbox = free_ports(3)
    origin = f"http://127.0.0.1:{sandbox}"
    token = telegram_token or f"{secrets.randbelow(10**9) + 10**9}:{secrets.token_urlsafe(26)}"
    stack = Stack(
        folder=folder,
        telegram_url=telegram_url or origin,
        telegram_token=token,
        gateway_url=f"http://127.0.0.1:{gateway}",
        origin=origin,
        environment={
            "DATABASE_URL": f"sqlite:///{folder}/throughline.db",
            "MEDIA_DIR": f"{folder}/media",
            "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
            "PORT": str(gateway),
            "GATEWAY_URL": f"http://127.0.0.1:{gateway}",
            "DESK_URL": f"http://127.0.0.1:{gateway}/desk",
            "SANDBOX_PORT": str(sandbox),
            "ACTIONS_PORT": str(actions),
            "ACTION_ENDPOINT_URL": action_url or f"http://127.0.0.1:{actions}/webhook",
            "SHOP_URL": origin,
            "SANIC_HOST": "127.0.0.1",
            "TELEGRAM_BOT_TOKEN": token,
            "TELEGRAM_SECRET_TOKEN": TELEGRAM_SECRET,
            "TELEGRAM_API_URL": telegram_url or origin,
            "WEBCHAT_ORIGINS": origin,
            "OMP_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "RASA_TELEMETRY_ENABLED": "false",
            # How long something takes here depends on the machine, and nothing else may.
            "COMFORT_AFTER": "0",
            "WARN_AFTER": "0",
            **(_platforms(origin) if every_platform else {}),
            **(settings or {}),
        },
    )
    if not stack.on_sqlite:
        await stack.migrate()
    names = ["actions", "core", "gateway"] + ([] if telegram_url else ["sandbox"])
    try:
        for name in names:
            await stack.start(name)
        await _until_ready(stack, f"http://127.0.0.1:{actions}/health")
        yield stack
    finally:
        await stack.end()


async def _until_ready(stack: Stack, actions_url: str) -> None:
    try:
        await stack.ready()
        await answers_200(actions_url)
    except AssertionError as error:
        raise NotReady(f"{error}\n{stack.last_words()}") from None


def _platforms(sandbox: str) -> dict[str, str]:
    """What the gateway and the sandbox both need for WhatsApp and Teams to be played."""
    return {
        "WHATSAPP_ACCESS_TOKEN": secrets.token_urlsafe(32),
        "WHATSAPP_APP_SECRET": secrets.token_urlsafe(32),
        "WHATSAPP_VERIFY_TOKEN": secrets.token_urlsafe(32),
        "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
        "WHATSAPP_API_URL": f"{sandbox}/whatsapp/v26.0",
        "TEAMS_APP_ID": str(uuid.uuid4()),
        "TEAMS_APP_PASSWORD": secrets.token_urlsafe(32),
        "TEAMS_OPENID_URL": f"{sandbox}/teams/v1/.well-known/openidconfiguration",
        "TEAMS_LOGIN_URL": f"{sandbox}/teams/botframework.com",
        "TEAMS_SERVICE_HOSTS": "127.0.0.1",
    }


async def answers_200(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise AssertionError(f"{url} was not ready within {PATIENCE:.0f} s")


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait for a condition that is looked at again and again."""
    begun = time.monotonic()
    while not await _holds(condition()):
        if time.monotonic() - begun > PATIENCE:
            raise AssertionError(f"waited {PATIENCE:.0f} s in vain for {what}")
        await asyncio.sleep(0.02)


async def _holds(seen: bool | Awaitable[bool]) -> bool:
    return await seen if isinstance(seen, Awaitable) else seen
