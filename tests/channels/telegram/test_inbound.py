"""Every fixture is one request as Telegram sends it, https://core.telegram.org/bots/api#update, and its meaning."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
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
    Malformed,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
    WebhookRejected,
)
from channels.telegram.inbound import HANDLERS, SECRET_HEADER, UNSUPPORTED, check_secret, choice_data, read

FIXTURES = Path(__file__).parent / "fixtures"
NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)


def webhook(body: bytes) -> Webhook:
    return Webhook(method="POST", body=body)


def fixture(name: str) -> Webhook:
    return webhook((FIXTURES / f"{name}.json").read_bytes())


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
    # what the bot cannot read yet
    "photo": from_alice(Unsupported(kind="photo"), 419),
    "photo_in_album": replace(from_alice(Unsupported(kind="photo"), 420), dedupe_key="album:5214300117:13870011223344"),
    "voice": from_alice(Unsupported(kind="voice"), 421),
    "sticker": from_alice(Unsupported(kind="sticker"), 422),
    "video": from_alice(Unsupported(kind="video"), 423),
    "video_note": from_alice(Unsupported(kind="video_note"), 424),
    "document": from_alice(Unsupported(kind="document"), 425),
    "animation": from_alice(Unsupported(kind="animation"), 426),
    "audio": from_alice(Unsupported(kind="audio"), 427),
    "location": from_alice(Unsupported(kind="location"), 428),
    "venue": from_alice(Unsupported(kind="venue"), 429),
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
    # nobody's word to the bot
    "my_chat_member_blocked": None,
    "group_text": None,
    "group_migrated": None,
    "supergroup_photo": None,
    "edited_message_in_group": None,
    "callback_query_in_group": None,
    # kept for inspection
    "edited_message": Unread(reason="edited_message is not handled"),
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
    "malformed_chat_id_is_text": Unread(reason="chat.id is not a number"),
    "malformed_date": Unread(reason="message is not as documented: OSError"),
    "malformed_empty_object": Unread(reason="an update of an unknown kind is not as documented: TypeError"),
    "malformed_keyword": Unread(reason="api_kwargs is not as documented: TypeError"),
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


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_is_no_json_object_is_malformed(name: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read(fixture(name))


def test_every_fixture_has_its_expectation() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", [*HANDLERS, *UNSUPPORTED])
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


def test_two_photos_of_an_album_are_one_thing() -> None:
    first = json.loads((FIXTURES / "photo_in_album.json").read_text())
    second = first | {"message": first["message"] | {"message_id": 999}}
    keys = {one.dedupe_key for photo in (first, second) for one in read(update(**photo)) if isinstance(one, Inbound)}
    assert keys == {"album:5214300117:13870011223344"}


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
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
VALID = [json.loads((FIXTURES / f"{name}.json").read_text()) for name in READ]


def mutated(value: Any, data: st.DataObject) -> Any:
    """`value` with one thing in it changed or gone, somewhere."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)) < 9:
        key = data.draw(st.sampled_from(sorted(value)))
        without = {name: one for name, one in value.items() if name != key}
        return without if data.draw(st.integers(0, 9)) == 9 else without | {key: mutated(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [mutated(value[0], data), *value[1:]]
    return data.draw(ANY_JSON)


def check_storable(result: list[Inbound | Unread]) -> None:
    """PostgreSQL takes no NUL, and UTF-8 no lone surrogate."""
    for text in strings([asdict(one) for one in result]):
        assert "\x00" not in text.encode("utf-8").decode()


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


@given(data=st.data(), valid=st.sampled_from(VALID))
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_update_is_read_or_kept_and_never_an_error(data: st.DataObject, valid: dict[str, Any]) -> None:
    changed = mutated(valid, data)
    body = json.dumps(changed).encode()
    if isinstance(changed, dict):
        check_storable(read(webhook(body)))
    else:
        with pytest.raises(Malformed):
            read(webhook(body))


@given(kind=st.sampled_from(["message", "callback_query", "edited_message", "poll_answer"]), value=ANY_JSON)
def test_any_json_is_read_or_kept_and_never_an_error(kind: str, value: object) -> None:
    check_storable(read(update(**{kind: value})))


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        check_storable(read(webhook(body)))
