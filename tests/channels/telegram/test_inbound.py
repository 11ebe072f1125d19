"""Every fixture is one request as Telegram sends it, https://core.telegram.org/bots/api#update, and its meaning."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.contract import (
    Choice,
    Inbound,
    Link,
    Location,
    Malformed,
    Media,
    Moved,
    News,
    Reach,
    Revised,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
    WebhookRejected,
)
from channels.telegram import inbound
from channels.telegram.groups import Me
from channels.telegram.inbound import HANDLERS, SECRET_HEADER, check_secret, choice_data
from channels.telegram.said import MEDIA, UNSUPPORTED
from tests.channels.mutation import ANY_JSON, check_storable, mutated

FIXTURES = Path(__file__).parent / "fixtures"
NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)
SHOP = Me(id=123456, username="hearthside_bot")
NOT_INTRODUCED = Me(id=123456)
FAMILY = "-4123987"
FANS = "-1002123987456"


def webhook(body: bytes) -> Webhook:
    return Webhook(method="POST", body=body)


def fixture(name: str) -> Webhook:
    return webhook((FIXTURES / f"{name}.json").read_bytes())


def read(request: Webhook, me: Me = SHOP) -> list[Inbound | Unread]:
    return inbound.read(request, me)


def news(request: Webhook, me: Me = SHOP) -> list[News]:
    return inbound.news(request, me)


def update(**fields: Any) -> Webhook:
    return webhook(json.dumps({"update_id": 1, **fields}).encode())


def from_alice(said: Said, message_id: int) -> Inbound:
    return Inbound(
        channel="telegram",
        external_id="5214300117",
        address="5214300117",
        dedupe_key=f"message:5214300117:{message_id}",
        said=said,
        platform_id=str(message_id),
        sent_at=NOON + timedelta(seconds=message_id - 410),
        language="en",
        name="Alice Moreau",
    )


def from_family(said: Said, message_id: int) -> Inbound:
    return replace(
        from_alice(said, message_id),
        external_id=f"group:{FAMILY}",
        address=FAMILY,
        dedupe_key=f"message:{FAMILY}:{message_id}",
        name="Moreau family",
        audience=True,
    )


def photo(text: str = "") -> Media:
    return Media(kind="picture", ref="AgACAgIAAxkBAAIB2ZpQ", text=text, size=54321)


def tap_by_alice(choice: Choice) -> Inbound:
    return Inbound(
        channel="telegram",
        external_id="5214300117",
        address="5214300117",
        dedupe_key="tap:22395246712334566991",
        said=choice,
        platform_id="22395246712334566991",
        language="en",
        name="Alice Moreau",
    )


READ: dict[str, Inbound | Unread | None] = {
    # words
    "text": from_alice(Text(text="Where is my order 1047?"), 410),
    "text_chinese": Inbound(
        channel="telegram",
        external_id="5877001290",
        address="5877001290",
        dedupe_key="message:5877001290:411",
        said=Text(text="我的订单在哪里？"),
        platform_id="411",
        sent_at=NOON + timedelta(seconds=1),
        language="zh-hans",
        name="志强",
    ),
    "text_emoji_and_right_to_left": from_alice(Text(text="👩‍👩‍👧 أين طلبي؟ \u202e!"), 412),
    "text_reply": from_alice(Text(text="this one"), 413),
    "text_forwarded": from_alice(Text(text="50% off everything"), 414),
    "text_not_storable": replace(
        from_alice(Text(text="nul  and half ? of an emoji \u0007"), 506), name="Alice? Moreau", sent_at=NOON
    ),
    # the chat is opened
    "start": from_alice(Start(), 415),
    "start_with_link_code": from_alice(Link(code="f3Kx_9vQ-2LmZr7TnW0aYh"), 416),
    "start_with_campaign": from_alice(Start(), 417),
    "start_with_words": from_alice(Text(text="/start over, please"), 418),
    "command_help": from_alice(Text(text="/help"), 480),
    # files
    "photo": from_alice(photo("It came broken, what now?"), 419),
    "photo_in_album": from_alice(photo(), 420),
    "photo_in_album_second": from_alice(photo(), 499),
    "voice": from_alice(Media(kind="voice", ref="AgACAgIAAxkBAAIB3ZpQ", type="audio/ogg", size=54321), 421),
    "sticker": from_alice(Media(kind="sticker", ref="AgACAgIAAxkBAAIB4ZpQ", size=54321), 422),
    "video": from_alice(
        Media(kind="video", ref="AgACAgIAAxkBAAIB5ZpQ", name="door.mp4", type="video/mp4", size=54321), 423
    ),
    "video_note": from_alice(Media(kind="video", ref="AgACAgIAAxkBAAIB6ZpQ", size=54321), 424),
    "document": from_alice(
        Media(kind="file", ref="AgACAgIAAxkBAAIB7ZpQ", name="invoice.pdf", type="application/pdf", size=54321), 425
    ),
    "document_large": from_alice(
        Media(
            kind="file",
            ref="BQACAgIAAxkBAAIB7ZpR",
            text="everything",
            name="all of it.zip",
            type="application/zip",
            size=31457280,
        ),
        478,
    ),
    "document_without_name": from_alice(Media(kind="file", ref="BQACAgIAAxkBAAIB7ZpS"), 479),
    "animation": from_alice(
        Media(kind="video", ref="AgACAgIAAxkBAAIB8ZpQ", name="giphy.mp4", type="video/mp4", size=54321), 426
    ),
    "audio": from_alice(Media(kind="audio", ref="AgACAgIAAxkBAAIB9ZpQ", type="audio/mpeg", size=54321), 427),
    # places
    "location": from_alice(Location(latitude=48.8566, longitude=2.3522), 428),
    "venue": from_alice(
        Location(latitude=48.8566, longitude=2.3522, name="Hearthside", address="1 Rue de Rivoli"), 429
    ),
    # what the bot cannot use
    "contact": from_alice(Unsupported(kind="contact"), 430),
    "poll": from_alice(Unsupported(kind="poll"), 431),
    "dice": from_alice(Unsupported(kind="dice"), 432),
    "game": from_alice(Unsupported(kind="game"), 433),
    "story": from_alice(Unsupported(kind="story"), 434),
    "checklist": from_alice(Unsupported(kind="checklist"), 435),
    "paid_media": from_alice(Unsupported(kind="paid_media"), 436),
    "live_photo": from_alice(Unsupported(kind="live_photo"), 437),
    "rich_message": from_alice(Unsupported(kind="rich_message"), 438),
    # taps
    "callback_query": tap_by_alice(Choice(message=345, option=1, label="Refund")),
    "callback_query_inaccessible_message": tap_by_alice(Choice(message=345, option=1)),
    "callback_query_not_ours": Unread(reason="callback_query of a button that is not ours"),
    "callback_query_of_game": Unread(reason="callback_query.message is missing"),
    "callback_query_without_message": Unread(reason="callback_query.message is missing"),
    # said to the bot in a group
    "group_text": from_family(Text(text="where is my order?"), 450),
    "group_mention_after_emoji": from_family(Text(text="🍰 where is my order?"), 461),
    "group_mention_alone": from_family(Start(), 463),
    "group_reply_to_bot": from_family(Text(text="track it"), 464),
    "group_command": from_family(Text(text="/help"), 466),
    "group_command_to_bot": from_family(Text(text="/help please"), 467),
    "group_start_with_code": from_family(Start(), 469),
    "group_photo_with_mention": from_family(photo("is this the sofa?"), 470),
    "group_topic_mention": replace(
        from_family(Text(text="hello"), 471),
        external_id=f"group:{FANS}",
        address=f"{FANS}#3",
        dedupe_key=f"message:{FANS}:471",
        name="Hearthside fans",
    ),
    "group_anonymous_administrator": replace(
        from_family(Text(text="where is my order?"), 489),
        external_id=f"group:{FANS}",
        address=FANS,
        dedupe_key=f"message:{FANS}:489",
        name="Hearthside fans",
        language=None,
    ),
    "callback_query_in_group": replace(
        tap_by_alice(Choice(message=345, option=1, label="Refund")),
        external_id=f"group:{FAMILY}",
        address=FAMILY,
        name="Moreau family",
        audience=True,
    ),
    "callback_query_in_topic": replace(
        tap_by_alice(Choice(message=345, option=1, label="Refund")),
        external_id=f"group:{FANS}",
        address=f"{FANS}#3",
        dedupe_key="tap:22395246712334566992",
        platform_id="22395246712334566992",
        name="Hearthside fans",
        audience=True,
    ),
    # nobody's word to the bot
    "group_talk": None,
    "group_topic_talk": None,
    "group_mention_of_another": None,
    "group_reply_to_another": None,
    "group_command_to_another": None,
    "group_reply_by_bot": None,
    "group_bot_added": None,
    "supergroup_photo": None,
    "edited_message_in_group": None,
    "edited_live_location": None,
    "my_chat_member_in_group": None,
    # nothing new, but news
    "edited_message": None,
    "edited_caption": None,
    "edited_caption_taken_off": None,
    "edited_group_mention": None,
    "my_chat_member_blocked": None,
    "my_chat_member_unblocked": None,
    "group_migrated": None,
    # kept for inspection
    "channel_post": Unread(reason="channel_post is not handled"),
    "message_reaction": Unread(reason="message_reaction is not handled"),
    "inline_query": Unread(reason="inline_query is not handled"),
    "unknown_kind": Unread(reason="telepathy is not handled"),
    "from_bot": Unread(reason="said by a bot"),
    "service_pinned_message": Unread(reason="message of a kind that is not handled"),
    # not as documented
    "malformed_no_is_bot": Unread(reason="message is not as documented: TypeError"),
    "malformed_no_chat": Unread(reason="chat is missing"),
    "malformed_no_sender": Unread(reason="from is missing"),
    "malformed_null_message": Unread(reason="message is missing"),
    "malformed_text_is_number": Unread(reason="text is not a string that can be kept"),
    "malformed_text_of_nul": Unread(reason="text is not a string that can be kept"),
    "malformed_location": Unread(reason="location is not on the map"),
    "malformed_caption": Unread(reason="caption is not a string that can be kept"),
    "malformed_file_id": Unread(reason="file_id is not a string that can be kept"),
    "malformed_photo_size": Unread(reason="photo.width is not a number"),
    "malformed_chat_id_is_text": Unread(reason="chat.id is not a number"),
    "malformed_date": Unread(reason="message is not as documented: OSError"),
    "malformed_empty_object": Unread(reason="an update of an unknown kind is not as documented: TypeError"),
    "malformed_keyword": Unread(reason="api_kwargs is not as documented: TypeError"),
}

EDITED = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)

NEWS: dict[str, News] = {
    "edited_message": Revised(
        external_id="5214300117",
        platform_id="448",
        text="Where is my order 1048?",
        at=NOON + timedelta(seconds=99),
    ),
    "edited_caption": Revised(external_id="5214300117", platform_id="475", text="It came broken, both legs", at=EDITED),
    "edited_caption_taken_off": Revised(external_id="5214300117", platform_id="476", text="", at=EDITED),
    "edited_group_mention": Revised(
        external_id=f"group:{FAMILY}", platform_id="474", text="where is order 1048?", at=EDITED
    ),
    "my_chat_member_blocked": Reach(external_id="5214300117", reachable=False),
    "my_chat_member_unblocked": Reach(external_id="5214300117", reachable=True),
    "group_migrated": Moved(old=f"group:{FAMILY}", new=f"group:{FANS}"),
}

REFUSED = {
    "refused_broken": "the body is not JSON",
    "refused_empty": "the body is not JSON",
    "refused_not_utf8": "the body is not JSON",
    "refused_list": "the body is not a JSON object",
    "refused_number": "the body is not a JSON object",
}


@pytest.mark.parametrize(("name", "expected"), READ.items())
def test_fixture_is_read(name: str, expected: Inbound | Unread | None) -> None:
    assert read(fixture(name)) == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", READ)
def test_fixture_tells_its_news(name: str) -> None:
    assert news(fixture(name)) == ([NEWS[name]] if name in NEWS else [])


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_is_no_json_object_is_malformed(name: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read(fixture(name))
    with pytest.raises(Malformed, match=reason):
        news(fixture(name))


def test_every_fixture_has_its_expectation() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", [*HANDLERS, *UNSUPPORTED, *MEDIA, "venue", "location"])
def test_every_handled_event_has_a_fixture(name: str) -> None:
    found = [path for path in FIXTURES.iterdir() if path.stem in READ and f'"{name}"' in path.read_text()]
    assert found


# --- The secret -------------------------------------------------------------------------------------------------------


async def test_secret_is_accepted_whatever_the_headers_case() -> None:
    check_secret(Webhook(method="POST", headers=CIMultiDict({SECRET_HEADER.lower(): "s3cret"})), "s3cret")


@pytest.mark.parametrize(
    "headers", [{}, {SECRET_HEADER: ""}, {SECRET_HEADER: "s3cre"}, {SECRET_HEADER: "s3cret\udcff"}]
)
def test_missing_or_wrong_secret_is_rejected_without_being_told(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        check_secret(Webhook(method="POST", headers=CIMultiDict(headers)), "s3cret")
    assert "s3cre" not in str(rejected.value)


# --- Whatever the bytes -----------------------------------------------------------------------------------------------


def test_repeated_update_has_the_same_key_though_its_number_changed() -> None:
    first = json.loads((FIXTURES / "text.json").read_text())
    [one], [other] = read(update(**first)), read(update(**first | {"update_id": 7}))
    assert one == other


# --- Groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in READ if "group" in name or "topic" in name])
def test_until_the_bot_knows_its_name_a_mention_of_any_bot_is_its_own(name: str) -> None:
    """In privacy mode, Telegram delivers no mention of another."""
    meant_for_marc = name in ("group_mention_of_another", "group_command_to_another")
    expected = 1 if meant_for_marc else len(read(fixture(name)))
    assert len(read(fixture(name), NOT_INTRODUCED)) == expected


def test_mention_of_a_person_is_never_the_bot_s() -> None:
    assert in_family("@alice_moreau look", {"type": "mention", "offset": 0, "length": 13}, me=NOT_INTRODUCED) == []


@pytest.mark.parametrize(
    ("text", "offset", "heard"),
    [
        ("thank you @hearthside_bot", 10, "thank you"),
        ("is @hearthside_bot open?", 3, "is open?"),
        ("@hearthside_bot: hello", 0, "hello"),
        ("@hearthside_bot， 你好", 0, "你好"),
        ("😀😀 @hearthside_bot\nhello", 5, "😀😀 \nhello"),
    ],
)
def test_name_of_the_bot_is_left_out_by_its_place(text: str, offset: int, heard: str) -> None:
    [one] = in_family(text, {"type": "mention", "offset": offset, "length": 15})
    assert isinstance(one, Inbound)
    assert one.said == Text(text=heard)


@pytest.mark.parametrize(
    "entity",
    [
        {"type": "mention", "offset": -1, "length": 15},
        {"type": "mention", "offset": 0, "length": 0},
        {"type": "mention", "offset": 10**12, "length": 15},
        {"type": "mention", "offset": "0", "length": 15},
        {"type": "bot_command", "offset": 3, "length": 5},
        {"type": "bold", "offset": 0, "length": 15},
    ],
)
def test_entity_that_names_nobody_calls_nobody(entity: dict[str, Any]) -> None:
    assert in_family("@hearthside_bot hello", entity) == []


def in_family(text: str, *entities: dict[str, Any], me: Me = SHOP) -> list[Inbound | Unread]:
    message = json.loads((FIXTURES / "group_talk.json").read_text())["message"]
    return read(update(message=message | {"text": text, "entities": entities}), me)


# --- Whatever the text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "/start " + " " * 100_000 + "!", "\u202e\u0007\x7f", "/start@hearthside_bot"]
)
def test_any_text_is_read(text: str) -> None:
    message = json.loads((FIXTURES / "text.json").read_text())["message"] | {"text": text}
    [said] = [one.said for one in read(update(message=message)) if isinstance(one, Inbound)]
    assert said == (Start() if text == "/start@hearthside_bot" else Text(text=text))


def test_deeply_nested_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(webhook(b'{"update_id": 1, "message": ' + b"[" * 200_000))


@pytest.mark.parametrize("data", ["o:1", "o:1:2:3", "o:-1:0", "o:٣:1", f"o:{10**18}:0", "o:1:1000", "", "x" * 64])
def test_unknown_button_is_unread(data: str) -> None:
    query = json.loads((FIXTURES / "callback_query.json").read_text())["callback_query"] | {"data": data}
    assert read(update(callback_query=query)) == [Unread(reason="callback_query of a button that is not ours")]


@given(message=st.integers(0, 10**18 - 1), option=st.integers(0, 999))
def test_button_comes_back_as_the_choice_it_was_made_for(message: int, option: int) -> None:
    data = choice_data(message, option)
    query = json.loads((FIXTURES / "callback_query.json").read_text())["callback_query"] | {"data": data}
    [tap] = [one for one in read(update(callback_query=query)) if isinstance(one, Inbound)]
    assert len(data.encode()) <= 64
    assert tap.said == Choice(message=message, option=option)


ANY_CHARACTER = st.characters(exclude_categories=())
"""Lone surrogates too."""
VALID = [json.loads((FIXTURES / f"{name}.json").read_text()) for name in READ]


def look_at(request: Webhook) -> None:
    """Nothing but Malformed comes out."""
    check_storable([*read(request), *news(request)])


@given(data=st.data(), valid=st.sampled_from(VALID))
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_update_is_read_or_kept_and_never_an_error(data: st.DataObject, valid: dict[str, Any]) -> None:
    changed = mutated(valid, data)
    body = json.dumps(changed).encode()
    if isinstance(changed, dict):
        look_at(webhook(body))
    else:
        with pytest.raises(Malformed):
            read(webhook(body))


@given(kind=st.sampled_from([*HANDLERS, "poll_answer"]), value=ANY_JSON)
def test_any_json_is_read_or_kept_and_never_an_error(kind: str, value: object) -> None:
    look_at(update(**{kind: value}))


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        look_at(webhook(body))
