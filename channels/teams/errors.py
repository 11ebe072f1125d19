"""Teams' refusals and the network's, as SendErrors. Pure.

https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-codes-from-bot-conversational-apis
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from channels.contract import FetchError, SendError

from .wire import Answer, NoAnswer

REFUSED_WAIT = 60.0
"""Seconds. Somebody has to mend the setting; until then nothing is lost."""

AGAIN = frozenset({408, 412, 429})
"""Beside all of 5xx, of which Microsoft names 502, 503 and 504."""

STOPPED = {
    "ConversationBlockedByUser": "the customer blocked the bot",
    "BotNotInConversationRoster": "the customer removed the app",
    "BotDisabledByAdmin": "an administrator switched the app off",
    "NotEnoughPermissions": "the app lacks the permission to write here",
    "ConversationNotFound": "the chat does not exist any more",
    "MessageSizeTooBig": "the message is too large",
}


class TooMany(SendError):
    """429."""


_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WAIT_MAX = 3600.0


def refusal(answer: Answer) -> SendError:
    """What the sender should do about an answer that is not 2xx. Teams' own words are left out: they may quote."""
    code = _code(answer.body)
    if answer.status == 401:
        return SendError("Teams refused the bot's token: TEAMS_APP_ID, TEAMS_LOGIN_URL", retry_after=REFUSED_WAIT)
    if answer.status == 429:
        return TooMany("too many messages for Teams", retry_after=retry_after(answer.headers))
    if answer.status in AGAIN or answer.status >= 500:
        words = f"Teams is in trouble: {_named(answer.status, code)}"
        return SendError(words, retry_after=retry_after(answer.headers))
    words = STOPPED.get(code, "Teams refused the message")
    return SendError(f"{words}: {_named(answer.status, code)}", permanent=True)


def no_answer(error: NoAnswer) -> SendError:
    if error.left:
        return SendError(f"no answer from Teams: {error.reason}", uncertain=True)
    return SendError(f"Teams cannot be reached: {error.reason}")


def no_login(error: NoAnswer) -> SendError:
    """Nothing was said to the customer yet, so it never is uncertain."""
    return SendError(f"Microsoft's log-in cannot be reached: {error.reason}")


def login_refusal(answer: Answer) -> SendError:
    if answer.status in (400, 401, 403, 404):
        words = "Microsoft's log-in refused TEAMS_APP_ID and TEAMS_APP_PASSWORD at TEAMS_LOGIN_URL"
        return SendError(f"{words}: {_named(answer.status, _code(answer.body))}", retry_after=REFUSED_WAIT)
    return SendError(f"Microsoft's log-in is in trouble: {answer.status}", retry_after=retry_after(answer.headers))


def no_file(answer: Answer, *, token: bool) -> FetchError | None:
    """None if the file is there. Redirects are refused, too: they lead to where nobody looked. A token that was refused
    is fetched anew; an address that was good for a while does not become good again."""
    if answer.status == 200:
        return None
    words = f"the file is not given out: {answer.status}"
    again = answer.status in AGAIN or answer.status >= 500 or (token and answer.status == 401)
    return FetchError(words, permanent=not again, retry_after=retry_after(answer.headers) if again else None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None if the header is missing or says something else."""
    given = headers.get("Retry-After", "").strip()
    return min(float(given), _WAIT_MAX) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", given) else None


def _named(status: int, code: str) -> str:
    return f"{status} {code}".rstrip()


def _code(body: bytes) -> str:
    """`{"error": {"code"}}` of the connector, `{"error": "invalid_client"}` of the log-in; empty if there is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = data.get("error") if isinstance(data, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
