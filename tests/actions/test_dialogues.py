"""Whole conversations with the trained model and a real action server, as customers write them.

Needs a model that is up to date (`make train`); the rest of the tests does not.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.events import SlotSet
from rasa.utils.endpoints import EndpointConfig

from sandbox.ports import free_port
from tests.actions.conftest import PROJECT


class Reply(CollectingOutputChannel):  # type: ignore[misc]
    """Collects replies under the name of the customer's channel, as the worker does."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel

    def name(self) -> str:
        return self._channel


class Customer:
    """One conversation; `await alice.says("…")` gives the assistant's answer as one text."""

    def __init__(self, agent: Agent, language: str | None = None) -> None:
        self._agent = agent
        self._conversation = uuid.uuid4().hex
        self._language = language
        self.channel = "webchat"
        self.invited: list[str] = []
        """The channels that the latest answer invites to."""
        self.offered: list[str] = []
        """The titles of the latest answer's buttons."""
        self.placed: list[tuple[str, str, str]] = []
        """The places on the map that the latest answer shows."""
        self.told: dict[str, Any] = {}
        """What the product tells beside each message, from now on; see bot/core/dialogue.py."""
        self.done: list[dict[str, Any]] = []
        """What the latest answer has the product do."""
        self._payloads: dict[str, str] = {}

    async def says(self, *texts: str) -> str:
        """The answer to the last of the texts."""
        answer = ""
        for text in texts:
            answer = await self._say(text)
        return answer

    async def slot(self, name: str) -> Any:
        tracker = await self._agent.tracker_store.retrieve(self._conversation)
        return tracker.get_slot(name) if tracker else None

    async def put_aside(self, form: str, **slots: str) -> None:
        """As the product does it where two dialogues with open forms become one."""
        tracker = await self._agent.tracker_store.retrieve(self._conversation)
        tracker.update(SlotSet("parked_form", {"form": form, "slots": slots}))
        await self._agent.tracker_store.save(tracker)

    async def taps(self, title: str) -> str:
        """The answer to a tap on one of the offered buttons."""
        return await self.says(self._payloads[title])

    async def _say(self, text: str) -> str:
        reply = Reply(self.channel)
        metadata = {"channel": self.channel, "language": await self._known_language(), **self.told}
        await self._agent.handle_message(
            UserMessage(
                text,
                reply,
                self._conversation,
                input_channel=self.channel,
                message_id=uuid.uuid4().hex,
                metadata=metadata,
            )
        )
        shown = [message.get("custom") or {} for message in reply.messages]
        self.invited = [custom["channel"] for custom in shown if custom.get("type") == "continue"]
        self.done = [custom for custom in shown if custom.get("type") in ("unlink", "undo_link", "handoff", "rate")]
        places = [custom for custom in shown if custom.get("type") == "location"]
        self.placed = [(place["latitude"], place["longitude"], place["name"]) for place in places]
        buttons = [button for message in reply.messages for button in message.get("buttons", [])]
        self._payloads = {button["title"]: button["payload"] for button in buttons}
        self.offered = [button["title"] for message in reply.messages for button in message.get("buttons", [])]
        return "\n".join(message["text"] for message in reply.messages if message.get("text"))

    async def _known_language(self) -> str | None:
        known: str | None = await self.slot("language")
        return known or self._language


@pytest.fixture(scope="module")
def action_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    shop = tmp_path_factory.mktemp("shop") / "shop.db"
    environment = {**os.environ, "SANIC_HOST": "127.0.0.1", "SHOP_DATABASE_URL": f"sqlite:///{shop}"}
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=quiet, stderr=quiet) as server:
        try:
            asyncio.run(_until_healthy(f"http://127.0.0.1:{port}/health"))
            yield f"http://127.0.0.1:{port}/webhook"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def agent(action_server: str) -> Agent:
    models = sorted((PROJECT / "models").glob("*.tar.gz"), key=lambda model: model.stat().st_mtime)
    if not models:
        pytest.skip("no model in models/: run `make train`")
    return Agent.load(str(models[-1]), action_endpoint=EndpointConfig(action_server))


@pytest.fixture
def alice(agent: Agent) -> Customer:
    return Customer(agent)


@pytest.fixture
def mei(agent: Agent) -> Customer:
    """Writes Chinese, on a phone that is set to it."""
    return Customer(agent, language="zh-Hant")


