"""Meta's refusals, and what the sender should do about each."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from channels.contract import SendError
from channels.delivery import Refused
from channels.whatsapp.errors import MEANINGS, PairLimit, RateLimit, meaning, network, refusal
from channels.whatsapp.pairs import PairBackoff, pair_wait

AGAIN: dict[int, float | None] = {
    1: None, 2: None, 4: 60, 80007: 60, 130429: 1, 131056: None, 131000: None, 131016: None, 131057: 60, 133004: None,
}  # fmt: skip
"""With the seconds to wait, where Meta's own word or its kind says so."""
RATES = {4, 80007, 130429}
NEVER = [
    0, 3, 10, 33, 190, 200, 368, 130472, 130497, 131005, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047,
    131048, 131049, 131050, 133010,
]  # fmt: skip
ANOTHER_FORM = [100, 131008, 131009, 131051, 131052, 131053]


def graph(code: Any, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": f"(#{code}) Alice said hello", "type": "OAuthException", "code": code} | fields}


def outcome(error: SendError) -> tuple[str, bool, bool, float | None]:
    return (error.reason, error.permanent, error.uncertain, error.retry_after)


def test_every_code_is_sorted() -> None:
    assert sorted(MEANINGS) == sorted([*AGAIN, *NEVER, *ANOTHER_FORM])


@pytest.mark.parametrize(("code", "wait"), AGAIN.items())
def test_passing_trouble_is_tried_again(code: int, wait: float | None) -> None:
    error = refusal(400, graph(code))
    assert (error.permanent, error.uncertain, error.retry_after) == (False, False, wait)
    assert isinstance(error, RateLimit) == (code in RATES)
    assert isinstance(error, PairLimit) == (code == 131056)


@pytest.mark.parametrize("code", [0, 190])
def test_token_that_is_refused_says_what_to_do(code: int) -> None:
    reason = meaning(code).reason
    assert reason.startswith("WHATSAPP_ACCESS_TOKEN was refused")
    assert "generate a new one" in reason


@pytest.mark.parametrize("code", [*NEVER, 132000, 132001, 132999, 131999])
def test_lasting_trouble_is_not(code: int) -> None:
    error = refusal(400, graph(code))
    assert (error.permanent, isinstance(error, Refused)) == (True, False)


@pytest.mark.parametrize("code", ANOTHER_FORM)
def test_content_that_is_refused_may_be_sent_in_another_form(code: int) -> None:
    assert isinstance(refusal(400, graph(code)), Refused)


ANSWERS: dict[str, tuple[SendError, Any]] = {
    "with a trace": (
        refusal(400, graph(131042, fbtrace_id="AXsgnV2Cm3")),
        (
            "the WhatsApp Business account's payment needs attention (131042), trace AXsgnV2Cm3",
            True,
            False,
            None,
        ),
    ),
    "throughput": (refusal(429, graph(130429)), ("too many messages a second for WhatsApp (130429)", False, False, 1)),
    "throughput, with a header": (
        refusal(429, graph(130429), 7),
        ("too many messages a second for WhatsApp (130429)", False, False, 7),
    ),
    "template": (refusal(400, graph(132001)), ("WhatsApp refused the template (132001)", True, False, None)),
    "unknown number": (
        refusal(400, graph(100, error_subcode=33)),
        ("WHATSAPP_PHONE_NUMBER_ID is unknown, or was deleted (33)", True, False, None),
    ),
    "unknown code": (refusal(400, graph(987654)), ("WhatsApp refused the message (987654)", True, False, None)),
    "unknown code, transient": (
        refusal(400, graph(987654, is_transient=True)),
        ("WhatsApp is in trouble (987654)", False, False, None),
    ),
    "unknown code, 500": (refusal(500, graph(987654)), ("WhatsApp is in trouble (987654)", False, False, None)),
    "known code, 500": (refusal(500, graph(131000)), ("something went wrong at WhatsApp (131000)", False, False, None)),
    "known code, 500, permanent": (
        refusal(500, graph(131009)),
        ("WhatsApp refused a value in the message (131009)", True, False, None),
    ),
    "502 of a proxy": (refusal(502, {}), ("WhatsApp is in trouble (502)", False, False, None)),
    "429 of a proxy": (refusal(429, {}, 30), ("too many calls for WhatsApp (429)", False, False, 30)),
    "404 of a proxy": (refusal(404, {}), ("WhatsApp refused the message (404)", True, False, None)),
    "code is text": (refusal(400, graph("190")), ("WhatsApp refused the message (400)", True, False, None)),
    "code is true": (refusal(400, graph(True)), ("WhatsApp refused the message (400)", True, False, None)),
    "error is text": (refusal(400, {"error": "no"}), ("WhatsApp refused the message (400)", True, False, None)),
    "trace is odd": (
        refusal(400, graph(190, fbtrace_id="Alice said hello")),
        (
            "WHATSAPP_ACCESS_TOKEN was refused or has expired: generate a new one for the system user, set it, and "
            "start the gateway again (190)",
            True,
            False,
            None,
        ),
    ),
    "refused connection": (
        network(aiohttp.ConnectionTimeoutError()),
        ("WhatsApp cannot be reached: ConnectionTimeoutError", False, False, None),
    ),
    "no answer": (network(TimeoutError()), ("no answer from WhatsApp: TimeoutError", False, True, None)),
    "closed connection": (
        network(aiohttp.ServerDisconnectedError()),
        ("no answer from WhatsApp: ServerDisconnectedError", False, True, None),
    ),
}


@pytest.mark.parametrize(("error", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
def test_refusal_says_what_to_do(error: SendError, expected: Any) -> None:
    assert outcome(error) == expected


@pytest.mark.parametrize("code", MEANINGS)
def test_reason_names_the_code_and_never_quotes_meta(code: int) -> None:
    assert meaning(code).reason.endswith(f"({code})")
    assert "Alice" not in refusal(400, graph(code)).reason


# --- One person -------------------------------------------------------------------------------------------------------


def test_pair_waits_four_times_longer_each_time() -> None:
    assert [pair_wait(refusals) for refusals in range(1, 8)] == [1, 4, 16, 64, 256, 1024, 1024]


def test_each_person_is_waited_for_apart() -> None:
    pairs = PairBackoff()
    assert [pairs.refused("alice"), pairs.refused("alice"), pairs.refused("bob")] == [1, 4, 1]
    pairs.taken("alice")
    assert [pairs.refused("alice"), pairs.refused("bob")] == [1, 4]
