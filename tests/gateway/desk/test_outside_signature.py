"""What is told is signed as Standard Webhooks has it."""

from __future__ import annotations

import pytest

from bot.gateway.desk.outside.signature import secret_bytes, signed_headers


def test_it_is_the_signature_of_the_published_example() -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual, which the specification grew out of."""
    key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "whsec_" + "QUFB" * 30])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        secret_bytes(secret)
