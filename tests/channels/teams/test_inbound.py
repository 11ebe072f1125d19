"""Every fixture is one request as Teams sends it and its meaning:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#activity-object
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.contract import (
    MEDIA_KINDS,
    Answer,
    Choice,
    Inbound,
    Link,
    Malformed,
    Media,
    News,
    Reach,
    Revised,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
)
from channels.teams.address import Address, BadAddress, parse
from channels.teams.attachments import ATTACHMENTS, Place, place
from channels.teams.inbound import (
    AUDIENCES,
    CARD_ACTION,
    HANDLERS,
    NEWS,
    answer,
    choice_data,
    deep_link,
    link_text,
    news,
    read,
)
from tests.channels.mutation import ANY_JSON, check_storable, mutated

FIXTURES = Path(__file__).parent / "fixtures"
APP_ID = "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CHAT = "a:1aBcD-hearthside-alice"
GROUP = "19:8a1d0f2e@thread.v2"
THREAD = "19:5c7e9b1d@thread.tacv2;messageid=1795340400000"
ALICE = "9f2c7d31-0b1e-4a7a-8c62-51d2a3b4c5d6"
ON_ONEDRIVE = "https://contoso-my.sharepoint.com/personal/alice_contoso_com/_layouts/15/download.aspx"
NOON = datetime(2026, 11, 22, 10, 0, 0, 125_000, tzinfo=UTC)


def webhook(body: bytes) -> Webhook:
    return Webhook(method="POST", body=body)


def fixture(name: str) -> Webhook:
    return webhook((FIXTURES / f"{name}.json").read_bytes())


def activity(name: str, **changed: Any) -> Webhook:
    """A fixture with other fields."""
    return webhook(json.dumps(json.loads((FIXTURES / f"{name}.json").read_text()) | changed).encode())


def address(*, conversation: str = CHAT, user: str = "29:1Alice-bXlUZWFtcw", tenant: str = TENANT) -> str:
    return str(
        Address(
            service_url=f"https://smba.trafficmanager.net/emea/{TENANT}/",
            conversation=conversation,
            bot=f"28:{APP_ID}",
            user=user,
            tenant=tenant,
        )
    )


def from_alice(said: Said, second: int, number: str | None = None) -> Inbound:
    number = number or str(1_795_340_400_100 + second)
    return Inbound(
        channel="teams",
        external_id=ALICE,
        address=address(),
        dedupe_key=f"{CHAT}|{number}",
        said=said,
        platform_id=number,
        sent_at=NOON + timedelta(seconds=second),
        language="en-GB",
        name="Alice Moreau",
        known_as="29:1Alice-bXlUZWFtcw",
    )


def from_a_group(said: Said, second: int, *, conversation: str = GROUP, title: str | None = "Moving house") -> Inbound:
    return replace(
        from_alice(said, second),
        external_id=f"group:{conversation.partition(';')[0]}",
        address=address(conversation=conversation, user=""),
        dedupe_key=f"{conversation}|{1_795_340_400_100 + second}",
        name=title,
        known_as=None,
        audience=True,
    )


def pasted(number: str, **fields: Any) -> Media:
    """A picture on the connector, which wants the bot's token."""
    url = f"https://smba.trafficmanager.net/emea/v3/attachments/0-frca-{number}/views/original"
    return Media(kind="picture", ref=str(Place(url=url, token=True)), **fields)


def on_onedrive(name: str, kind: str = "file") -> Media:
    url = f"{ON_ONEDRIVE}?UniqueId=1150d938&tempauth=eyJ0eXAi.{name.partition('.')[0]}"
    return Media(kind=kind, ref=str(Place(url=url, token=False)), name=name)


def also(inbound: Inbound, number: int) -> Inbound:
    """Something more in the same message."""
    return replace(inbound, dedupe_key=f"{inbound.dedupe_key}#{number}")


