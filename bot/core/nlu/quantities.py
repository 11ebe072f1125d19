"""How many of something, in English and Chinese: "two mugs", "3 of them", "both", 两个, 三件, 一套.

A bare number says nothing: it may be an order's, a price, a day. It counts with a word for pieces, or before a product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.nlu.days import DIGITS

MOST = 99


@dataclass(frozen=True, kw_only=True)
class QuantityMention:
    start: int
    end: int
    count: int


def find_quantities(text: str, products: Iterable[int] = ()) -> list[QuantityMention]:
    """`products`: offsets where a product's name begins."""
    low, begins = text.lower(), set(products)
    found = []
    for match in COUNT.finditer(low):
        counted = match["pieces"] or match["measure"] or match.end() in begins
        count = _count(match["english"] or match["chinese"])
        if counted and 0 < count <= MOST:
            start = match.start("english") if match["english"] else match.start("chinese")
            end = match.end("english") if match["english"] else match.end("chinese")
            found.append(QuantityMention(start=start, end=end, count=count))
    return found


def _count(written: str) -> int:
    """Digits, an English word, or a Chinese number up to 99."""
    if written.isdecimal():
        return int(written)
    if written in ENGLISH:
        return ENGLISH[written]
    tens, ten, units = written.rpartition("十")
    return (DIGITS.get(tens, 1) * 10 if ten else 0) + DIGITS.get(units, 0)


_WORDS = "one two three four five six seven eight nine ten eleven twelve"
ENGLISH = {word: number for number, word in enumerate(_WORDS.split(), start=1)} | {
    "a couple": 2,
    "both": 2,
    "dozen": 12,
}

COUNT = re.compile(
    rf"(?<![\w#$.])(?P<english>\d{{1,2}}|{'|'.join(ENGLISH)})"
    r"(?:\s*x\b|(?P<pieces>\s*(?:of (?:them|these|those)|pieces?|pcs|items?|sets?|boxes|units?|pairs?)\b))?"
    r"(?![\w.]\d)\s*"
    r"|(?<![\d第])(?P<chinese>\d{1,2}|[一二三四五六七八九十两兩]{1,3})(?P<measure>[个個件套台只隻把条條盒份块塊])"
    r"(?!月|星期|礼拜|禮拜|人工|小时|小時|问题|問題)"
)
