"""Simple formatting in WhatsApp's own marks, read back by WhatsApp's own rules."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.formatting import Mark, Rich, bold, parse, plain
from channels.lengths import units
from channels.whatsapp.markup import length, written

HAIR = "\u200a"
SHOP = "https://shop.example"

WRITTEN = {
    "nothing": ("", ""),
    "plain": ("Your order 1047 is on its way.", "Your order 1047 is on its way."),
    "bold": ("It is **blue**.", "It is *blue*."),
    "italic": ("It is *blue*.", "It is _blue_."),
    "both": ("**_blue_**", "*_blue_*"),
    "code": ("Say `2 * 3`", "Say `2 * 3`"),
    "over two lines": ("**one\ntwo**", "*one*\n*two*"),
    "link": (f"[our shop]({SHOP})", f"our shop ({SHOP})"),
    "link that is its own text": (f"[{SHOP}]({SHOP})", SHOP),
    "link that is its own text, within words": (f"See [{SHOP}]({SHOP}), do.", f"See {SHOP}, do."),
    "mail": ("[a@b.example](mailto:a@b.example)", "a@b.example"),
    "two links in a row": (f"[a]({SHOP}/a)[b]({SHOP}/b)", f"a ({SHOP}/a)b ({SHOP}/b)"),
    "bold part of a link": (f"[our **shop**]({SHOP})", f"our *shop* ({SHOP})"),
    "beside a letter": ("你好**世界**吧", f"你好{HAIR}*世界*{HAIR}吧"),
    "beside a stop": ("(**now**!)", "(*now*!)"),
    "a marker inside what it marks": (r"**5\*3 cm**", "5*3 cm"),
    "a backtick inside code": ("``a`b``", "`aˋb`"),
    # what is meant as it is
    "one star": ("5* hotel", "5* hotel"),
    "a sum": (r"5 * 3 * 2", "5 * 3 * 2"),
    "a measure": ("30*40*50 cm", "30*40*50 cm"),
    "a name": ("snake_case_name", "snake_case_name"),
    "literal stars": (r"\*blue\*", f"*blue{HAIR}*"),
    "literal underscores": (r"\_blue\_", f"_blue{HAIR}_"),
    "tildes": ("~blue~ or ~not~", f"~blue{HAIR}~ or ~not{HAIR}~"),
    "three in a row": (r"\*a\*b\*", f"*a*b{HAIR}*"),
    "around bold": (r"\*note **this**", f"*{HAIR}note *this*"),
    "literal backticks": (r"\`a\`", "ˋaˋ"),
    "an address": (f"see {SHOP}/a_b_/~b~ now", f"see {SHOP}/a_b_/~b~ now"),
    "an address that would close": (rf"\*see {SHOP}/a\*/b now", f"*{HAIR}see {SHOP}/a*/b now"),
    "an e-mail address": ("_x_@shop.example", "_x_@shop.example"),
}


@pytest.mark.parametrize(("source", "expected"), WRITTEN.values(), ids=WRITTEN.keys())
def test_formatting_is_written_in_whatsapps_marks(source: str, expected: str) -> None:
    assert written(parse(source)) == expected


def test_title_is_bold_whatever_is_in_it() -> None:
    assert written(bold("Sofa_bed")) == "*Sofa_bed*"
    assert written(bold("Sofa *new*")) == f"Sofa *new{HAIR}*"


def test_white_space_stays_outside_of_the_marks() -> None:
    assert written(Rich(text="a blue b", marks=(Mark(start=1, end=7, style="bold"),))) == "a *blue* b"


def test_length_counts_the_marks() -> None:
    rich = parse(f"**a** [b]({SHOP})")
    assert length(rich) == units(f"*a* b ({SHOP})")


SHOWN = re.compile(
    r"`[^`\n]+`|(?<![^\W_])\*(?=\S)[^*\n]*(?<=\S)\*(?![^\W_])"
    r"|(?<![^\W_])_(?=\S)[^_\n]*(?<=\S)_(?![^\W_])|(?<![^\W_])~(?=\S)[^~\n]*(?<=\S)~(?![^\W_])"
)
"""What WhatsApp would not show as it stands."""


@settings(deadline=None)
@given(text=st.text(st.sampled_from("*_~` a字.,!(\n\x01\x02"), max_size=24))
def test_text_that_is_meant_as_it_is_never_formats(text: str) -> None:
    shown = written(plain(text))
    assert SHOWN.findall(shown) == []
    assert _bare(shown) == _bare(plain(text).text)


@settings(deadline=None)
@given(
    text=st.text(st.sampled_from("*_~` a字.\n"), min_size=1, max_size=16),
    cuts=st.tuples(st.integers(0, 16), st.integers(0, 16)),
    style=st.sampled_from(["bold", "italic", "code"]),
)
def test_formatting_loses_no_word(text: str, cuts: tuple[int, int], style: str) -> None:
    start, end = sorted(cuts)
    marks = (Mark(start=start, end=min(end, len(text)), style=style),) if start < min(end, len(text)) else ()  # type: ignore[arg-type]
    assert _letters(written(Rich(text=text, marks=marks))) == _letters(text)


def _bare(text: str) -> str:
    """Without what is added to keep markers apart."""
    return text.translate({0x200A: None, 0x02CB: "`", 1: None, 2: None})


def _letters(text: str) -> str:
    return "".join(character for character in text if character in "a字.\n ")