READ: dict[str, list[Inbound | Unread]] = {
    # words
    "text": [from_alice(Text(text="Where is my order 1047?"), 1)],
    "text_chinese": [
        replace(
            from_alice(Text(text="我的订单在哪里？"), 2),
            external_id="5d0c1b2a-3f4e-4d5c-8b6a-7f8e9d0c1b2a",
            address=address(conversation="a:1zhiqiang", user="29:1Zhiqiang-d2h5"),
            dedupe_key="a:1zhiqiang|1795340400102",
            language="zh-CN",
            name="志强",
            known_as="29:1Zhiqiang-d2h5",
        )
    ],
    "text_emoji_and_right_to_left": [from_alice(Text(text="👩‍👩‍👧 أين طلبي؟ \u202e!"), 3)],
    "text_not_storable": [from_alice(Text(text="nul  and half ? of an emoji"), 4)],
    "text_mention": [from_alice(Text(text="where is my parcel?"), 5)],
    "text_mention_of_another": [from_alice(Text(text="ask <at>Bob</at> or &lt;at&gt;Hearthside"), 6)],
    "text_reply": [from_alice(Text(text="this one"), 7)],
    "text_without_aad_object_id": [
        replace(
            from_alice(Text(text="hello"), 8),
            external_id="29:1Guest-eHl6",
            address=address(user="29:1Guest-eHl6"),
            name="Carol (Guest)",
            known_as=None,
        )
    ],
    "text_without_locale_or_time": [
        replace(from_alice(Text(text="hello"), 9), address=address(tenant=""), sent_at=None, language=None)
    ],
    "message_imback": [from_alice(Text(text="Refund"), 10)],
    "message_link_code": [from_alice(Link(code="f3Kx_9vQ-2LmZr7TnW0aYh"), 11)],
    "message_like_a_link_code": [from_alice(Text(text="My Link code: f3Kx_9vQ-2LmZr7TnW0aYh"), 12)],
    # taps
    "submit": [from_alice(Choice(message=345, option=1), 13)],
    "submit_with_inputs": [from_alice(Choice(message=345, option=0), 14)],
    "message_back": [from_alice(Choice(message=345, option=1), 15)],
    "submit_not_ours": [Unread(reason="submit of a card that is not ours")],
    "submit_not_ours_with_text": [from_alice(Text(text="Refund"), 17)],
    "invoke_card_action": [from_alice(Choice(message=345, option=1), 18)],
    "invoke_card_action_not_ours": [Unread(reason="submit of a card that is not ours")],
    "invoke_task_fetch": [Unread(reason="invoke of task/fetch is not handled")],
    "invoke_without_name": [Unread(reason="invoke of something of an unknown kind is not handled")],
    # the chat is opened
    "installation_update_add": [from_alice(Start(), 23, "f:a5e1")],
    # what is attached
    "attachment_file": [from_alice(on_onedrive("invoice.pdf"), 34)],
    "attachment_file_that_is_a_picture": [from_alice(on_onedrive("scratch.JPG", "picture"), 60)],
    "attachment_file_without_address": [from_alice(Unsupported(kind="file"), 61)],
    "attachment_name_with_folders": [from_alice(replace(on_onedrive("x.pdf"), name="passwd"), 65)],
    "attachment_image": [from_alice(pasted("d1"), 35)],
    "attachment_image_with_text": [from_alice(pasted("d2", text="It came broken"), 36)],
    "attachment_image_with_link_code": [
        from_alice(Link(code="f3Kx_9vQ-2LmZr7TnW0aYh"), 64),
        also(from_alice(pasted("d1"), 64), 1),
    ],
    "attachment_of_a_plain_type": [from_alice(pasted("d5", name="scratch.png", type="image/png"), 66)],
    "attachments_with_text": [
        from_alice(pasted("d3", text="Both came broken"), 62),
        also(from_alice(pasted("d4"), 62), 1),
        also(from_alice(on_onedrive("invoice.pdf"), 62), 2),
    ],
    "attachment_audio": [
        from_alice(
            Media(kind="audio", ref=str(Place(url="https://example.com/a.m4a", token=True)), type="audio/mp4"), 37
        )
    ],
    "attachment_video": [
        from_alice(
            Media(kind="video", ref=str(Place(url="https://example.com/a.mp4", token=True)), type="video/mp4"), 38
        )
    ],
    "attachment_card": [from_alice(Unsupported(kind="card"), 39)],
    "attachment_card_with_text": [from_alice(Text(text="Look"), 63), also(from_alice(Unsupported(kind="card"), 63), 1)],
    "attachment_unknown": [from_alice(Unsupported(kind="file"), 40)],
    # said to the bot in a group
    "group_text": [from_a_group(Text(text="hi"), 41)],
    "channel_text": [from_a_group(Text(text="hi"), 42, conversation=THREAD, title="General")],
    "group_mention_alone": [from_a_group(Start(), 72)],
    "group_link_code": [from_a_group(Link(code="f3Kx_9vQ-2LmZr7TnW0aYh"), 73)],
    "group_submit": [from_a_group(Choice(message=345, option=1), 74)],
    "group_image": [from_a_group(pasted("d6", text="look"), 76)],
    "invoke_card_action_in_group": [from_a_group(Choice(message=345, option=1), 20, title=None)],
    # nobody's word to the bot
    "installation_update_upgrade": [],
    "installation_update_remove": [],
    "installation_update_in_team": [],
    "installation_update_remove_from_group": [],
    "conversation_update_bot_added": [],
    "conversation_update_in_team": [],
    "message_reaction": [],
    "typing": [],
    "group_text_without_mention": [],
    "group_mention_of_another": [],
    "group_submit_not_ours": [],
    # news
    "message_update": [],
    "message_update_undeleted": [],
    "message_update_in_group": [],
    "message_delete": [],
    "message_delete_in_group": [],
    # kept for inspection
    "message_empty": [Unread(reason="message of a kind that is not handled")],
    "mention_alone": [Unread(reason="message of a kind that is not handled")],
    "from_bot": [Unread(reason="said by a bot")],
    "event_of_meeting": [Unread(reason="event is not handled")],
    "unknown_type": [Unread(reason="telepathy is not handled")],
    "other_channel": [Unread(reason="channelId is not msteams")],
    "chat_of_unknown_type": [Unread(reason="said in a chat of an unknown kind")],
    # not as documented
    "malformed_empty_object": [Unread(reason="id is missing")],
    "malformed_type_is_number": [Unread(reason="type is not a string")],
    "malformed_text_is_number": [Unread(reason="text is not a string")],
    "malformed_no_sender": [Unread(reason="from.id is missing")],
    "malformed_sender_is_text": [Unread(reason="from.id is missing")],
    "malformed_no_id": [Unread(reason="id is missing")],
    "malformed_id_of_nul": [Unread(reason="an id is not a string that can be kept")],
    "malformed_timestamp": [Unread(reason="message is not as documented: DeserializationError")],
    "malformed_entities": [Unread(reason="message is not as documented: DeserializationError")],
    "malformed_attachments": [Unread(reason="message is not as documented: DeserializationError")],
    "malformed_conversation_is_list": [Unread(reason="conversation.id is missing")],
    "malformed_no_service_url": [Unread(reason="serviceUrl is missing")],
    "malformed_is_group_is_text": [Unread(reason="conversation.isGroup is neither true nor false")],
    "malformed_group_text_is_number": [Unread(reason="text is not a string")],
}

