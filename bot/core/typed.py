"""Which of the offered options a customer has typed: pure decisions.

Most certain first: its label; its number as a list shows it; the same words in another spelling; some of its words; its
words with a slip of the finger. Each counts only if it fits one option alone. Wherever a doubt is left the words stay
words, and understanding has its turn with them: an answer that was never given is worse than a question asked again.

So digits are never corrected, since "123" is not "124"; one Han character is a word, and another one is no slip; an
answer says no exactly where the label does ("as described" is not "not as described"); and neither a refusal, nor a
question, nor words that mean nothing alone stand for an option that has more words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from channels.contract import Option

MOST_WORDS = 6
FEWEST_LETTERS = 3
FEWEST_HAN = 2
FEWEST_TO_CORRECT = 4
LETTERS_FOR_A_WRONG_ONE = 6
"""A wrong letter makes another word of most short ones: "lamb" is no lamp."""
LETTERS_FOR_A_SECOND_SLIP = 10

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORDS = re.compile(
    rf"[{_HAN}]"  # each of them is a word
    r"|[-+$€£¥#]?\d+(?:[.,:/-]\d+)*[%°]?"  # a number, a date or a size is one word
    rf"|(?:(?![{_HAN}])[^\W\d_])+(?:['’](?:(?![{_HAN}])[^\W\d_])+)*"
)
_HAN_WORD = re.compile(f"[{_HAN}]")

_NEGATIONS = frozenset(
    ("no", "not", "none", "never", "nothing", "neither", "nor", "without", "non", "cannot", *"不没沒无無非别勿未")
)
_REFUSALS_OF_ONE_WORD = """
    no nope none neither nothing never cancel stop quit exit back
    不要 不是 没有 沒有 取消 算了 都不是 都不要 不用 停止 退出 返回 不行 不对
"""
_REFUSALS_OF_MORE = ("never mind", "none of these", "none of them", "neither of them", "not these")
_REFUSALS = frozenset((*_REFUSALS_OF_ONE_WORD.split(), *_REFUSALS_OF_MORE))
_EMPTY_WORDS = """
    a an the this that these those it its and or but if of to in on at by for from with as is are was be been
    i you he she we they me my mine your yours our ours his her their them us do does did have has had
    can could would should will may might shall must not all any both some one ones other others another
    please thanks just only also very much more most so too then than here there
    what which who whose when where why how
