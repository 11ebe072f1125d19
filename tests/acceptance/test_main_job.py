"""One conversation, begun in web chat and finished in Telegram, on a trained Rasa: in a browser, in both languages."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox.journeys.stack import CORE_PYTHON, ROOT, Stack, running_stack
from tests.acceptance.sandbox_page import SandboxPage, sandbox_page
from tests.acceptance.transcripts import conversation_with
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the customer says, taps and is asked, in one language."""

    language: str
    want: str
    order: str
    ask_order: str
    ask_item: str
    choose_item: str
    ask_reason: str
    go_on: str
    open_link: str
    where_we_were: str
    reason: str
    ask_resolution: str
    resolution: str
    ask_method: str
    method: str
    ask_store: str
    store: str
    ask_confirmation: str
    confirm: str
    done: str


ENGLISH = Words(
    language="en",
    want="I'd like to send something back",
    order="1042",
    ask_order="Which order is it from?",
    ask_item="Which item from order 1042",
    choose_item="Return blue kettle",
    ask_reason="What is the reason for returning",
    go_on="Can we continue on Telegram?",
    open_link="Open Telegram",
    where_we_were="You were returning the blue kettle from order 1042.",
    reason="Damaged or faulty",
    ask_resolution="Would you like a refund or an exchange?",
    resolution="Exchange",
    ask_method="How will you return it",
    method="Bring it to a store",
    ask_store="Which store suits you?",
    store="Tampines",
    ask_confirmation="Shall I register this return?",
    confirm="Yes, register it",
    done="Done, the return is registered.",
)

CHINESE = Words(
    language="zh",
    want="我想退货",
    order="1048",
    ask_order="请问是哪个订单？",
    ask_item="您想退换订单 1048 中的哪件商品？",
    choose_item="退蓝色水壶",
    ask_reason="的原因是什么？",
    go_on="我想换到 Telegram 上继续",
    open_link="Telegram",
    where_we_were="您正在退订单 1048 中的蓝色水壶。",
    reason="损坏或有故障",
    ask_resolution="您想退款还是换货？",
    resolution="换货",
    ask_method="您想怎么退回",
    method="送到门店",
    ask_store="您方便去哪家门店？",
    store="淡滨尼",
    ask_confirmation="是否提交？",
    confirm="确认提交",
    done="退换申请已登记",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Stack]:
    """Gateway, core worker with the trained model, action server and sandbox."""
    settings = {"DATABASE_URL": await new_database()}
    async with running_stack(tmp_path_factory.mktemp("product"), settings=settings) as stack:
        yield stack


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=["english", "chinese"])
async def test_a_return_begun_on_the_website_is_finished_in_telegram(
    product: Stack, browser: Browser, words: Words
) -> None:
    async with sandbox_page(browser, product.origin, language=words.language) as customer:
        await begin_on_the_website(customer, words)
        await move_to_the_phone(customer, words)
        await finish_on_the_phone(customer, words)

    tracker = await rasas_tracker(product, await conversation_with(product, "telegram", newest=True))
    assert last_values(tracker) == {
        "language": words.language,
        "return_order": words.order,
        "return_sku": "kettle-blue",
        "return_reason": "damaged",
        "return_resolution": "exchange",
        "return_method": "store",
        "return_store": "tampines",
        "return_confirmed": True,
    }
    assert channels(tracker) == ["webchat", "telegram"]
    asked = questions(tracker, words)
    repeated = asked.pop(words.ask_reason)
    assert repeated > 1
    assert set(asked.values()) == {1}, asked


async def begin_on_the_website(customer: SandboxPage, words: Words) -> None:
    await customer.widget.open()
    await customer.widget.say(words.want)
    await customer.widget.shows(words.ask_order)
    await customer.widget.say(words.order)
    await customer.widget.shows(words.ask_item)
    await customer.widget.tap(words.choose_item)
    await customer.widget.shows(words.ask_reason)


async def move_to_the_phone(customer: SandboxPage, words: Words) -> None:
    await customer.widget.say(words.go_on)
    await customer.widget.link(words.open_link).click()
    await customer.phone.start()
    await customer.phone.shows(words.where_we_were)


async def finish_on_the_phone(customer: SandboxPage, words: Words) -> None:
    phone = customer.phone
    for question, answer in (
        (words.ask_reason, words.reason),
        (words.ask_resolution, words.resolution),
        (words.ask_method, words.method),
        (words.ask_store, words.store),
        (words.ask_confirmation, words.confirm),
    ):
        await phone.shows(question)
        await phone.tap(answer)
    await phone.shows(words.done)


async def rasas_tracker(product: Stack, conversation: str) -> dict[str, Any]:
    """The conversation as Rasa's own tracker store, named in endpoints.yml, gives it to Rasa's own tools."""
    process = await asyncio.create_subprocess_exec(
        *(str(CORE_PYTHON), "-m", "bot.core.show_tracker", conversation),
        cwd=ROOT,
        env={**os.environ, **product.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    tracker: dict[str, Any] = json.loads(output)
    assert tracker["sender_id"] == conversation
    return tracker


def last_values(tracker: dict[str, Any]) -> dict[str, Any]:
    """The last value that each slot was given in the conversation; a finished form empties its own."""
    given = {
        event["name"]: event["value"]
        for event in tracker["events"]
        if event["event"] == "slot" and event["value"] is not None
    }
    return {name: value for name, value in given.items() if name == "language" or name.startswith("return_")}


def channels(tracker: dict[str, Any]) -> list[str]:
    """The channels of what the customer said, in the order in which they came."""
    said = [event["input_channel"] for event in tracker["events"] if event["event"] == "user"]
    return list(dict.fromkeys(said))


def questions(tracker: dict[str, Any], words: Words) -> Counter[str]:
    asked = (
        words.ask_order,
        words.ask_item,
        words.ask_reason,
        words.ask_resolution,
        words.ask_method,
        words.ask_store,
        words.ask_confirmation,
    )
    said = [event["text"] or "" for event in tracker["events"] if event["event"] == "bot"]
    return Counter({question: sum(question in text for text in said) for question in asked})