ALICES = Revised(external_id=ALICE, platform_id="", text=None)
NEW: dict[str, list[News]] = {
    "message_update": [
        replace(ALICES, platform_id="1795340400130", text="Where is my order 1048?", at=NOON + timedelta(seconds=30))
    ],
    "message_update_undeleted": [
        replace(ALICES, platform_id="1795340400178", text="Where is my order 1048?", at=NOON + timedelta(seconds=78))
    ],
    "message_delete": [replace(ALICES, platform_id="1795340400131", at=NOON + timedelta(seconds=31))],
    "message_update_in_group": [
        Revised(
            external_id=f"group:{GROUP}",
            platform_id="1795340400177",
            text="hi there",
            at=NOON + timedelta(seconds=77),
        )
    ],
    "message_delete_in_group": [
        Revised(external_id=f"group:{GROUP}", platform_id="1795340400132", text=None, at=NOON + timedelta(seconds=32))
    ],
    "installation_update_add": [Reach(external_id=ALICE, reachable=True)],
    "installation_update_remove": [Reach(external_id=ALICE, reachable=False)],
    "installation_update_in_team": [Reach(external_id="group:19:5c7e9b1d@thread.tacv2", reachable=True)],
    "installation_update_remove_from_group": [Reach(external_id=f"group:{GROUP}", reachable=False)],
}

