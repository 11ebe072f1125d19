"""The few words this channel adds of its own, in the conversation's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wording:
    choose: str
    """Stands over buttons that came without a text."""
    more: str
    """Stands over the buttons that did not fit under the message before."""
    invite: str
    channels: Mapping[str, str]

    def go_on(self, channel: str) -> str:
        """The label of a link to another channel."""
        return self.invite.format(self.channels.get(channel, channel))


_NAMES = {"telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Microsoft Teams"}

ENGLISH = Wording(
    choose="Please choose:",
    more="More to choose from:",
    invite="Continue on {}",
    channels=_NAMES | {"webchat": "our website"},
)
CHINESE = Wording(
    choose="请选择：",
    more="更多选项：",
    invite="在{}继续",
    channels={name: f" {title} " for name, title in _NAMES.items()} | {"webchat": "网页"},
)


def wording(language: str | None) -> Wording:
    """By the primary subtag of a BCP 47 tag; English for what we do not speak."""
    primary = (language or "").replace("_", "-").partition("-")[0].lower()
    return CHINESE if primary == "zh" else ENGLISH