async def test_a_return_from_start_to_end(alice: Customer) -> None:
    assert "Which order" in await alice.says("hi", "I want to return something")
    assert "Which item from order 1042" in await alice.says("1042")
    assert "returning the blue kettle" in await alice.says("the blue one")
    assert "refund or an exchange" in await alice.says("it arrived broken")
    assert "by post, or at one of our stores" in await alice.says("refund")
    assert "Which store" in await alice.says("I'll bring it to a store")
    summary = await alice.says("Tampines")
    assert "Blue enamel kettle, order 1042" in summary
    assert "refund of S$79.00" in summary
    assert "at our Tampines store" in summary
    assert re.search(r"return number is R\d+", await alice.says("yes"))
    assert "already been returned" in await alice.says("return the blue kettle from order 1042")


async def test_a_return_in_chinese(mei: Customer) -> None:
    assert "哪个订单" in await mei.says("你好", "我要退货")
    assert "哪件商品" in await mei.says("订单号1052")
    assert "退换烤面包机的原因" in await mei.says("面包机")
    assert "退款还是换货" in await mei.says("坏了")
    assert "邮寄，还是送到门店" in await mei.says("换货")
    assert "是否提交" in await mei.says("寄回")
    assert re.search(r"退货编号是 R\d+", await mei.says("好的"))


async def test_nothing_given_at_once_is_asked_again(alice: Customer) -> None:
    answer = await alice.says("I want to return the blue kettle from order 1048")
    assert answer.startswith("What is the reason for returning the blue kettle")


async def test_corrections_at_any_time(alice: Customer) -> None:
    await alice.says("I want to return the red kettle from order 1048")
    assert "returning the blue kettle" in await alice.says("no, the blue one")
    await alice.says("changed my mind", "refund", "by post")
    assert "an exchange" in await alice.says("actually exchange it")
    assert "at our Jurong East store" in await alice.says("I'd rather bring it to Jurong East")
    assert "What should I change" in await alice.says("no")
    assert "What is the reason" in await alice.says("the reason")
    assert "Reason: wrong item sent" in await alice.says("wrong item")


@pytest.mark.parametrize("words", ["cancel", "stop", "算了", "取消", "never mind"])
async def test_stopping(alice: Customer, words: str) -> None:
    await alice.says("I want to return the blue kettle from order 1048")
    await alice.says(words)
    assert await alice.slot("requested_slot") is None
    assert await alice.slot("return_order") is None


async def test_a_question_in_the_middle_is_answered_and_the_form_goes_on(alice: Customer) -> None:
    await alice.says("I want to return the blue kettle from order 1048")
    answer = await alice.says("what time does Tampines open tomorrow?")
    assert "Tampines is open tomorrow" in answer
    assert answer.endswith("What is the reason for returning the blue kettle?")
    assert "sold out online" in await alice.says("is the red kettle in stock?")
    assert await alice.slot("return_store") is None
    assert "refund or an exchange" in await alice.says("it doesn't work")


async def test_going_on_in_telegram(mei: Customer) -> None:
    await mei.says("我要退订单1048里的蓝色水壶")
    assert "Telegram" in await mei.says("可以在手机上继续吗")
    mei.channel = "telegram"
    answer = await mei.says('/channel_linked{"from_channel": "webchat"}')
    assert answer.splitlines() == [
        "欢迎来到 Telegram。您正在退订单 1048 中的蓝色水壶。",
        "请问退换蓝色水壶的原因是什么？",
    ]
    assert (await mei.says("/stale_choice")).startswith("这个问题已经回答过了。")
    assert "退款还是换货" in await mei.says("不想要了")


async def test_a_picture_in_the_middle_of_a_return_is_answered_and_the_form_goes_on(alice: Customer) -> None:
    await alice.says("I want to return the blue kettle from order 1048")
    answer = await alice.says('/media_received{"media_kind": "picture", "media_outcome": "stored"}')
    assert answer.splitlines() == [
        "Thank you, I've received your picture. "
        "I can't look into it myself, but a colleague can: just ask for a person.",
        "What is the reason for returning the blue kettle?",
    ]
    answer = await alice.says('/media_received{"media_kind": "file", "media_outcome": "refused"}')
    assert "I can't take that kind of file" in answer
    assert "20 MB" in answer
    assert answer.endswith("What is the reason for returning the blue kettle?")
    assert "refund or an exchange" in await alice.says("it arrived broken")


async def test_a_voice_message_gets_an_honest_answer_in_the_customers_language(mei: Customer) -> None:
    voice = '/media_received{"media_kind": "voice", "media_outcome": "stored"}'
    assert "听不了语音" in await mei.says("查订单", voice)
    assert mei.offered[0] == "转人工客服"
    assert "订单 1043" in await mei.says("1043")
    lost = '/media_received{"media_kind": "picture", "media_outcome": "lost"}'
    assert "麻烦再发一次" in await mei.says(lost)
    large = '/media_received{"media_kind": "video", "media_outcome": "refused", "media_problem": "too_large"}'
    assert "您发来的视频太大了" in await mei.says(large)