"""
_EMPTY = frozenset((*_EMPTY_WORDS.split(), *"的了吗呢吧啊是在和我你您他她它们这那哪个些什么怎样为可以要有就也都还请"))

_CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_HAN_NUMBERS = (
    *"一二三四五六七八九十",
    *(f"十{unit}" for unit in "一二三四五六七八九"),
    "二十",
    *(f"二十{unit}" for unit in "一二三四五六七八九"),
    "三十",
)
_NUMBERS = {
    word: number for words in (_CARDINALS, _ORDINALS, _HAN_NUMBERS) for number, word in enumerate(words, start=1)
}
_ANY_HAN_NUMBER = "|".join(sorted(_HAN_NUMBERS, key=len, reverse=True))
_NUMBER_FORMS = [
    re.compile(form)
    for form in (
        r"\(?([0-9]{1,2})[.)、。]?",  # an order number or a phone number is none
        rf"(?:number |option |choice )?({'|'.join(_CARDINALS)}|[0-9]{{1,2}})[.!]?",
        rf"(?:the )?({'|'.join(_ORDINALS)}|[0-9]{{1,2}}(?=st|nd|rd|th))(?:st|nd|rd|th)?(?: one| option| choice)?[.!]?",
        rf"我?选?({_ANY_HAN_NUMBER})[.、。]?",
        r"我?选([0-9]{1,2})[.、。]?",
        rf"我?[选要]?第({_ANY_HAN_NUMBER}|[0-9]{{1,2}})[个個项項种件家条款]?[.、。]?",
    )
]

Words = tuple[str, ...]


def typed_option(text: str, options: Sequence[Option]) -> Option | None:
    """The option that a typed answer means, if it means one."""
    wanted = _plain(text)
    labelled = [option for option in options if _plain(option.title) == wanted]
    if labelled:
        # The same label on several cards, as "Choose", says nothing about which one is meant.
        return _only(labelled)
    number = _number(wanted)
    if number is not None and any(_number(_plain(option.title)) is not None for option in options):
        return None  # where labels are numbers themselves, "3" is a value and not the third
    if number is not None:
        return options[number - 1] if 1 <= number <= len(options) else None
    return _nearly(wanted, options)


def _nearly(wanted: str, options: Sequence[Option]) -> Option | None:
    words = _words(wanted)
    if not _could_name(wanted, words):
        return None
    for fits in (_same, _part, _misspelt):
        found = [option for option in options if _fits(fits, words, _words(_plain(option.title)))]
        if found:
            return _only(found)
    return None


def _fits(fits: Callable[[Words, Words], bool], words: Words, label: Words) -> bool:
    return fits(words, label) and _denials(words) == _denials(label)


def _only(found: Iterable[Option]) -> Option | None:
    """The one that all of them are."""
    by_payload = {option.payload: option for option in found}
    return next(iter(by_payload.values())) if len(by_payload) == 1 else None


def _could_name(wanted: str, words: Words) -> bool:
    """Whether these words are fit to be taken for an option that they do not spell out."""
    if "?" in wanted or _bare(wanted) in _REFUSALS or all(word in _EMPTY for word in words):
        return False
    han = sum(1 for word in words if _HAN_WORD.match(word))
    letters = sum(len(word) for word in words if word.isalpha()) - han
    return len(words) - han + han / 2 <= MOST_WORDS and (letters >= FEWEST_LETTERS or han >= FEWEST_HAN)


def _same(words: Words, label: Words) -> bool:
    """Apart from punctuation, and from where one word ends: "harbour front" is "HarbourFront"."""
    return words == label or (not _has_number(words + label) and "".join(words) == "".join(label))


def _part(words: Words, label: Words) -> bool:
    return any(label[start : start + len(words)] == words for start in range(len(label) - len(words) + 1))


def _misspelt(words: Words, label: Words) -> bool:
    """The same words one by one, of which some have slips."""
    return len(words) == len(label) and all(map(_meant, words, label))


def _meant(word: str, right: str) -> bool:
    """Hardly anybody misspells the first letter, and "un-" is no slip."""
    if word == right:
        return True
    shorter = min(len(word), len(right))
    if shorter < FEWEST_TO_CORRECT or word[0] != right[0] or _has_number((word, right)):
        return False
    most = 2 if shorter >= LETTERS_FOR_A_SECOND_SLIP else 1
    wrong = 1 if shorter >= LETTERS_FOR_A_WRONG_ONE else 2
    return abs(len(word) - len(right)) <= most and _slips(word, right, wrong) <= most


def _slips(one: str, other: str, wrong: int) -> int:
    """Letters too many, too few or wrong, the latter counting `wrong` each, and neighbours exchanged (optimal string
    alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, facing in enumerate(other, start=1):
            fewest = min(now[-1] + 1, last[column] + 1, last[column - 1] + wrong * (letter != facing))
            if row > 1 and column > 1 and (letter, one[row - 2]) == (other[column - 2], facing):
                fewest = min(fewest, before[column - 2] + 1)
            now.append(fewest)
        before, last = last, now
    return last[-1]


def _number(plain: str) -> int | None:
    """`2`, `2.`, `(2)`, `two`, `option 2`, `the second one`, `第二个`, as the number of an option."""
    match = next(filter(None, (form.fullmatch(plain) for form in _NUMBER_FORMS)), None)
    return None if match is None else _NUMBERS.get(match[1]) or int(match[1])


def _plain(text: str) -> str:
    """For comparing: full-width forms made narrow, spaces and case evened out."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _words(plain: str) -> Words:
    return tuple(_WORDS.findall(plain.replace("’", "'")))


def _bare(plain: str) -> str:
    return plain.strip(" .!,。！，")


def _denials(words: Words) -> list[str]:
    return sorted(word for word in words if word in _NEGATIONS or word.endswith("n't"))


def _has_number(words: Words) -> bool:
    return any(character.isdigit() for word in words for character in word)
