"""Words cut into the pieces that BERT's lower-case English vocabulary knows (Wu et al., 2016, arXiv 1609.08144)."""

from __future__ import annotations

import re
import unicodedata

START, END, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
LONGEST_WORD = 100
"""Longer ones are unknown, as for BERT."""

_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+|[^\w\s]|_")


class WordPieces:
    def __init__(self, vocabulary: list[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}

    def numbers(self, text: str) -> list[int]:
        """Numbers of the pieces, with those for the start and the end."""
        pieces = [piece for word in _WORD.findall(_plain(text)) for piece in self._pieces(word)]
        return [self._numbers[piece] for piece in (START, *pieces, END)]

    def _pieces(self, word: str) -> list[str]:
        """The longest known piece, then the longest known continuation, and so on."""
        pieces: list[str] = []
        start, end = 0, len(word)
        while start < len(word) <= LONGEST_WORD:
            piece = ("##" if start else "") + word[start:end]
            if piece in self._numbers:
                pieces.append(piece)
                start, end = end, len(word)
            elif end - start > 1:
                end -= 1
            else:
                return [UNKNOWN]
        return pieces or [UNKNOWN]


def _plain(text: str) -> str:
    """Lower case and without accents."""
    split = unicodedata.normalize("NFD", text.lower())
    return "".join(character for character in split if unicodedata.category(character) != "Mn")
