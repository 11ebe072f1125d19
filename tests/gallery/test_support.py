"""docs/channels.md says what the code does, and the gallery shows all of it."""

from __future__ import annotations

import pytest

from channels.contract import Outbound
from tests.gallery import pictures, support
from tests.gallery.channels import every_channel


def test_the_table_is_what_the_code_says_today() -> None:
    assert support.PAGE.read_text(encoding="utf-8") == support.page(every_channel()), "make it anew: `make docs`"


@pytest.mark.parametrize("kind", support.kinds())
def test_every_kind_is_shown_somehow_on_every_channel(kind: str) -> None:
    for name, channel in every_channel().items():
        content = support.kinds()[kind][name]
        assert channel.shows(Outbound(id=1, address="-", content=content, language="en")), f"{name} shows nothing"


def test_the_gallery_has_a_picture_of_each() -> None:
    assert pictures.PAGE.read_text(encoding="utf-8") == pictures.page(), "make it anew: `make docs`"
    for kind in support.kinds():
        for name in support.TITLES:
            assert (pictures.FOLDER / f"{kind.removeprefix('utter_')}-{name}.png").stat().st_size > 500
