"""What `throughline run` starts, and what must be right before it does."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.gateway.settings import Settings
from bot.gateway.supervise import Program, supervise

# The core's environment is built beside its lock file.
CORE_PYTHON = Path("bot/core/.venv/bin/python")
MODELS = Path("models")

_ACTION_SERVER = (str(CORE_PYTHON), "-m", "rasa_sdk", "--actions", "actions", "--quiet")

_ROOM_NEEDED = 200 * 1024 * 1024


class CannotRun(Exception):
    """A sentence that says what is wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    gateway: int
    actions: int
    sandbox: int | None
    """None: without the sandbox."""


async def run(settings: Settings, *, sandbox: bool) -> int:
    """Start everything, print the addresses once a turn can be served, go on until Ctrl-C. Raises CannotRun."""
    ports = Ports(
        gateway=settings.port,
        actions=_port("ACTIONS_PORT", 5055),
        sandbox=_port("SANDBOX_PORT", 8081) if sandbox else None,
    )
    check(ports)
    return await supervise(programs(settings, ports), lambda: print(_addresses(settings, ports), flush=True))


def check(ports: Ports) -> None:
    """Raise CannotRun for what would only fail later, in a process of its own and with less to say."""
    if not CORE_PYTHON.exists():
        raise CannotRun("Rasa's environment is missing. Run `make setup`, from the project's root.")
    if not any(MODELS.glob("*.tar.gz")):
        raise CannotRun("There is no trained model in models/. Run `make train`.")
    if shutil.disk_usage(".").free < _ROOM_NEEDED:
        raise CannotRun("The disk is full: less than 200 MB are free here. Make room and start again.")
    taken = {"PORT": ports.gateway, "ACTIONS_PORT": ports.actions, "SANDBOX_PORT": ports.sandbox}
    for setting, port in taken.items():
        if port is not None and _in_use(port):
            raise CannotRun(
                f"Port {port} is in use by another program. Stop that program, or choose another port: "
                f"`{setting}={port + 100} make run`."
            )


def programs(settings: Settings, ports: Ports) -> list[Program]:
    """The processes of one machine."""
    shared = {
        "DATABASE_URL": settings.database_url,
        "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{ports.actions}/webhook",
        "SHOP_URL": _shop_url(settings, ports),
        # A turn is short: threads of the numeric libraries would cost more than they bring.
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
    }
    gateway_url = f"http://127.0.0.1:{ports.gateway}"
    chosen = _sandbox_settings(settings, ports)
    started = [
        Program(
            name="actions",
            command=[*_ACTION_SERVER, "--port", str(ports.actions)],
            # Rasa's action server listens on every interface unless told otherwise.
            environment={**shared, "SANIC_HOST": "127.0.0.1"},
            ready=f"http://127.0.0.1:{ports.actions}/health",
        ),
        Program(name="core", command=[str(CORE_PYTHON), "-m", "bot.core.worker"], environment=shared),
        Program(
            name="gateway",
            command=[sys.executable, "-m", "bot.gateway", "gateway"],
            environment={**shared, **chosen},
            ready=f"{gateway_url}/readyz",
            waits_for="the core worker, which loads the model",
        ),
    ]
    if ports.sandbox is not None:
        started.append(
            Program(
                name="sandbox",
                command=[sys.executable, "-m", "sandbox"],
                environment={**chosen, "GATEWAY_URL": gateway_url, "SANDBOX_PORT": str(ports.sandbox)},
                ready=f"http://127.0.0.1:{ports.sandbox}/",
            )
        )
    return started


def _sandbox_settings(settings: Settings, ports: Ports) -> dict[str, str]:
    """With the sandbox, its page may embed the widget and, unless a real bot is configured, its Telegram is used."""
    if ports.sandbox is None:
        return {}
    own = [f"http://127.0.0.1:{ports.sandbox}", f"http://localhost:{ports.sandbox}"]
    chosen = {"WEBCHAT_ORIGINS": ",".join([*own, *settings.webchat_origins])}
    if settings.telegram_bot_token is None:
        chosen |= {
            "TELEGRAM_BOT_TOKEN": f"{secrets.randbelow(10**9) + 10**9}:{secrets.token_urlsafe(26)}",
            "TELEGRAM_SECRET_TOKEN": secrets.token_urlsafe(32),
            "TELEGRAM_API_URL": own[0],
        }
    return chosen


def _shop_url(settings: Settings, ports: Ports) -> str:
    if os.environ.get("SHOP_URL"):
        return os.environ["SHOP_URL"]
    if ports.sandbox is not None:
        return f"http://127.0.0.1:{ports.sandbox}"
    return settings.webchat_origins[0] if settings.webchat_origins else f"http://127.0.0.1:{ports.gateway}"


def _port(setting: str, default: int) -> int:
    text = os.environ.get(setting) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise CannotRun(f"{setting} is not a port: it must be a number from 1 to 65535.")
    return int(text)


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _addresses(settings: Settings, ports: Ports) -> str:
    lines = ["", "  Throughline is ready: a turn can be served.", ""]
    if ports.sandbox is not None:
        lines.append(
            f"    try it       http://127.0.0.1:{ports.sandbox}/       a shop's page with the chat, and a phone"
        )
        lines.append(f"    在此试用     http://127.0.0.1:{ports.sandbox}/?lang=zh")
    lines.append(f"    gateway      http://127.0.0.1:{ports.gateway}/       /healthz /readyz /metrics")
    lines += ["", "  Ctrl-C ends all of it.", ""]
    return "\n".join(lines)
