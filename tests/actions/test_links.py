"""What is linked and what becomes one: the customer's say in it, forms that were put aside, and groups."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.actions.conftest import PROJECT, Message, Run

ALICE = {
    "links": [
        {"channel": "webchat", "how": "first_contact", "here": False},
        {"channel": "telegram", "how": "deep_link", "here": True},
        {"channel": "whatsapp", "how": "deep_link", "here": False},
        {"channel": "webchat", "how": "deep_link", "here": False},
    ]
}
"""On Telegram now; on the website with two browsers."""

RETURN = {"form": "return_form", "slots": {"return_order": "1048", "return_sku": "kettle-blue"}}


def said(intent: str, **entities: str) -> Message:
    return Message(intent=intent, entities=entities, channel="telegram", told=ALICE)


async def test_linked_channels_are_named_each_once_and_the_others_can_be_unlinked(run: Run) -> None:
    (answer,) = (await run("action_list_channels", said("list_channels"))).responses
    assert answer["response"] == "utter_linked_channels"
    assert answer["channels"] == "Telegram (this one), Our website, WhatsApp"
    assert answer["buttons"] == [
        {"title": "Unlink Our website", "payload": '/unlink_channel{"channel": "webchat"}'},
        {"title": "Unlink WhatsApp", "payload": '/unlink_channel{"channel": "whatsapp"}'},
    ]


@pytest.mark.parametrize(
    ("preferred", "channels"),
    [
        ("whatsapp", "Telegram (this one), Our website, WhatsApp (preferred)"),
        ("telegram", "Telegram (this one, preferred), Our website, WhatsApp"),
    ],
)
async def test_the_preferred_channel_is_said_to_be_it(run: Run, preferred: str, channels: str) -> None:
    told = Message(intent="list_channels", channel="telegram", told={**ALICE, "preferred": preferred})
    (answer,) = (await run("action_list_channels", told)).responses
    assert answer["channels"] == channels


@pytest.mark.parametrize(
    ("entities", "wanted", "response", "payloads"),
    [
        ({"channel": "whatsapp"}, "whatsapp", "utter_preferred_channel", []),
        ({"this_chat": "here"}, "telegram", "utter_preferred_channel", []),
        (
            {"channel": "teams"},
            "teams",
            "utter_preferred_channel_later",
            ['/continue_elsewhere{"channel": "teams"}'],
        ),
        (
            {},
            None,
            "utter_ask_preferred_channel",
            [f'/prefer_channel{{"channel": "{one}"}}' for one in ("telegram", "whatsapp", "teams", "webchat")],
        ),
    ],
)
async def test_the_customer_says_where_they_would_rather_be_written_to(
    run: Run, entities: dict[str, str], wanted: str | None, response: str, payloads: list[str]
) -> None:
    outcome = await run("action_prefer_channel", said("prefer_channel", **entities))
    assert (outcome.uttered, outcome.payloads) == ([response], payloads)
    assert outcome.commands == ([{"type": "prefer", "channel": wanted}] if wanted else [])


async def test_a_channel_that_is_not_served_cannot_be_preferred(run: Run) -> None:
    served = ["telegram", "webchat"]
    message = Message(intent="prefer_channel", entities={"channel": "teams"}, channel="telegram", channels=served)
    outcome = await run("action_prefer_channel", message)
    assert (outcome.uttered, outcome.commands) == (["utter_ask_preferred_channel"], [])


async def test_a_channel_that_is_alone_is_said_to_be(run: Run) -> None:
    alone = Message(intent="list_channels", channel="teams", told={"links": [{"channel": "teams", "here": True}]})
    (answer,) = (await run("action_list_channels", alone, language="zh")).responses
    assert (answer["response"], answer["channel"]) == ("utter_only_this_channel", "Microsoft Teams")


async def test_rasas_own_shell_can_ask_as_well(run: Run) -> None:
    outcome = await run("action_list_channels", Message(intent="list_channels", channel="cmdline"))
    assert outcome.uttered == ["utter_only_this_channel"]


@pytest.mark.parametrize(
    ("entities", "response", "payloads"),
    [
        (
            {"channel": "whatsapp"},
            "utter_ask_unlink",
            ['/unlink_confirmed{"channel": "whatsapp"}', "/leave_links"],
        ),
        (
            {"channel": "telegram"},
            "utter_ask_unlink_here",
            ['/unlink_confirmed{"channel": "telegram"}', "/leave_links"],
        ),
        (
            {"this_chat": "this chat"},
            "utter_ask_unlink_here",
            ['/unlink_confirmed{"channel": "telegram"}', "/leave_links"],
        ),
        ({"channel": "teams"}, "utter_not_linked", []),
        (
            {},
            "utter_ask_which_to_unlink",
            [f'/unlink_channel{{"channel": "{channel}"}}' for channel in ("telegram", "webchat", "whatsapp")],
        ),
    ],
)
async def test_nothing_is_unlinked_before_the_customer_has_said_yes(
    run: Run, entities: dict[str, str], response: str, payloads: list[str]
) -> None:
    outcome = await run("action_unlink_channel", said("unlink_channel", **entities))
    assert (outcome.uttered, outcome.payloads, outcome.commands) == ([response], payloads, [])


async def test_a_yes_unlinks(run: Run) -> None:
    outcome = await run("action_unlink", said("unlink_confirmed", channel="whatsapp"), "return_form")
    assert outcome.commands == [{"type": "unlink", "channel": "whatsapp"}]
    assert (outcome.uttered, outcome.next) == (["utter_unlinked"], None)


async def test_a_chat_that_is_forgotten_is_asked_nothing_any_more(run: Run) -> None:
    outcome = await run("action_unlink", said("unlink_confirmed", channel="telegram"), "return_form")
    assert outcome.commands == [{"type": "unlink", "channel": "telegram"}]
    assert (outcome.uttered, outcome.next) == (["utter_unlinked_here"], "action_listen")


async def test_a_yes_that_comes_too_late_unlinks_nothing(run: Run) -> None:
    outcome = await run("action_unlink", said("unlink_confirmed", channel="teams"))
    assert (outcome.uttered, outcome.commands) == (["utter_not_linked"], [])


async def test_chats_are_separated_after_a_yes(run: Run) -> None:
    undoable = Message(intent="undo_link", told={**ALICE, "undoable": True})
    asked = await run("action_undo_link", undoable)
    done = await run("action_undo", undoable, "return_form")
    assert (asked.uttered, asked.payloads, asked.commands) == (
        ["utter_ask_undo"],
        ["/undo_confirmed", "/leave_links"],
        [],
    )
    assert (done.uttered, done.commands, done.next) == (["utter_undone"], [{"type": "undo_link"}], "action_listen")


@pytest.mark.parametrize("action", ["action_undo_link", "action_undo"])
async def test_what_cannot_be_separated_is_said_to_be_so(run: Run, action: str) -> None:
    outcome = await run(action, said("undo_link"))
    assert (outcome.uttered, outcome.commands) == (["utter_nothing_to_undo"], [])


async def test_two_conversations_that_became_one_are_spoken_of_in_the_same_message(run: Run) -> None:
    joined = Message(intent="channel_linked", channel="telegram", told={"joined": True})
    (line,) = (await run("action_catch_up", joined)).responses
    assert line["joined"].startswith("\nThis chat and your other one are put together now.")
    (line,) = (await run("action_catch_up", said("channel_linked"))).responses
    assert line["joined"] == ""


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_line_of_catching_up_has_room_for_it(language: str) -> None:
    responses = yaml.safe_load((PROJECT / "domain/channels.yml").read_text(encoding="utf-8"))["responses"]
    lines = [line["text"] for name in responses if name.startswith("utter_catch_up") for line in responses[name]]
    assert len(lines) == 10
    assert all(line.endswith("{joined}") for line in lines)


@pytest.mark.parametrize(
    ("parked", "response", "values"),
    [
        (RETURN, "utter_parked_return_item", {"order": "1048", "item": "blue kettle"}),
        ({"form": "return_form", "slots": {"return_order": "1048"}}, "utter_parked_return_order", {"order": "1048"}),
        ({"form": "return_form", "slots": {}}, "utter_parked_return", {}),
        ({"form": "track_order_form", "slots": {}}, "utter_parked_track", {}),
    ],
)
@pytest.mark.parametrize("ending", ["action_finish_return", "action_forget_return", "action_stop_tracking"])
async def test_what_was_put_aside_is_offered_after_the_other_form(
    run: Run, ending: str, parked: dict[str, Any], response: str, values: dict[str, str]
) -> None:
    outcome = await run(ending, Message(intent="cancel"), parked_form=parked)
    offer = outcome.responses[-1]
    assert (offer["response"], {name: offer[name] for name in values}) == (response, values)
    assert outcome.payloads == ["/resume_parked", "/drop_parked"]


@pytest.mark.parametrize("parked", [None, {"form": "a_form_of_an_older_assistant", "slots": {}}])
async def test_nothing_is_offered_where_nothing_waits(run: Run, parked: dict[str, Any] | None) -> None:
    outcome = await run("action_stop_tracking", Message(intent="cancel"), parked_form=parked)
    assert outcome.uttered == ["utter_tracking_stopped"]


async def test_going_on_takes_up_the_form_as_it_was(run: Run) -> None:
    outcome = await run("action_resume_parked", Message(intent="resume_parked"), parked_form=RETURN)
    given = {slot: value for slot, value in outcome.slots.items() if value is not None}
    assert given == {"return_order": "1048", "return_sku": "kettle-blue"}
    assert outcome.slots["parked_form"] is None
    assert (outcome.uttered, outcome.next) == ([], "return_form")


async def test_a_form_waits_until_the_open_one_has_ended(run: Run) -> None:
    outcome = await run("action_resume_parked", Message(intent="resume_parked"), "return_form", parked_form=RETURN)
    assert (outcome.uttered, outcome.slots, outcome.next) == (["utter_parked_waits"], {}, None)


async def test_what_was_put_aside_can_be_forgotten_once(run: Run) -> None:
    first = await run("action_drop_parked", Message(intent="drop_parked"), parked_form=RETURN)
    assert (first.uttered, first.slots) == (["utter_parked_dropped"], {"parked_form": None})
    assert (await run("action_drop_parked", Message(intent="drop_parked"))).uttered == ["utter_nothing_parked"]
    assert (await run("action_resume_parked", Message(intent="resume_parked"))).uttered == ["utter_nothing_parked"]


@pytest.mark.parametrize("channel", ["telegram", "teams"])
async def test_a_private_matter_leads_to_the_private_chat_on_the_same_channel(run: Run, channel: str) -> None:
    message = Message(intent="private_matter", channel=channel, told={"audience": True})
    (answer,) = (await run("action_private_matter", message)).responses
    assert answer["response"] == "utter_private_matter"
    assert answer["custom"] == {"type": "continue", "channel": channel}


async def test_an_order_number_said_in_a_group_is_a_private_matter(run: Run) -> None:
    message = Message(intent="inform", entities={"order_number": "1042"}, told={"audience": True})
    outcome = await run("action_clarify", message)
    assert (outcome.uttered, outcome.slots) == (["utter_private_matter"], {})


async def test_a_groups_conversation_is_one_from_its_start(run: Run) -> None:
    group = await run("action_session_start", Message(intent="greet"), session_started_metadata={"audience": True})
    alone = await run("action_session_start", Message(intent="greet"), session_started_metadata={"audience": False})
    assert group.slots["audience"] is True
    assert "audience" not in alone.slots


def test_nothing_of_a_customers_own_is_public() -> None:
    groups = yaml.safe_load((PROJECT / "endpoints.yml").read_text(encoding="utf-8"))["groups"]
    private = {"track_order", "return_item", "talk_to_human", "list_channels", "unlink_channel", "undo_link"}
    private |= {"channel_linked", "unlink_confirmed", "undo_confirmed", "resume_parked", "continue_elsewhere"}
    assert private.isdisjoint(groups["answers"])
    assert groups["otherwise"] == "private_matter"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_menus_in_groups_hold_nothing_private(language: str) -> None:
    responses = yaml.safe_load((PROJECT / "domain/general.yml").read_text(encoding="utf-8"))["responses"]
    in_group = [
        {"language": language, "audience": True},
        {"language": language, "audience": False},
    ]
    for name in ("utter_greet", "utter_help", "utter_out_of_scope", "utter_not_understood_menu", "utter_what_about_it"):
        public, private = ([line for line in responses[name] if _fits(line, slots)] for slots in in_group)
        assert len(public) == 1, name
        assert len(private) == (1 if language == "zh" else 0), name  # English is what is said without a condition
        payloads = {button["payload"] for button in public[0].get("buttons", [])}
        assert payloads <= {"/check_stock", "/ask_hours"}, name


def _fits(line: dict[str, Any], slots: dict[str, Any]) -> bool:
    """As Rasa chooses among the variations that have conditions."""
    conditions = line.get("condition", [])
    return bool(conditions) and all(slots[each["name"]] == each["value"] for each in conditions)
