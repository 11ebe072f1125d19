"""Meta's refusals and the network's, as SendErrors. Pure.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes

Meta's own sentences are left out: they can quote the request, and so a customer's number or words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp

from channels.contract import SendError
from channels.delivery import Refused

from .payload import Json

PAIR = 131056
"""Too many messages to one person."""


class PairLimit(SendError):
    """Too many messages to one person: how long to wait depends on how often Meta said so."""


class RateLimit(SendError):
    """Too many calls altogether: nobody is to be written to for `retry_after` seconds."""


Verdict = Literal["again", "never", "refused"]
"""Try again; give up; or give up on this form of the content, where another one may do."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    reason: str
    verdict: Verdict
    wait: float | None = None
    """Seconds; None leaves it to the sender."""


def _again(reason: str, wait: float | None = None) -> Meaning:
    return Meaning(reason=reason, verdict="again", wait=wait)


def _never(reason: str) -> Meaning:
    return Meaning(reason=reason, verdict="never")


def _refused(reason: str) -> Meaning:
    return Meaning(reason=reason, verdict="refused")


_RENEW = ": generate a new one for the system user, set it, and start the gateway again"

MEANINGS: Mapping[int, Meaning] = {
    # try again
    1: _again("WhatsApp is in trouble"),
    2: _again("WhatsApp is down for a while"),
    4: _again("the app has made too many calls", 60),
    80007: _again("the WhatsApp Business account has sent too many messages", 60),
    130429: _again("too many messages a second for WhatsApp", 1),
    PAIR: _again("too many messages to this customer in a short time"),
    131000: _again("something went wrong at WhatsApp"),
    131016: _again("WhatsApp is overloaded"),
    131057: _again("the WhatsApp Business account is under maintenance", 60),
    133004: _again("WhatsApp's server is away for a while"),
    # this customer
    131026: _never("the customer cannot be reached: not on WhatsApp, or with an app too old for this message"),
    131030: _never("the customer's number is not on the test number's list of recipients"),
    131037: _never("the customer was not found under this number: the display name needs approval first"),
    131047: _never("the customer last wrote more than 24 hours ago: only a template may be sent now"),
    131049: _never("WhatsApp chose not to deliver this, to keep the customer from too many messages"),
    131050: _never("the customer does not want marketing messages from this business"),
    130472: _never("WhatsApp left this customer out as part of an experiment"),
    130497: _never("this business may not write to customers in that country"),
    131021: _never("the customer's number is the business's own"),
    # this business
    0: _never(f"WHATSAPP_ACCESS_TOKEN was refused{_RENEW}"),
    3: _never("the app lacks the capability or the permission to send"),
    10: _never("the app's permission to send is missing or was withdrawn"),
    190: _never(f"WHATSAPP_ACCESS_TOKEN was refused or has expired{_RENEW}"),
    200: _never("the app's permission to send is missing"),
    33: _never("WHATSAPP_PHONE_NUMBER_ID is unknown, or was deleted"),
    368: _never("the WhatsApp Business account is blocked for breaking a policy"),
    131005: _never("the access token does not allow this"),
    131031: _never("the WhatsApp Business account is locked"),
    131042: _never("the WhatsApp Business account's payment needs attention"),
    131045: _never("the business's phone number is not registered"),
    131048: _never("the business's number may not send more now: too many messages were reported as spam"),
    133010: _never("the business's phone number is not registered"),
    # this message
    100: _refused("WhatsApp refused the message's form"),
    131008: _refused("WhatsApp misses a part of the message"),
    131009: _refused("WhatsApp refused a value in the message"),
    131051: _refused("WhatsApp does not take this kind of message"),
    131052: _refused("WhatsApp could not fetch the picture or the file"),
    131053: _refused("WhatsApp could not use the picture or the file"),
}

_RATES = (4, 80007, 130429)
"""Of all messages together."""
MEDIA = (131052, 131053)
"""It could not be fetched, or not be used: mostly told when the message itself was taken already."""

_TEMPLATES = range(132000, 133000)
_SUBCODE_UNKNOWN_OBJECT = 33
_TRACE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def meaning(code: int) -> Meaning:
    """What a code means, with the code in the reason, for whoever looks it up."""
    known = MEANINGS.get(code) or _unlisted(code)
    return Meaning(reason=f"{known.reason} ({code})", verdict=known.verdict, wait=known.wait)


def _unlisted(code: int) -> Meaning:
    if code in _TEMPLATES:
        return _never("WhatsApp refused the template")
    return _never("WhatsApp refused the message")


def refusal(status: int, answer: Json, retry_after: float | None = None) -> SendError:
    """An answer that is an error. `retry_after`: what the header of that name says."""
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    code, trace = _code(error), _trace(error)
    if code is not None and (code in MEANINGS or code in _TEMPLATES):
        return _of_code(code, trace, retry_after)
    number = f"{status}{trace}" if code is None else f"{code}{trace}"
    if status == 429:
        return RateLimit(f"too many calls for WhatsApp ({number})", retry_after=retry_after)
    if status >= 500 or error.get("is_transient") is True:
        return SendError(f"WhatsApp is in trouble ({number})", retry_after=retry_after)
    return SendError(f"WhatsApp refused the message ({number})", permanent=True)


def _code(error: Json) -> int | None:
    """Code 100 with subcode 33 is no matter of form: the number's id is wrong."""
    code = error.get("code")
    if code == 100 and error.get("error_subcode") == _SUBCODE_UNKNOWN_OBJECT:
        return _SUBCODE_UNKNOWN_OBJECT
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _of_code(code: int, trace: str, retry_after: float | None) -> SendError:
    known = meaning(code)
    reason = f"{known.reason}{trace}"
    if known.verdict == "refused":
        return Refused(reason)
    if known.verdict == "never":
        return SendError(reason, permanent=True)
    kind = PairLimit if code == PAIR else RateLimit if code in _RATES else SendError
    return kind(reason, retry_after=retry_after or known.wait)


def _trace(error: Json) -> str:
    """Meta's support asks for it."""
    trace = error.get("fbtrace_id")
    return f", trace {trace}" if isinstance(trace, str) and _TRACE.fullmatch(trace) else ""


# --- The network ------------------------------------------------------------------------------------------------------

_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    RuntimeError,  # the client is closed
)


def network(error: Exception) -> SendError:
    """It matters whether the request had left. The error's own text is left out: it can quote what was sent."""
    kind = type(error).__name__
    if isinstance(error, _NEVER_LEFT):
        return SendError(f"WhatsApp cannot be reached: {kind}")
    return SendError(f"no answer from WhatsApp: {kind}", uncertain=True)
