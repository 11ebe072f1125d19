"""People take over: a customer with a browser and a phone, and two agents at the desk, on the running product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import Browser, expect

from bot.store.desk_tables import agents, handoffs
from bot.store.tables import conversations
from sandbox.journeys.stack import Stack, running_stack
from tests.acceptance.desk_page import desk_page, staff
from tests.acceptance.sandbox_page import NARROW, sandbox_page
from tests.acceptance.transcripts import rows
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def staffed(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Stack]:
    """The product with two agents, who take what waits by themselves."""
    settings = {"DATABASE_URL": await new_database()}
    async with running_stack(tmp_path_factory.mktemp("staffed"), settings=settings) as stack:
        await staff(stack)
        yield stack


async def test_a_person_takes_over_on_every_channel_and_the_bot_asks_the_very_question_again(
    staffed: Stack, browser: Browser
) -> None:
    async with (
        desk_page(browser, staffed.gateway_url, "maya") as maya,
        desk_page(browser, staffed.gateway_url, "sam") as sam,
        sandbox_page(browser, staffed.origin) as customer,
    ):
        website, phone = customer.widget, customer.phone
        await website.open()
        await website.shows("What can I do for you?")
        await website.say("I want to return something")
        await website.shows("order number")
        await website.say("1042")
        await website.shows("Which item from order 1042")
        await website.say("Can I talk to a human?")
        await website.shows("number 1 in the queue")

        await maya.opens("in the queue")
        await sam.opens("in the queue")
        await maya.sees("Can I talk to a human?")
        await maya.sees("Which item from order 1042")
        await maya.does("Take")
        await website.shows("You're talking with Maya now.")
        await expect(sam.page.get_by_text("With Maya").first).to_be_visible()

        await maya.says("Hello, this is Maya. Which of the two is broken?")
        await website.shows("Hello, this is Maya.")
        await website.say("the kettle, it leaks")
        await maya.sees("the kettle, it leaks")
        await sam.sees("the kettle, it leaks")

        await maya.page.get_by_role("button", name="Link another channel").click()
        code = await maya.page.locator(".link-code").inner_text()
        await maya.page.keyboard.press("Escape")
        await phone.open()
        await phone.say(code)
        await phone.shows("it goes on here")
        await phone.say("I am on the train now")
        await maya.sees("I am on the train now")
        await maya.says("No problem, I can see everything you wrote.")
        await phone.shows("I can see everything you wrote.")

        await maya.does("Hand back")
        await maya.page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
        await phone.shows("You're talking with the assistant again.")
        await phone.shows("Which item from order 1042")
        assert await owner_of_the_newest(staffed) == "bot"


async def test_of_two_agents_who_take_it_at_once_one_has_it_and_the_other_is_told(
    staffed: Stack, browser: Browser
) -> None:
    async with (
        desk_page(browser, staffed.gateway_url, "maya") as maya,
        desk_page(browser, staffed.gateway_url, "sam") as sam,
        sandbox_page(browser, staffed.origin) as customer,
    ):
        await customer.widget.open()
        await customer.widget.say("a human please, about a lamp")
        await customer.widget.shows("in the queue")
        for agent in (maya, sam):
            await agent.opens("in the queue")
        worker = staffed.processes["core"]
        await asyncio.gather(maya.does("Take"), sam.does("Take"))
        assert worker.alive
        await customer.widget.shows("You're talking with")
        loser, winner = (maya, "Sam") if await owner_of_the_newest(staffed) == "Sam" else (sam, "Maya")
        await expect(loser.page.get_by_text(f"With {winner}").first).to_be_visible()
        await expect(loser.page.get_by_role("region", name="Notices")).to_contain_text(
            f"{winner} has this conversation"
        )


async def test_script_in_what_a_customer_says_is_shown_as_text(staffed: Stack, browser: Browser) -> None:
    attack = "<img src=x onerror=alert(1)> a human please"
    async with (
        desk_page(browser, staffed.gateway_url, "maya") as maya,
        sandbox_page(browser, staffed.origin) as customer,
    ):
        dialogs: list[str] = []
        maya.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await customer.widget.open()
        await customer.widget.say("a human please")
        await customer.widget.shows("in the queue")
        await customer.widget.say(attack)
        await maya.opens("<img src=x")
        await maya.sees(attack)
        assert dialogs == []
        await customer.widget.say("Back to the assistant")
        await customer.widget.shows("back with the assistant")


async def test_the_desk_misses_nothing_while_the_gateway_is_started_again(staffed: Stack, browser: Browser) -> None:
    async with (
        desk_page(browser, staffed.gateway_url, "maya", size=NARROW) as maya,
        sandbox_page(browser, staffed.origin) as customer,
    ):
        await customer.widget.open()
        await customer.widget.say("a human please, my chair wobbles")
        await customer.widget.shows("in the queue")
        await maya.opens("in the queue")
        await maya.does("Take")
        await customer.widget.shows("You're talking with Maya now.")
        await maya.composer.fill("I am about to say something")
        await staffed.processes["gateway"].kill()
        await expect(maya.page.get_by_text("Reconnecting").first).to_be_visible()
        await staffed.start("gateway")
        await staffed.ready()
        await customer.widget.say("are you still there?")
        await maya.sees("are you still there?")
        await expect(maya.composer).to_have_value("I am about to say something")
        await maya.composer.press("Enter")
        await customer.widget.shows("I am about to say something")


async def owner_of_the_newest(stack: Stack) -> str:
    """Of the conversation that was with people last: an agent's name, `bot` or `queue`."""
    [row] = await rows(
        stack,
        sa.select(sa.func.coalesce(agents.c.name, conversations.c.owner).label("owner"))
        .join(handoffs, handoffs.c.conversation_id == conversations.c.id)
        .outerjoin(agents, agents.c.id == conversations.c.owner)
        .order_by(handoffs.c.id.desc())
        .limit(1),
    )
    return str(row.owner)
