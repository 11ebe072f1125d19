"""What customers type in place of tapping."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.typed import typed_option
from channels.contract import Option


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(Option(title=title, payload=f"/option{number}") for number, title in enumerate(titles, start=1))


def meant(typed: str, *titles: str) -> str | None:
    """The label of the option that is meant."""
    option = typed_option(typed, options(*titles))
    return option.title if option else None


ITEMS = ("Lamp", "Big  Chair", "Rug")


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Lamp", "Lamp"),
        (" lamp ", "Lamp"),
        ("ＬＡＭＰ", "Lamp"),
        ("big chair", "Big  Chair"),
        ("2 lamps", None),
        ("", None),
        ("!", None),
    ],
)
def test_a_label_is_its_option(typed: str, label: str | None) -> None:
    assert meant(typed, *ITEMS) == label


@pytest.mark.parametrize(
    "typed",
    [
        *("2", "２", "2.", "2。", "2)", "(2)", "②", "2、", "two", "Two.", "option 2", "number two", "Option Two"),
        *("second", "the second", "the second one", "Second one", "2nd", "the 2nd one", "the second option"),
        *("二", "第二", "第二个", "第二個", "第2个", "第二项", "选2", "选二", "我选第二个", "要第二个。"),
    ],
)
def test_a_number_is_the_option_in_that_place(typed: str) -> None:
    assert meant(typed, *ITEMS) == "Big  Chair"


@pytest.mark.parametrize(
    "typed",
    [
        *("0", "4", "99", "10423", "-1", "$2", "2%", "2.5", "1/2", "1-2", "1 2", "12:00", "2 x", "x2"),
        *("1 and 3", "1, 3", "1和3", "1 or 2", "both", "the two", "two of them", "two lamps", "no one", "the one"),
        *("fourth", "the fourth one", "第四个", "第零个", "两个", "2个", "二十", "secondly", "a second", "one moment"),
    ],
)
def test_what_only_looks_like_a_number_is_none(typed: str) -> None:
    assert meant(typed, *ITEMS) is None


@pytest.mark.parametrize(("typed", "place"), [("10", 10), ("十", 10), ("第十一个", 11), ("二十九", 29), ("30", 30)])
def test_a_long_list_is_counted_to_its_end(typed: str, place: int) -> None:
    assert meant(typed, *(f"Item {'abcdefghijklmnopqrstuvwxyzäöüß'[n]}" for n in range(30))) == (
        f"Item {'abcdefghijklmnopqrstuvwxyzäöüß'[place - 1]}"
    )


@pytest.mark.parametrize(
    ("typed", "labels", "label"),
    [
        ("5", ("1", "2", "5"), "5"),
        ("3", ("1", "2", "5"), None),
        ("two", ("1", "2", "5"), None),
        ("第二个", ("1", "2", "5"), None),
        ("2", ("One", "Five", "Ten"), None),
        ("二", ("一", "五"), None),
    ],
)
def test_a_number_is_a_value_where_labels_are_numbers(typed: str, labels: tuple[str, ...], label: str | None) -> None:
    assert meant(typed, *labels) == label


def test_a_label_that_several_options_share_names_none_of_them() -> None:
    assert meant("choose", "Choose", "Choose") is None
    assert typed_option("2", options("Choose", "Choose")) == options("Choose", "Choose")[1]
    same = (Option(title="Yes", payload="/affirm"), Option(title="yes", payload="/affirm"))
    assert typed_option("YES", same) in same


PAY = ("Refund to card", "Store credit", "Exchange for another")
ZAHL = ("退到银行卡", "商店积分", "换一件别的")


@pytest.mark.parametrize(
    ("typed", "labels", "label"),
    [
        ("refund", PAY, "Refund to card"),
        ("Refund!", PAY, "Refund to card"),
        ("to card", PAY, "Refund to card"),
        ("card", PAY, "Refund to card"),
        ("credit", PAY, "Store credit"),
        ("store-credit", PAY, "Store credit"),
        ("refund to card.", PAY, "Refund to card"),
        ("银行卡", ZAHL, "退到银行卡"),
        ("積分", ZAHL, None),
        ("积分。", ZAHL, "商店积分"),
        ("yes", ("Yes, register it", "No, change something"), "Yes, register it"),
        ("exchange", ("🔁 Exchange", "💳 Refund"), "🔁 Exchange"),
        ("harbour front", ("HarbourFront", "Tampines"), "HarbourFront"),
        ("chefs knife", ("Chef's knife", "Pan"), "Chef's knife"),
        ("Chef’s Knife", ("Chef's knife", "Pan"), "Chef's knife"),
        ("两片", ("iPhone 手机壳 两片", "灯"), "iPhone 手机壳 两片"),
    ],
)
def test_some_of_a_labels_words_are_enough(typed: str, labels: tuple[str, ...], label: str | None) -> None:
    assert meant(typed, *labels) == label


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("refund", ("Refund to card", "Refund as credit")),
        ("银行", ("退到银行卡", "银行转账")),
        ("fund", PAY),
        ("ref", PAY),
        ("to", PAY),
        ("卡", ZAHL),
        ("for", PAY),
        ("for another", PAY),
        ("这个", ("这个退款", "换货")),
        ("the", ("The lamp", "A rug")),
        ("this", ("Track this", "Leave it")),
        ("not", ("Not as described", "Damaged")),
        ("什么", ("什么都可以", "退款")),
        ("card refund", PAY),
        ("please refund it to my card today or tomorrow", PAY),
        ("refund?", PAY),
        ("银行卡？", ZAHL),
    ],
)
def test_words_that_fit_two_options_or_say_nothing_choose_none(typed: str, labels: tuple[str, ...]) -> None:
    assert meant(typed, *labels) is None


@pytest.mark.parametrize(
    ("typed", "labels", "label"),
    [
        ("lamps", ITEMS, "Lamp"),
        ("big chiar", ITEMS, "Big  Chair"),
        ("refnud", ("Refund", "Exchange"), "Refund"),
        ("exchagne", ("Refund", "Exchange"), "Exchange"),
        ("exchanke", ("Refund", "Exchange"), "Exchange"),
        ("exchnge.", ("Refund", "Exchange"), "Exchange"),
        ("tampinese", ("Orchard Road", "Tampines"), "Tampines"),
        ("harborfrnt", ("HarbourFront", "Tampines"), "HarbourFront"),
        ("szie 42", ("Size 42", "Size 43"), "Size 42"),
    ],
)
def test_a_slip_of_the_finger_is_seen_through(typed: str, labels: tuple[str, ...], label: str) -> None:
    assert meant(typed, *labels) == label


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("rag", ITEMS),
        ("clamp", ITEMS),
        ("lamb", ITEMS),
        ("horse", ("House", "Flat")),
        ("lambda", ITEMS),
        ("lamp", ("Lamps", "Lampe")),
        ("exchnag", ("Exchange", "Refund")),
        ("tuesday", ("Thursday", "Friday")),
        ("monday", ("Sunday", "Friday")),
        ("northwest", ("Northeast", "South")),
        ("without sugar", ("With sugar", "Tea")),
        ("undamaged", ("Damaged", "Other")),
        ("incorrect item", ("Correct item", "Other")),
        ("红色珐琅水壶套装", ("蓝色珐琅水壶套装", "灯")),
        ("x" * 4000, ("x" * 3990, "Lamp")),
    ],
)
def test_what_may_be_another_word_is_no_slip(typed: str, labels: tuple[str, ...]) -> None:
    assert meant(typed, *labels) is None


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("124", ("Order 123", "Order 125")),
        ("order 124", ("Order 123", "Order 125")),
        ("size 42", ("Size 43", "Size 44")),
        ("5 kg box", ("1.5 kg box", "Bag")),
        ("size 45", ("Size 4.5", "Size 5")),
        ("3 december", ("13 December", "Later")),
        ("on 12/11", ("On 12/12", "On 12-11")),
        ("pay 5 now", ("Pay $50 now", "Pay -5 now")),
        ("size ٤", ("Size ٣", "Other")),
        ("order 1042", ("Order 1043",)),
    ],
)
def test_digits_are_never_corrected(typed: str, labels: tuple[str, ...]) -> None:
    assert meant(typed, *labels) is None


@pytest.mark.parametrize(
    ("typed", "labels", "label"),
    [
        ("no", ("No, change something", "Yes"), None),
        ("none", ("None of these", "Lamp"), None),
        ("cancel", ("Cancel the order", "Go on"), None),
        ("Cancel!", ("Cancel the order", "Go on"), None),
        ("never mind", ("Never mind the rest", "Go on"), None),
        ("取消", ("取消订单", "继续"), None),
        ("没有", ("没有收到", "坏了"), None),
        ("cancel", ("Cancel", "Go on"), "Cancel"),
        ("none", ("None", "Lamp"), "None"),
        ("取消", ("取消", "继续"), "取消"),
        ("as described", ("Not as described", "Damaged"), None),
        ("not damaged", ("Damaged", "Other"), None),
        ("想要", ("不想要了", "坏了"), None),
        ("不想要", ("不想要了", "坏了"), "不想要了"),
        ("not described", ("Not as described", "Damaged"), None),
        ("don't want it", ("I don't want it", "Damaged"), "I don't want it"),
        ("want it", ("I don't want it", "Damaged"), None),
    ],
)
def test_a_refusal_is_no_choice_unless_it_is_offered(typed: str, labels: tuple[str, ...], label: str | None) -> None:
    assert meant(typed, *labels) == label


_WORDS = st.sampled_from(
    [
        "refund",
        "to",
        "card",
        "no",
        "not",
        "2",
        "two",
        "二",
        "size",
        "42",
        "lamp",
        "lamps",
        "退",
        "款",
        "卡",
        "don't",
        "!",
        "？",
    ]
)
_LABELS = st.lists(
    st.lists(_WORDS, min_size=1, max_size=4).map(" ".join) | st.text(min_size=1, max_size=8),
    min_size=1,
    max_size=6,
    unique_by=lambda label: " ".join(unicodedata.normalize("NFKC", label).split()).casefold(),
)


@settings(deadline=None)
@given(_LABELS, st.data())
def test_an_exact_label_always_wins(labels: list[str], data: st.DataObject) -> None:
    label = data.draw(st.sampled_from(labels))
    assert meant(f" {label}\n", *labels) == label


@settings(deadline=None)
@given(_LABELS, st.lists(_WORDS, min_size=1, max_size=4).map(" ".join))
def test_the_order_of_the_options_matters_to_nothing_but_a_number(labels: list[str], typed: str) -> None:
    offered = [Option(title=label, payload=f"{number}") for number, label in enumerate(labels)]
    other_way = offered[::-1]
    one, other = typed_option(typed, offered), typed_option(typed, other_way)
    if one != other:
        # Only a place in the list is another one in another order.
        assert one is not None
        assert other is not None
        assert offered.index(one) == other_way.index(other)