async def test_a_shared_place_finds_the_nearest_store_and_the_form_goes_on(mei: Customer) -> None:
    await mei.says("我要退订单1048里的蓝色水壶")
    answer = await mei.says('/location_shared{"latitude": 1.2834, "longitude": 103.8607}')
    assert answer.splitlines()[0] == "离您最近的是乌节路店，直线距离 3.6 公里。"
    assert answer.endswith("请问退换蓝色水壶的原因是什么？")
    assert mei.placed == [("1.3038", "103.8358", "炉边乌节路店")]
    assert await mei.slot("return_store") is None


async def test_the_hours_of_the_nearest_store_can_be_asked_on(alice: Customer) -> None:
    await alice.says('/location_shared{"latitude": 1.27, "longitude": 103.82}')
    assert "HarbourFront" in await alice.says("and on Sunday?")
    assert "None of our stores is near" in await alice.says('/location_shared{"latitude": 0.0, "longitude": 0.0}')


@pytest.mark.parametrize(
    ("words", "channel"),
    [
        ("continue on WhatsApp", "whatsapp"),
        ("can we go on in Teams", "teams"),
        ("could we move to WhatsApp on my phone?", "whatsapp"),
        ("let's carry on in Microsoft Teams on my laptop", "teams"),
        ("换到微软 Teams 继续", "teams"),
        ("在WhatsApp上继续", "whatsapp"),
        ("continue on Telegram", "telegram"),
        ("换到网页版", "webchat"),
    ],
)
async def test_a_named_channel_is_invited_to(alice: Customer, words: str, channel: str) -> None:
    alice.channel = "telegram" if channel in ("teams", "webchat") else "teams"
    await alice.says(words)
    assert alice.invited == [channel]


async def test_the_channel_that_is_left_is_not_the_one_that_is_meant(mei: Customer) -> None:
    mei.channel = "whatsapp"
    await mei.says("我想从 WhatsApp 转到 Teams")
    assert mei.invited == ["teams"]


async def test_choosing_where_to_go_on_in_the_middle_of_a_return(alice: Customer) -> None:
    await alice.says("I want to return the blue kettle from order 1048")
    answer = await alice.says("can we continue somewhere else?")
    assert answer.startswith("We can go on in any of these")
    assert answer.endswith("What is the reason for returning the blue kettle?")
    assert alice.offered[:3] == ["Telegram", "WhatsApp", "Microsoft Teams"]
    assert "Open WhatsApp below" in await alice.says('/continue_elsewhere{"channel": "whatsapp"}')
    alice.channel = "whatsapp"
    answer = await alice.says('/channel_linked{"from_channel": "webchat"}')
    assert answer.startswith("Welcome to WhatsApp. You were returning the blue kettle from order 1048.")
    assert "refund or an exchange" in await alice.says("changed my mind")


async def test_typing_the_name_of_an_offered_channel(mei: Customer) -> None:
    mei.channel = "teams"
    assert (await mei.says("可以换个地方继续聊吗")).startswith("可以换到下面的渠道接着聊")
    assert mei.offered == ["Telegram", "WhatsApp", "网站"]
    assert "打开 WhatsApp" in await mei.says("WhatsApp")
    assert mei.invited == ["whatsapp"]


async def test_the_first_greeting_is_in_the_language_of_the_customers_app(mei: Customer) -> None:
    assert (await mei.says("/greet")).startswith("您好")


async def test_ok_does_not_change_the_language(mei: Customer) -> None:
    assert "订单 1043" in await mei.says("查订单", "1043")
    assert await mei.says("ok") == "您想办理什么？"


async def test_two_orders_in_a_row(alice: Customer) -> None:
    assert "order number" in await alice.says("where is my order")
    assert "Order 1043 is on its way" in await alice.says("1043")
    assert "Order 1045 is being packed" in await alice.says("and 1045?")


async def test_an_unknown_order_number_is_said_to_be_unknown(alice: Customer) -> None:
    answer = await alice.says("I want to return an item", "9999")
    assert "can't find an order 9999" in answer
    assert "Which order" in answer
    assert "Which item from order 1048" in await alice.says("1048")


