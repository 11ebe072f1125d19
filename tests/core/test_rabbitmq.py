"""Rasa's broker for RabbitMQ, against the real server where this machine has one (Debian: apt-get install
rabbitmq-server). No other program speaks its protocol for us, so elsewhere these tests are skipped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aio_pika
import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.ports import free_ports
from tests.core.playing import eventually
from tests.core.test_broker import Committed, event, failed_once, fed, gone

QUEUE = "events"


class Server:
    """RabbitMQ with a folder and ports of its own, all of loopback."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port, distribution, self._names = free_ports(3)
        # https://www.rabbitmq.com/docs/configure#supported-environment-variables
        self._environment = {
            "PATH": f"{Path(program).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names),
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with (self._folder / "out.log").open("ab") as output:
            self._process = await asyncio.to_thread(
                subprocess.Popen,
                [self._program],
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        await eventually(self._listens, seconds=120)

    def stop(self) -> None:
        """In order: what it has confirmed is on its disk."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def forget_names(self) -> None:
        """End the service of names that Erlang has started and leaves behind."""
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["epmd", "-port", str(self._names), "-kill"], capture_output=True, check=False)

    def broker(self) -> str:
        """As endpoints.yml has it."""
        return (
            f"  type: pika\n  url: 127.0.0.1\n  port: {self.port}\n  username: guest\n  password: guest\n"
            f"  queues:\n  - {QUEUE}\n"
        )

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{self.port}/") as connection:
            yield await connection.channel()

    async def taken(self) -> list[object]:
        """What is in the queue, which is empty afterwards."""
        found: list[object] = []
        async with self.channel() as channel:
            queue = await channel.get_queue(QUEUE)
            while (message := await queue.get(fail=False)) is not None:
                await message.ack()
                found.append(json.loads(message.body))
        return found

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "out.log").read_text(errors="replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    # Debian's own rabbitmq-server in the path becomes another user, who may not write here.
    program = shutil.which("rabbitmq-server", path=f"/usr/lib/rabbitmq/bin:{os.environ['PATH']}")
    if program is None:
        pytest.skip("rabbitmq-server is not on this machine")
    with _folder() as folder:
        server = Server(program, folder)
        try:
            await server.start()
            yield server
        finally:
            server.stop()
            server.forget_names()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rabbitmq", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def bodies(*numbers: int) -> list[object]:
    return [{"sender_id": "alice", **event(number), "seq": number} for number in numbers]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_rabbitmq_has_everything_once_and_in_order_after_it_was_away_and_after_its_queue_was_deleted(
    engine: AsyncEngine, url: URL, tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = await Committed(engine, "alice").begin()
    async with fed(url, tmp_path, server.broker()):
        await alice.add(2)
        await asyncio.wait_for(gone(engine), 60)

        server.stop()
        await alice.add(2)
        await asyncio.wait_for(failed_once(engine), 60)
        await server.start()
        await asyncio.wait_for(gone(engine), 120)
        assert await server.taken() == bodies(1, 2, 3, 4)

        # RabbitMQ confirms what it has no queue for, and throws it away.
        async with server.channel() as channel:
            await channel.queue_delete(QUEUE)
        await alice.add(3)
        await asyncio.wait_for(gone(engine), 60)
        assert await server.taken() == bodies(5, 6, 7)
    assert "RabbitMQ has no queue for the events" in capsys.readouterr().err
