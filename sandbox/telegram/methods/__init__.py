"""The Bot API's methods that the sandbox plays, one function each; any other is answered 404 as an unknown one is.

https://core.telegram.org/bots/api#available-methods; names are case-insensitive there, and here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from . import account, edits, messages, places, queries, webhook
from .call import Call

METHODS: Mapping[str, Callable[[Call], Awaitable[object]]] = {
    "getme": account.get_me,
    "getchat": account.get_chat,
    "getfile": account.get_file,
    "setmycommands": account.set_my_commands,
    "getmycommands": account.get_my_commands,
    "setwebhook": webhook.set_webhook,
    "deletewebhook": webhook.delete_webhook,
    "getwebhookinfo": webhook.get_webhook_info,
    "sendmessage": messages.send_message,
    "sendphoto": messages.send_photo,
    "senddocument": messages.send_document,
    "sendlocation": places.send_location,
    "sendvenue": places.send_venue,
    "sendchataction": messages.send_chat_action,
    "editmessagetext": edits.edit_message_text,
    "editmessagereplymarkup": edits.edit_message_reply_markup,
    "deletemessage": edits.delete_message,
    "answercallbackquery": queries.answer_callback_query,
}

__all__ = ["METHODS", "Call"]
