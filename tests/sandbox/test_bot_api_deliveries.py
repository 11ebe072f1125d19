"""How updates reach a webhook."""

from collections.abc import Callable

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest

from sandbox.telegram import CLOSE, BotAccount, TelegramServer, User, WebhookReceiver

ONE_BUTTON = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])


def texts(hook: WebhookReceiver) -> list[str]:
    return [update["message"]["text"] for update in hook.updates]


async def test_an_update_carries_the_secret_and_is_complete(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url, secret_token="s3cret_-")
    await (await alice.start(shop, "ab_C-9")).taken()
    assert hook.received[0].headers["X-Telegram-Bot-Api-Secret-Token"] == "s3cret_-"
    assert hook.updates[0]["message"] == {
        "message_id": hook.updates[0]["message"]["message_id"],
        "from": {"id": alice.id, "is_bot": False, "first_name": "Alice", "username": "alice", "language_code": "en"},
        "chat": {"id": alice.id, "first_name": "Alice", "username": "alice", "type": "private"},
        "date": hook.updates[0]["message"]["date"],
        "text": "/start ab_C-9",
        "entities": [{"type": "bot_command", "offset": 0, "length": 6}],
    }


async def test_what_waited_is_delivered_once_there_is_a_webhook(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await alice.start(shop)
    last = await alice.say(shop, "hello")
    assert (await bot.get_webhook_info()).pending_update_count == 2
    await bot.set_webhook(hook.url)
    await last.taken()
    assert texts(hook) == ["/start", "hello"]
    assert hook.updates[1]["update_id"] == hook.updates[0]["update_id"] + 1
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_what_waited_can_be_dropped(bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver) -> None:
    waiting = await alice.start(shop)
    await bot.set_webhook(hook.url, drop_pending_updates=True)
    await (await alice.say(shop, "hello")).taken()
    assert (waiting.state, texts(hook)) == ("dropped", ["hello"])


@pytest.mark.parametrize("refusal", [500, 403, 302, CLOSE])
async def test_a_refused_update_is_tried_again_and_holds_up_its_chat(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver, refusal: int
) -> None:
    hook.statuses.extend([refusal, refusal])
    await bot.set_webhook(hook.url)
    first = await alice.say(shop, "one")
    await (await alice.say(shop, "two")).taken()
    assert texts(hook) == ["one", "one", "one", "two"]
    assert [attempt.status for attempt in first.attempts] == [refusal or None, refusal or None, 200]


async def test_the_last_error_is_shown(bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver) -> None:
    hook.statuses.append(503)
    await bot.set_webhook(hook.url, max_connections=5, allowed_updates=["message"])
    await (await alice.say(shop, "one")).taken()
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 503"
    assert (info.url, info.max_connections, info.allowed_updates) == (hook.url, 5, ("message",))


async def test_chats_are_served_side_by_side_up_to_the_limit(
    server: TelegramServer, bot: Bot, shop: BotAccount, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url, max_connections=2)
    hook.gate.clear()
    updates = [await server.user(name).say(shop, name) for name in ("Alice", "Bob", "Carol")]
    await hook.has_open(2)
    assert len(hook.received) == 2
    hook.gate.set()
    for update in updates:
        await update.taken()


async def test_a_tap_can_overtake_a_message_of_its_chat(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "?", reply_markup=ONE_BUTTON)
    hook.gate.clear()
    await bot.set_webhook(hook.url)
    await alice.tap(await alice.next_message(), "A")
    await hook.has_open(2)
    kinds = {next(key for key in update if key != "update_id") for update in hook.updates}
    assert kinds == {"message", "callback_query"}


async def test_an_update_expires(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver, pass_time: Callable[[float], None]
) -> None:
    old = await alice.say(shop, "one")
    pass_time(24 * 3600 + 1)
    hook.statuses.append(500)
    await bot.set_webhook(hook.url)
    await (await alice.say(shop, "two")).taken()
    assert (old.state, texts(hook)) == ("expired", ["one", "two"])


async def test_only_wanted_kinds_are_delivered(
    server: TelegramServer, bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url, allowed_updates=["message"])
    first = await alice.say(shop, "one")
    unwanted = await alice.edit(shop, first.message, "two")
    last = server.post_raw(shop, {"message": first.message})
    await last.taken()
    assert (unwanted.state, len(hook.received)) == ("unwanted", 2)


async def test_an_update_can_be_repeated_under_its_number(
    server: TelegramServer, bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url)
    first = await (await alice.say(shop, "one")).taken()
    await server.post_raw(shop, {"message": first.message}, update_id=first.id).taken()
    assert hook.updates[0] == hook.updates[1]


async def test_an_answer_may_hold_a_method_call(bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver) -> None:
    hook.body = {"method": "sendMessage", "chat_id": alice.id, "text": "Hello from the answer"}
    await bot.set_webhook(hook.url)
    await alice.start(shop)
    assert (await alice.next_message())["text"] == "Hello from the answer"


async def test_the_second_tick_comes_when_the_webhook_took_the_message(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url)
    update = await alice.say(shop, "hello")
    assert (await alice.next_event("taken"))["message_id"] == update.message["message_id"]


@pytest.mark.parametrize(
    ("url", "secret", "reason"),
    [
        ("http://example.com/hook", "", "Bad webhook: an https url must be provided for webhook"),
        ("https://example.com:8080/hook", "", "Bad webhook: webhook can be set up only on ports 80, 88, 443 or 8443"),
        ("example", "", "Invalid webhook url specified"),
        ("http://127.0.0.1:1/hook", "a b", "Secret token contains unallowed characters"),
        ("http://127.0.0.1:1/hook", "a" * 257, "Secret token is too long"),
    ],
)
async def test_a_webhook_is_checked(bot: Bot, url: str, secret: str, reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await bot.set_webhook(url, secret_token=secret or None)
    assert refused.value.message == reason


async def test_the_library_reads_every_kind_of_update(
    server: TelegramServer, bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    bob = server.user("Bob", language="zh-hans")
    said = (await alice.say(shop, "see https://hearthside.example @hearthside_bot #sale 🫖")).message
    await alice.say(shop, "yes", reply_to=said)
    await alice.edit(shop, said, "see you")
    await alice.photo(shop, "my kettle")
    await alice.voice(shop)
    await alice.sticker(shop)
    await alice.send(shop, {"location": {"latitude": 1.35, "longitude": 103.8}})
    await bot.send_message(alice.id, "?", reply_markup=ONE_BUTTON)
    question = await alice.next_message()
    await alice.tap(question, 0)
    await bot.delete_message(alice.id, question["message_id"])
    await alice.tap(question, "A")
    await alice.block(shop)
    await alice.start(shop)
    group = server.group("Family", shop, [alice, bob])
    await group.say(bob, "hi", mention=True)
    assert await group.say(bob, "between us") is None
    await group.migrate()
    await group.kick()
    kinds = [Update.de_json(update.json, bot).to_dict().keys() - {"update_id"} for update in shop.updates]
    assert [kind for (kind,) in kinds] == [
        "message", "message", "edited_message", "message", "message", "message", "message", "callback_query",
        "callback_query", "my_chat_member", "my_chat_member", "message", "my_chat_member", "message", "message",
        "message", "message", "my_chat_member",
    ]  # fmt: skip


async def test_a_deep_link_is_followed_as_the_app_does(
    bot: Bot, shop: BotAccount, alice: User, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url)
    await (await alice.follow("https://t.me/hearthside_bot?start=ab_C-9")).taken()
    assert texts(hook) == ["/start ab_C-9"]
    with pytest.raises(LookupError):
        await alice.follow("https://t.me/other_bot?start=ab_C-9")
    with pytest.raises(ValueError, match="at most 64 characters"):
        await alice.follow(f"https://t.me/hearthside_bot?start={'x' * 65}")


async def test_even_a_strange_update_is_delivered(
    server: TelegramServer, bot: Bot, shop: BotAccount, hook: WebhookReceiver
) -> None:
    await bot.set_webhook(hook.url)
    await server.post_raw(shop, {"invented_kind": {"a": 1}}).taken()
    await server.post_raw(shop, {"message": "not an object"}).taken()
    assert [update.get("invented_kind", update.get("message")) for update in hook.updates] == [
        {"a": 1},
        "not an object",
    ]
