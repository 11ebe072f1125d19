"""Simple formatting as Telegram's entities: https://core.telegram.org/bots/api#messageentity

Pure. Entities stand beside the text, so that nothing has to be escaped and no text can be mistaken for markup. They
count in UTF-16 code units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from telegram import MessageEntity

from channels.formatting import Rich, Run, joined, plain
from channels.lengths import units

_LINKS = ("https://", "http://")
"""Telegram drops a link to anything else, and finds addresses and telephone numbers by itself."""

_Look = tuple[str, str]
"""An entity's type, and the address of a link."""


def linkable(rich: Rich) -> Rich:
    """Links that Telegram would drop are written out behind their text."""
    if not any(mark.style == "link" and not mark.url.startswith(_LINKS) for mark in rich.marks):
        return rich
    return joined((_written_out(rich, run, start) for start, run in _placed(rich)), between="")


def entities(rich: Rich) -> list[MessageEntity]:
    """One for each stretch that looks the same in one way; code looks no other way, as Telegram has it."""
    found, open_at, at = list[MessageEntity](), dict[_Look, int](), 0
    for run in rich.runs():
        end = at + units(run.text)
        looks = list(_looks(run))
        for look in [look for look in open_at if look not in looks]:
            found.append(_entity(look, open_at.pop(look), at))
        for look in looks:
            open_at.setdefault(look, at)
        at = end
    found += [_entity(look, start, at) for look, start in open_at.items()]
    return sorted(found, key=lambda entity: (entity.offset, -entity.length))


def _looks(run: Run) -> Iterator[_Look]:
    if run.code:
        yield MessageEntity.CODE, ""
        return
    if run.url.startswith(_LINKS):
        yield MessageEntity.TEXT_LINK, run.url
    if run.bold:
        yield MessageEntity.BOLD, ""
    if run.italic:
        yield MessageEntity.ITALIC, ""


def _entity(look: _Look, start: int, end: int) -> MessageEntity:
    kind, url = look
    return MessageEntity(type=kind, offset=start, length=end - start, url=url or None)


def _placed(rich: Rich) -> Iterator[tuple[int, Run]]:
    at = 0
    for run in rich.runs():
        yield at, run
        at += len(run.text)


def _written_out(rich: Rich, run: Run, start: int) -> Rich:
    part = rich.part(start, start + len(run.text))
    if not run.url or run.url.startswith(_LINKS):
        return part
    address, others = run.url.partition(":")[2], tuple(mark for mark in part.marks if mark.style != "link")
    if address == run.text:
        return replace(part, marks=others)
    return Rich(text=f"{part.text} ({plain(address).text})", marks=others)
