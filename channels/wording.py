"""The few words that channels add of their own, in the conversation's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wording:
    choose: str
    """Stands over options that came without a text, or whose text is too long to stand with them."""
    more: str
    """Stands over the options that did not fit into the message before."""
    open_list: str
    """The button that opens a list; 20 characters at most."""
    open_file: str
    open_map: str
    """The buttons that lead to a file and to a map; 20 characters at most."""
    taken: str
    """Shown for a moment where a button was pressed and its answer is still to come."""
    sentence: str
    button: str
    channels: Mapping[str, str]

    def go_on(self, channel: str) -> str:
        """Invites to go on in another channel."""
        return self.sentence.format(self.channels.get(channel, channel))

    def go(self, channel: str) -> str:
        """The same where there is only room for 20 characters."""
        return self.button.format(self.channels.get(channel, channel)).strip()


_NAMES = {"telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Microsoft Teams"}

ENGLISH = Wording(
    choose="Please choose:",
    more="More to choose from:",
    open_list="Choose",
    open_file="Open",
    open_map="Open map",
    taken="Thank you",
    sentence="Continue on {}",
    button="Open {}",
    channels=_NAMES | {"webchat": "our website"},
)
CHINESE = Wording(
    choose="请选择：",
    more="更多选项：",
    open_list="选择",
    open_file="打开",
    open_map="打开地图",
    taken="谢谢",
    sentence="在{}继续",
    button="打开{}",
    channels={name: f" {title} " for name, title in _NAMES.items()} | {"webchat": "网页"},
)


def wording(language: str | None) -> Wording:
    """By the primary subtag of a BCP 47 tag; English for what we do not speak."""
    primary = (language or "").replace("_", "-").partition("-")[0].lower()
    return CHINESE if primary == "zh" else ENGLISH