REFUSED = {
    "refused_broken": "the body is not JSON",
    "refused_empty": "the body is not JSON",
    "refused_not_utf8": "the body is not JSON",
    "refused_null": "the body is not JSON",
    "refused_list": "the body is not a JSON object",
    "refused_number": "the body is not a JSON object",
}


@pytest.mark.parametrize(("name", "expected"), READ.items())
def test_fixture_is_read(name: str, expected: list[Inbound | Unread]) -> None:
    assert read(fixture(name)) == expected


@pytest.mark.parametrize("name", READ)
def test_news_of_a_fixture(name: str) -> None:
    assert news(fixture(name)) == NEW.get(name, [])


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_is_no_json_object_is_malformed(name: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read(fixture(name))
    with pytest.raises(Malformed, match=reason):
        news(fixture(name))
    with pytest.raises(Malformed, match=reason):
        answer(fixture(name))


def test_every_fixture_has_its_expectation() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", [*HANDLERS, *NEWS, *ATTACHMENTS, *AUDIENCES, CARD_ACTION])
def test_every_handled_event_has_a_fixture(name: str) -> None:
    assert [path for path in FIXTURES.iterdir() if path.stem in READ and f'"{name}' in path.read_text()]


# --- Invokes ----------------------------------------------------------------------------------------------------------

TAKEN = {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "Thank you"}
NOT_OURS = {
    "statusCode": 400,
    "type": "application/vnd.microsoft.error",
    "value": {"code": "BadRequest", "message": "not an action of this bot's cards"},
}
ANSWERS: dict[str, Answer | None] = {
    "text": None,
    "submit": None,
    "malformed_empty_object": None,
    "invoke_card_action": Answer(status=200, body=TAKEN),
    "invoke_card_action_not_ours": Answer(status=200, body=NOT_OURS),
    "invoke_card_action_in_group": Answer(status=200, body=TAKEN),
    "invoke_task_fetch": Answer(status=501),
    "invoke_without_name": Answer(status=501),
}


@pytest.mark.parametrize(("name", "expected"), ANSWERS.items())
def test_only_invokes_are_answered_with_something(name: str, expected: Answer | None) -> None:
    assert answer(fixture(name)) == expected


def test_invoke_is_answered_in_the_customers_language() -> None:
    assert answer(activity("invoke_card_action", locale="zh-CN")) == Answer(status=200, body=TAKEN | {"value": "谢谢"})


# --- Links and addresses ----------------------------------------------------------------------------------------------


def test_deep_link_brings_its_code_along() -> None:
    url = deep_link(APP_ID, "f3Kx_9vQ-2LmZr7TnW0aYh")
    assert url.startswith(f"https://teams.microsoft.com/l/chat/0/0?users=28:{APP_ID}&message=")
    [message] = parse_qs(urlsplit(url).query)["message"]
    [one] = read(activity("text", text=message))
    assert isinstance(one, Inbound)
    assert one.said == Link(code="f3Kx_9vQ-2LmZr7TnW0aYh")


def test_deep_link_without_a_code_only_opens_the_chat() -> None:
    assert deep_link(APP_ID, None) == f"https://teams.microsoft.com/l/chat/0/0?users=28:{APP_ID}"


@pytest.mark.parametrize("code", ["short", "x" * 65, "f3Kx 9vQ-2LmZr7TnW0aYh", "f3Kx_9vQ-2LmZr7TnW0aYé", ""])
def test_what_is_no_link_code_is_text(code: str) -> None:
    [one] = read(activity("text", text=link_text(code)))
    assert isinstance(one, Inbound)
    assert one.said == Text(text=link_text(code).strip())


def test_address_comes_back() -> None:
    assert str(parse(address())) == address()


@pytest.mark.parametrize(
    "text",
    ["", "7", "[]", "{}", "{" * 9000, '{"url":"u"}', address().replace(CHAT, ""), address().replace(f'"{CHAT}"', "7")],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse(text)


# --- Whatever the bytes -----------------------------------------------------------------------------------------------


def test_reading_twice_gives_the_same() -> None:
    assert read(fixture("submit")) == read(fixture("submit"))


@pytest.mark.parametrize("text", ["x" * 100_000, "\u202e\u0007\x7f", "<at>Hearthside</at>", "<b>&nbsp;</b>"])
def test_any_text_is_read_as_it_is(text: str) -> None:
    [said] = [one.said for one in read(activity("text", text=text)) if isinstance(one, Inbound)]
    assert said == Text(text=text)


def test_malformed_word_in_a_group_is_not_kept_either() -> None:
    assert read(activity("group_text_without_mention", text=5, id=None)) == []


@pytest.mark.parametrize("name", ["group_text", "channel_text", "group_submit", "group_image"])
def test_who_speaks_in_a_group_is_nobodys_identity(name: str) -> None:
    for one in read(fixture(name)):
        assert isinstance(one, Inbound)
        assert one.audience
        assert one.known_as is None
        assert "29:1Alice" not in f"{one.external_id}{one.address}"


def test_every_thread_of_a_channel_is_the_same_group() -> None:
    body = json.loads((FIXTURES / "channel_text.json").read_text())
    another = body | {"conversation": body["conversation"] | {"id": THREAD.replace("400000", "499999")}}
    [first], [second] = read(fixture("channel_text")), read(webhook(json.dumps(another).encode()))
    assert isinstance(first, Inbound)
    assert isinstance(second, Inbound)
    assert first.external_id == second.external_id
    assert first.address != second.address


@pytest.mark.parametrize("ref", ["", "7", "[]", "{}", "[" * 9000, '{"url":7,"token":true}', '{"url":"x","token":1}'])
def test_what_is_no_reference_to_a_file_is_none(ref: str) -> None:
    assert place(ref) is None


@pytest.mark.parametrize("data", ["345", "345:1:2", "-1:0", "٣:1", f"{10**18}:0", "1:1000", "", 345, None, ["345:1"]])
def test_unknown_button_is_unread(data: object) -> None:
    assert read(activity("submit", value={"o": data})) == [Unread(reason="submit of a card that is not ours")]


@given(message=st.integers(0, 10**18 - 1), option=st.integers(0, 999))
def test_button_comes_back_as_the_choice_it_was_made_for(message: int, option: int) -> None:
    [tap] = [one for one in read(activity("submit", value=choice_data(message, option))) if isinstance(one, Inbound)]
    assert tap.said == Choice(message=message, option=option)


def test_deeply_nested_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(webhook(b'{"type": "message", "value": ' + b"[" * 200_000))


def test_time_before_all_times_is_left_out() -> None:
    [one] = read(activity("text", timestamp="0001-01-01T00:00:00+14:00"))
    assert isinstance(one, Unread) or one.sent_at is None


VALID = [json.loads((FIXTURES / f"{name}.json").read_text()) for name in READ]


def look_at(request: Webhook) -> None:
    """Nothing but Malformed comes out, and each thing said is another one."""
    result = read(request)
    check_storable([*result, *news(request)])
    inbound = [one for one in result if isinstance(one, Inbound)]
    assert len({one.dedupe_key for one in inbound}) == len(inbound)
    assert all(one.said.kind in MEDIA_KINDS for one in inbound if isinstance(one.said, Media))
    assert all(one.audience == one.external_id.startswith("group:") for one in inbound)


@given(data=st.data(), valid=st.sampled_from(VALID))
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_activity_is_read_or_kept_and_never_an_error(data: st.DataObject, valid: dict[str, Any]) -> None:
    changed = mutated(valid, data)
    request = webhook(json.dumps(changed).encode())
    if isinstance(changed, dict):
        look_at(request)
        answer(request)
    else:
        with pytest.raises(Malformed):
            read(request)


@given(
    kind=st.sampled_from([*HANDLERS, "event"]),
    field=st.sampled_from(["value", "entities", "from", "attachments", "conversation"]),
    value=ANY_JSON,
)
@settings(deadline=None)
def test_any_json_is_read_or_kept_and_never_an_error(kind: str, field: str, value: object) -> None:
    look_at(activity("text", type=kind, **{field: value}))


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        look_at(webhook(body))


@given(text=st.text(max_size=200))
def test_any_address_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadAddress):
        parse(text)
