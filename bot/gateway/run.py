"""What `throughline run` starts, and what must be right before it does."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from bot.gateway.desk.access.demo import Demo, demo_staff
from bot.gateway.ready import answers, at_work
from bot.gateway.settings import Settings
from bot.gateway.supervise import Program, supervise
from bot.store.database import connect, database_url
from bot.store.outage import POSSIBLE

# The core's environment is built beside its lock file.
CORE_PYTHON = Path("bot/core/.venv/bin/python")
MODELS = Path("models")

_ACTION_SERVER = (str(CORE_PYTHON), "-m", "rasa_sdk", "--actions", "actions", "--quiet")

_PLATFORM_SETTINGS = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_SECRET_TOKEN",
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_VERIFY_TOKEN",
    "WHATSAPP_PHONE_NUMBER_ID",
    "TEAMS_APP_ID",
    "TEAMS_APP_PASSWORD",
    "WEBCHAT_JWT_SECRET",
    "SMTP_URL",
)

_ROOM_NEEDED = 200 * 1024 * 1024


class CannotRun(Exception):
    """A sentence that says what is wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    gateway: int
    actions: int
    sandbox: int | None
    """None: without the sandbox."""

    @property
    def settings(self) -> dict[str, int]:
        """What an operator chooses, by the setting's name."""
        chosen = {"PORT": self.gateway, "ACTIONS_PORT": self.actions, "SANDBOX_PORT": self.sandbox}
        return {setting: port for setting, port in chosen.items() if port is not None}


async def run(settings: Settings, *, sandbox: bool) -> int:
    """Start everything, print the addresses once a turn can be served, go on until Ctrl-C. Raises CannotRun."""
    ports = Ports(
        gateway=settings.port,
        actions=_port("ACTIONS_PORT", 5055),
        sandbox=_port("SANDBOX_PORT", 8081) if sandbox else None,
    )
    check(ports)
    demo = await _demo(settings) if sandbox else None
    announced = _addresses(settings, ports, demo)
    return await supervise(programs(settings, ports, demo), lambda: print(announced, flush=True))


def check(ports: Ports) -> None:
    """Raise CannotRun for what would only fail later, in a process of its own and with less to say."""
    if not CORE_PYTHON.exists():
        raise CannotRun("Rasa's environment is missing. Run `make setup`, from the project's root.")
    if not any(MODELS.glob("*.tar.gz")):
        raise CannotRun("There is no trained model in models/. Run `make train`.")
    if shutil.disk_usage(".").free < _ROOM_NEEDED:
        raise CannotRun("The disk is full: less than 200 MB are free here. Make room and start again.")
    for setting, port in ports.settings.items():
        same = next(other for other, its in ports.settings.items() if its == port)
        if same != setting:
            raise CannotRun(f"{same} and {setting} are both {port}. Choose another port for one of them.")
        if _in_use(port):
            raise CannotRun(
                f"Port {port} is in use by another program. Stop that program, or choose another port: "
                f"`{setting}={port + 100} make run`."
            )


