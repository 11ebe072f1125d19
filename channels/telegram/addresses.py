"""Where a message goes: a chat, or a topic of a group that has topics. Pure.

https://core.telegram.org/bots/api#sendmessage: `chat_id` and `message_thread_id`. Groups' ids are negative.
"""

from __future__ import annotations


def address_of(chat: int, topic: int | None = None) -> str:
    return str(chat) if topic is None else f"{chat}#{topic}"


def chat_and_topic(address: str) -> tuple[str, int | None]:
    chat, _, topic = address.partition("#")
    return chat, int(topic) if topic.isdecimal() else None


def is_group(address: str) -> bool:
    return address.startswith("-")
