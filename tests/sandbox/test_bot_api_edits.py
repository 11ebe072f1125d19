"""Changing, deleting and answering, as python-telegram-bot sees it."""

from collections.abc import Callable

import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TimedOut

from sandbox.telegram import (
    BotAccount,
    TelegramServer,
    User,
    chat_migrated,
    close_connection,
    flood_wait,
    hang,
    server_error,
)

REFUND_OR_REPLACE = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Refund", callback_data="refund"), InlineKeyboardButton("Replace", callback_data="replace")]]
)


async def test_an_edit_shows_on_the_phone(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "Refund or replace?", reply_markup=REFUND_OR_REPLACE)
    await bot.edit_message_text("You chose refund", alice.id, sent.message_id)
    edited = await alice.next_event("edited")
    assert (edited["text"], "reply_markup" in edited, "edit_date" in edited) == ("You chose refund", False, True)


async def test_an_edit_must_change_something(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "Refund or replace?", reply_markup=REFUND_OR_REPLACE)
    await bot.edit_message_reply_markup(alice.id, sent.message_id)
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content and reply markup"):
        await bot.edit_message_reply_markup(alice.id, sent.message_id)


async def test_only_own_messages_that_exist_can_be_edited(bot: Bot, shop: BotAccount, alice: User) -> None:
    hers = (await alice.start(shop)).message
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("!", alice.id, hers["message_id"])
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("!", alice.id, 999_999)


async def test_a_deleted_message_is_gone(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "Oops")
    await bot.delete_message(alice.id, sent.message_id)
    assert [message["text"] for message in alice.messages] == ["/start"]
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(alice.id, sent.message_id)


async def test_after_two_days_a_message_cannot_be_deleted(
    bot: Bot, shop: BotAccount, alice: User, pass_time: Callable[[float], None]
) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "Oops")
    pass_time(49 * 3600)
    with pytest.raises(BadRequest, match="Message can't be deleted for everyone"):
        await bot.delete_message(alice.id, sent.message_id)


async def test_a_tap_is_answered_once_and_in_time(
    bot: Bot, shop: BotAccount, alice: User, pass_time: Callable[[float], None]
) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "Refund or replace?", reply_markup=REFUND_OR_REPLACE)
    question = await alice.next_message()
    first, second = [(await alice.tap(question, label)).json["callback_query"]["id"] for label in ("Refund", "Replace")]

    await bot.answer_callback_query(first, text="Noted")
    assert await alice.next_event("answer") == {"callback_query_id": first, "text": "Noted"}
    with pytest.raises(BadRequest, match="Query is too old and response timeout expired or query id is invalid"):
        await bot.answer_callback_query(first)
    with pytest.raises(BadRequest, match="Message_too_long"):
        await bot.answer_callback_query(second, text="x" * 201)
    pass_time(151)
    with pytest.raises(BadRequest, match="Query is too old and response timeout expired or query id is invalid"):
        await bot.answer_callback_query(second)


async def test_commands_are_checked_and_kept(bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("orders", "My orders")])
    assert await bot.get_my_commands() == (BotCommand("orders", "My orders"),)
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([BotCommand("My-Orders", "x")])


async def test_a_chat_can_be_looked_up(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    chat = await bot.get_chat(alice.id)
    assert (chat.id, chat.type, chat.first_name, chat.username) == (alice.id, "private", "Alice", "alice")


# --- groups ---


async def test_a_group_that_migrated_tells_its_new_id(server: TelegramServer, bot: Bot, shop: BotAccount) -> None:
    alice, bob = server.user("Alice"), server.user("Bob")
    group = server.group("Family", shop, [alice, bob])
    await bot.send_message(group.id, "Hello all")
    assert [(await one.next_message())["text"] for one in (alice, bob)] == ["Hello all", "Hello all"]
    old_id = group.id
    new_id = await group.migrate()
    with pytest.raises(ChatMigrated) as refused:
        await bot.send_message(old_id, "Hello?")
    assert refused.value.new_chat_id == new_id
    await bot.send_message(new_id, "Hello again")


async def test_a_bot_that_was_kicked_is_told_so(server: TelegramServer, bot: Bot, shop: BotAccount) -> None:
    group = server.group("Family", shop, [server.user("Alice")])
    await group.kick()
    with pytest.raises(Forbidden, match="Forbidden: bot was kicked from the group chat"):
        await bot.send_message(group.id, "Hello?")


# --- faults ---


async def test_ordered_faults_come_one_by_one_and_end(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    shop.faults.order("sendMessage", flood_wait(7))
    shop.faults.order("sendMessage", server_error(502, html=True))
    shop.faults.order("sendMessage", chat_migrated(-1001234))
    with pytest.raises(RetryAfter, match="Retry in 7 seconds"):
        await bot.send_message(alice.id, "1")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(alice.id, "2")
    with pytest.raises(ChatMigrated):
        await bot.send_message(alice.id, "3")
    await bot.send_message(alice.id, "4")
    assert [message["text"] for message in alice.messages] == ["/start", "4"]


async def test_an_answer_can_be_lost_after_the_message_was_taken(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    shop.faults.order("sendMessage", close_connection())
    shop.faults.order("sendMessage", hang(done=True))
    shop.faults.order("sendMessage", hang())
    with pytest.raises(NetworkError):
        await bot.send_message(alice.id, "1")
    for text in ("2", "3"):
        with pytest.raises(TimedOut):
            await bot.send_message(alice.id, text, read_timeout=1)
    assert [message["text"] for message in alice.messages] == ["/start", "1", "2"]
