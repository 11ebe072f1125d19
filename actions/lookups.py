"""Writes data/catalogue/shop.yml: the shop's catalogue as Rasa lookup tables and synonyms.

Run it after a change of the catalogue, then train: `python -m actions.lookups > data/catalogue/shop.yml`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from actions.shop import Name, Shop, Synonym

HEADER = """\
# What the shop sells, where, and how customers call it. Written by `python -m actions.lookups`: do not edit.
version: "3.1"
nlu:
"""

SIMPLIFIED = (
    "蓝红壶面机马读灯铸铁锅钟厨亚滨节东乌门损坏发错货与图样别个热烧垫挂时丰这还换双阅珐琅装买变"
    "异讲来没适给钱问题断块烂颜颗从两状态库龙"
)
TRADITIONAL = (
    "藍紅壺麵機馬讀燈鑄鐵鍋鐘廚亞濱節東烏門損壞發錯貨與圖樣別個熱燒墊掛時豐這還換雙閱琺瑯裝買變"
    "異講來沒適給錢問題斷塊爛顏顆從兩狀態庫龍"
)
TO_TRADITIONAL = str.maketrans(SIMPLIFIED, TRADITIONAL)


def lookups(shop: Shop) -> str:
    """The whole file."""
    tables: dict[str, list[Synonym]] = {}
    for synonym in _every_way_to_write(_catalogue(shop)):
        tables.setdefault(synonym.entity, []).append(synonym)
    sections = [_table(entity, synonyms) for entity, synonyms in tables.items()]
    values: dict[str, list[str]] = {}
    for synonym in (synonym for synonyms in tables.values() for synonym in synonyms):
        values.setdefault(synonym.value, []).append(synonym.words)
    sections += [_section("synonym", value, words) for value, words in values.items()]
    return HEADER + "\n".join(sections)


def _catalogue(shop: Shop) -> Iterator[Synonym]:
    for product in shop.products():
        yield from _named("product", product.sku, product.name, product.short)
    for store in shop.stores():
        yield from _named("store", store.id, store.name)
    for reason in shop.reasons():
        yield from _named("reason", reason.id, reason.name)
    yield from shop.synonyms()


def _named(entity: str, value: str, *names: Name) -> Iterator[Synonym]:
    for name in names:
        yield Synonym(entity=entity, value=value, words=name.en.lower())
        yield Synonym(entity=entity, value=value, words=name.zh)


def _every_way_to_write(synonyms: Iterable[Synonym]) -> Iterator[Synonym]:
    """Each phrase once; Chinese in Traditional characters as well, typographic apostrophes as phones set them."""
    seen = set()
    for synonym in synonyms:
        spellings = (synonym.words, synonym.words.translate(TO_TRADITIONAL), synonym.words.replace("'", "\u2019"))
        for words in spellings:
            if words not in seen:
                seen.add(words)
                yield Synonym(entity=synonym.entity, value=synonym.value, words=words)


def _table(entity: str, synonyms: Iterable[Synonym]) -> str:
    return _section("lookup", entity, [synonym.words for synonym in synonyms])


def _section(kind: str, name: str, words: Iterable[str]) -> str:
    return f"- {kind}: {name}\n  examples: |\n" + "".join(f"    - {each}\n" for each in words)


if __name__ == "__main__":
    sys.stdout.write(lookups(Shop("sqlite://")))
