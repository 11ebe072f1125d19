"""What the Bot API's server takes and refuses when a bot sends, as python-telegram-bot sees it.

The library capitalises what follows "Bad Request: " and makes the rest lower-case.
"""

import html
import struct
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, EndPointNotFound, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from sandbox.telegram import BotAccount, Limits, Rate, TelegramServer, User
from sandbox.telegram.html_style import parse_html
from sandbox.telegram.text import Formatted


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * (1 + width * 3) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def keyboard(*, callback_data: str | None = None, url: str | None = None) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("Refund", callback_data=callback_data, url=url)]])


async def test_the_bot_knows_itself(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (123456, "hearthside_bot", True)


async def test_a_wrong_token_is_unauthorized(server: TelegramServer, shop: BotAccount) -> None:
    stranger = Bot("123456:wrong", base_url=f"{server.url}/bot", request=HTTPXRequest())
    with pytest.raises(InvalidToken, match="Unauthorized"):
        await stranger.get_me()


async def test_an_unknown_method_is_not_found(bot: Bot) -> None:
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("inventedMethod")


async def test_a_message_arrives_as_it_was_sent(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "Hello Alice", reply_markup=keyboard(callback_data="r"))
    message = await alice.next_message()
    assert message["message_id"] == sent.message_id
    assert message["from"] == {"id": 123456, "is_bot": True, "first_name": "Hearthside", "username": "hearthside_bot"}
    assert message["chat"] == {"id": alice.id, "first_name": "Alice", "username": "alice", "type": "private"}
    assert message["text"] == "Hello Alice"
    assert message["reply_markup"] == {"inline_keyboard": [[{"text": "Refund", "callback_data": "r"}]]}
    assert sent.reply_markup == keyboard(callback_data="r")


async def test_text_has_one_to_4096_characters(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "水" * 4096)
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(alice.id, "水" * 4097)
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(alice.id, "")
    with pytest.raises(BadRequest, match="Text must be non-empty"):
        await bot.send_message(alice.id, " \n ")


async def test_length_is_counted_after_the_markup_is_read(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    text = await bot.send_message(alice.id, "<b>" + "x" * 4096 + "</b>", parse_mode=ParseMode.HTML)
    assert text.entities == (MessageEntity(type="bold", offset=0, length=4096),)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("size < 3", 'Unsupported start tag "" at byte offset 5'),
        ("水<p>x</p>", 'Unsupported start tag "p" at byte offset 3'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ('<a href="http://x.org"', 'Unclosed start tag "a" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_html_mistakes_are_refused(bot: Bot, shop: BotAccount, alice: User, source: str, reason: str) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(alice.id, source, parse_mode=ParseMode.HTML)
    assert refused.value.message == f"Can't parse entities: {reason.lower()}"


@given(st.text())
def test_escaped_text_comes_out_of_html_as_it_went_in(text: str) -> None:
    assert parse_html(html.escape(text)) == Formatted(text=text)


async def test_html_becomes_text_and_entities_counted_in_utf16(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    source = '🛒 <b>A &amp; B</b> <a href="https://hearthside.example/1">order</a> <i></i>'
    sent = await bot.send_message(alice.id, source, parse_mode=ParseMode.HTML)
    assert sent.text == "🛒 A & B order"
    assert sent.entities == (
        MessageEntity(type="bold", offset=3, length=5),
        MessageEntity(type="text_link", offset=9, length=5, url="https://hearthside.example/1"),
    )


async def test_markdown_must_escape_what_is_reserved(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, r"*S$69\.00* _now_ `a.b`", parse_mode=ParseMode.MARKDOWN_V2)
    assert sent.text == "S$69.00 now a.b"
    assert [entity.type for entity in sent.entities] == ["bold", "italic", "code"]
    with pytest.raises(BadRequest, match=r"character '\.' is reserved and must be escaped with the preceding"):
        await bot.send_message(alice.id, "S$69.00", parse_mode=ParseMode.MARKDOWN_V2)
    with pytest.raises(BadRequest, match="can't find end of bold entity at byte offset 0"):
        await bot.send_message(alice.id, "*S$69", parse_mode=ParseMode.MARKDOWN_V2)


async def test_links_and_commands_are_marked_by_telegram_itself(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_message(alice.id, "看 http://127.0.0.1:8081/#continue=ab，or /start")
    assert {entity.type: sent.parse_entity(entity) for entity in sent.entities} == {
        "url": "http://127.0.0.1:8081/#continue=ab",
        "bot_command": "/start",
    }


async def test_callback_data_has_at_most_64_bytes(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "?", reply_markup=keyboard(callback_data="水" * 21 + "x"))
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await bot.send_message(alice.id, "?", reply_markup=keyboard(callback_data="水" * 22))


@pytest.mark.parametrize(
    ("url", "reason"), [("not-a-url", "Wrong HTTP URL"), ("ftp://example.com/x", "Unsupported URL protocol")]
)
async def test_button_urls_must_be_urls(bot: Bot, shop: BotAccount, alice: User, url: str, reason: str) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(alice.id, "?", reply_markup=keyboard(url=url))
    assert refused.value.message == f"Inline keyboard button url '{url}' is invalid: {reason.lower()}"


async def test_button_urls_may_be_on_loopback_in_the_sandbox(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "?", reply_markup=keyboard(url="http://127.0.0.1:8081/#continue=ab"))


async def test_a_button_that_does_nothing_is_refused(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest, match="Text buttons are unallowed in the inline keyboard"):
        await bot.send_message(alice.id, "?", reply_markup=keyboard())
    flat = InlineKeyboardMarkup([]).to_dict() | {"inline_keyboard": [{"text": "Refund"}]}
    with pytest.raises(BadRequest, match="array of arrays"):
        await bot.send_message(alice.id, "?", api_kwargs={"reply_markup": flat})


async def test_nobody_is_written_to_who_did_not_write_first(bot: Bot, shop: BotAccount, alice: User) -> None:
    with pytest.raises(Forbidden, match="Forbidden: bot can't initiate conversation with a user"):
        await bot.send_message(alice.id, "Hello?")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(42, "Hello?")


async def test_who_blocked_the_bot_is_out_of_reach_until_start(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await alice.block(shop)
    with pytest.raises(Forbidden, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(alice.id, "Hello?")
    await alice.start(shop)
    await bot.send_message(alice.id, "Welcome back")


async def test_a_reply_needs_its_message(bot: Bot, shop: BotAccount, alice: User) -> None:
    question = (await alice.say(shop, "Where is my order?")).message
    answer = await bot.send_message(
        alice.id, "On its way", reply_parameters=ReplyParameters(message_id=question["message_id"])
    )
    assert answer.reply_to_message is not None
    assert answer.reply_to_message.text == "Where is my order?"
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(alice.id, "?", reply_parameters=ReplyParameters(message_id=1))
    lenient = ReplyParameters(message_id=1, allow_sending_without_reply=True)
    assert (await bot.send_message(alice.id, "!", reply_parameters=lenient)).reply_to_message is None


async def test_typing_shows_on_the_phone(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_chat_action(alice.id, "typing")
    assert (await alice.next_event("action"))["action"] == "typing"
    with pytest.raises(BadRequest, match="Wrong parameter action in request"):
        await bot.send_chat_action(alice.id, "juggling")


# --- photos ---


@pytest.fixture
async def pictures() -> AsyncIterator[str]:
    """A shop's web server; the address of its pictures."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async def picture(request: web.Request) -> web.Response:
        sizes = {"kettle": (48, 36), "ribbon": (420, 20)}
        if request.match_info["name"] == "torn":
            return web.Response(body=png(48, 36)[:-30], content_type="image/png")
        if request.match_info["name"] == "huge":
            return web.Response(body=png(48, 36) + b"\0" * 5 * 1024 * 1024, content_type="image/png")
        return web.Response(body=png(*sizes[request.match_info["name"]]), content_type="image/png")

    app = web.Application()
    app.router.add_get("/page", page)
    app.router.add_get("/{name}.png", picture)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_photo_is_fetched_from_its_address(bot: Bot, shop: BotAccount, alice: User, pictures: str) -> None:
    await alice.start(shop)
    sent = await bot.send_photo(alice.id, f"{pictures}/kettle.png", caption="<b>S$69</b>", parse_mode=ParseMode.HTML)
    assert (sent.photo[-1].width, sent.photo[-1].height, sent.caption) == (48, 36, "S$69")
    file = await bot.get_file(sent.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == png(48, 36)
    again = await bot.send_photo(alice.id, sent.photo[-1].file_id)
    assert again.photo == sent.photo


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/page", "Wrong type of the web page content"),
        ("/torn.png", "Wrong type of the web page content"),
        ("/huge.png", "Failed to get http url content"),
        ("/missing", "Failed to get http url content"),
        ("/ribbon.png", "Photo_invalid_dimensions"),
    ],
)
async def test_what_is_no_photo_is_refused(
    bot: Bot, shop: BotAccount, alice: User, pictures: str, path: str, reason: str
) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest) as refused:
        await bot.send_photo(alice.id, pictures + path)
    assert refused.value.message == reason


async def test_an_address_that_is_none_is_refused(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest, match="Wrong file identifier/http url specified"):
        await bot.send_photo(alice.id, "kettle.png")


async def test_a_photo_can_be_uploaded(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_photo(alice.id, png(20, 10), caption="A kettle")
    assert (sent.photo[-1].width, sent.photo[-1].height, sent.caption) == (20, 10, "A kettle")
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(alice.id, b"not a picture")


async def test_a_caption_has_at_most_1024_characters(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_photo(alice.id, png(4, 4), caption="x" * 1024)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(alice.id, png(4, 4), caption="x" * 1025)


# --- flood limits ---


@pytest.mark.parametrize("limits", [Limits(per_chat=Rate(per_second=0.001, burst=2))])
async def test_a_chat_that_is_flooded_asks_to_wait(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_message(alice.id, "1")
    await bot.send_message(alice.id, "2")
    with pytest.raises(RetryAfter, match=r"Retry in (99\d|1000) seconds"):
        await bot.send_message(alice.id, "3")
    assert [message["text"] for message in alice.messages] == ["/start", "1", "2"]


async def test_the_default_limits_let_a_talkative_bot_pass() -> None:
    async with TelegramServer() as server:
        shop = server.bot("1:a")
        bot = Bot(shop.token, base_url=f"{server.url}/bot")
        bob = server.user("Bob")
        await bob.start(shop)
        for number in range(20):
            await bot.send_message(bob.id, str(number))
