"""What a channel cannot show is said in words."""

from __future__ import annotations

import pytest

from channels.contract import File, Location
from channels.formatting import as_plain
from channels.nearest import file_in_words, file_name, location_in_words, map_address, web_address

LABEL = File(url="https://shop.example.com/d/label.pdf?x=1", name="Label *1*.pdf")
STORE = Location(latitude=53.5511, longitude=-0.5, name="Mitte", address="Jungfernstieg 1")


def test_a_file_is_its_name_with_a_link() -> None:
    assert as_plain(file_in_words(LABEL)) == "📎 Label *1*.pdf (https://shop.example.com/d/label.pdf?x=1)"
    assert file_name(File(url="https://shop.example.com/d/label.pdf?x=1")) == "label.pdf"
    assert file_name(File(url="https://shop.example.com/d/\ud800.pdf")) == "?.pdf"


def test_a_file_that_nobody_can_open_is_no_link() -> None:
    assert file_in_words(File(url="file:///etc/passwd", name="x")).marks == ()


def test_a_place_is_its_name_its_address_and_a_map() -> None:
    words = location_in_words(STORE)
    assert words.text == "Mitte\nJungfernstieg 1\n📍 53.55110, -0.50000"
    assert [words.text[mark.start : mark.end] for mark in words.marks] == ["Mitte", "53.55110, -0.50000"]
    assert map_address(STORE).endswith("#map=17/53.551100/-0.500000")


@pytest.mark.parametrize(
    "url", ["", None, "ftp://a.example/x", "javascript:alert(1)", "https://a.example/a b", "/x.png"]
)
def test_what_is_no_address_on_the_web(url: str | None) -> None:
    assert web_address(url) is None
