"""A gateway that cannot work does not start, and says in one sentence what is wrong and what to do."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.beating import BEAT_EVERY, LIVES_FOR, Beating, breaks_customers, differing, fingerprints, living
from bot.gateway.migrate import upgrade
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings, load_settings
from bot.gateway.starting import migrate, only_gateway, prepare
from bot.store.database import connect, database_url, reading, transaction
from bot.store.disks import check_disk, is_of_network, kind_of_disk
from bot.store.fitness import NEEDED, Unfit, version_of
from bot.store.tables import gateways
from sandbox.journeys.stack import ROOT, answers_200
from sandbox.ports import free_port, free_ports
from tests.clock_off import clock_off
from tests.database import Clock, fresh_postgres, fresh_sqlite, utc_now
from tests.gateway.running import SECRET, TOKEN, running_gateway
from tests.recovering import server_of_its_own

# --- The version ------------------------------------------------------------------------------------------------------


async def test_on_postgresql_a_missing_migration_is_refused_with_the_command_to_run(
    postgres_server: str, tmp_path: Path
) -> None:
    url = await fresh_postgres(postgres_server)
    refused = await _ended(_gateway({"DATABASE_URL": url, "MEDIA_DIR": str(tmp_path)}))
    assert refused == (
        1,
        f"throughline: the database is at migration none, and this version of Throughline needs {NEEDED}: run "
        "`throughline migrate` first; gateways and workers may go on meanwhile.\n",
    )
    assert await _ended(_command("migrate", {"DATABASE_URL": url})) == (0, "")
    port = free_port()
    async with _running({"DATABASE_URL": url, "MEDIA_DIR": str(tmp_path), "PORT": str(port)}):
        await answers_200(f"http://127.0.0.1:{port}/healthz")


async def test_on_sqlite_a_gateway_makes_its_tables_itself(tmp_path: Path) -> None:
    engine = connect(fresh_sqlite(tmp_path))
    await prepare(engine)
    async with reading(engine) as connection:
        assert await version_of(connection) == NEEDED
    await engine.dispose()


async def test_a_database_of_the_version_after_ours_is_taken(engine: AsyncEngine) -> None:
    """Whoever is restarted first migrates; the others go on, and may be restarted too."""
    await _set_version(engine, "9999")
    await prepare(engine)
    await migrate(engine.url.render_as_string(hide_password=False))
    async with reading(engine) as connection:
        assert await version_of(connection) == "9999"


async def test_a_database_of_the_version_before_ours_is_behind(postgres_server: str) -> None:
    async with _migrated(await fresh_postgres(postgres_server)) as engine:
        await _set_version(engine, "0012")
        with pytest.raises(CannotRun, match=r"at migration 0012, .* run `throughline migrate` first"):
            await prepare(engine)


# --- The database itself ----------------------------------------------------------------------------------------------


async def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    engine = connect("postgresql://nobody:a-secret@127.0.0.1:9/none")
    with pytest.raises(CannotRun) as refused:
        await prepare(engine, patience=0.0)
    assert "postgresql+asyncpg://nobody:***@127.0.0.1:9/none cannot be used" in str(refused.value)
    await engine.dispose()


async def test_a_gateway_waits_for_a_database_that_still_recovers(tmp_path: Path) -> None:
    port = free_port()
    async with server_of_its_own() as server:
        await migrate(server.url)
        await server.stop()
        await server.recover()
        settings = {"DATABASE_URL": server.url, "MEDIA_DIR": str(tmp_path), "PORT": str(port)}
        async with _running(settings) as gateway:
            first = await _line(gateway)
            assert "database.awaited" in first
            assert "postgres:***@127.0.0.1" in first
            assert "the database system is not accepting connections" in first
            await server.come_up()
            await answers_200(f"http://127.0.0.1:{port}/healthz")
            gateway.send_signal(signal.SIGTERM)
            said = await _said(gateway)
        assert gateway.returncode == 0
    assert "gateway.started" in said
    assert "a-secret" not in first + said


async def test_a_gateway_that_waits_for_its_database_can_be_told_to_stop() -> None:
    gateway = await _gateway({"DATABASE_URL": "postgresql://nobody:a-secret@127.0.0.1:9/none"})
    assert "database.awaited" in await _line(gateway)
    gateway.send_signal(signal.SIGTERM)
    said = await _said(gateway)
    assert (gateway.returncode, "cannot be used" in said, "Traceback" in said) == (0, False, False)


async def test_what_waiting_does_not_mend_ends_it_at_once_with_one_sentence(postgres_server: str) -> None:
    url = database_url(postgres_server).set(database="nowhere", password="a-secret")  # nobody asks for it
    status, said = await _ended(_gateway({"DATABASE_URL": url.render_as_string(hide_password=False)}))
    assert (status, said.count("\n"), "a-secret" in said) == (1, 1, False)
    assert 'cannot be used: database "nowhere" does not exist. Is DATABASE_URL right?' in said


async def test_migrating_waits_too() -> None:
    """`throughline run` begins with it."""
    async with server_of_its_own() as server:
        await server.stop()
        migrating = await _command("migrate", {"DATABASE_URL": server.url})
        first = await _line(migrating)
        await server.start()
        said = await _said(migrating)
    assert first.startswith("throughline: the database postgresql+asyncpg://postgres:***@127.0.0.1:")
    assert first.endswith("; waiting for it (0 s)\n")
    assert (migrating.returncode, "a-secret" in first + said) == (0, False)


async def test_a_database_that_is_not_there_is_named(postgres_server: str) -> None:
    url = database_url(postgres_server).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(CannotRun, match='database "nowhere" does not exist'):
        await migrate(url)


async def test_the_address_may_stand_in_a_file_for_the_core_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "address").write_text("postgresql://alice:a-secret@db.internal/shop\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "address"))
    assert database_url().database == "shop"
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="DATABASE_URL_FILE names cannot be read: No such file"):
        database_url()


# --- Rights -----------------------------------------------------------------------------------------------------------


class Server:
    """A migrated database, and a user who owns nothing of it."""

    def __init__(self, owner: AsyncEngine) -> None:
        self.owner = owner
        self.name = f"bob_{secrets.token_hex(4)}"
        self.address = owner.url.set(username=self.name, password=None)

    async def run(self, *statements: str) -> None:
        async with transaction(self.owner) as connection:
            for statement in statements:
                await connection.execute(sa.text(statement))

    async def refused(self) -> str:
        engine = connect(self.address)
        try:
            with pytest.raises(CannotRun) as error:
                await prepare(engine)
            return str(error.value)
        finally:
            await engine.dispose()

    async def taken(self) -> None:
        engine = connect(self.address)
        await prepare(engine)
        await engine.dispose()


@pytest.fixture
async def server(postgres_server: str) -> AsyncIterator[Server]:
    async with _migrated(await fresh_postgres(postgres_server)) as engine:
        server = Server(engine)
        await server.run(
            f"CREATE ROLE {server.name} LOGIN",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {server.name}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.name}",
        )
        yield server


async def test_a_user_with_all_rights_may_start(server: Server) -> None:
    await server.taken()


async def test_a_right_that_is_lacking_is_named_with_its_table(server: Server) -> None:
    await server.run(
        f"REVOKE UPDATE, INSERT ON messages FROM {server.name}", f"REVOKE UPDATE, INSERT ON events FROM {server.name}"
    )
    await server.run(f"REVOKE DELETE ON workers FROM {server.name}")
    said = await server.refused()
    assert said.startswith(
        f"the database user '{server.name}' lacks INSERT, UPDATE on events, messages, DELETE on workers. "
        "As the tables' owner run: GRANT "
    )
    _, _, grants = said.rstrip(".").partition("run: ")
    await server.run(*grants.split("; "))
    await server.taken()


@pytest.mark.parametrize(
    ("taken_away", "said"),
    [
        ("USAGE ON SEQUENCE messages_id_seq", "lacks USAGE on messages_id_seq"),
        ("SELECT ON alembic_version", "lacks SELECT on alembic_version"),
    ],
)
async def test_other_rights_are_named_too(server: Server, taken_away: str, said: str) -> None:
    await server.run(f"REVOKE {taken_away} FROM {server.name}")
    assert said in await server.refused()


async def test_without_a_right_on_the_schema_nothing_would_be_seen_in_it(server: Server) -> None:
    await server.run("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    said = await server.refused()
    assert "may use no schema" in said
    assert f'GRANT USAGE ON SCHEMA public TO "{server.name}"' in said


async def test_who_may_not_log_in_is_told_by_the_server(server: Server) -> None:
    await server.run(f"ALTER ROLE {server.name} NOLOGIN")
    assert "is not permitted to log in" in await server.refused()


async def test_who_may_not_create_tables_cannot_migrate(server: Server, postgres_server: str) -> None:
    empty = database_url(await fresh_postgres(postgres_server)).set(username=server.name)
    with pytest.raises(CannotRun, match=f"'{server.name}' lacks CREATE on the schema 'public'"):
        await migrate(empty.render_as_string(hide_password=False))


async def test_who_does_not_own_the_tables_cannot_migrate(server: Server) -> None:
    await _set_version(server.owner, "0012")
    await server.run(f"GRANT CREATE ON SCHEMA public TO {server.name}")
    with pytest.raises(CannotRun, match=r"does not own .*conversations.* Run `throughline migrate` as 'postgres'"):
        await migrate(server.address.render_as_string(hide_password=False))


# --- SQLite -----------------------------------------------------------------------------------------------------------

MOUNTS = r"""
proc /proc proc rw,relatime 0 0
/dev/vda1 / ext4 rw,relatime 0 0
files.example.com:/home /home nfs4 rw,vers=4.2 0 0
/dev/vdb /home/alice/local xfs rw 0 0
//nas/shop /srv/our\040shop cifs rw 0 0
host /workspace 9p rw,trans=virtio 0 0
alice@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/vdc /mnt/usb fuseblk rw 0 0
tmpfs /mnt/twice tmpfs rw 0 0
:/vol /mnt/twice nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "refused"),
    [
        ("/var/lib/throughline/throughline.db", "ext4", False),
        ("/home/alice/throughline.db", "nfs4", True),
        ("/home/alice/local/throughline.db", "xfs", False),
        ("/homestead/throughline.db", "ext4", False),
        ("/srv/our shop/throughline.db", "cifs", True),
        ("/workspace/var/throughline.db", "9p", True),
        ("/mnt/ssh/throughline.db", "fuse.sshfs", True),
        ("/mnt/usb/throughline.db", "fuseblk", False),
        ("/mnt/twice/throughline.db", "nfs", True),
    ],
)
def test_sqlite_on_a_disk_of_the_network_is_refused(tmp_path: Path, path: str, kind: str, refused: bool) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.strip() + "\n")
    assert (kind_of_disk(Path(path), mounts), is_of_network(kind)) == (kind, refused)
    url = database_url(f"sqlite:///{path}")
    if refused:
        with pytest.raises(Unfit, match=rf"{path} lies on a disk of the network \({kind}\).* use PostgreSQL"):
            check_disk(url, mounts)
    else:
        check_disk(url, mounts)