async def test_asking_for_a_person_in_the_middle_of_a_return_asks_nothing_more(alice: Customer) -> None:
    question = "What is the reason for returning the blue kettle?"
    assert (await alice.says("I want to return the blue kettle from order 1048")).endswith(question)
    assert await alice.says("I want to talk to a human") == ""
    assert alice.done == [{"type": "handoff", "why": "asked", "topic": "returns"}]
    answer = await alice.says('/handed_back{"by": "agent"}')
    assert answer.splitlines() == ["You're talking with the assistant again.", question]
    assert "refund or an exchange" in await alice.says("it arrived broken")


async def test_nobody_came_and_the_next_message_is_an_answer_again(mei: Customer) -> None:
    await mei.says("我要退订单1048里的蓝色水壶")
    assert await mei.says("转人工") == ""
    assert await mei.says("/leave_message") == ""
    assert mei.done == [{"type": "handoff", "why": "asked", "topic": "returns", "message": True}]
    assert await mei.says("坏了") == "您想退款还是换货？"


@pytest.mark.parametrize("words", ["for goodness' sake, a human!", "气死人了，给我人工", "GET ME AN AGENT NOW"])
async def test_anger_is_understood(alice: Customer, words: str) -> None:
    assert await alice.says("/greet", words) == ""
    assert alice.done == [{"type": "handoff", "why": "asked"}]


async def test_not_understood_twice_in_a_row(alice: Customer) -> None:
    assert (await alice.says("it is about that one there")).startswith("Sorry, I didn't understand that.")
    assert alice.done == []
    assert await alice.says("whatever the thing is") == "I'm sorry, I still don't understand. Let me get a colleague."
    assert alice.done == [{"type": "handoff", "why": "not_understood"}]
    assert (await alice.says("it is about that one there")).startswith("Sorry, I didn't understand that.")


async def test_not_understood_twice_in_the_middle_of_a_return_and_on_two_channels(mei: Customer) -> None:
    await mei.says("我要退订单1048里的蓝色水壶", "坏了")
    question = "退款还是换货"
    answer = await mei.says("不是")
    assert answer.startswith("抱歉，我没能对上刚才的问题。")
    assert question in answer
    mei.channel = "telegram"
    assert question in await mei.says('/channel_linked{"from_channel": "webchat"}')
    assert await mei.says("那个东西呢") == "抱歉，我还是没听明白。我请同事来帮您。"
    assert mei.done == [{"type": "handoff", "why": "not_understood", "topic": "returns"}]
    answer = await mei.says('/handed_back{"by": "customer"}')
    assert answer.startswith("好的，智能助手继续为您服务。")
    assert question in answer


async def test_what_is_understood_in_between_counts(alice: Customer) -> None:
    await alice.says("it is about that one there", "when are you open?", "whatever the thing is")
    assert alice.done == []


async def test_a_bad_rating_offers_a_person_again(mei: Customer) -> None:
    assert "需要再转人工客服吗" in await mei.says("你好", '/rate_service{"score": "1"}')
    assert mei.done == [{"type": "rate", "score": 1}]
    assert await mei.taps("转人工客服") == ""
    assert mei.done == [{"type": "handoff", "why": "asked"}]


async def test_a_number_out_of_the_blue_is_answered_once(alice: Customer) -> None:
    assert await alice.says("1042") == "What would you like to do with order 1042?"
    assert "Order 1042 was delivered" in await alice.says("track it")


LINKED = {"links": [{"channel": "telegram", "how": "deep_link"}, {"channel": "webchat", "here": True}]}


async def test_unlinking_a_channel_in_the_middle_of_a_return(alice: Customer) -> None:
    alice.told = LINKED
    await alice.says("I want to return the blue kettle from order 1048")
    question = "What is the reason for returning the blue kettle?"
    answer = await alice.says("which channels are linked?")
    assert answer.splitlines() == ["These channels share our conversation: Our website (this one), Telegram.", question]
    answer = await alice.taps("Unlink Telegram")
    assert answer.startswith("Shall I unlink Telegram?")
    assert answer.endswith(question)
    assert alice.done == []
    answer = await alice.taps("Yes, unlink it")
    assert answer.startswith("Done, Telegram is unlinked")
    assert answer.endswith(question)
    assert alice.done == [{"type": "unlink", "channel": "telegram"}]
    assert "refund or an exchange" in await alice.says("it arrived broken")


async def test_forgetting_this_chat_in_the_middle_of_a_return_asks_nothing_more(mei: Customer) -> None:
    mei.told = LINKED
    await mei.says("我要退订单1048里的蓝色水壶")
    assert (await mei.says("忘记这个聊天")).startswith("要忘记这个聊天吗？")
    assert await mei.taps("好的，解除") == "好的。您在这里的下一条消息会重新开始。"
    assert mei.done == [{"type": "unlink", "channel": "webchat"}]
    assert "退款还是换货" in await mei.says("坏了")