def programs(settings: Settings, ports: Ports, demo: Demo | None = None) -> list[Program]:
    """The processes of one machine."""
    shared = {
        "DATABASE_URL": settings.database_url,
        "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{ports.actions}/webhook",
        "SHOP_URL": _shop_url(settings, ports),
        # A turn is short: threads of the numeric libraries would cost more than they bring.
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RASA_TELEMETRY_ENABLED": "false",
        "LOG_FORMAT": settings.log_format,
        "LOG_LEVEL": settings.log_level,
        "PYTHONWARNINGS": "ignore",
    }
    gateway_url = f"http://127.0.0.1:{ports.gateway}"
    told, sandbox = _sandboxed(settings, ports, gateway_url, demo)
    return [
        Program(
            name="actions",
            command=[*_ACTION_SERVER, "--port", str(ports.actions)],
            # Rasa's action server listens on every interface unless told otherwise.
            environment={**shared, "SANIC_HOST": "127.0.0.1"},
            ready=answers(f"http://127.0.0.1:{ports.actions}/health"),
        ),
        Program(
            name="core",
            command=[str(CORE_PYTHON), "-m", "bot.core.worker"],
            environment=shared,
            ready=at_work(settings.database_url),
            waits_for="the core worker, which loads the model",
        ),
        Program(
            name="gateway",
            command=[sys.executable, "-m", "bot.gateway", "gateway"],
            environment={**shared, **told},
            # Whether a turn can be served is up to the worker, which is looked at itself.
            ready=answers(f"{gateway_url}/healthz"),
        ),
        *sandbox,
    ]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What the sandbox plays: settings for both sides, and those for the gateway alone, which say where it is."""

    both: dict[str, str]
    gateway: dict[str, str]


def _played(settings: Settings, url: str, mail_port: int) -> Played:
    """Every platform that no real account is configured for. What is real is kept from the sandbox."""
    played = Played(both=dict.fromkeys(_PLATFORM_SETTINGS, ""), gateway={})
    if settings.telegram_bot_token is None:
        played.both["TELEGRAM_BOT_TOKEN"] = f"{secrets.randbelow(10**9) + 10**9}:{secrets.token_urlsafe(26)}"
        played.both["TELEGRAM_SECRET_TOKEN"] = secrets.token_urlsafe(32)
        played.gateway["TELEGRAM_API_URL"] = url
    if settings.whatsapp_access_token is None:
        for name in ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"):
            played.both[name] = secrets.token_urlsafe(32)
        played.both["WHATSAPP_PHONE_NUMBER_ID"] = "106540352242922"
        played.gateway["WHATSAPP_API_URL"] = f"{url}/whatsapp/v26.0"
    if settings.teams_app_id is None and not settings.teams_development:
        played.both["TEAMS_APP_ID"] = str(uuid.uuid4())
        played.both["TEAMS_APP_PASSWORD"] = secrets.token_urlsafe(32)
        played.gateway["TEAMS_OPENID_URL"] = f"{url}/teams/v1/.well-known/openidconfiguration"
        played.gateway["TEAMS_LOGIN_URL"] = f"{url}/teams/botframework.com"
        played.gateway["TEAMS_SERVICE_HOSTS"] = "127.0.0.1"
    if settings.webchat_jwt_secret is None:
        played.both["WEBCHAT_JWT_SECRET"] = secrets.token_urlsafe(32)
    if settings.smtp_url is None:
        played.both["SMTP_URL"] = f"smtp://hearthside:{secrets.token_urlsafe(16)}@127.0.0.1:{mail_port}"
        played.gateway["MAIL_FROM"] = "Hearthside <chat@hearthside.example.com>"
    return played


def _sandboxed(
    settings: Settings, ports: Ports, gateway_url: str, demo: Demo | None
) -> tuple[dict[str, str], list[Program]]:
    """With the sandbox: what the gateway is told of it, and its process."""
    if ports.sandbox is None:
        return {}, []
    url = f"http://127.0.0.1:{ports.sandbox}"
    played = _played(settings, url, _mail_port(ports, ports.sandbox))
    origins = [url, f"http://localhost:{ports.sandbox}", *settings.webchat_origins]
    told = {name: value for name, value in played.both.items() if value}
    process = Program(
        name="sandbox",
        command=[sys.executable, "-m", "sandbox"],
        environment={
            **played.both,
            **_desk(gateway_url, demo),
            "GATEWAY_URL": gateway_url,
            "SANDBOX_PORT": str(ports.sandbox),
        },
        ready=answers(f"{url}/"),
    )
    return {**told, **played.gateway, "WEBCHAT_ORIGINS": ",".join(origins)}, [process]


async def _demo(settings: Settings) -> Demo | None:
    """Agents to try the desk with; none where there are real ones. Raises CannotRun."""
    engine = connect(database_url(settings.database_url))
    try:
        return await demo_staff(engine, lambda: datetime.now(UTC))
    except POSSIBLE as error:
        said = str(error) if isinstance(error, OSError) and error.filename is None else type(error).__name__
        raise CannotRun(f"the desk's agents cannot be looked up ({said}): `throughline doctor` says more.") from None
    finally:
        await engine.dispose()


def _desk(gateway_url: str, demo: Demo | None) -> dict[str, str]:
    """What the sandbox's page is told of the desk, to lead there."""
    login, password = (demo.login, demo.password) if demo else ("", "")
    return {"DESK_URL": f"{gateway_url}/desk", "DESK_DEMO_LOGIN": login, "DESK_DEMO_PASSWORD": password}


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


def _mail_port(ports: Ports, sandbox: int) -> int:
    """The first free one after the sandbox's, so that nobody has to choose. What we are about to listen on is taken."""
    for port in chain(range(sandbox + 1, 65536), range(1024, sandbox)):
        if port not in ports.settings.values() and not _in_use(port):
            return port
    raise CannotRun("No port is free for the sandbox's mail. Stop a program that you do not need.")


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _addresses(settings: Settings, ports: Ports, demo: Demo | None = None) -> str:
    lines = ["", "  Throughline is ready: a turn can be served.", ""]
    if ports.sandbox is not None:
        lines.append(
            f"    try it       http://127.0.0.1:{ports.sandbox}/       a shop's page with the chat, and a phone"
        )
        lines.append(f"    在此试用     http://127.0.0.1:{ports.sandbox}/?lang=zh")
        if settings.smtp_url is None:
            lines.append(
                f"    mail         http://127.0.0.1:{ports.sandbox}/mail   what the shop has mailed, codes above all"
            )
    lines.append(f"    desk         http://127.0.0.1:{ports.gateway}/desk   where agents work")
    if demo is not None:
        lines.append(f"                 log in as {demo.login}, password {demo.password}")
        lines.append(f"                 ({' and '.join(demo.others)} have the same one)")
    lines.append(f"    gateway      http://127.0.0.1:{ports.gateway}/       /healthz /readyz /metrics")
    lines += ["", "  Ctrl-C ends all of it.", ""]
    return "\n".join(lines)