def test_the_disk_of_this_test_is_known_and_local(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells what a disk is")
    kind = kind_of_disk(tmp_path.resolve())
    assert kind is not None
    check_disk(database_url(fresh_sqlite(tmp_path)))


def test_where_the_system_does_not_tell_nothing_is_refused(tmp_path: Path) -> None:
    check_disk(database_url("sqlite:////home/alice/throughline.db"), tmp_path / "none")


async def test_a_second_gateway_on_one_sqlite_database_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    first_port, second_port = free_ports(2)
    settings = {"DATABASE_URL": url, "MEDIA_DIR": str(tmp_path / "media")}
    async with _running({**settings, "PORT": str(first_port)}) as first:
        await answers_200(f"http://127.0.0.1:{first_port}/healthz")
        status, said = await _ended(_gateway({**settings, "PORT": str(second_port)}))
        assert status == 1
        assert said.startswith(f"throughline: another gateway (process {first.pid}) uses ")
        assert "several share PostgreSQL: DATABASE_URL=postgresql://" in said
        first.send_signal(signal.SIGKILL)
        await first.wait()
    # With another secret, too, and at once: nobody is left who could differ.
    async with _running({**settings, "PORT": str(second_port), "WEBCHAT_JWT_SECRET": "s" * 32}):
        await answers_200(f"http://127.0.0.1:{second_port}/healthz")
        doctor = await _command("doctor", settings)
        out, _ = await asyncio.wait_for(doctor.communicate(), 60)
    assert " settings " not in out.decode()


async def test_two_on_postgresql_are_welcome(postgres_server: str, tmp_path: Path) -> None:
    async with _migrated(await fresh_postgres(postgres_server)) as engine:
        with only_gateway(engine.url), only_gateway(engine.url):
            pass
        url = engine.url.render_as_string(hide_password=False)
        async with (
            running_gateway(tmp_path / "a", database_url=url),
            running_gateway(tmp_path / "b", database_url=url),
            reading(engine) as connection,
        ):
            assert len(await living(connection, utc_now())) == 2
            with pytest.raises(CannotRun, match="WEBCHAT_JWT_SECRET here differs from what the running gateway"):
                async with running_gateway(tmp_path / "c", database_url=url, webchat_jwt_secret="s" * 32):
                    pass
        async with reading(engine) as connection:
            assert await living(connection, utc_now()) == {}


# --- The machine's clock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_gateway_whose_clock_is_off_says_so_and_goes_by_the_databases(
    postgres_server: str, tmp_path: Path, minutes: int
) -> None:
    async with _migrated(await fresh_postgres(postgres_server)) as engine:
        url = engine.url.render_as_string(hide_password=False)
        port = free_port()
        settings = {"DATABASE_URL": url, "MEDIA_DIR": str(tmp_path), "PORT": str(port)}
        async with _running(settings | clock_off(tmp_path, minutes=minutes)) as gateway:
            await answers_200(f"http://127.0.0.1:{port}/healthz")
            async with reading(engine) as connection:
                assert len(await living(connection, utc_now())) == 1
            gateway.send_signal(signal.SIGTERM)
            said = await _said(gateway)
    assert "clock.off" in said
    assert f"ahead_seconds={'-' if minutes < 0 else ''}" in said


