"""`rasa shell`, `rasa interactive` and `rasa export` on the product's own conversations: the real commands, in a
terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.claims import event_rows
from bot.store.database import reading, transaction
from bot.store.tables import conversations, events
from sandbox.ports import free_port
from tests.core.conftest import ASSISTANT
from tests.core.playing import NOON
from tests.core.test_process import ROOT

RASA = Path(sys.executable).with_name("rasa")
ENTER, DOWN, CTRL_C = "\r", "\x1b[B", "\x03"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PATIENCE = 120.0


class Terminal:
    """A person at a terminal in which a command runs."""

    def __init__(self, *command: str, folder: Path, settings: dict[str, str]) -> None:
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **settings, "TERM": "xterm"},
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
        )
        os.close(there)
        self._unread = ""
        self.everything = ""

    def sees(self, words: str) -> str:
        """Wait for these words; gives what came before them. They are not seen again."""
        deadline = time.monotonic() + _PATIENCE
        while words not in self._unread:
            assert time.monotonic() < deadline, f"{words!r} did not come: {self.everything[-3000:]}"
            self._read()
        before, _, self._unread = self._unread.partition(words)
        return before

    def types(self, *keys: str) -> None:
        for key in keys:
            os.write(self._here, key.encode())

    def close(self) -> None:
        """Harmless to repeat."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._here)

    def _read(self) -> None:
        if not select.select([self._here], [], [], 1)[0]:
            return
        text = os.read(self._here, 65536).decode(errors="replace")
        if "\x1b[6n" in text:  # it asks where the cursor is, and waits for the answer
            os.write(self._here, b"\x1b[1;1R")
        shown = _ESCAPES.sub("", text)
        self._unread += shown
        self.everything += shown


@pytest.fixture
def project(tmp_path: Path, model: Path, url: URL) -> Path:
    """A Rasa project whose endpoints.yml names our tracker store."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "models").mkdir()
    shutil.copy(model, folder / "models")
    for name, kept in (("domain.yml", "domain.yml"), ("config.yml", "config.yml"), ("data.yml", "data/data.yml")):
        (folder / kept).parent.mkdir(exist_ok=True)
        shutil.copy(ASSISTANT / name, folder / kept)
    (folder / "endpoints.yml").write_text(
        "tracker_store:\n  type: bot.core.tracker_store.ConversationTrackerStore\n"
        "event_broker:\n  type: file\n  path: exported.log\n"
    )
    return folder


@pytest.fixture
def settings(url: URL) -> dict[str, str]:
    return {
        "DATABASE_URL": url.render_as_string(hide_password=False),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    }


@pytest.fixture
def terminal(project: Path, settings: dict[str, str]) -> Iterator[Any]:
    opened: list[Terminal] = []

    def start(*command: str) -> Terminal:
        opened.append(Terminal(str(RASA), *command, folder=project, settings=settings))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


async def stored(engine: AsyncEngine, conversation: str) -> list[Any]:
    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(events.c.seq, events.c.data)
            .where(events.c.conversation_id == conversation)
            .order_by(events.c.seq)
        )
        return list(found.all())


async def said_in(engine: AsyncEngine, conversation: str) -> list[str]:
    return [row.data["text"] for row in await stored(engine, conversation) if row.data["event"] == "user"]


async def test_rasa_shell_goes_on_in_the_same_conversation(terminal: Any, engine: AsyncEngine) -> None:
    shell = terminal("shell", "--conversation-id", "shell", "--port", str(free_port()), "-i", "127.0.0.1")
    shell.sees("Your input ->")
    shell.types("return", ENTER)
    shell.sees("Which item?")
    shell.sees("Type out your own message")
    shell.types(ENTER)  # the first button
    shell.sees("Why?")
    shell.close()

    shell = terminal("shell", "--conversation-id", "shell", "--port", str(free_port()), "-i", "127.0.0.1")
    shell.sees("Your input ->")
    shell.types("it is broken", ENTER)
    shell.sees("lamp goes back")
    shell.close()
    assert await said_in(engine, "shell") == ["return", "lamp", "it is broken"]


async def test_rasa_interactive_takes_steps_back_and_forth(terminal: Any, engine: AsyncEngine) -> None:
    session = terminal(
        *("interactive", "--conversation-id", "shell", "--skip-visualization", "--port", str(free_port())),
        *("-m", "models", "--endpoints", "endpoints.yml"),
    )
    session.sees("Your input ->")
    session.types("faq", ENTER)
    session.sees("correct?")
    session.types("y")  # it needs no more
    session.sees("utter_faq")
    session.sees("correct?")
    session.types("y")
    session.sees("action_listen")
    session.sees("correct?")
    session.types("y")
    session.sees("Your input ->")
    whole = await stored(engine, "shell")
    session.types(CTRL_C)
    session.sees("Undo Last")
    session.types(DOWN, ENTER)
    session.sees("correct?")  # what it did last, it wants to do again
    session.close()
    after = await stored(engine, "shell")
    assert [row.data["text"] for row in whole if row.data["event"] == "user"] == ["faq"]
    assert after[: len(whole)] == whole
    assert [row.data["event"] for row in after[len(whole) :]] == ["undo"]


async def test_rasa_export_gives_every_conversation_to_the_broker(
    project: Path, settings: dict[str, str], engine: AsyncEngine
) -> None:
    hello = {"event": "user", "timestamp": 2.0, "text": "hello", "parse_data": {"intent": {"name": "greet"}}}
    slot = {"event": "slot", "timestamp": 1.0, "name": "item", "value": "lamp"}
    async with transaction(engine) as connection:
        for name in ("alice", "bob"):
            await connection.execute(
                sa.insert(conversations).values(
                    id=name, owner="bot", last_seq=0, inbound_seq=0, done_seq=0, epoch=0, created_at=NOON
                )
            )
            await connection.execute(sa.insert(events), event_rows(name, 1, [slot, hello], None))
    export = await asyncio.create_subprocess_exec(
        *(str(RASA), "export"), cwd=project, env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await export.communicate()
    assert export.returncode == 0
    assert "Successfully published 4 events" in said.decode()
    exported = [json.loads(line) for line in (project / "exported.log").read_text().splitlines()]
    assert sorted((body["sender_id"], body["event"], body["timestamp"]) for body in exported) == [
        ("alice", "slot", 1.0),
        ("alice", "user", 2.0),
        ("bob", "slot", 1.0),
        ("bob", "user", 2.0),
    ]
