"""`make screenshots`: every view of the desk in docs/desk/, wide and narrow, light and dark, from the played server.

`python -m tests.browser.desk VIEW…` makes only these.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Literal

from playwright.async_api import Browser

from sandbox.journeys.stack import ROOT
from tests.browser.chromium import chromium
from tests.browser.desk.conftest import PHONE, WIDE, serve
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.views import VIEWS

DOCS = ROOT / "docs/desk"
_NO_PANEL = "localStorage.setItem('throughline.desk', JSON.stringify({panel: false}))"

Scheme = Literal["light", "dark"]


async def main() -> None:
    DOCS.mkdir(exist_ok=True)
    async with chromium() as browser:
        for view in sys.argv[1:] or VIEWS:
            for narrow in (False, True):
                await picture(browser, view, narrow=narrow)
            print(view, flush=True)
    (DOCS / "README.md").write_text(page(), encoding="utf-8")


async def picture(browser: Browser, view: str, *, narrow: bool) -> None:
    """One view in light and dark: wide in English, narrow in Chinese."""
    desk = PlayedDesk()
    runner = await serve(desk)
    width, height = PHONE if narrow else WIDE
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=1 if narrow else 0.75,
        locale="zh-CN" if narrow else "en-GB",
        has_touch=narrow,
    )
    shown = await context.new_page()
    await shown.add_init_script(_NO_PANEL if narrow else "")
    await shown.goto(f"{desk.url}/desk#/queue")
    await shown.locator("main, .list-pane").first.wait_for()
    await VIEWS[view](shown, desk)
    for scheme in _SCHEMES:
        await shown.emulate_media(color_scheme=scheme)
        await shown.wait_for_timeout(300)  # animations come to rest
        await shown.screenshot(path=DOCS / name(view, narrow, scheme), type="jpeg", quality=72)
    await context.close()
    await runner.cleanup()


_SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")


def name(view: str, narrow: bool, scheme: Scheme) -> str:
    return f"{view}-{'narrow' if narrow else 'wide'}-{scheme}.jpg"


def page() -> str:
    """All of them, in the order of `VIEWS`."""
    parts = ["# Every view of the desk\n\nMade by `make screenshots`, with made-up people. [What it is](../desk.md).\n"]
    for view in VIEWS:
        shown = [
            f'<img src="{name(view, narrow, scheme)}" width="{150 if narrow else 400}" alt="{view}, {scheme}">'
            for narrow in (False, True)
            for scheme in _SCHEMES
        ]
        parts.append(f"## {view}\n\n" + "\n".join(shown) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    asyncio.run(main())
