"""Which passwords are good enough, and which codes are right: decided from values alone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.gateway.desk.access import totp
from bot.gateway.desk.access.passwords import Passwords, WeakPassword, check_strength
from tests.gateway.desk.staff import CHEAP


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "the kettle sings at seven",
        "x7#Qp!vB2m$K",
        "七点钟水壶在唱歌啊真好听",
        "my dog is called Baseball Monkey Dragon",
        "password for the kettle shop",
        "            a space counts too",
        "048213759926",
    ],
)
def test_what_is_long_and_not_common_is_taken(password: str) -> None:
    check_strength(password, "maya")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "too_short"),
        ("elevenchars", "too_short"),
        ("水壶" * 5, "too_short"),
        ("水壶" * 9, "too_common"),
        ("x y z " * 50, "too_long"),
        ("aaaaaaaaaaaaaaaa", "too_common"),
        ("121212121212", "too_common"),
        ("123456789012", "too_common"),
        ("987654321098", "too_common"),
        ("qwertyuiopas", "too_common"),
        ("abcdefghijkl", "too_common"),
        ("Password1234!", "too_common"),
        ("P@ssword2026!!", "too_common"),
        ("passwordpassword", "too_common"),
        ("Welcome-Admin-2026", "too_common"),
        ("throughline1", "too_common"),
        ("maya@shop.example", "is_login"),
        ("MAYA@shop.example2026", "is_login"),
        ("maya@shop.examplemaya@shop.example", "is_login"),
    ],
)
def test_what_is_guessed_early_is_not(password: str, why: str) -> None:
    with pytest.raises(WeakPassword, match=why):
        check_strength(password, "maya@shop.example")


@given(some.text(max_size=300), some.text(min_size=1, max_size=50))
def test_any_text_is_taken_or_refused_with_a_reason(password: str, login: str) -> None:
    try:
        check_strength(password, login)
        why = ""
    except WeakPassword as weak:
        why = str(weak)
    assert why in ("", "too_short", "too_long", "is_login", "too_common")


async def test_however_the_keyboard_composes_it_it_is_the_same_password() -> None:
    passwords = Passwords(CHEAP)
    known = await passwords.hash("caf\u00e9 au lait, please")
    assert await passwords.matches("cafe\u0301 au lait, please", known)
    assert not await passwords.matches("cafe au lait, please", known)
    assert not await passwords.matches("caf\u00e9 au lait, please ", known)
    assert not await passwords.matches("\ud800 is half a sign", known)


async def test_what_is_no_hash_matches_nothing() -> None:
    passwords = Passwords(CHEAP)
    assert not await passwords.matches("anything", "not a hash")
    assert not await passwords.matches("anything", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$")


# RFC 6238, appendix B, for SHA-1; of its eight digits the last six.
SHARED = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_of(SHARED, seconds // totp.STEP) == code
    now = datetime.fromtimestamp(seconds, UTC)
    assert totp.step_of(SHARED, code, now) == seconds // totp.STEP
    assert totp.step_of(SHARED, f"{code[:3]} {code[3:]}", now) == seconds // totp.STEP


@given(some.text(max_size=12))
def test_what_is_no_code_is_none(code: str) -> None:
    now = datetime.fromtimestamp(59, UTC)
    good = {totp.code_of(SHARED, step) for step in (0, 1, 2)}
    assert (totp.step_of(SHARED, code, now) is None) is (code.replace(" ", "") not in good)


def test_a_secret_is_160_bits_and_what_an_app_reads() -> None:
    shared = totp.new_secret()
    assert len(base64.b32decode(shared)) == 20
    assert totp.is_secret(shared)
    assert not any(totp.is_secret(one) for one in ("", "A" * 16, "not base32!", shared.lower(), "ü" * 32))
    uri = urlsplit(totp.uri_of(shared, "maya@shop.example"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Throughline:maya%40shop.example")
    assert parse_qs(uri.query) == {"secret": [shared], "issuer": ["Throughline"]}
    assert totp.picture_of(totp.uri_of(shared, "maya")).lstrip().startswith("<?xml")
