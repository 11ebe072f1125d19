"""Simple formatting is read once, the same for every channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.formatting import Mark, Rich, Run, as_plain, bold, joined, parse, plain
from channels.lengths import units


def styles(source: str) -> list[tuple[str, str]]:
    rich = parse(source)
    return [(rich.text[mark.start : mark.end], mark.url or mark.style) for mark in rich.marks]


@pytest.mark.parametrize(
    ("source", "text", "marked"),
    [
        ("**now** and *then*", "now and then", [("now", "bold"), ("then", "italic")]),
        ("_so_ `a*b*c`", "so a*b*c", [("so", "italic"), ("a*b*c", "code")]),
        (
            "[our *shop*](https://a.example/x_y)",
            "our shop",
            [("our shop", "https://a.example/x_y"), ("shop", "italic")],
        ),
        ("这是**重要**的", "这是重要的", [("重要", "bold")]),
        ("这是**重要！**请看", "这是重要！请看", [("重要！", "bold")]),
        ("请**“重要”**看", "请“重要”看", [("“重要”", "bold")]),
        ("订单**（1042）**已发货", "订单（1042）已发货", [("（1042）", "bold")]),
        ("*好。*吧", "好。吧", [("好。", "italic")]),
        ("合计**¥199**元", "合计¥199元", [("¥199", "bold")]),
        ("看**[这里](https://a.example)**吧", "看这里吧", [("这里", "https://a.example"), ("这里", "bold")]),
        ("用**`code`**吧", "用code吧", [("code", "code"), ("code", "bold")]),
        ("码是`你**¥`的**¥**。", "码是你**¥的¥。", [("你**¥", "code"), ("¥", "bold")]),
        ("write [us](mailto:a@b.example) or [ring](tel:+4930)", "write us or ring", None),
        ("one\n\n**two\nthree**", "one\n\ntwo\nthree", [("two\nthree", "bold")]),
    ],
)
def test_what_is_formatting(source: str, text: str, marked: list[tuple[str, str]] | None) -> None:
    assert parse(source).text == text
    if marked is not None:
        assert styles(source) == marked


@pytest.mark.parametrize(
    "source",
    [
        "30*40*50 cm",
        "snake_case_name and T_1_2",
        "2 * 3 * 4",
        "a*b",
        "<b>no HTML</b> &amp; <script>",
        "- no list\n# no heading\n> no quote",
        "**",
        "[x](javascript:alert(1))",
        "5 > 3 & 2 < 4",
        "~~struck~~",
        "see https://a.example/_x_/y_z_ and https://a.example/a_b_c",
    ],
)
def test_what_is_text(source: str) -> None:
    assert parse(source) == Rich(text=source)


def test_a_backslash_means_the_character_itself() -> None:
    assert parse(r"\*not bold\* \[x\](y)") == Rich(text="*not bold* [x](y)")


def test_a_backslash_at_the_end_of_a_line_keeps_the_line() -> None:
    assert parse("a\\\nb").text == "a\nb"


def test_a_link_to_anything_but_the_web_mail_and_telephone_is_none() -> None:
    assert [mark for mark in parse("[x](ftp://a.example) [y](data:text/html,hi)").marks if mark.style == "link"] == []


def test_runs_tell_every_stretch_once() -> None:
    assert list(parse("a **b *c***").runs()) == [
        Run(text="a "),
        Run(text="b ", bold=True),
        Run(text="c", bold=True, italic=True),
    ]


def test_where_nothing_can_be_formatted_a_link_keeps_its_address() -> None:
    source = "**Hi** [our *shop*](https://a.example) [https://b.example](https://b.example)"
    assert as_plain(parse(source)) == "Hi our shop (https://a.example) https://b.example"


def test_pieces_keep_their_marks() -> None:
    rich = parse("word " * 10 + "**" + "bold " * 9 + "end**")
    pieces = rich.pieces(60)
    assert [units(piece.text) <= 60 for piece in pieces] == [True] * len(pieces)
    assert sum(piece.text[mark.start : mark.end].count("bold") for piece in pieces for mark in piece.marks) == 9
    assert pieces[-1].text.endswith("end")
    assert pieces[-1].marks == (Mark(start=0, end=len(pieces[-1].text), style="bold"),)


def test_pieces_are_measured_as_the_channel_writes_them() -> None:
    def written(rich: Rich) -> int:
        return sum(units(run.text) + 2 * run.bold for run in rich.runs())

    rich = joined([bold("ab")] * 40, between=" ")
    pieces = rich.pieces(30, written)
    assert all(written(piece) <= 30 for piece in pieces)
    assert " ".join(piece.text for piece in pieces) == rich.text


def test_joining_moves_the_marks() -> None:
    assert joined([plain("a"), Rich(text=""), bold("b")]) == Rich(
        text="a\nb", marks=(Mark(start=2, end=3, style="bold"),)
    )


def test_a_link_may_lead_to_an_address_with_markers() -> None:
    assert styles("[x](https://a.example/_x_/y_z) and **https://a.example/_a_**") == [
        ("x", "https://a.example/_x_/y_z"),
        ("https://a.example/_a_", "bold"),
    ]


@given(st.text(alphabet="ab *_`[]()\\\n<&https:/.你好。“€😀", max_size=80))
def test_any_text_can_be_read(source: str) -> None:
    rich = parse(source)
    assert "".join(run.text for run in rich.runs()) == rich.text
    assert all(0 <= mark.start < mark.end <= len(rich.text) for mark in rich.marks)
    assert set(rich.text) <= {*source, " "}  # a line's end within code is a space


@given(st.text(max_size=200), st.integers(min_value=2, max_value=50))
def test_pieces_lose_nothing_but_white_space(source: str, limit: int) -> None:
    rich = parse(source)
    pieces = rich.pieces(limit)
    assert "".join("".join(piece.text.split()) for piece in pieces) == "".join(rich.text.split())
    assert all(piece.text for piece in pieces)
