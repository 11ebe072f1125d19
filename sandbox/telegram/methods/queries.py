"""Answering a tap: https://core.telegram.org/bots/api#answercallbackquery"""

from __future__ import annotations

from ..errors import Json, bad_request
from .call import Call

_TEXT_MAX = 200


async def answer_callback_query(call: Call) -> bool:
    text = call.params.text("text")
    tap = call.bot.taps.get(call.params.text("callback_query_id"))
    age = (call.network.now() - tap.at).total_seconds() if tap else 0.0
    if tap is None or tap.answered or age > call.network.limits.callback_life:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(text) > _TEXT_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    tap.answered = True
    answer: Json = {"callback_query_id": tap.id}
    for name in ("text", "url"):
        if call.params.text(name):
            answer[name] = call.params.text(name)
    if call.params.flag("show_alert"):
        answer["show_alert"] = True
    tap.user.notify("answer", answer)
    return True
