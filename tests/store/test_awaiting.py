"""A database that is away at the start is waited for; what waiting does not mend is said at once."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.awaiting import PATIENCE, UNUSABLE, answering, passes, trouble
from bot.store.database import connect, database_url, reading
from sandbox.ports import free_port
from tests.database import fresh_sqlite
from tests.recovering import server_of_its_own


class Words:
    """What was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, what: str, waited: float) -> None:
        self.told.append(what)

    async def hold(self, words: str) -> None:
        async with asyncio.timeout(60):
            while not any(words in one for one in self.told):
                await asyncio.sleep(0.05)


@pytest.fixture
async def engine_of() -> AsyncIterator[Callable[[str], AsyncEngine]]:
    """An engine for an address."""
    engines: list[AsyncEngine] = []

    def made(address: str) -> AsyncEngine:
        engines.append(connect(address))
        return engines[-1]

    yield made
    for engine in engines:
        await engine.dispose()


async def test_a_server_that_is_down_and_then_recovers_is_waited_for(
    engine_of: Callable[[str], AsyncEngine],
) -> None:
    async with server_of_its_own() as server:
        await server.stop()
        words, engine = Words(), engine_of(server.url)
        waiting = asyncio.create_task(answering(engine, words))
        await words.hold("Connect call failed")
        await server.recover()
        await words.hold("the database system is not accepting connections")
        assert not waiting.done()
        await server.come_up()
        await asyncio.wait_for(waiting, 60)
        async with reading(engine):
            pass
    assert "a-secret" not in str(words.told)


async def test_patience_has_an_end(engine_of: Callable[[str], AsyncEngine]) -> None:
    words = Words()
    with pytest.raises(OSError, match="Connect call failed"):
        await answering(engine_of(f"postgresql://alice:a-secret@127.0.0.1:{free_port()}/shop"), words, patience=1.5)
    assert len(words.told) == 1


async def test_one_that_accepts_and_says_nothing_is_no_better(engine_of: Callable[[str], AsyncEngine]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        engine = engine_of(f"postgresql://alice@127.0.0.1:{mute.getsockname()[1]}/shop")
        with pytest.raises(TimeoutError) as raised:
            await answering(engine, Words(), patience=1.0)
    assert trouble(engine.url, raised.value).endswith("cannot be used: it does not answer")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
    ],
)
async def test_what_waiting_does_not_mend_is_said_at_once(
    postgres_server: str, engine_of: Callable[[str], AsyncEngine], change: dict[str, str], said: str
) -> None:
    address = database_url(postgres_server).set(**change)  # type: ignore[arg-type]
    words = Words()
    with pytest.raises(UNUSABLE, match=said) as raised:
        await answering(engine_of(address.render_as_string(hide_password=False)), words)
    assert (words.told, passes(raised.value)) == ([], False)


async def test_sqlite_is_never_waited_for(tmp_path: Path, engine_of: Callable[[str], AsyncEngine]) -> None:
    """Nor is it opened."""
    in_a_file = engine_of(fresh_sqlite(tmp_path))
    shutil.rmtree(tmp_path)
    await answering(in_a_file, Words())


def test_kubernetes_gives_a_gateway_longer_than_it_waits() -> None:
    """Or nobody would ever read why it ends."""
    manifest = Path(__file__).resolve().parents[2] / "deploy/kubernetes/gateway.yaml"
    [deployment] = [one for one in yaml.safe_load_all(manifest.read_text()) if one["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= PATIENCE + 10


@pytest.mark.parametrize(
    ("error", "mended"),
    [
        (ConnectionRefusedError(111, "Connection refused"), True),
        (OSError("Multiple exceptions: [Errno 111] ..., [Errno 111] ..."), True),
        (FileNotFoundError(2, "No such file or directory"), True),  # a socket of the machine that is not there yet
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False),
        (TimeoutError(), True),
        (asyncpg.CannotConnectNowError("the database system is starting up"), True),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), True),
        (asyncpg.InvalidPasswordError("password authentication failed"), False),
        (asyncpg.InvalidCatalogNameError("there is none"), False),
        (asyncpg.InsufficientPrivilegeError("permission denied for database"), False),
        (asyncpg.exceptions.ClientConfigurationError("could not parse"), False),
        (ssl.SSLCertVerificationError("self-signed certificate"), False),
        (PermissionError(13, "Permission denied"), False),
    ],
)
def test_time_mends_what_is_away_and_not_what_is_wrong(error: Exception, mended: bool) -> None:
    assert passes(error) is mended


@pytest.mark.parametrize(
    "address", ["postgresql://alice:a-secret@db/shop", "postgresql://alice@db/shop?password=a-secret"]
)
def test_the_password_is_never_said(address: str) -> None:
    said = trouble(database_url(address), asyncpg.CannotConnectNowError("the database system is starting up"))
    assert "a-secret" not in said
    assert said.startswith("the database postgresql+asyncpg://alice")
    assert said.endswith("cannot be used: the database system is starting up")
