"""Files, places, groups and commands, as python-telegram-bot sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot, BotCommand, MessageEntity
from telegram import Update as ParsedUpdate
from telegram.error import BadRequest

from sandbox.telegram import BotAccount, TelegramServer, Update, User, media
from sandbox.telegram.errors import ApiError
from sandbox.telegram.media import DOWNLOAD_MAX

from .conftest import TOKEN

PDF = media.sample("receipt.pdf")


@pytest.fixture
async def files() -> AsyncIterator[str]:
    """A shop's web server; the address of its files."""
    served = {
        "manual.pdf": (PDF, "application/pdf"),
        "all.zip": (b"PK\x05\x06" + bytes(18), "application/zip"),
        "terms.docx": (b"PK", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        "page.pdf": (b"<html>", "application/pdf"),
        "huge.pdf": (PDF + bytes(DOWNLOAD_MAX), "application/pdf"),
    }

    async def file(request: web.Request) -> web.Response:
        if request.match_info["name"] not in served:
            raise web.HTTPNotFound
        content, content_type = served[request.match_info["name"]]
        return web.Response(body=content, content_type=content_type)

    app = web.Application()
    app.router.add_get("/{name}", file)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


# --- what people send ---


async def test_what_people_send_can_be_downloaded(bot: Bot, shop: BotAccount, alice: User) -> None:
    photo = (await alice.photo(shop, "look")).message["photo"][-1]
    file = await bot.get_file(photo["file_id"])
    assert bytes(await file.download_as_bytearray()) == media.sample("photo.jpg")
    assert (photo["width"], photo["height"], photo["file_size"]) == (640, 480, len(media.sample("photo.jpg")))


async def test_every_kind_of_file_can_be_read_by_the_library(bot: Bot, shop: BotAccount, alice: User) -> None:
    sent = [
        await alice.photo(shop),
        await alice.document(shop, "the receipt"),
        await alice.voice(shop),
        await alice.audio(shop),
        await alice.video(shop, "the door"),
        await alice.video_note(shop),
        await alice.animation(shop),
        await alice.sticker(shop),
        await alice.location(shop),
        await alice.venue(shop, "Hearthside", "10 Bayfront Avenue"),
        await alice.contact(shop),
    ]
    messages = [read(update, bot).message for update in sent]
    assert [type(message.effective_attachment).__name__ for message in messages if message] == [
        "tuple", "Document", "Voice", "Audio", "Video", "VideoNote", "Animation", "Sticker", "Location",
        "Location", "Contact",
    ]  # fmt: skip


async def test_more_than_20_megabytes_cannot_be_downloaded(bot: Bot, shop: BotAccount, alice: User) -> None:
    just = (await alice.document(shop, content=bytes(DOWNLOAD_MAX))).message["document"]
    assert (await bot.get_file(just["file_id"])).file_size == DOWNLOAD_MAX
    large = (await alice.document(shop, content=bytes(DOWNLOAD_MAX + 1))).message["document"]
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(large["file_id"])


async def test_an_unknown_file_is_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Wrong file_id or the file is temporarily unavailable"):
        await bot.get_file("BQACAgIAAxkBAAI")


async def test_a_download_needs_the_token(server: TelegramServer, bot: Bot, shop: BotAccount, alice: User) -> None:
    file = await bot.get_file((await alice.voice(shop)).message["voice"]["file_id"])
    path = str(file.file_path).partition(TOKEN)[2]
    async with aiohttp.ClientSession(trust_env=False) as session:
        for token, status in ((TOKEN, 200), ("123456:wrong", 401)):
            async with session.get(f"{server.url}/file/bot{token}{path}") as answer:
                assert answer.status == status
        async with session.get(f"{server.url}/file/bot{TOKEN}/voice/none.oga") as answer:
            assert answer.status == 404


# --- files that bots send ---


@pytest.mark.parametrize("name", ["manual.pdf", "all.zip"])
async def test_a_document_is_fetched_from_its_address(
    bot: Bot, shop: BotAccount, alice: User, files: str, name: str
) -> None:
    await alice.start(shop)
    sent = await bot.send_document(alice.id, f"{files}/{name}", caption="Here")
    assert sent.document is not None
    assert (sent.document.file_name, sent.caption) == (name, "Here")
    again = await bot.send_document(alice.id, sent.document.file_id)
    assert again.document is not None
    assert again.document.file_id == sent.document.file_id


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("terms.docx", "Wrong type of the web page content"),
        ("page.pdf", "Wrong type of the web page content"),
        ("huge.pdf", "Failed to get http url content"),
        ("missing.pdf", "Failed to get http url content"),
    ],
)
async def test_what_telegram_does_not_fetch_is_refused(
    bot: Bot, shop: BotAccount, alice: User, files: str, name: str, reason: str
) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest) as refused:
        await bot.send_document(alice.id, f"{files}/{name}")
    assert refused.value.message == reason


