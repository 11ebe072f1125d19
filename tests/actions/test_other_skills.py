"""Orders, stock, opening hours, other channels, and what answers no question."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest

from actions.shop import Shop
from actions.texts import clock_time, full_day, money, near_day
from tests.actions.conftest import Message, Run


async def test_an_order_number_is_checked_with_the_shop(run: Run) -> None:
    known = await run("validate_track_order_form", Message(intent="track_order", entities={"order_number": "1043"}))
    unknown = await run("validate_track_order_form", Message(intent="track_order", entities={"order_number": "9999"}))
    assert known.slots["order_number"] == "1043"
    assert (unknown.slots["order_number"], unknown.uttered) == (None, ["utter_order_unknown"])


async def test_an_order_on_its_way(run: Run, our_shop: Shop) -> None:
    outcome = await run("action_order_status", Message(intent="inform"), order_number="1043")
    (status,) = outcome.responses
    assert (status["response"], status["order"]) == ("utter_order_in_transit_brief", "1043")
    assert outcome.slots == {"order_number": None, "recent_order": "1043"}


async def test_a_delivered_order_offers_a_return(run: Run) -> None:
    outcome = await run("action_order_status", Message(intent="inform"), order_number="1042", language="zh")
    assert outcome.responses[0]["buttons"] == [{"title": "退换商品", "payload": '/return_item{"order_number": "1042"}'}]


async def test_the_named_order_comes_before_the_one_being_returned(run: Run) -> None:
    message = Message(intent="track_order", entities={"order_number": "1049"})
    outcome = await run("action_order_status", message, "return_form", return_order="1042")
    assert outcome.responses[0]["order"] == "1049"


async def test_the_last_order_is_at_hand_when_a_number_is_asked_for(run: Run) -> None:
    outcome = await run("action_ask_order_number", Message(intent="track_order"), recent_order="1043")
    assert outcome.responses[0]["buttons"] == [{"title": "1043", "payload": '/inform{"order_number": "1043"}'}]


async def test_stock_of_a_product_everywhere(run: Run) -> None:
    outcome = await run("action_check_stock", Message(intent="check_stock", entities={"product": "kettle-blue"}))
    (answer,) = outcome.responses
    assert (answer["response"], answer["item"]) == ("utter_stock_some_stores", "blue enamel kettle")
    assert answer["custom"]["cards"][0]["text"].splitlines() == [
        "S$79.00",
        "Online: plenty",
        "Orchard Road: plenty",
        "Tampines: 3 left",
        "Jurong East: sold out",
        "HarbourFront: the last one",
    ]


@pytest.mark.parametrize(
    ("store", "response"), [("tampines", "utter_stock_at_store"), ("jurong-east", "utter_stock_not_at_store")]
)
async def test_stock_at_a_store(run: Run, store: str, response: str) -> None:
    message = Message(intent="check_stock", entities={"product": "kettle-blue", "store": store})
    assert (await run("action_check_stock", message)).uttered == [response]


async def test_a_store_alone_is_about_the_last_product(run: Run) -> None:
    message = Message(intent="inform", entities={"store": "tampines"})
    outcome = await run("action_check_stock", message, recent_products=["lamp"], language="zh")
    assert (outcome.responses[0]["item"], outcome.responses[0]["store"]) == ("阅读灯", "淡滨尼")


async def test_a_word_for_several_products_shows_them_all(run: Run) -> None:
    outcome = await run("action_check_stock", Message(intent="check_stock", entities={"product_kind": "kettle"}))
    titles = [card["title"] for card in outcome.responses[0]["custom"]["cards"]]
    assert titles == ["Blue enamel kettle", "Red enamel kettle"]


async def test_without_a_product_all_are_offered(run: Run) -> None:
    outcome = await run("action_check_stock", Message(intent="check_stock"))
    assert outcome.uttered == ["utter_ask_product"]
    assert len(outcome.responses[0]["buttons"]) == 12


async def test_hours_of_a_store_on_a_day(run: Run) -> None:
    message = Message(intent="ask_hours", entities={"store": "harbourfront", "day": "2030-01-06"})
    (answer,) = (await run("action_opening_hours", message)).responses
    assert (answer["day"], answer["opens"], answer["closes"]) == ("on Sunday 6 January", "12:00", "18:00")


async def test_hours_of_all_stores(run: Run) -> None:
    message = Message(intent="ask_hours", entities={"day": "2030-01-06"})
    (answer,) = (await run("action_opening_hours", message, language="zh")).responses
    assert answer["response"] == "utter_hours_of_all"
    assert answer["lines"].splitlines()[0] == "乌节路：11:00 至 21:00（乌节路290号 #03-12）"


async def test_a_day_alone_is_about_the_last_store(run: Run) -> None:
    message = Message(intent="inform", entities={"day": "2030-01-06"})
    outcome = await run("action_opening_hours", message, recent_store="tampines")
    assert outcome.responses[0]["store"] == "Tampines"


def shared(latitude: Any, longitude: Any) -> Message:
    """As the product reports a shared place: numbers."""
    return Message(intent="location_shared", entities={"latitude": latitude, "longitude": longitude})


@pytest.mark.parametrize(
    ("latitude", "longitude", "store"),
    [(1.2700, 103.8198, "harbourfront"), (1.3236, 103.9273, "tampines"), (1.3403, 103.7090, "jurong-east")],
)
async def test_the_nearest_store_is_found_by_where_the_customer_is(
    run: Run, latitude: float, longitude: float, store: str
) -> None:
    outcome = await run("action_nearest_store", shared(latitude, longitude))
    assert outcome.slots == {"recent_store": store}
    assert outcome.responses[0]["response"] == "utter_nearest_store"
    assert outcome.responses[1]["response"].startswith("utter_hours_of_store")


async def test_the_nearest_store_is_told_with_its_distance_and_its_place(run: Run) -> None:
    answer = (await run("action_nearest_store", shared(1.2834, 103.8607), language="zh")).responses[0]
    assert {name: answer[name] for name in ("store", "km", "address", "latitude", "longitude")} == {
        "store": "乌节路",
        "km": "3.6",
        "address": "乌节路290号 #03-12",
        "latitude": "1.3038",
        "longitude": "103.8358",
    }


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(48.8584, 2.2945), (0, 0), (1.3, -76.2), ("north", 103.8), (float("nan"), 103.8), (1e9, 103.8), (None, None)],
)
async def test_a_place_without_a_store_is_said_to_have_none(run: Run, latitude: Any, longitude: Any) -> None:
    outcome = await run("action_nearest_store", shared(latitude, longitude))
    assert (outcome.uttered, outcome.slots) == (["utter_no_store_near"], {})


async def test_what_is_wrong_with_a_file_is_said(run: Run) -> None:
    for problem, response in (("too_large", "utter_media_too_large"), ("type", "utter_media_refused")):
        entities = {"media_kind": "video", "media_outcome": "refused", "media_problem": problem}
        assert (await run("action_media_received", Message(intent="media_received", entities=entities))).uttered == [
            response
        ]


@pytest.mark.parametrize(
    ("kind", "outcome", "response", "what"),
    [
        ("picture", "stored", "utter_media_received", "picture"),
        ("video", "pending", "utter_media_pending", "video"),
        ("audio", "stored", "utter_media_received", "recording"),
        ("file", "refused", "utter_media_refused", "file"),
        ("picture", "lost", "utter_media_lost", "picture"),
        ("sticker", "stored", "utter_sticker_received", "sticker"),
        ("sticker", "lost", "utter_media_lost", "sticker"),
        ("voice", "stored", "utter_voice_received", "file"),
        ("voice", "refused", "utter_voice_received", "file"),
        ("hologram", "stored", "utter_media_received", "file"),
    ],
)
async def test_a_file_is_answered_by_what_became_of_it(
    run: Run, kind: str, outcome: str, response: str, what: str
) -> None:
    message = Message(intent="media_received", entities={"media_kind": kind, "media_outcome": outcome})
    (answer,) = (await run("action_media_received", message)).responses
    assert (answer["response"], answer["what"]) == (response, what)


@pytest.mark.parametrize(
    ("here", "entities", "response"),
    [
        ("webchat", {"channel": "telegram"}, "utter_continue_on_telegram"),
        ("telegram", {"channel": "webchat"}, "utter_continue_on_webchat"),
        ("webchat", {"channel": "whatsapp"}, "utter_continue_on_whatsapp"),
        ("whatsapp", {"channel": "teams"}, "utter_continue_on_teams"),
        ("teams", {"channel": "webchat"}, "utter_continue_on_webchat"),
        ("telegram", {"channel": "telegram"}, "utter_already_here"),
        ("teams", {"channel": "teams"}, "utter_already_here"),
        ("webchat", {}, "utter_ask_where_to_continue"),
        ("webchat", {"channel": "fax"}, "utter_ask_where_to_continue"),
    ],
)
async def test_the_way_to_another_channel(run: Run, here: str, entities: dict[str, str], response: str) -> None:
    message = Message(intent="continue_elsewhere", entities=entities, channel=here)
    assert (await run("action_continue_elsewhere", message)).uttered == [response]


async def test_where_no_channel_is_named_the_others_are_offered(run: Run) -> None:
    message = Message(intent="continue_elsewhere", channel="telegram")
    outcome = await run("action_continue_elsewhere", message, language="zh")
    assert outcome.responses[0]["buttons"] == [
        {"title": "WhatsApp", "payload": '/continue_elsewhere{"channel": "whatsapp"}'},
        {"title": "Microsoft Teams", "payload": '/continue_elsewhere{"channel": "teams"}'},
        {"title": "网站", "payload": '/continue_elsewhere{"channel": "webchat"}'},
    ]


@pytest.mark.parametrize("here", ["telegram", "webchat", "whatsapp", "teams"])
async def test_the_channel_that_the_customer_is_on_is_not_offered(run: Run, here: str) -> None:
    outcome = await run("action_continue_elsewhere", Message(intent="continue_elsewhere", channel=here))
    payloads = [button["payload"].removeprefix("/continue_elsewhere") for button in outcome.responses[0]["buttons"]]
    offered = [json.loads(payload)["channel"] for payload in payloads]
    assert offered == [channel for channel in ("telegram", "whatsapp", "teams", "webchat") if channel != here]


@pytest.mark.parametrize(
    ("wanted", "served", "response"),
    [
        (None, ["telegram", "webchat"], "utter_continue_on_telegram"),
        ("teams", ["telegram", "webchat"], "utter_continue_on_telegram"),
        ("teams", ["teams", "telegram", "webchat"], "utter_continue_on_teams"),
        ("whatsapp", ["teams", "telegram", "webchat"], "utter_ask_where_to_continue"),
        ("telegram", ["webchat"], "utter_already_here"),
        (None, ["webchat"], "utter_already_here"),
    ],
)
async def test_nobody_is_sent_to_a_channel_that_is_off(
    run: Run, wanted: str | None, served: list[str], response: str
) -> None:
    entities = {"channel": wanted} if wanted else {}
    message = Message(intent="continue_elsewhere", entities=entities, channel="webchat", channels=served)
    assert (await run("action_continue_elsewhere", message)).uttered == [response]


@pytest.mark.parametrize(
    ("loop", "slots", "response", "values"),
    [
        (None, {}, "utter_catch_up", {}),
        ("track_order_form", {}, "utter_catch_up_track", {}),
        ("return_form", {}, "utter_catch_up_return", {}),
        ("return_form", {"return_order": "1042"}, "utter_catch_up_return_order", {"order": "1042"}),
        (
            "return_form",
            {"return_order": "1042", "return_sku": "kettle-blue"},
            "utter_catch_up_return_item",
            {"order": "1042", "item": "blue kettle"},
        ),
    ],
)
async def test_the_customer_is_told_where_they_were(
    run: Run, loop: str | None, slots: dict[str, Any], response: str, values: dict[str, str]
) -> None:
    message = Message(intent="channel_linked", entities={"from_channel": "webchat"}, channel="telegram")
    (line,) = (await run("action_catch_up", message, loop, **slots)).responses
    assert (line["response"], line["channel"]) == (response, "Telegram")
    assert {name: line[name] for name in values} == values


@pytest.mark.parametrize("problem", ["expired", "used", "other_account", "unknown"])
async def test_a_refused_link_is_explained(run: Run, problem: str) -> None:
    message = Message(intent="link_refused", entities={"link_problem": problem})
    assert (await run("action_link_refused", message)).uttered == [f"utter_link_{problem}"]


async def test_an_order_number_out_of_the_blue_is_asked_about_and_remembered(run: Run) -> None:
    outcome = await run("action_clarify", Message(intent="inform", entities={"order_number": "1042"}))
    assert outcome.uttered == ["utter_what_about_order"]
    assert [button["payload"] for button in outcome.responses[0]["buttons"]] == [
        '/track_order{"order_number": "1042"}',
        '/return_item{"order_number": "1042"}',
    ]
    assert outcome.slots == {"order_number": "1042"}


@pytest.mark.parametrize(
    ("language", "titles"), [("en", ["Track an order", "Return an item"]), ("zh", ["查询订单", "退换商品"])]
)
async def test_two_close_intents_are_asked_about(run: Run, language: str, titles: list[str]) -> None:
    ranking = {"nlu_fallback": 0.4, "track_order": 0.45, "return_item": 0.38, "greet": 0.05}
    outcome = await run("action_clarify", Message(intent="nlu_fallback", ranking=ranking), language=language)
    assert outcome.uttered == ["utter_which_of_two"]
    assert outcome.payloads == ["/track_order", "/return_item"]
    assert [button["title"] for button in outcome.responses[0]["buttons"]] == titles


@pytest.mark.parametrize(
    "ranking",
    [
        {},
        {"track_order": 0.39},
        {"track_order": 0.39, "return_item": 0.12},
        {"track_order": 0.15, "return_item": 0.14},
        {"greet": 0.45, "return_item": 0.40},
    ],
)
async def test_words_that_mean_neither_of_two_things_get_the_menu(run: Run, ranking: dict[str, float]) -> None:
    outcome = await run("action_clarify", Message(intent="nlu_fallback", ranking={"nlu_fallback": 0.4, **ranking}))
    assert outcome.uttered == ["utter_not_understood_menu"]


async def test_a_group_is_not_asked_about_private_matters(run: Run) -> None:
    ranking = {"nlu_fallback": 0.4, "track_order": 0.45, "return_item": 0.38}
    message = Message(intent="nlu_fallback", ranking=ranking, told={"audience": True})
    assert (await run("action_clarify", message)).uttered == ["utter_not_understood_menu"]


@pytest.mark.parametrize(("hint", "language"), [("zh-Hant", "zh"), ("en-GB", "en"), ("fr", None), (None, None)])
async def test_a_conversation_starts_in_the_language_of_the_customers_app(
    run: Run, hint: str | None, language: str | None
) -> None:
    metadata = {"channel": "telegram", "language": hint}
    start = Message(intent="greet")
    outcome = await run("action_session_start", start, language=None, session_started_metadata=metadata)
    assert outcome.slots.get("language") == language


async def test_a_language_already_known_is_kept(run: Run) -> None:
    metadata = {"language": "en"}
    outcome = await run(
        "action_session_start", Message(intent="greet"), language="zh", session_started_metadata=metadata
    )
    assert outcome.slots["language"] == "zh"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_payload_of_a_menu_is_one_that_rasa_reads(run: Run, language: str) -> None:
    outcome = await run("action_ask_return_form_return_store", Message(intent="inform"), language=language)
    payloads = [button["payload"] for button in outcome.responses[0]["buttons"]]
    assert [json.loads(payload.removeprefix("/inform")) for payload in payloads] == [
        {"store": "orchard"},
        {"store": "tampines"},
        {"store": "jurong-east"},
        {"store": "harbourfront"},
    ]


def test_values_are_written_as_each_language_writes_them() -> None:
    friday, today = date(2026, 11, 27), date(2026, 11, 26)
    assert (full_day(friday, "en"), full_day(friday, "zh")) == ("Friday 27 November", "11月27日（周五）")
    assert (near_day(friday, today, "en"), near_day(friday, today, "zh")) == ("tomorrow", "明天")
    assert near_day(today, friday, "en") == "on Thursday 26 November"
    assert (money(7900), money(123456)) == ("S$79.00", "S$1,234.56")
    assert clock_time(time(9, 5)) == "09:05"