@pytest.mark.parametrize(
    ("yes", "asked", "done"),
    [
        ("yes", "unlink telegram", [{"type": "unlink", "channel": "telegram"}]),
        ("ok go ahead", "undo", [{"type": "undo_link"}]),
        ("是的", "解除Telegram", [{"type": "unlink", "channel": "telegram"}]),
        ("好", "分开", [{"type": "undo_link"}]),
        ("no", "unlink telegram", []),
        ("不", "分开", []),
    ],
)
async def test_an_answer_in_words(alice: Customer, yes: str, asked: str, done: list[dict[str, str]]) -> None:
    alice.told = {**LINKED, "undoable": True}
    await alice.says(asked)
    assert alice.done == []
    await alice.says(yes)
    assert alice.done == done
    await alice.says(yes)
    assert alice.done == []


async def test_a_channel_that_is_not_linked_cannot_be_unlinked(alice: Customer) -> None:
    alice.told = LINKED
    assert (await alice.says("unlink WhatsApp")).startswith("WhatsApp isn't linked")


async def test_nothing_to_undo(mei: Customer) -> None:
    mei.told = LINKED
    await mei.says("我要退订单1048里的蓝色水壶")
    answer = await mei.says("把它们分开")
    assert answer.startswith("最近一天内没有合并过聊天")
    assert answer.endswith("请问退换蓝色水壶的原因是什么？")


async def test_a_return_that_was_put_aside_goes_on_after_the_other(alice: Customer) -> None:
    await alice.says("where is my order")
    await alice.put_aside("return_form", return_order="1048", return_sku="kettle-blue", return_reason="damaged")
    answer = await alice.says("1043")
    assert answer.endswith("you were returning the blue kettle from order 1048. Shall we go on with that?")
    assert await alice.taps("Yes, go on with it") == "Would you like a refund or an exchange?"
    assert "by post, or at one of our stores" in await alice.says("refund")
    assert await alice.slot("parked_form") is None
    assert await alice.says("cancel") == "All right, I've stopped the return. Nothing has been registered."


async def test_what_was_put_aside_can_be_gone_on_with_in_words_or_forgotten(mei: Customer) -> None:
    await mei.says("我要退订单1048里的蓝色水壶")
    await mei.put_aside("track_order_form")
    assert (await mei.says("算了")).endswith("您在另一边正要查询订单，要继续吗？")
    assert "订单号是多少" in await mei.says("可以，继续吧")
    assert "订单 1043" in await mei.says("1043")
    await mei.says("查一下订单到哪了")
    await mei.put_aside("return_form", return_order="1048")
    assert (await mei.says("1043")).endswith("您在另一边还在退换订单 1048 中的商品，要继续吗？")
    assert "订单 1045" in await mei.says("那1045呢")
    assert mei.offered == []  # the offer is not repeated with every answer
    assert await mei.says("/drop_parked") == "好的，那件事就不办了。"


async def test_in_a_group_answers_are_short_and_public(alice: Customer) -> None:
    alice.channel, alice.told = "teams", {"audience": True}
    assert await alice.says("hello") == "Hello, this is Hearthside. What can I do for you?"
    assert alice.offered == []
    await alice.says("help")
    assert alice.offered == ["Check stock", "Opening hours"]
    assert "in stock" in await alice.says("is the blue kettle in stock?")
    assert "Tampines" in await alice.says("and at tampines?")
    answer = await alice.says("/private_matter")
    assert answer.startswith("That is better talked about between the two of us. Open our own chat in Teams")
    assert alice.invited == ["teams"]


async def test_a_language_that_was_written_holds_on_every_channel(mei: Customer) -> None:
    """The app of the other channel is set to another language."""
    await mei.says("你好")
    mei.channel, mei._language = "telegram", "en"
    assert (await mei.says('/channel_linked{"from_channel": "webchat"}')).startswith("欢迎来到 Telegram")
    assert "订单号" in await mei.says("/track_order")
    assert "订单 1043" in await mei.says("1043")
    assert "Our stores today" in await mei.says("when are your stores open?")
    mei.channel, mei._language = "webchat", "zh-Hant"
    assert "Order 1045" in await mei.says('/track_order{"order_number": "1045"}')


async def _until_healthy(url: str) -> None:
    for _ in range(300):
        try:
            await asyncio.to_thread(urllib.request.urlopen, url, timeout=1)
        except (urllib.error.URLError, OSError):
            await asyncio.sleep(0.1)
        else:
            return
    raise TimeoutError(f"the action server does not answer at {url}")
