"""The widget as a file: every visitor of the shop loads it."""

from __future__ import annotations

import gzip
import re

from channels.webchat import WIDGET


def test_it_is_small_and_the_readme_says_how_small() -> None:
    kilobytes = len(gzip.compress(WIDGET.read_bytes(), 6, mtime=0)) / 1000
    assert kilobytes <= 30.5
    said = re.search(r"(\d+) KB compressed", WIDGET.with_name("README.md").read_text(encoding="utf-8"))
    assert said
    assert abs(int(said[1]) - kilobytes) < 1


def test_nothing_that_comes_from_elsewhere_can_become_markup() -> None:
    source = WIDGET.read_text(encoding="utf-8")
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc", source) == []
    )
