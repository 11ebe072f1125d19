"""Every view for everybody: axe-core's rules up to WCAG 2.2 AA, small screens, large fingers, dark rooms."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.browser.desk.conftest import PHONE, WIDE, Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.views import VIEWS

pytestmark = pytest.mark.asyncio(loop_scope="module")

_RULES = (
    "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
)
_SMALL = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, summary")].filter((node) => {
  const { width, height } = node.getBoundingClientRect();
  const isDrawn = node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const isSeen = isDrawn && width > 1 && !node.closest(".unseen, .skip");
  const isInline = node.matches("p a, td a, span a");
  return isSeen && !isInline && !node.matches("[type=checkbox], [type=radio]") && Math.min(width, height) < 24;
}).map((node) => node.outerHTML.slice(0, 120))"""


async def findings(page: Page) -> list[str]:
    # Injected through the debugger: the page's own policy forbids foreign scripts.
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": Axe().axe_script})
    results = await page.evaluate(f"axe.run(document, {_RULES})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in results["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize(("size", "locale"), [(WIDE, "en-GB"), (PHONE, "zh-CN")], ids=["wide", "phone"])
@pytest.mark.parametrize("view", VIEWS)
async def test_nothing_is_found_in_any_view(
    visit: Visit, desk: PlayedDesk, view: str, size: tuple[int, int], locale: str
) -> None:
    no_panel = "localStorage.setItem('throughline.desk', JSON.stringify({panel: false}))"
    page = await visit(size=size, locale=locale, init=no_panel if size == PHONE else "")
    await VIEWS[view](page, desk)
    assert await findings(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await findings(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(_SMALL) == []


async def test_who_asked_for_less_motion_gets_none(visit: Visit) -> None:
    page = await visit()
    await page.emulate_media(reduced_motion="reduce")
    style = "getComputedStyle(document.querySelector('.rail-link'))"
    assert await page.evaluate(f"{style}.transitionDuration") == "0s"


async def test_the_looks_follow_the_system_and_can_be_chosen(visit: Visit) -> None:
    page = await visit("settings/device", scheme="dark")
    ground = "getComputedStyle(document.querySelector('.page')).backgroundColor"
    dark = await page.evaluate(ground)
    await page.get_by_role("radio", name="Light").check()
    assert await page.evaluate(ground) == "rgb(255, 255, 255)" != dark
    await page.reload()
    await page.get_by_role("heading", name="Settings").wait_for()
    assert await page.evaluate(ground) == "rgb(255, 255, 255)"
