"""How each kind of message looks on each channel: sent by the running gateway, shown by the sandbox's phone and the web
chat, and photographed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from playwright.async_api import Browser, Locator, expect

from bot.store.content import content_to_json
from bot.store.database import connect, reading, transaction
from bot.store.numbering import take_numbers
from bot.store.tables import messages
from bot.store.wake import notify
from channels.contract import Content
from sandbox.journeys.stack import Stack, running_stack
from tests.acceptance.sandbox_page import SandboxPage, sandbox_page
from tests.browser.chromium import chromium
from tests.database import NOON
from tests.gallery.support import KIND_TITLES, ROOT, TITLES, kinds

FOLDER = ROOT / "docs/messages"
PAGE = ROOT / "docs/messages.md"
SHOP = "https://shop.example.com"

_ROWS = {
    "telegram": "#messages .row",
    "whatsapp": "#whatsapp .row",
    "teams": "#teams .row",
    "webchat": "throughline-chat .row",
}
_MARGIN = 2
_SCREEN = """row => {
  let log = row.parentElement;
  while (!["auto", "scroll"].includes(getComputedStyle(log).overflowY)) log = log.parentElement;
  const { top, bottom } = log.getBoundingClientRect();
  return { top, bottom };
}"""
_SIZE = (1500, 1100)


@dataclass(frozen=True, kw_only=True)
class Studio:
    """The running product, and a page on which a customer has just begun to talk on every channel."""

    stack: Stack
    customer: SandboxPage

    def rows(self, channel: str) -> Locator:
        return self.customer.page.locator(_ROWS[channel])

    async def photograph(self, kind: str, channel: str, content: Content) -> None:
        """Send it to the customer and keep a picture of what arrives."""
        await self._look_at(channel)
        before = await self.rows(channel).count()
        await self._send(channel, content)
        new = await self._arrived(channel, before)
        path = FOLDER / f"{kind.removeprefix('utter_')}-{channel}.png"
        await self.customer.page.screenshot(path=path, clip=await _around(new))

    async def _look_at(self, channel: str) -> None:
        if channel != "webchat":
            await self.customer.page.locator(f"#tab-{channel}").click()

    async def _send(self, channel: str, content: Content) -> None:
        engine = connect(self.stack.database_url)
        try:
            async with transaction(engine) as connection:
                last = await connection.execute(
                    sa.select(messages)
                    .where(messages.c.channel == channel, messages.c.direction == "in")
                    .order_by(messages.c.id.desc())
                    .limit(1)
                )
                heard = last.one()
                values = {
                    "conversation_id": heard.conversation_id,
                    "seq": await take_numbers(connection, heard.conversation_id),
                    "direction": "out",
                    "author": "bot",
                    "channel": channel,
                    "address": heard.address,
                    "content": _here(content, self.stack.origin),
                    "language": "en",
                    "state": "queued",
                    "attempts": 0,
                    "due_at": NOON,
                    "created_at": heard.created_at,
                }
                await connection.execute(sa.insert(messages).values(**values))
                await notify(connection)
        finally:
            await engine.dispose()

    async def _arrived(self, channel: str, before: int) -> list[Locator]:
        """What is new, when nothing more comes and all pictures are there."""
        rows = self.rows(channel)
        await expect(rows.nth(before)).to_be_visible()
        count = 0
        while count != await rows.count():
            count = await rows.count()
            await self.customer.page.wait_for_timeout(1200)  # a message of several parts comes in several
        await rows.last.scroll_into_view_if_needed()
        await self.customer.page.wait_for_timeout(300)
        return [rows.nth(number) for number in range(before, count)]


async def make() -> None:
    """All of docs/messages.md and its pictures. Takes a minute or two."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        async with _studio(Path(folder)) as studio:
            for kind, contents in kinds().items():
                for channel in TITLES:
                    await studio.photograph(kind, channel, contents[channel])
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """docs/messages.md."""
    source = (FOLDER / "kinds.yml").read_text(encoding="utf-8")
    lines = [
        "# What each kind of message looks like",
        "",
        "Bot builders write Rasa's own responses ([kinds.yml](messages/kinds.yml)); each channel shows them as well",
        "as it can. Made by `make docs`, with the running gateway and the sandbox's phone; what the platforms are",
        "asked for is in [channels.md](channels.md).",
    ]
    for kind in kinds():
        lines += ["", f"## {KIND_TITLES[kind]}", "", "```yaml", _source_of(kind, source), "```", ""]
        lines += [f"| {' | '.join(TITLES.values())} |", "|---" * len(TITLES) + "|"]
        pictures = [f"![{KIND_TITLES[kind]} on {TITLES[name]}](messages/{_file(kind, name)})" for name in TITLES]
        lines.append(f"| {' | '.join(pictures)} |")
    return "\n".join([*lines, ""])


def _file(kind: str, channel: str) -> str:
    return f"{kind.removeprefix('utter_')}-{channel}.png"


def _source_of(kind: str, source: str) -> str:
    """The response's own lines."""
    start = source.index(f"  {kind}:")
    end = source.find("\n\n  utter_", start)
    return source[start : end if end >= 0 else len(source)].rstrip()


def _here(content: Content, origin: str) -> Mapping[str, Any]:
    """With the pictures and files of the example shop where the sandbox has them."""
    text = json.dumps(content_to_json(content))
    for folder in ("products", "documents"):
        text = text.replace(f"{SHOP}/{folder}/", f"{origin}/{folder}/")
    moved: Mapping[str, Any] = json.loads(text)
    return moved


async def _around(rows: list[Locator]) -> Any:
    """The rows, as far as they are on the screen."""
    boxes = [box for box in [await row.bounding_box() for row in rows] if box is not None]
    screen = await rows[-1].evaluate(_SCREEN)
    left, right = min(box["x"] for box in boxes), max(box["x"] + box["width"] for box in boxes)
    top = max(min(box["y"] for box in boxes) - _MARGIN, screen["top"])
    bottom = min(max(box["y"] + box["height"] for box in boxes) + _MARGIN, screen["bottom"])
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


@asynccontextmanager
async def _studio(folder: Path) -> AsyncIterator[Studio]:
    async with (
        running_stack(folder, every_platform=True) as stack,
        chromium() as browser,
        _page(browser, stack) as customer,
    ):
        studio = Studio(stack=stack, customer=customer)
        for name, app in customer.apps.items():
            await app.open()
            if name != "telegram":
                await app.say("hello")
            await app.shows("Hello")
        await _quiet(stack)
        yield studio


@asynccontextmanager
async def _page(browser: Browser, stack: Stack) -> AsyncIterator[SandboxPage]:
    async with sandbox_page(browser, stack.origin, size=_SIZE) as customer:
        yield customer


async def _quiet(stack: Stack) -> None:
    """Until everything that was said has been answered and sent."""
    engine = connect(stack.database_url)
    try:
        while True:
            async with reading(engine) as connection:
                left = await connection.execute(
                    sa.select(sa.func.count()).where(messages.c.state.in_(("waiting", "queued", "sending")))
                )
                if not left.scalar_one():
                    return
            await asyncio.sleep(0.2)
    finally:
        await engine.dispose()
