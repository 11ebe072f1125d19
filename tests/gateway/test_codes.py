"""Codes that people type, in any spelling, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.codes import BITS, hash_of, new_code, shown, typed


def test_a_code_has_forty_bits() -> None:
    assert BITS >= 40


def test_a_new_code_is_read_back_as_it_is_shown() -> None:
    for _ in range(500):
        code = new_code()
        read = typed(shown(code))
        assert read is not None
        assert (read.code, read.surely) == (code, True)


def test_codes_differ() -> None:
    assert len({new_code() for _ in range(500)}) == 500


@pytest.mark.parametrize(
    "spelling",
    [
        "K7QM-20PD",
        "k7qm-20pd",
        " k7qm 20pd\n",
        "K7QM20PD",
        "k7 qm 20 pd",
        "Ｋ７ＱＭ－２０ＰＤ",  # full-width
        "k7qm – 2opd",
        "K7QM—2OPD",
        "k7qm\u00a020pd",
    ],
)
def test_every_spelling_is_the_same_code(spelling: str) -> None:
    read = typed(spelling)
    assert read is not None
    assert read.code == "K7QM20PD"


def test_what_looks_alike_is_alike() -> None:
    shown, read = typed("01AB-C234"), typed("oIab-c234")
    assert shown is not None
    assert read is not None
    assert read.code == shown.code


@pytest.mark.parametrize("text", ["k7qm20pd", "item 1042", "K7QM 20PD"])
def test_only_a_dash_makes_it_surely_a_code(text: str) -> None:
    read = typed(text)
    assert read is not None
    assert not read.surely


@pytest.mark.parametrize(
    "text",
    [
        "",
        "telegram",
        "WhatsApp",
        "re-order",
        "9123-4567",
        "9123 4567",
        "12-05-2026",
        "1042",
        "my code is K7QM-20PD",
        "K7QM-20PDX",
        "K7QM-20P",
        "k7qm-20p码",
        "K7QM" + " " * 60 + "20PD",
        "٣٤٥٦-ABCD",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert typed(text) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_harm(text: str) -> None:
    read = typed(text)
    assert read is None or len(read.code) == 8


def test_the_hash_is_not_that_of_a_deep_links_code() -> None:
    import hashlib

    assert hash_of("K7QM20PD") != hashlib.sha256(b"K7QM20PD").hexdigest()
