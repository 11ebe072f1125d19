"""What stands beside a conversation: the customer's panel, notes, labels, links, saved replies and suggestions."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa

from bot.gateway.codes import typed
from bot.gateway.customers import find
from bot.gateway.linking import redeem_typed
from bot.store.database import transaction
from bot.store.desk_tables import audit
from bot.store.merging import join_customers
from bot.store.tables import customers, events, identities, merges, messages
from tests.gateway.desk.office import Office, identity_of, office
from tests.gateway.desk.staff import Browser
from tests.gateway.people import customer_of, rows

__all__ = ["office"]

SAVED = {
    "shortcut": "refund",
    "language": "en",
    "title": "Refunds",
    "content": {"text": "Hello {customer}, it takes a week."},
    "intents": ["return_item"],
}


async def understood(office: Office, conversation: str, message: int, intent: str) -> None:
    """As the core writes it down."""
    parsed = {"intent": {"name": intent, "confidence": 0.9}, "intent_ranking": [], "entities": []}
    data = {"event": "user", "text": "…", "parse_data": parsed}
    row = {"conversation_id": conversation, "seq": message, "type": "user", "timestamp": 1.0}
    async with transaction(office.engine) as connection:
        await connection.execute(sa.insert(events).values(**row, message_id=message, data=data))


async def test_the_panel_tells_who_it_is_and_to_open_it_is_noted_once(office: Office) -> None:
    conversation = await office.asks_for_people("alice", topic="returns")
    await office.writes("al", "hello", "webchat")
    async with transaction(office.engine) as connection:
        into = await customer_of(office.engine, "alice", "telegram")
        one = await customer_of(office.engine, "al", "webchat")
        await join_customers(connection, one=one, into=into, now=office.clock())
        await connection.execute(sa.update(customers).where(customers.c.id == into).values(name="<b>Alice</b>"))
    maya = await office.comes("maya")
    path = f"/desk/api/conversations/{conversation}"
    status, shown = await maya.get(path)
    await maya.get(path)
    assert status == 200
    assert shown["customer"] == {
        "id": into,
        "name": "<b>Alice</b>",
        "account": None,
        "language": "en",
        "since": "2026-11-21T12:00:01Z",
        "preferred_channel": None,
    }
    assert (shown["state"], shown["topic"], shown["channels"]) == ("queued", "returns", ["webchat", "telegram"])
    assert [(way["channel"], way["external_id"], way["reachable"]) for way in shown["identities"]] == [
        ("telegram", "alice", True),
        ("webchat", "al", True),
    ]
    assert shown["to"] == {"identity": shown["identities"][0]["id"], "channel": "telegram"}
    assert [(merge["channels"], merge["undone_at"]) for merge in shown["merges"]] == [(["webchat"], None)]
    assert (shown["form"], shown["slots"], shown["orders"], shown["notes"]) == (None, [], [], [])
    [look] = await rows(office.engine, audit, what="looked")
    assert (look.who, look.conversation_id, look.customer_id) == (office.agents["maya"], conversation, into)
    assert await maya.get("/desk/api/conversations/nobodys") == (404, {"error": "unknown"})


async def test_lists_are_served_with_their_cursor_and_searched(office: Office) -> None:
    waits = [await office.asks_for_people(who) for who in ("alice", "bob", "carol")]
    maya = await office.comes("maya")
    _, first = await maya.get("/desk/api/conversations?view=queue&limit=2")
    _, second = await maya.get(f"/desk/api/conversations?view=queue&limit=2&after={first['next']}")
    assert [item["id"] for item in (*first["items"], *second["items"])] == waits
    assert (first["total"], second["next"]) == (3, None)
    for wrong in ("view=none", "view=queue&after=x", "view=queue&team=x", "view=all&q=a&after=x", f"q={'a' * 201}"):
        assert (await maya.get(f"/desk/api/conversations?{wrong}"))[0] == 422
    assert (await maya.get("/desk/api/conversations?view=closed&q=human"))[1]["items"] == []
    [noted] = await rows(office.engine, audit, what="searched")
    assert (noted.who, noted.detail) == (office.agents["maya"], {})


async def test_what_is_said_is_soon_found(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    await office.writes("alice", "it is about a xylophone")
    maya = await office.comes("maya")
    async with asyncio.timeout(20):
        while not (found := (await maya.get("/desk/api/conversations?view=queue&q=Xylophone"))[1]["items"]):
            pass
    assert [item["id"] for item in found] == [conversation]


async def test_labels_come_and_go(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    path = f"/desk/api/conversations/{conversation}/labels"
    assert await maya.post(path, {"add": ["vip", "urgent", "vip"]}) == (200, {"labels": ["urgent", "vip"]})
    assert await maya.post(path, {"add": ["vip"], "remove": ["urgent"]}) == (200, {"labels": ["vip"]})
    wrongs: list[Any] = [[1], "vip", ["x" * 65], [f"l{n}" for n in range(20)]]
    for wrong in [{"add": labels} for labels in wrongs]:
        assert (await maya.post(path, wrong))[0] == 422
    assert (await maya.get(f"/desk/api/conversations/{conversation}"))[1]["labels"] == ["vip"]


async def test_a_note_is_for_colleagues_that_there_are(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    path = f"/desk/api/conversations/{conversation}/notes"
    status, said = await maya.post(path, {"text": " look at <b>this</b> "})
    assert (status, said["note"]["text"], said["note"]["after_message"]) == (200, "look at <b>this</b>", 1)
    for wrong in ({}, {"text": " "}, {"text": "x", "mentions": ["nobody"]}, {"text": "x", "mentions": [1]}):
        assert (await maya.post(path, wrong))[0] == 422
    whisper = {"text": "x", "whisper_to": office.agents["maya"]}
    assert await maya.post(path, whisper) == (403, {"error": "not_allowed"})


async def test_an_identity_that_is_doubted_has_shown_nothing(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    identity = await identity_of(office.engine, "alice", "telegram")
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(identities).values(assurance="code", linked_how="short_code"))
    assert (await maya.post(f"/desk/api/identities/{identity}/suspend"))[0] == 200
    assert await maya.post(f"/desk/api/identities/{identity}/suspend") == (409, {"error": "already"})
    [row] = await rows(office.engine, identities)
    assert (row.assurance, row.linked_how) == ("none", "suspended")
    assert (await maya.post(f"/desk/api/identities/{identity}/restore"))[0] == 200
    [row] = await rows(office.engine, identities)
    assert (row.assurance, row.linked_how) == ("none", "restored")
    for unknown in ("99", "x", "9" * 30):
        assert await maya.post(f"/desk/api/identities/{unknown}/suspend") == (404, {"error": "unknown"})
    noted = [row.what for row in await rows(office.engine, audit, conversation_id=conversation)]
    assert noted == ["ask", "suspended", "restored"]


async def test_a_code_from_an_agent_links_another_channel_and_makes_it_no_surer(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    await office.writes("al", "hello", "webchat")
    customer = await customer_of(office.engine, "alice", "telegram")
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(customers).where(customers.c.id == customer).values(account="C-1001"))
    maya = await office.comes("maya")
    status, said = await maya.post(f"/desk/api/conversations/{conversation}/link_code")
    code = typed(said["code"])
    assert (status, said["expires_in"]) == (200, 600)
    assert code is not None
    async with transaction(office.engine) as connection:
        known = await find(connection, "webchat", "al")
        assert known is not None
        await redeem_typed(connection, code.code, known=known, now=office.clock())
    assert await customer_of(office.engine, "al", "webchat") == customer
    assert [row.assurance for row in await rows(office.engine, identities, external_id="al")] == ["none"]
    assert said["code"] not in str(await rows(office.engine, audit))


async def test_a_merge_is_undone_in_its_turn_and_once(office: Office) -> None:
    await office.writes("alice", "hello")
    await office.writes("al", "hello", "webchat")
    async with transaction(office.engine) as connection:
        one, into = (
            await customer_of(office.engine, "al", "webchat"),
            await customer_of(office.engine, "alice", "telegram"),
        )
        merge = await join_customers(connection, one=one, into=into, now=office.clock())
    maya = await office.comes("maya")
    status, said = await maya.post(f"/desk/api/merges/{merge}/undo")
    [asked] = await rows(office.engine, messages, author="agent")
    assert (status, said, asked.content["type"]) == (200, {"message": asked.id}, "separate")
    assert (asked.content["merge"], asked.content["by"]) == (merge, office.agents["maya"])
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(merges).values(undone_at=office.clock()))
    for gone in (merge, 99):
        assert await maya.post(f"/desk/api/merges/{gone}/undo") == (409, {"error": "already"})


async def test_saved_replies_are_everybodys_or_ones_own(office: Office) -> None:
    maya, ben, eve = await office.comes("maya"), await office.comes("ben"), await office.comes("eve", "supervisor")
    path = "/desk/api/saved-replies"
    assert await maya.post(path, {**SAVED, "own": False}) == (403, {"error": "not_allowed"})
    status, shared = await eve.post(path, {**SAVED, "own": False})
    assert (status, shared) == (200, {**SAVED, "id": shared["id"], "own": False})
    _, own = await maya.post(path, {**SAVED, "shortcut": "mine"})
    assert own["own"] is True
    assert [one["shortcut"] for one in (await maya.get(path))[1]["items"]] == ["mine", "refund"]
    assert [one["shortcut"] for one in (await ben.get(path))[1]["items"]] == ["refund"]
    assert await ben.delete(f"{path}/{own['id']}") == (404, {"error": "unknown"})
    assert await maya.delete(f"{path}/{shared['id']}") == (403, {"error": "not_allowed"})
    _, changed = await maya.post(f"{path}/{own['id']}", {**SAVED, "shortcut": "mine2"})
    assert changed["shortcut"] == "mine2"
    assert (await maya.delete(f"{path}/{own['id']}"))[0] == 200
    wrongs: list[dict[str, Any]] = [
        {"shortcut": "a b"},
        {"language": "?"},
        {"title": ""},
        {"content": {}},
        {"content": {"text": "{nobody}"}},
        {"content": {"image": "vault:x"}},
        {"intents": [1]},
    ]
    for wrong in wrongs:
        assert (await maya.post(path, {**SAVED, **wrong}))[0] == 422, wrong


async def test_suggested_is_what_was_saved_for_the_newest_message_in_its_language_first(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    path = f"/desk/api/conversations/{conversation}/suggestions"
    for shortcut, language, intents in (
        ("zh", "zh", ["return_item"]),
        ("en", "en-GB", ["return_item"]),
        ("no", "en", ["x"]),
    ):
        await save(maya, shortcut=shortcut, language=language, intents=intents)
    assert (await maya.get(path))[1] == {"items": []}
    newest = await office.writes("alice", "I want to return it")
    await understood(office, conversation, newest.message, "return_item")
    _, told = await maya.get(path)
    assert [(one["kind"], one["shortcut"], one["intent"], one["confidence"]) for one in told["items"]] == [
        ("saved", "en", "return_item", 0.9),
        ("saved", "zh", "return_item", 0.9),
    ]
    status, how = await maya.get(f"/desk/api/messages/{newest.message}/understanding")
    assert (status, how["intent"], how["confidence"]) == (200, "return_item", 0.9)
    for unknown in (newest.message - 1, 99, "x"):
        assert await maya.get(f"/desk/api/messages/{unknown}/understanding") == (404, {"error": "unknown"})


async def save(browser: Browser, **more: Any) -> None:
    assert (await browser.post("/desk/api/saved-replies", {**SAVED, **more}))[0] == 200


ROUTES = [
    ("GET", "conversations"),
    ("GET", "conversations/x"),
    ("GET", "conversations/x/transcript"),
    ("GET", "conversations/x/suggestions"),
    ("GET", "messages/1/understanding"),
    ("GET", "saved-replies"),
    ("GET", "live"),
    ("GET", "figures"),
    ("GET", "audit"),
    *(("POST", f"conversations/x/{end}") for end in ("do", "say", "preview", "files", "notes", "labels", "link_code")),
    ("POST", "identities/1/suspend"),
    ("POST", "identities/1/restore"),
    ("POST", "merges/1/undo"),
    ("POST", "saved-replies"),
    ("POST", "saved-replies/1"),
    ("DELETE", "saved-replies/1"),
]


async def test_nobody_is_served_without_a_session_nor_from_another_page(office: Office) -> None:
    maya = await office.comes("maya")
    stranger = Browser(office.gateway.url)
    async with stranger:
        for method, path in ROUTES:
            async with stranger.http.request(method, f"{stranger.url}/desk/api/{path}") as answer:
                assert answer.status in (401, 403), path
            if method != "GET":
                assert (await maya.post(f"/desk/api/{path}", method=method, X_CSRF="0"))[0] == 403, path
                evil = {"Origin": "https://evil.example"}
                assert (await maya.post(f"/desk/api/{path}", method=method, **evil))[0] == 403, path
