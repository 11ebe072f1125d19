"""Whether a message of the bot's is the one that a line expects. Pure."""

from __future__ import annotations

from .language import TITLES, BotSays
from .screens import Heard, contains, is_label, leads_to


def problem(heard: Heard, line: BotSays) -> str:
    """What is not as the line has it; empty if all is."""
    inviting = heard.inviting
    if not contains(heard.text, line.fragments):
        return "but heard"
    if not _are_buttons(heard.options, line):
        return "but with other buttons"
    if line.link_to and (inviting is None or leads_to(inviting.link) != line.link_to):
        return f"but without a link to {TITLES[line.link_to]}"
    missing = [thing for thing in line.carries if thing not in heard.carries]
    return f"but without {' and '.join(missing)}" if missing else ""


def wanted(line: BotSays) -> str:
    """What the line expects, for people."""
    extras = [f"[{button}]" for button in line.buttons or ()] + ["…"] * line.more_buttons
    extras += [f"a link to {TITLES[line.link_to]}"] if line.link_to else []
    return " ".join(["…".join(f"“{fragment}”" for fragment in line.fragments) or "a message", *extras, *line.carries])


def _are_buttons(options: tuple[str, ...], line: BotSays) -> bool:
    if line.buttons is None:
        return True
    if line.more_buttons:
        return all(any(is_label(option, label) for option in options) for label in line.buttons)
    return len(options) == len(line.buttons) and all(map(is_label, options, line.buttons))
