"""Slots, as Rasa's own tracker has them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any

from .people import PATIENCE
from .stack import CORE_PYTHON, ROOT

_LONGEST = 1024 * 1024


class Trackers:
    """Asks a process with Rasa in it, which takes seconds to start and is started when it is first needed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._rasa: asyncio.subprocess.Process | None = None

    async def slots(self, conversation: str) -> dict[str, Any]:
        """Raises TimeoutError."""
        rasa = self._rasa = self._rasa or await self._start()
        assert rasa.stdin is not None
        assert rasa.stdout is not None
        rasa.stdin.write(f"{conversation}\n".encode())
        await rasa.stdin.drain()
        answer = await asyncio.wait_for(rasa.stdout.readline(), PATIENCE)
        if not answer:
            raise RuntimeError("Rasa's tracker store could not be read: try `python -m bot.core.show_tracker`")
        slots: dict[str, Any] = json.loads(answer)
        return slots

    async def close(self) -> None:
        if self._rasa is not None and self._rasa.stdin is not None:
            self._rasa.stdin.close()
            await self._rasa.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(str(CORE_PYTHON), "-m", "sandbox.journeys.show_slots"),
            cwd=ROOT,
            env={**os.environ, **self._environment, "SQLALCHEMY_SILENCE_UBER_WARNING": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Rasa's libraries warn of one another at length.
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST,
        )
