"""The words of all conversations as an index of our own: which term stands in which message.

Written for both databases alike: their own full text searches differ, and know no Chinese. A term is a word, or, of
scripts without spaces, each character and each pair of neighbours. A row of `search_terms` goes with its message.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_TERM = 64
MOST_TERMS = 400
"""Of one message; what comes after them is not found."""

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORDS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


def terms_of(text: str) -> Iterator[str]:
    """Every term under which the text is found, in order; some more than once."""
    for word in _words(text):
        if _IS_UNSPACED.match(word):
            yield from word
            yield from _pairs(word)
        else:
            yield word[:LONGEST_TERM]


def wanted_terms(query: str) -> list[str]:
    """The terms that a message must all have to be found: the rarest first, as far as their length tells."""
    found = list[str]()
    for word in _words(query):
        found += _pairs(word) if _IS_UNSPACED.match(word) and len(word) > 1 else [word[:LONGEST_TERM]]
    return sorted(dict.fromkeys(found), key=len, reverse=True)


def words_of(content: Mapping[str, Any]) -> str:
    """What people read of a message, as `messages.content` keeps it: no payloads, no addresses."""
    if content.get("taken_back"):
        return ""
    parts = [content.get("revised") or content.get("text"), content.get("label"), content.get("name")]
    parts += [(content.get("file") or {}).get("name"), (content.get("location") or {}).get("name")]
    parts += _options(content)
    for card in content.get("cards", ()):
        parts += [card.get("title"), card.get("text"), *_options(card)]
    return "\n".join(part for part in parts if isinstance(part, str) and part)


def terms_of_message(content: Mapping[str, Any]) -> list[str]:
    """Each once, and no more of them than are kept."""
    return list(dict.fromkeys(terms_of(words_of(content))))[:MOST_TERMS]


def _words(text: str) -> list[str]:
    """In one spelling: no case, no accents, full-width letters as the plain ones."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return _WORDS.findall(unicodedata.normalize("NFC", bare))


def _pairs(word: str) -> list[str]:
    return [word[at : at + 2] for at in range(len(word) - 1)]


def _options(content: Mapping[str, Any]) -> list[Any]:
    return [option.get("title") for option in content.get("options", ())]
