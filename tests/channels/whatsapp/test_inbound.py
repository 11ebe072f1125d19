"""Every fixture is one request as Meta sends it and its meaning.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

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

from channels.contract import (
    MEDIA_KINDS,
    Choice,
    Inbound,
    Link,
    Location,
    Malformed,
    Media,
    Moved,
    News,
    Receipt,
    Revised,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
)
from channels.whatsapp.inbound import HANDLERS, MEDIA, REPLIES, choice_id, link_text, read
from channels.whatsapp.news import EVENTS, STATES, SYSTEM, news
from tests.channels.mutation import ANY_JSON, check_storable, mutated

FIXTURES = Path(__file__).parent / "fixtures"
NUMBER = "106540352242922"
NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)
ALICE = "US.13491208655302741918"
BOB = "SG.88112233445566778899"
ALICES_NUMBER = "16505551234"
FILE = "1003383421387256"
THEIRS = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBJGMzEyNzhENTZDMzNGODlDRDgA"
OURS = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI0RTJEOTc2ODVERUY5RDlGNkYA"


def webhook(body: bytes) -> Webhook:
    return Webhook(method="POST", body=body)


def fixture(name: str) -> Webhook:
    return webhook((FIXTURES / f"{name}.json").read_bytes())


def loaded(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def wamid(number: int) -> str:
    return f"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQ{number}="


def from_alice(said: Said, number: int) -> Inbound:
    return Inbound(
        channel="whatsapp",
        external_id=ALICE,
        address=ALICE,
        dedupe_key=f"message:{wamid(number)}",
        said=said,
        platform_id=wamid(number),
        sent_at=NOON + timedelta(seconds=number - 410),
        name="Alice Moreau",
        known_as=ALICES_NUMBER,
    )


def told_by(person: str, name: str, said: Said, number: int, *, known_as: str | None = None) -> Inbound:
    return replace(from_alice(said, number), external_id=person, address=person, name=name, known_as=known_as)


READ: dict[str, list[Inbound | Unread]] = {
    # words
    "text": [from_alice(Text(text="Where is my order 1047?"), 410)],
    "text_chinese": [told_by(BOB, "志强", Text(text="我的订单在哪里？"), 411, known_as="6591234567")],
    "text_emoji_and_right_to_left": [from_alice(Text(text="👩‍👩‍👧 أين طلبي؟ \u202e!"), 412)],
    "text_reply": [from_alice(Text(text="this one"), 413)],
    "text_forwarded": [from_alice(Text(text="50% off everything"), 414)],
    "text_from_ad": [from_alice(Text(text="Is this lamp still available?"), 415)],
    "text_about_product": [from_alice(Text(text="Does it come in red?"), 416)],
    "text_with_link_code": [from_alice(Link(code="f3Kx_9vQ-2LmZr7TnW0aYh"), 417)],
    "text_almost_link_code": [from_alice(Text(text="Continue: f3Kx_9vQ-2LmZr7TnW0aYh please"), 418)],
    "text_not_storable": [
        replace(from_alice(Text(text="nul  and half ? of an emoji \u0007"), 493), name="Alice? Moreau")
    ],
    "text_with_odd_time": [replace(from_alice(Text(text="odd time"), 495), sent_at=None)],
    # who it is
    "text_number_alone": [told_by("16505551234", "Alice Moreau", Text(text="before user ids"), 419)],
    "text_user_id_alone": [replace(from_alice(Text(text="my number is hidden"), 420), known_as=None)],
    "text_user_id_in_contact": [from_alice(Text(text="only the contact has the id"), 421)],
    "text_wa_id_differs": [
        told_by("BR.77001122334455667788", "Beatriz", Text(text="olá"), 422, known_as="5511987654321")
    ],
    "batch_sender_unclear": [Unread(reason="the sender is not told")],
    # taps
    "button_reply": [from_alice(Choice(message=345, option=1, label="Refund"), 424)],
    "list_reply": [from_alice(Choice(message=345, option=7, label="Refund to the original…"), 425)],
    "list_reply_not_ours": [from_alice(Text(text="Priority Mail Express"), 426)],
    "flow_reply": [Unread(reason="interactive nfm_reply is not handled")],
    "template_button": [from_alice(Text(text="Unsubscribe"), 428)],
    "template_button_ours": [from_alice(Choice(message=345, option=0, label="Yes"), 429)],
    "request_welcome": [from_alice(Start(), 430)],
    # files
    "image": [from_alice(Media(kind="picture", ref=FILE, text="look at this", type="image/jpeg"), 431)],
    "image_without_caption": [from_alice(Media(kind="picture", ref=FILE, type="image/jpeg"), 502)],
    "image_number_alone": [
        told_by(ALICES_NUMBER, "Alice Moreau", Media(kind="picture", ref=FILE, type="image/jpeg"), 503)
    ],
    "audio_voice": [from_alice(Media(kind="voice", ref=FILE, type="audio/ogg; codecs=opus"), 432)],
    "audio_file": [from_alice(Media(kind="audio", ref=FILE, type="audio/mpeg"), 500)],
    "video": [from_alice(Media(kind="video", ref=FILE, type="video/mp4"), 433)],
    "video_with_caption": [from_alice(Media(kind="video", ref=FILE, text="it drips", type="video/mp4"), 505)],
    "document": [from_alice(Media(kind="file", ref=FILE, name="invoice.pdf", type="application/pdf"), 434)],
    "document_with_caption": [
        from_alice(
            Media(kind="file", ref=FILE, text="the receipt", name="../../receipt №7.pdf", type="application/pdf"), 501
        )
    ],
    "document_from_ad": [from_alice(Media(kind="file", ref=FILE, name="offer.pdf", type="application/pdf"), 518)],
    "sticker": [from_alice(Media(kind="sticker", ref=FILE, type="image/webp"), 435)],
    "sticker_animated": [from_alice(Media(kind="sticker", ref=FILE, type="image/webp"), 504)],
    # places
    "location": [
        from_alice(
            Location(latitude=1.2836, longitude=103.8607, name="Marina Bay", address="10 Bayfront Ave"),
            436,
        )
    ],
    "location_unnamed": [from_alice(Location(latitude=-1.0, longitude=103.5), 506)],
    # what the bot cannot use
    "contacts_many": [from_alice(Unsupported(kind="contacts"), 519)],
    "contacts": [from_alice(Unsupported(kind="contacts"), 437)],
    "order": [from_alice(Unsupported(kind="order"), 438)],
    "unsupported": [from_alice(Unsupported(kind="unsupported"), 439)],
    "unknown": [from_alice(Unsupported(kind="unknown"), 440)],
    # several in one body
    "batch": [
        from_alice(Text(text="first"), 460),
        told_by(BOB, "Bob Tan", Text(text="me too"), 461, known_as="6591234567"),
        from_alice(Text(text="second"), 462),
        Unread(reason="flows is not handled"),
    ],
    "batch_half_malformed": [
        Unread(reason="one of messages is not an object"),
        Unread(reason="text is not an object"),
        Unread(reason="body is not a string that can be kept"),
        from_alice(Text(text="still here"), 480),
    ],
    # nobody's word to the bot
    "text_of_group": [],
    "reaction": [],
    "reaction_removed": [],
    "status_sent": [],
    "status_delivered": [],
    "status_read": [],
    "status_played": [],
    "status_failed": [],
    "status_failed_without_reason": [],
    "statuses_out_of_order": [],
    # about what is known already
    "edit": [],
    "edit_of_caption": [],
    "edit_caption_taken_away": [],
    "revoke": [],
    "revoke_number_alone": [],
    "revoke_of_group": [],
    "system_number_changed": [],
    "system_number_changed_without_user_id": [],
    "system_user_id_changed": [],
    # kept for inspection
    "system_identity_changed": [Unread(reason="system customer_identity_changed is not handled")],
    "future_type": [Unread(reason="hologram is not handled")],
    "status_unknown": [Unread(reason="a status of an unknown kind")],
    "errors": [Unread(reason="Meta reports error 130429")],
    "account_update": [Unread(reason="account_update is not handled")],
    "template_status": [Unread(reason="message_template_status_update is not handled")],
    "message_echoes": [Unread(reason="smb_message_echoes is not handled")],
    "other_number": [Unread(reason="said to a phone number that is not WHATSAPP_PHONE_NUMBER_ID")],
    # not as documented
    "malformed_no_entry": [Unread(reason="the webhook has no entry")],
    "malformed_entry_is_object": [Unread(reason="the webhook has no entry")],
    "malformed_no_changes": [Unread(reason="an entry has no changes")],
    "malformed_no_value": [Unread(reason="a change has no value")],
    "malformed_no_metadata": [Unread(reason="said to a phone number that is not WHATSAPP_PHONE_NUMBER_ID")],
    "malformed_messages_is_object": [Unread(reason="messages is not a list")],
    "malformed_text_is_string": [Unread(reason="text is not an object")],
    "malformed_text_of_nul": [Unread(reason="body is not a string that can be kept")],
    "malformed_media_no_id": [Unread(reason="image has no id")],
    "malformed_media_id_is_path": [Unread(reason="document has no id")],
    "malformed_location": [Unread(reason="latitude is not a number of degrees")],
    "malformed_location_of_words": [Unread(reason="latitude is not a number of degrees")],
    "malformed_edit": [Unread(reason="message is not an object")],
    "malformed_revoke": [Unread(reason="original_message_id is not a string that can be kept")],
    "malformed_system": [Unread(reason="system user_changed_number does not say whose id it is")],
    "malformed_no_id": [Unread(reason="id is not a string that can be kept")],
    "malformed_sender": [Unread(reason="the sender is not told")],
    "malformed_button_reply": [Unread(reason="title is not a string that can be kept")],
    "malformed_type": [Unread(reason="a message of an unknown type is not handled")],
    "malformed_status": [
        Unread(reason="a status is not as documented: id is not a string that can be kept"),
    ],
    "malformed_status_is_list": [Unread(reason="one of statuses is not an object")],
    "not_whatsapp": [Unread(reason="the webhook is not about a WhatsApp Business account")],
    "not_ours_empty_object": [Unread(reason="the webhook is not about a WhatsApp Business account")],
}

REFUSED = {
    "refused_truncated": "the body is not JSON",
    "refused_empty": "the body is not JSON",
    "refused_form": "the body is not JSON",
    "refused_not_utf8": "the body is not JSON",
    "refused_list": "the body is not a JSON object",
    "refused_number": "the body is not a JSON object",
}


@pytest.mark.parametrize(("name", "expected"), READ.items())
def test_fixture_is_read(name: str, expected: list[Inbound | Unread]) -> None:
    assert read(fixture(name), NUMBER) == expected


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_what_is_no_json_object_is_malformed(name: str, reason: str) -> None:
    for look in (read, news):
        with pytest.raises(Malformed, match=reason):
            look(fixture(name), NUMBER)


def test_every_fixture_has_its_expectation() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("kind", [*HANDLERS, *EVENTS, *SYSTEM])
def test_every_declared_message_has_a_fixture(kind: str) -> None:
    assert [name for name in READ if f'"type": "{kind}"' in (FIXTURES / f"{name}.json").read_text()]


@pytest.mark.parametrize("kind", REPLIES)
def test_every_declared_reply_has_a_fixture(kind: str) -> None:
    assert [name for name in READ if f'"type": "{kind}"' in (FIXTURES / f"{name}.json").read_text()]


def test_every_kind_of_file_is_one_of_the_contracts() -> None:
    assert {*MEDIA.values(), "voice"} == set(MEDIA_KINDS)


# --- What is known already --------------------------------------------------------------------------------------------


def receipt(state: str, second: int = 0, error: str | None = None) -> Receipt:
    return Receipt(platform_id=OURS, state=state, at=NOON + timedelta(seconds=60 + second), error=error)


def revised(text: str | None, number: int, *, by: str = ALICE) -> Revised:
    return Revised(external_id=by, platform_id=THEIRS, text=text, at=NOON + timedelta(seconds=number - 410))


NEWS: dict[str, list[News]] = {
    "status_delivered": [receipt("delivered")],
    "status_read": [receipt("read")],
    "status_played": [receipt("read")],
    "status_failed": [
        receipt(
            "failed",
            error="the customer last wrote more than 24 hours ago: only a template may be sent now (131047)",
        )
    ],
    "status_failed_without_reason": [receipt("failed", error="Meta gave no reason")],
    "statuses_out_of_order": [receipt("read", 3), receipt("delivered")],
    "batch": [receipt("read")],
    "edit": [revised("order 1048, sorry", 443)],
    "edit_of_caption": [revised("the blue one", 507)],
    "edit_caption_taken_away": [revised("", 508)],
    "revoke": [revised(None, 444)],
    "revoke_number_alone": [revised(None, 509, by=ALICES_NUMBER)],
    "system_number_changed": [Moved(old=ALICE, new="US.99887766554433221100")],
    "system_number_changed_without_user_id": [Moved(old=ALICES_NUMBER, new="12195555358")],
    "system_user_id_changed": [Moved(old=ALICE, new="MX.0987654321")],
}


@pytest.mark.parametrize("name", READ)
def test_news_are_told_and_nothing_else_is(name: str) -> None:
    assert news(fixture(name), NUMBER) == NEWS.get(name, [])


@pytest.mark.parametrize("state", STATES)
def test_every_declared_status_has_a_fixture(state: str) -> None:
    assert [name for name in READ if f'"status": "{state}"' in (FIXTURES / f"{name}.json").read_text()]


@pytest.mark.parametrize("name", ["status_read", "edit", "revoke", "system_number_changed"])
def test_news_of_another_number_are_not_ours(name: str) -> None:
    assert news(fixture(name), "200000000000001") == []


# --- Who they are -----------------------------------------------------------------------------------------------------


def test_two_people_in_one_body_are_never_taken_for_each_other() -> None:
    """One contact, two numbers, neither quite its own: whose it is cannot be known."""
    body = loaded("text_wa_id_differs")
    value = body["entry"][0]["changes"][0]["value"]
    value["messages"].append(value["messages"][0] | {"from": "5521999998888", "id": "wamid.other"})
    people = [one.external_id for one in read(as_webhook(body), NUMBER) if isinstance(one, Inbound)]
    assert people == ["5511987654321", "5521999998888"]


def test_contact_of_another_user_id_is_not_the_senders() -> None:
    body = loaded("text")
    body["entry"][0]["changes"][0]["value"]["contacts"][0]["user_id"] = BOB
    [one] = read(as_webhook(body), NUMBER)
    assert one == replace(from_alice(Text(text="Where is my order 1047?"), 410), name=None)


# --- Whatever the bytes -----------------------------------------------------------------------------------------------


def as_webhook(data: object) -> Webhook:
    return webhook(json.dumps(data).encode())


def with_message(**fields: Any) -> Webhook:
    body = loaded("text")
    [message] = body["entry"][0]["changes"][0]["value"]["messages"]
    message |= fields
    return as_webhook(body)


@pytest.mark.parametrize("text", ["x" * 3_000_000, "\u202e\u0007\x7f", "Continue: short", "continue: " + "a" * 20])
def test_any_text_is_read(text: str) -> None:
    assert read(with_message(text={"body": text}), NUMBER) == [from_alice(Text(text=text), 410)]


@settings(deadline=None)
@given(code=st.from_regex(r"[A-Za-z0-9_-]{16,64}", fullmatch=True))
def test_deep_links_text_comes_back_as_its_code(code: str) -> None:
    assert read(with_message(text={"body": link_text(code) + "\n"}), NUMBER) == [from_alice(Link(code=code), 410)]


def test_deeply_nested_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(webhook(b'{"object": "whatsapp_business_account", "entry": ' + b"[" * 200_000), NUMBER)


@pytest.mark.parametrize("chosen", ["o:1", "o:1:2:3", "o:-1:0", "o:٣:1", f"o:{10**18}:0", "o:1:1000", "", None, 7])
def test_reply_to_an_option_that_is_not_ours_is_what_it_says(chosen: object) -> None:
    reply = {"type": "button_reply", "button_reply": {"id": chosen, "title": "Sure"}}
    assert read(with_message(type="interactive", interactive=reply), NUMBER) == [from_alice(Text(text="Sure"), 410)]


@settings(deadline=None)
@given(message=st.integers(0, 10**18 - 1), option=st.integers(0, 999))
def test_option_comes_back_as_the_choice_it_was_made_for(message: int, option: int) -> None:
    chosen = choice_id(message, option)
    reply = {"type": "list_reply", "list_reply": {"id": chosen, "title": "Sure"}}
    assert len(chosen) <= 200
    assert read(with_message(type="interactive", interactive=reply), NUMBER) == [
        from_alice(Choice(message=message, option=option, label="Sure"), 410)
    ]


VALID = [loaded(name) for name in READ]


def look_at(request: Webhook) -> None:
    """Nothing but Malformed comes out."""
    check_storable([*read(request, NUMBER), *news(request, NUMBER)])


@given(data=st.data(), valid=st.sampled_from(VALID))
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_changed_webhook_is_read_or_kept_and_never_an_error(data: st.DataObject, valid: dict[str, Any]) -> None:
    changed = mutated(valid, data)
    with pytest.raises(Malformed) if not isinstance(changed, dict) else contextlib.nullcontext():
        look_at(as_webhook(changed))


@settings(deadline=None)
@given(kind=st.sampled_from([*HANDLERS, *EVENTS]), value=ANY_JSON, whole=st.booleans())
def test_any_message_is_read_or_kept_and_never_an_error(kind: str, value: object, whole: bool) -> None:
    look_at(with_message(**({"type": kind, kind: value} if whole else {"type": kind, "from_user_id": value})))


@settings(deadline=None)
@given(data=st.data())
def test_reading_twice_gives_the_same(data: st.DataObject) -> None:
    request = as_webhook(mutated(data.draw(st.sampled_from(VALID)), data))
    with contextlib.suppress(Malformed):
        assert repr(read(request, NUMBER)) == repr(read(request, NUMBER))
        assert repr(news(request, NUMBER)) == repr(news(request, NUMBER))


@settings(deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        look_at(webhook(body))
