"""The main job in a browser, over all ordered pairs of channels: a return begun on one and finished on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox.journeys.stack import Stack, running_stack
from tests.acceptance.sandbox_page import sandbox_page
from tests.acceptance.test_every_channel import CHANNELS, PAIRS
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINKS = {"telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Teams", "webchat": "website"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Stack]:
    """With stock and orders of its own: a shop takes nothing back twice."""
    settings = {"DATABASE_URL": await new_database()}
    async with running_stack(tmp_path_factory.mktemp("every-pair"), settings=settings, every_platform=True) as stack:
        yield stack


@pytest.mark.parametrize(("begun", "finished", "order", "item"), PAIRS)
async def test_a_return_begun_in_one_app_is_finished_in_another(
    shop: Stack, browser: Browser, begun: str, finished: str, order: str, item: str
) -> None:
    async with sandbox_page(browser, shop.origin) as customer:
        here, there = customer.apps[begun], customer.apps[finished]
        await here.open()
        await here.say(f"I want to return the {item} from order {order}")
        await here.shows("reason for returning")
        await here.say(f"can we continue on {CHANNELS[finished]}?")
        await here.link(LINKS[finished]).click()

        await there.arrive()
        await there.shows(f"You were returning the {item} from order {order}")
        for question, answer in (
            ("reason for returning", "Damaged or faulty"),
            ("refund or an exchange", "Exchange"),
            ("How will you return it", "Bring it to a store"),
            ("Which store suits you", "Tampines"),
            ("Shall I register", "Yes, register it"),
        ):
            await there.shows(question)
            await there.tap(answer)
        await there.shows("the return is registered")
