"""What Chatwoot's webhook says, read without a database."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.desk.outside.chatwoot.inbound import Changed, File, Malformed, Said, User, read, verify
from tests.database import NOON

SECRET = "the-secret-of-the-inbox"
MAYA = {"id": 7, "name": "Maya", "email": "maya@example.com", "type": "user"}
WRITTEN: dict[str, Any] = {
    "event": "message_created",
    "id": 31,
    "content": "Hello",
    "message_type": "outgoing",
    "content_type": "text",
    "private": False,
    "sender": MAYA,
    "inbox": {"id": 3, "name": "Shop"},
    "conversation": {"id": 12, "inbox_id": 3, "status": "open"},
    "account": {"id": 1, "name": "Hearthside"},
}
RESOLVED: dict[str, Any] = {
    "event": "conversation_status_changed",
    "id": 12,
    "inbox_id": 3,
    "status": "resolved",
    "meta": {"assignee": MAYA},
    "changed_attributes": [{"status": {"previous_value": "open", "current_value": "resolved"}}],
    "updated_at": 1_795_262_400.25,
}


def heard(payload: Any, **changes: Any) -> Said | Changed | None:
    return read(json.dumps({**payload, **changes}).encode(), inbox=3)


def signed(body: bytes, *, at: float = NOON.timestamp(), secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Chatwoot-Timestamp": str(int(at)), "X-Chatwoot-Signature": f"sha256={digest}"}


def test_the_signature_is_of_the_time_and_the_body() -> None:
    assert verify(SECRET, signed(b"{}"), b"{}", NOON)
    assert verify(SECRET, signed(b"{}", at=NOON.timestamp() - 299), b"{}", NOON)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"{ }"),
        signed(b"{}", secret="another"),
        signed(b"{}", at=NOON.timestamp() - 301),
        signed(b"{}", at=NOON.timestamp() + 301),
        {**signed(b"{}"), "X-Chatwoot-Timestamp": "now"},
        {**signed(b"{}"), "X-Chatwoot-Timestamp": "9" * 400},
        {**signed(b"{}"), "X-Chatwoot-Signature": "sha256=ümlaut"},
        {"X-Chatwoot-Timestamp": signed(b"{}")["X-Chatwoot-Timestamp"]},
    ],
)
def test_any_other_is_refused(headers: dict[str, str]) -> None:
    assert not verify(SECRET, headers, b"{}", NOON)


def test_an_agent_has_written() -> None:
    assert heard(WRITTEN) == Said(conversation=12, message=31, by=User(id=7, name="Maya"), text="Hello")
    files = [{"file_type": "image", "data_url": "https://c.example.com/a.png"}, {"file_type": "file"}, "x"]
    told = heard(WRITTEN, content=None, attachments=files)
    assert isinstance(told, Said)
    assert (told.text, told.files) == ("", (File(url="https://c.example.com/a.png", is_picture=True),))


@pytest.mark.parametrize(
    "changes",
    [
        {"private": True},
        {"message_type": "incoming"},
        {"message_type": "template"},
        {"message_type": 0},
        {"sender": None},
        {"sender": {"id": 9, "name": "Captain", "type": "agent_bot"}},
        {"sender": {"id": 9, "name": "Alice", "type": "contact"}},
        {"inbox": {"id": 4}},
        {"conversation": None},
        {"id": "31"},
        {"id": True},
        {"event": "message_updated"},
        {"event": "conversation_created"},
        {"event": ["message_created"]},
    ],
)
def test_what_is_no_word_to_the_customer_is_let_be(changes: dict[str, Any]) -> None:
    assert heard(WRITTEN, **changes) is None


def test_a_conversation_has_changed() -> None:
    maya = User(id=7, name="Maya")
    told = Changed(conversation=12, at=1_795_262_400.25, status="resolved", assigned=False, assignee=maya)
    assert heard(RESOLVED) == told
    assert heard(RESOLVED, event="conversation_updated") == told
    assigned = [{"assignee_id": {"previous_value": 7, "current_value": None}}]
    assert heard(
        RESOLVED, event="conversation_updated", changed_attributes=assigned, meta={"assignee": None}
    ) == Changed(conversation=12, at=1_795_262_400.25, status=None, assigned=True, assignee=None)
    assert heard(RESOLVED, changed_attributes=[{"label_list": {}}]) is None
    assert heard(RESOLVED, inbox_id=4) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body, inbox=3)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([WRITTEN, RESOLVED]), st.data())
def test_nothing_else_breaks_it(payload: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(payload)))
    heard(payload, **{name: data.draw(_json)})
