"""Whether a request comes from Meta."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from channels.contract import Webhook, WebhookRejected
from channels.whatsapp.webhook import SIGNATURE_HEADER, challenge, check_signature, signature

SECRET = "5f4dcc3b5aa765d61d8327deb882cf99"
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
SIGNED = "sha256=" + "0" * 64


def post(header: str | None, body: bytes = BODY) -> Webhook:
    headers = CIMultiDict({} if header is None else {SIGNATURE_HEADER.lower(): header})
    return Webhook(method="POST", headers=headers, body=body)


def test_signature_is_an_hmac_over_the_bytes() -> None:
    """The example of RFC 4231, section 4.3."""
    assert signature(b"what do ya want for nothing?", "Jefe") == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize("body", [b"", BODY, b"\xff\x00", BODY + b"\n"])
def test_signed_body_is_accepted_whatever_the_headers_case(body: bytes) -> None:
    check_signature(post(signature(body, SECRET), body), SECRET)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        SIGNED,
        signature(BODY, "another secret"),
        signature(BODY + b" ", SECRET),
        signature(BODY, SECRET).removeprefix("sha256="),
        signature(BODY, SECRET).upper(),
        signature(BODY, SECRET) + ",",
        "sha1=" + "0" * 40,
        "sha256=\udcff",
    ],
)
def test_missing_or_odd_signature_is_rejected_without_a_secret_being_told(header: str | None) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        check_signature(post(header), SECRET)
    assert str(rejected.value) == "X-Hub-Signature-256 is missing or wrong"


def get(**query: str) -> Webhook:
    return Webhook(method="GET", query={f"hub.{name}": value for name, value in query.items()})


def test_handshake_is_echoed() -> None:
    request = get(mode="subscribe", verify_token="verify-me", challenge="1158201444")
    assert challenge(request, "verify-me") == "1158201444"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (get(), "hub.mode is not subscribe"),
        (get(mode="unsubscribe", verify_token="verify-me", challenge="1"), "hub.mode is not subscribe"),
        (get(mode="subscribe", challenge="1"), "hub.verify_token is missing or wrong"),
        (get(mode="subscribe", verify_token="verify-m", challenge="1"), "hub.verify_token is missing or wrong"),
        (get(mode="subscribe", verify_token="\udcff", challenge="1"), "hub.verify_token is missing or wrong"),
        (get(mode="subscribe", verify_token="verify-me"), "hub.challenge is missing or odd"),
        (get(mode="subscribe", verify_token="verify-me", challenge="<b>"), "hub.challenge is missing or odd"),
    ],
)
def test_handshake_with_anything_wrong_is_rejected(request_: Webhook, reason: str) -> None:
    with pytest.raises(WebhookRejected) as rejected:
        challenge(request_, "verify-me")
    assert str(rejected.value) == reason
