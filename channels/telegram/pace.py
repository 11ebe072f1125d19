"""How fast the bot speaks: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this

Telegram states about one message a second in a chat, with short bursts, 20 a minute in a group and 30 a second in all,
and that the real limits differ: what it asks for itself (`retry_after`) comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from channels.pacing import Book, Limit, OwnBook, Pace

from .addresses import is_group


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How many messages may begin: of the bot in all, and in one chat of either kind."""

    overall: Limit
    private: Limit
    group: Limit


STATED = Rates(
    overall=Limit(calls=30, seconds=1),
    # A text and nine cards leave at once; over ten seconds it is one a second.
    private=Limit(calls=10, seconds=10),
    group=Limit(calls=20, seconds=60),
)


class Pacing:
    """Of one bot. A call that its chat holds back takes nothing from the others."""

    def __init__(self, rates: Rates, book: Book | None = None) -> None:
        # The same name in the same book: what either kind begins counts for the bot as a whole.
        book = book or OwnBook()
        self._private = Pace(name="telegram", overall=[rates.overall], each=[rates.private], book=book)
        self._groups = Pace(name="telegram", overall=[rates.overall], each=[rates.group], book=book)

    async def turn(self, chat: str) -> None:
        """As `channels.pacing.Pace.turn`."""
        await self._of(chat).turn(chat)

    async def hold(self, chat: str, seconds: float) -> None:
        await self._of(chat).hold(chat, seconds)

    def _of(self, chat: str) -> Pace:
        return self._groups if is_group(chat) else self._private
