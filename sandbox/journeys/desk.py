"""Agents at the desk, without a browser: each with a login of their own and an open window, as the page has it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from .people import PATIENCE, CannotDo
from .stack import ROOT, Stack

Json = dict[str, Any]


class Desk:
    """The desk of a running product. Logins are made when an agent comes for the first time."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._password = secrets.token_urlsafe(24)
        self._agents: dict[str, _Agent] = {}

    async def comes(self, agent: str) -> None:
        """From now on the product knows that they are there. Raises CannotDo, TimeoutError."""
        if agent not in self._agents:
            login = f"agent-{len(self._agents) + 1}"
            await self._employ(login, agent)
            self._agents[agent] = await _logged_in(self._stack.gateway_url, login, self._password)
        await self._agents[agent].open()

    async def leaves(self, agent: str) -> None:
        """Raises CannotDo."""
        await self._known(agent).close()

    async def do(self, agent: str, conversation: str, doing: Mapping[str, Any]) -> str:
        """Why the product does not do it; empty if it does. `doing`: `{do, …}` as the desk's API has it, `to` being a
        colleague; or `{say: words}`. Raises CannotDo."""
        path, body = "do", dict(doing)
        if "say" in doing:
            path, body = "say", {"content": {"text": doing["say"]}, "id": str(uuid.uuid4())}
        if "to" in doing:
            body["agent"] = self._known(body.pop("to")).id
        return await self._known(agent).ask(f"/desk/api/conversations/{conversation}/{path}", body)

    async def everybody_leaves(self) -> None:
        await asyncio.gather(*(agent.close() for agent in self._agents.values()))

    async def close(self) -> None:
        await self.everybody_leaves()
        await asyncio.gather(*(agent.http.close() for agent in self._agents.values()))

    def _known(self, agent: str) -> _Agent:
        if agent not in self._agents:
            raise CannotDo(f"{agent} has not been at the desk yet. Say it once: {agent} comes to the desk")
        return self._agents[agent]

    async def _employ(self, login: str, name: str) -> None:
        """As an operator does it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.gateway", "agents", "add", login, "--name", name),
            "--password-stdin",
            cwd=ROOT,
            env={**os.environ, **self._stack.environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(f"{self._password}\n".encode()), PATIENCE)
        if process.returncode != 0:
            raise CannotDo(f"{name} cannot be added to the desk: {said.decode(errors='replace').strip()}")


@dataclass(kw_only=True)
class _Agent:
    """Somebody who is logged in."""

    id: str
    http: aiohttp.ClientSession
    csrf: str
    listening: asyncio.Task[None] | None = None
    """To the open window's socket."""

    async def open(self) -> None:
        if self.listening is not None:
            return
        socket = await self.http.ws_connect("/desk/socket")
        here = asyncio.Event()
        self.listening = asyncio.create_task(self._listen(socket, here))
        await asyncio.wait_for(here.wait(), PATIENCE)

    async def close(self) -> None:
        if self.listening is None:
            return
        self.listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.listening
        self.listening = None

    async def ask(self, path: str, body: Json) -> str:
        async with self.http.post(path, json=body, headers={"X-CSRF": self.csrf}) as answer:
            if answer.status == 200:
                return ""
            told: Json = await answer.json()
        if answer.status != 409:
            raise CannotDo(f"the desk answers {answer.status}: {told}")
        return str(told["error"])

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, here: asyncio.Event) -> None:
        """Until the window is closed. The product tells everybody who is there."""
        try:
            async for received in socket:
                frame: Json = received.json()
                if frame["type"] == "agents" and any(one["id"] == self.id and one["online"] for one in frame["agents"]):
                    here.set()
        finally:
            await socket.close()


async def _logged_in(gateway_url: str, login: str, password: str) -> _Agent:
    """In a browser of their own."""
    # The gateway is reached by its number, and a jar takes no cookies from numbers unless it is told to.
    http = aiohttp.ClientSession(
        gateway_url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": gateway_url}
    )
    async with http.post("/desk/api/login", json={"login": login, "password": password}) as answer:
        told = await answer.json()
    if answer.status != 200:
        await http.close()
        raise CannotDo(f"{login} cannot log in: {told}")
    async with http.get("/desk/api/me") as answer:
        me = await answer.json()
    return _Agent(id=me["agent"]["id"], http=http, csrf=me["csrf"])
