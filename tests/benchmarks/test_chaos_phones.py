"""What a phone of the storm makes of what its platform shows it."""

from __future__ import annotations

import pytest

from benchmarks.chaos.phones import shown
from bot.gateway.waiting import WORDS, Word
from bot.store.offers import offer_people
from channels.contract import Content, Option, Outbound
from channels.teams.outbound import render


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_words_that_teams_shows_with_buttons_are_read_from_their_card(word: Word) -> None:
    options: tuple[Option, ...] = (offer_people("en"),) if word.offers_people else ()
    content = Content(text=word.text["en"], options=options)
    [part] = render(Outbound(id=1, address="{}", content=content, language="en"))
    cards = [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card} for card in part.cards]
    activity = {"type": "message", "id": "1795887859351", "text": part.text, "attachments": cards}
    assert bool(cards) is word.offers_people
    assert shown(activity) == ("1795887859351", word.text["en"])


def test_a_picture_has_no_words() -> None:
    picture = {"contentType": "image/png", "contentUrl": "https://shop.example/kettle.png"}
    assert shown({"type": "message", "id": "2", "attachments": [picture]}) == ("2", "")