async def test_a_document_can_be_uploaded(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    sent = await bot.send_document(alice.id, PDF, filename="receipt.pdf")
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("receipt.pdf", len(PDF))
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(alice.id, b"")


# --- places ---


async def test_places_arrive(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    await bot.send_location(alice.id, 1.2834, 103.8607)
    await bot.send_venue(alice.id, 1.2834, 103.8607, "Hearthside", "10 Bayfront Avenue")
    pin, venue = await alice.next_message(), await alice.next_message()
    assert pin["location"] == venue["location"] == {"latitude": 1.2834, "longitude": 103.8607}
    assert (venue["venue"]["title"], venue["venue"]["address"]) == ("Hearthside", "10 Bayfront Avenue")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"latitude": 91, "longitude": 0}, "wrong location specified"),
        ({"latitude": 0, "longitude": -181}, "wrong location specified"),
        ({"latitude": 0}, "longitude is empty"),
        ({"longitude": 0}, "latitude is empty"),
    ],
)
async def test_a_place_must_be_on_the_map(
    server: TelegramServer, shop: BotAccount, alice: User, place: dict[str, float], reason: str
) -> None:
    await alice.start(shop)
    with pytest.raises(ApiError, match=f"Bad Request: {reason}"):
        await server.call(shop, "sendLocation", {"chat_id": alice.id} | place)


# --- formatting ---


async def test_a_link_to_what_is_no_web_address_is_dropped(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    link = MessageEntity(type="text_link", offset=0, length=4, url="tel:+6561234567")
    sent = await bot.send_message(alice.id, "Call", entities=[link])
    assert sent.entities == ()


async def test_an_entity_must_lie_within_its_text(bot: Bot, shop: BotAccount, alice: User) -> None:
    await alice.start(shop)
    with pytest.raises(BadRequest, match="Entity beyond the end of the text"):
        await bot.send_message(alice.id, "Call", entities=[MessageEntity(type="bold", offset=2, length=3)])


# --- groups in privacy mode ---


async def test_in_a_group_the_bot_is_told_only_what_is_said_to_it(
    server: TelegramServer, bot: Bot, shop: BotAccount
) -> None:
    alice, bob = server.user("Alice"), server.user("Bob")
    family = server.group("Family", shop, [alice, bob])
    answer = (await bot.send_message(family.id, "Hello all")).to_dict()
    own = await family.say(bob, "lunch at 2?")
    told = [
        await family.say(bob, "hello", mention=True),
        await family.say(bob, "yes", reply_to=answer),
        await family.say(bob, "/help"),
        await family.say(bob, "/help@hearthside_bot"),
        await family.send(bob, media.photo(server.network.shelf), reply_to=answer),
    ]
    assert own is None
    assert None not in told
    assert await family.say(bob, "/help@marc_bot") is None
    assert await family.send(bob, media.photo(server.network.shelf)) is None


async def test_an_edit_in_a_group_is_told_only_if_it_concerns_the_bot(server: TelegramServer, shop: BotAccount) -> None:
    bob = server.user("Bob")
    family = server.group("Family", shop, [bob])
    said = await family.say(bob, "helo", mention=True)
    assert said is not None
    edited = await family.edit(said.message, "@hearthside_bot hello")
    assert edited is not None
    assert (edited.kind, edited.message["text"]) == ("edited_message", "@hearthside_bot hello")


async def test_a_topic_must_be_there(server: TelegramServer, bot: Bot, shop: BotAccount) -> None:
    fans = server.group("Fans", shop, [server.user("Bob")], topics=(3,))
    assert (await bot.send_message(fans.id, "Hi", message_thread_id=3)).is_topic_message
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(fans.id, "Hi", message_thread_id=4)


# --- commands ---


async def test_commands_are_kept_by_language(bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("help", "What I can do")])
    await bot.set_my_commands([BotCommand("help", "我能做什么")], language_code="zh")
    assert await bot.get_my_commands() == (BotCommand("help", "What I can do"),)
    assert await bot.get_my_commands(language_code="zh") == (BotCommand("help", "我能做什么"),)
    assert await bot.get_my_commands(language_code="fr") == ()
    with pytest.raises(BadRequest, match="Invalid language code specified"):
        await bot.set_my_commands([BotCommand("help", "x")], language_code="zh-hans")


async def test_a_caption_can_be_edited(bot: Bot, shop: BotAccount, alice: User) -> None:
    photo = await alice.photo(shop, "it came broken")
    edited = read(await alice.edit(shop, photo.message, "it came broken, see @hearthside_bot"), bot).edited_message
    assert edited is not None
    assert edited.caption == "it came broken, see @hearthside_bot"
    assert [entity.type for entity in edited.caption_entities] == ["mention"]
    assert edited.photo


def read(update: Update, bot: Bot) -> ParsedUpdate:
    parsed = ParsedUpdate.de_json(update.json, bot)
    assert parsed is not None
    return parsed
