"""A return begun on one channel and finished on another, over all pairs, on the trained model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import permutations

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.store.tables import messages
from sandbox.journeys.town import Town, town
from tests.acceptance.transcripts import rows
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHANNELS = {"telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Teams", "webchat": "the website"}
# What can be returned, an item for each pair: a shop takes nothing back twice.
ITEMS = [
    ("1042", "blue kettle"),
    ("1042", "mug set"),
    ("1046", "reading lamp"),
    ("1047", "cast-iron pan"),
    ("1050", "clay teapot"),
    ("1048", "red kettle"),
    ("1048", "blue kettle"),
    ("1048", "clay teapot"),
    ("1052", "toaster"),
    ("1052", "wool blanket"),
    ("1052", "linen cushion"),
    ("1053", "chef's knife"),
]
PAIRS = [
    pytest.param(begun, finished, order, item, id=f"{begun}-{finished}")
    for (begun, finished), (order, item) in zip(permutations(CHANNELS, 2), ITEMS, strict=True)
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("every-channel"), {"DATABASE_URL": await new_database()}) as everybody:
        yield everybody


@pytest.mark.parametrize(("begun", "finished", "order", "item"), PAIRS)
async def test_a_return_begun_here_is_finished_there(
    everybody: Town, begun: str, finished: str, order: str, item: str
) -> None:
    name = f"{begun} to {finished}"
    async with everybody.phone(begun, name) as here, everybody.phone(finished, name) as there:
        await here.say(f"I want to return the {item} from order {order}")
        await here.hears("reason for returning")
        await here.say(f"can we continue on {CHANNELS[finished]}?")
        await there.follow(await here.link(await here.hears("right where we are")))

        await there.hears(f"You were returning the {item} from order {order}")
        await there.tap(await there.hears("reason for returning"), "Damaged or faulty")
        await there.tap(await there.hears("refund or an exchange"), "Exchange")
        await there.hears("How will you return it")
        await there.say("1")
        await there.tap(await there.hears("Shall I register"), "Yes, register it")
        done = await there.hears("the return is registered")
        assert done
        assert await channels_of_the_conversation(everybody, order, item) == {begun, finished}


async def channels_of_the_conversation(everybody: Town, order: str, item: str) -> set[str]:
    """The channels on which the conversation was held that returned this item."""
    asked = await rows(everybody.stack, sa.select(messages).where(messages.c.direction == "in"))
    wish = f"I want to return the {item} from order {order}"
    [conversation] = {row.conversation_id for row in asked if row.content.get("text") == wish}
    return {row.channel for row in asked if row.conversation_id == conversation}