async def test_the_doctor_says_how_far_a_clock_is_off(postgres_server: str, tmp_path: Path) -> None:
    async with _migrated(await fresh_postgres(postgres_server)) as engine:
        url = engine.url.render_as_string(hide_password=False)
        doctor = await _command("doctor", {"DATABASE_URL": url, **clock_off(tmp_path, minutes=-10)})
        out, _ = await asyncio.wait_for(doctor.communicate(), 60)
    [line] = [line for line in out.decode().splitlines() if " clock " in line]
    assert re.match(r"!!  clock      \d{3}\.\d s behind the database's: set this machine's clock", line)
    assert doctor.returncode == 1


# --- Settings of several gateways -------------------------------------------------------------------------------------


_SEVERAL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
"""SQLite has one gateway."""


def settings_of(**given: Any) -> Settings:
    whole = {"telegram_bot_token": TOKEN, "telegram_secret_token": SECRET, "public_url": "https://chat.example.com"}
    return load_settings(_env_file=None, **{**whole, **given})


@pytest.fixture
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


class Gateways:
    """Of one database; each begins with its settings."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def begin(self, name: str, settings: Settings) -> Beating:
        beating = Beating(engine=self._engine, name=name, settings=settings, clock=self._clock)
        await beating.begin()
        return beating

    async def there(self) -> list[str]:
        async with reading(self._engine) as connection:
            return list(await living(connection, self._clock()))


@pytest.fixture
def several(engine: AsyncEngine, clock: Clock, _nothing_set: None) -> Gateways:
    return Gateways(engine, clock)


@_SEVERAL
async def test_gateways_with_the_same_settings_live_side_by_side(several: Gateways, tmp_path: Path) -> None:
    await several.begin("a", settings_of(port=8080, media_dir=tmp_path / "a"))
    await several.begin("b", settings_of(port=8090, media_dir=tmp_path / "b"))
    assert await several.there() == ["a", "b"]


@_SEVERAL
async def test_a_gateway_with_another_secret_is_refused_and_the_secret_is_named_not_shown(several: Gateways) -> None:
    await several.begin("a", settings_of())
    with pytest.raises(CannotRun) as error:
        await several.begin("b", settings_of(telegram_secret_token="quite-another-one"))
    said = str(error.value)
    assert said.startswith("TELEGRAM_SECRET_TOKEN here differs from what the running gateway a was given")
    assert "ALLOW_DIFFERENT_SETTINGS=1" in said
    assert not any(secret in said for secret in (TOKEN, SECRET, "quite-another-one"))
    assert await several.there() == ["a"]


@_SEVERAL
async def test_a_secret_can_be_changed_one_gateway_after_the_other(several: Gateways) -> None:
    old = [await several.begin(name, settings_of()) for name in ("a", "b")]
    new = {"telegram_secret_token": "the-new-one"}
    for name, before in zip(("c", "d"), old, strict=True):
        await before.end()
        await several.begin(name, settings_of(**new, allow_different_settings=True))
    await several.begin("e", settings_of(**new))
    assert await several.there() == ["c", "d", "e"]


@_SEVERAL
async def test_other_differences_are_only_said(several: Gateways, caplog: Any, capsys: Any) -> None:
    await several.begin("a", settings_of())
    await several.begin("b", settings_of(public_url="https://chat.example.org"))
    assert "PUBLIC_URL" in "".join(capsys.readouterr())


@_SEVERAL
async def test_a_gateway_that_died_is_not_asked(several: Gateways, clock: Clock) -> None:
    await several.begin("a", settings_of())
    clock.forward(seconds=LIVES_FOR.total_seconds() + 1)
    await several.begin("b", settings_of(telegram_secret_token="another"))
    assert await several.there() == ["b"]
    assert timedelta(seconds=2 * BEAT_EVERY) < LIVES_FOR


async def test_what_is_kept_of_a_setting_tells_nobody_what_it_is(engine: AsyncEngine, several: Gateways) -> None:
    await several.begin("a", settings_of())
    async with reading(engine) as connection:
        kept = (await connection.execute(sa.select(gateways.c.settings))).scalar_one()
    assert {len(value) for value in kept.values()} == {8}
    mine, others = fingerprints(settings_of(), "a key"), fingerprints(settings_of(), "another key")
    assert differing(mine, others) == sorted(mine)


def test_every_secret_breaks_customers_and_where_a_machine_listens_does_not() -> None:
    compared = fingerprints(settings_of(), "a key")
    breaking = {name for name in compared if breaks_customers(name)}
    assert {"TELEGRAM_BOT_TOKEN", "WEBCHAT_JWT_SECRET", "TEAMS_APP_ID", "DESK_API_TOKEN"} <= breaking
    assert not breaking & {"PUBLIC_URL", "WEBCHAT_ORIGINS", "TRUSTED_PROXIES"}
    assert not compared.keys() & {"PORT", "HOST", "DATABASE_URL", "MEDIA_DIR"}


# --- What the tests start ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def _migrated(url: str) -> AsyncIterator[AsyncEngine]:
    engine = connect(url)
    await upgrade(engine)
    yield engine
    await engine.dispose()


async def _set_version(engine: AsyncEngine, version: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


async def _command(name: str, settings: Mapping[str, str]) -> asyncio.subprocess.Process:
    nothing = {name.upper(): "" for name in Settings.model_fields}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.gateway", name),
        cwd=ROOT,
        env={**os.environ, **nothing, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _gateway(settings: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await _command("gateway", settings)


async def _ended(starting: Any) -> tuple[int, str]:
    """The exit status, and what was said for people to read."""
    process = await starting
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


@asynccontextmanager
async def _running(settings: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await _gateway(settings)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def _line(process: asyncio.subprocess.Process) -> str:
    """The next one of its log."""
    assert process.stderr
    return (await asyncio.wait_for(process.stderr.readline(), 60)).decode()


async def _said(process: asyncio.subprocess.Process) -> str:
    """All of its log, once it has ended: a few lines."""
    _, said = await asyncio.wait_for(process.communicate(), 30)
    return said.decode()
