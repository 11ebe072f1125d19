"""Both languages say all there is to say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.desk.conftest import Visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SHAPE = """async () => {
  const [{ en }, { zh }] = await Promise.all([import("/desk/static/words/en.js"), import("/desk/static/words/zh.js")]);
  const shape = (one, path = "") => (one && typeof one === "object"
    ? Object.keys(one).flatMap((key) => shape(one[key], `${path}.${key}`)) : [`${path}: ${typeof one}`]);
  return [shape(en).sort(), shape(zh).sort()];
}"""


async def test_both_languages_have_the_same_words(visit: Visit) -> None:
    page = await visit()
    shapes: list[Any] = await page.evaluate(_SHAPE)
    assert shapes[0] == shapes[1]


async def test_the_page_speaks_the_browsers_language_and_can_be_switched(visit: Visit) -> None:
    page = await visit(locale="zh-TW")
    assert await page.locator("html").get_attribute("lang") == "zh-Hans"
    await page.get_by_role("link", name="设置").click()
    await page.get_by_role("link", name="本浏览器").click()
    await page.get_by_role("radio", name="English").check()
    await page.get_by_role("heading", name="Settings").wait_for()
    await page.reload()
    await page.get_by_role("heading", name="Settings").wait_for()
    assert await page.title() == "Desk"
