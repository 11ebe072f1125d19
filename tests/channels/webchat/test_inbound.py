"""Every fixture is one frame, as the gateway hands it to the channel, and its meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Choice, Inbound, Link, Malformed, Media, Said, Start, Text
from channels.webchat.inbound import read_frame

FIXTURES = Path(__file__).parent / "fixtures"
ID = "6b8f3f6e-9f1c-4e0a-8a43-2f1d1f6d9c11"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BILL = Media(kind="file", ref=SHA256, name="账单 42.pdf", type="application/pdf", size=48213)

READ: dict[str, Said] = {
    "say": Text(text="Where is my order 1042?"),
    "say_chinese": Text(text="我想退货 🫖"),
    "say_lines": Text(text="One\n\nTwo"),
    "say_markup": Text(text="<img src=x onerror=alert(1)> **bold** /restart"),
    "say_longest": Text(text="x" * 8_000),
    "say_without_language": Text(text="hello"),
    "say_language_is_a_path": Text(text="hello"),
    "say_unknown_fields": Text(text="hello"),
    "say_says_it_is_another_visitor": Text(text="hello"),
    "say_surrogate_and_nul": Text(text="half ? and nul"),
    "id_twice": Text(text="hello"),
    "choose": Choice(message=345, option=1, label="Refund"),
    "choose_without_label": Choice(message=345, option=0),
    "choose_long_label": Choice(message=345, option=0, label="L" * 200),
    "link": Link(code="Ab3-_Axyz0123456789Ab3-_Axyz012"),
    "link_of_another_shape": Link(code=""),
    "start": Start(),
    "send_file": BILL,
    "send_file_with_caption": Media(
        kind="picture", ref=SHA256, text="It came like this", name="broken spout.png", type="image/png", size=48213
    ),
    "send_file_without_name": Media(kind="file", ref=SHA256, type="application/pdf", size=48213),
}
REFUSED = {
    "say_too_long": "too_long",
    "send_file_caption_too_long": "too_long",
    "send_file_not_looked_up": "no_file",
    "send_file_upload_is_text": "no_file",
    "send_file_of_unknown_kind": "no_file",
    "send_file_size_is_negative": "no_file",
    **dict.fromkeys(
        [
            "a_list",
            "a_number",
            "choose_a_payload",
            "choose_message_beyond_integers",
            "choose_message_is_text",
            "choose_option_is_negative",
            "choose_option_is_true",
            "empty",
            "link_without_code",
            "nested_too_deep",
            "no_json",
            "not_a_number",
            "not_utf8",
            "null",
            "say_blank",
            "say_id_is_a_number",
            "say_id_is_a_path",
            "say_id_too_long",
            "say_text_is_a_list",
            "say_text_is_a_number",
            "say_without_id",
            "say_without_text",
            "send_file_caption_is_a_number",
            "start_without_id",
            "truncated",
            "type_is_a_list",
            "unknown_type",
            "without_type",
        ],
        "malformed",
    ),
}
SOCKETS_OWN = {"hello", "invite", "invite_to_nowhere", "seen", "seen_is_text"}
"""Frames that the gateway's sockets answer themselves: nothing that a customer says."""


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", sorted(READ))
def test_fixture_is_read(name: str) -> None:
    body = fixture(name)
    given = json.loads(body.decode("utf-8", "replace"))
    key = "start" if name == "start" else ID
    assert read_frame(body, visitor="v1") == Inbound(
        channel="webchat",
        external_id="v1",
        address="v1",
        dedupe_key=f"v1:{key}",
        platform_id=ID,
        said=READ[name],
        language=None if name == "say_language_is_a_path" else given.get("language"),
    )


@pytest.mark.parametrize("name", sorted(REFUSED | dict.fromkeys(SOCKETS_OWN)))
def test_fixture_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_frame(fixture(name), visitor="v1")
    assert str(refused.value) == REFUSED.get(name, "malformed")


def test_every_fixture_has_its_expectation() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == READ.keys() | REFUSED.keys() | SOCKETS_OWN


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(READ)))
def test_a_fixture_with_anything_in_one_place_is_read_or_refused(data: st.DataObject, name: str) -> None:
    frame: dict[str, Any] = json.loads(fixture(name))
    place = data.draw(st.sampled_from([*frame, *(["upload"] if "upload" in frame else [])]))
    inside = frame[place] if isinstance(frame[place], dict) and data.draw(st.booleans()) else frame
    field = data.draw(st.sampled_from(sorted(inside))) if inside is not frame else place
    if data.draw(st.booleans()):
        inside[field] = data.draw(_anything)
    else:
        del inside[field]
    code, inbound = "", None
    try:
        inbound = read_frame(json.dumps(frame), visitor="v1")
    except Malformed as error:
        code = str(error)
    assert code in ("", "malformed", "too_long", "no_file")
    if inbound is None:
        return
    assert (inbound.external_id, inbound.address) == ("v1", "v1")
    assert inbound.dedupe_key.startswith("v1:")
