"""What the Graph API takes, and what it refuses in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.whatsapp import Limits, Number, Person, Rate, WhatsAppServer, close_connection, hang, refuse, server_error

from .conftest import Clock, Graph

REPLY = {"type": "reply", "reply": {"id": "a", "title": "Yes"}}


def buttons(*replies: Any, body: str = "Sure?", **fields: Any) -> Any:
    return {"type": "button", "body": {"text": body}, "action": {"buttons": list(replies)}} | fields


def reply(title: str, name: str = "a") -> Any:
    return {"type": "reply", "reply": {"id": name, "title": title}}


def listed(*rows: Any, button: str = "Choose") -> Any:
    return {
        "type": "list",
        "body": {"text": "Which?"},
        "action": {"button": button, "sections": [{"rows": list(rows)}]},
    }


def row(title: str, name: str = "a", **fields: Any) -> Any:
    return {"id": name, "title": title} | fields


def cta(text: str, url: str = "https://t.me/x") -> Any:
    parameters = {"display_text": text, "url": url}
    return {"type": "cta_url", "body": {"text": "Go on"}, "action": {"name": "cta_url", "parameters": parameters}}


TAKEN: dict[str, tuple[str, Any]] = {
    "text": ("text", {"body": "x" * 4096}),
    "preview": ("text", {"body": "https://x.example", "preview_url": True}),
    "buttons": ("interactive", buttons(reply("x" * 20), reply("No", "b"), reply("Maybe", "c" * 256), body="x" * 1024)),
    "list": (
        "interactive",
        listed(*(row("x" * 24, f"{number}" * 100, description="x" * 72) for number in range(10, 20)), button="x" * 20),
    ),
    "link": ("interactive", cta("x" * 20)),
    "place": ("location", {"latitude": -90, "longitude": 180, "name": "Pole", "address": "Ice"}),
    "place in strings": ("location", {"latitude": "1.2836", "longitude": "103.8607"}),
}


@pytest.mark.parametrize(("kind", "body"), TAKEN.values(), ids=TAKEN.keys())
async def test_what_is_within_the_limits_is_taken(graph: Graph, alice: Person, kind: str, body: Any) -> None:
    status, answer = await graph.send(alice, kind, body)
    message = await alice.next_message()
    assert (status, message[kind]) == (200, body)
    assert answer == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "16505551234", "wa_id": "16505551234"}],
        "messages": [{"id": message["id"]}],
    }


REFUSED: dict[str, tuple[str, Any, int, str]] = {
    "no text": ("text", {}, 131008, "Parameter text['body'] is missing."),
    "empty text": ("text", {"body": " \n"}, 100, "(#100) Param text['body'] cannot be empty."),
    "text is a number": ("text", {"body": 7}, 100, "(#100) Param text['body'] must be a string."),
    "text is a string": ("text", "hi", 100, "(#100) Param text must be a JSON object."),
    "long text": (
        "text",
        {"body": "x" * 4097},
        100,
        "(#100) Param text['body'] must be at most 4096 characters long.",
    ),
    "emoji count twice": (
        "text",
        {"body": "😀" * 2049},
        100,
        "(#100) Param text['body'] must be at most 4096 characters long.",
    ),
    "unknown key": ("text", {"body": "x", "bold": 1}, 100, '(#100) Unexpected key "bold" on param "text".'),
    "four buttons": (
        "interactive",
        buttons(*(reply(name, name) for name in "abcd")),
        131009,
        "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
    ),
    "no button": (
        "interactive",
        buttons(),
        131009,
        "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
    ),
    "long button": (
        "interactive",
        buttons(reply("x" * 21)),
        131009,
        "Button title length invalid. Min length: 1, Max length: 20",
    ),
    "long button id": (
        "interactive",
        buttons(reply("Yes", "x" * 257)),
        131009,
        "Button id length invalid. Min length: 1, Max length: 256",
    ),
    "same title": ("interactive", buttons(REPLY, reply("Yes", "b")), 131009, "Button title must be unique."),
    "same id": ("interactive", buttons(REPLY, reply("No")), 131009, "Button id must be unique."),
    "long body": (
        "interactive",
        buttons(REPLY, body="x" * 1025),
        131009,
        "Body text length invalid. Min length: 1, Max length: 1024",
    ),
    "no body": (
        "interactive",
        {"type": "button", "action": {"buttons": [REPLY]}},
        100,
        "(#100) Param interactive['body'] must be a JSON object.",
    ),
    "long footer": (
        "interactive",
        buttons(REPLY, footer={"text": "x" * 61}),
        131009,
        "Footer text length invalid. Min length: 1, Max length: 60",
    ),
    "long header": (
        "interactive",
        buttons(REPLY, header={"type": "text", "text": "x" * 61}),
        131009,
        "Header text length invalid. Min length: 1, Max length: 60",
    ),
    "picture over a list": (
        "interactive",
        listed(row("A")) | {"header": {"type": "image", "image": {"link": "https://x.example/a.png"}}},
        131009,
        "Header type is not supported for this interactive message type.",
    ),
    "eleven rows": (
        "interactive",
        listed(*(row("A", str(number)) for number in range(11))),
        131009,
        "Total row count exceed max allowed count: 10, got 11",
    ),
    "long row": (
        "interactive",
        listed(row("x" * 25)),
        131009,
        "Row title length invalid. Min length: 1, Max length: 24",
    ),
    "long description": (
        "interactive",
        listed(row("A", description="x" * 73)),
        131009,
        "Row description length invalid. Min length: 1, Max length: 72",
    ),
    "long row id": (
        "interactive",
        listed(row("A", "x" * 201)),
        131009,
        "Row id length invalid. Min length: 1, Max length: 200",
    ),
    "same row id": ("interactive", listed(row("A"), row("B")), 131009, "Row id must be unique."),
    "long list button": (
        "interactive",
        listed(row("A"), button="x" * 21),
        131009,
        "Button label length invalid. Min length: 1, Max length: 20",
    ),
    "long link button": (
        "interactive",
        cta("x" * 21),
        131009,
        "CTA display text length invalid. Min length: 1, Max length: 20",
    ),
    "link that is none": (
        "interactive",
        cta("Go", "javascript:alert(1)"),
        100,
        "(#100) Param interactive['action']['parameters']['url'] is not a valid URI.",
    ),
    "unknown interactive": (
        "interactive",
        {"type": "carousel"},
        100,
        "(#100) Param interactive['type'] must be one of {BUTTON, CTA_URL, LIST}.",
    ),
    "unknown type": (
        "hologram",
        {},
        100,
        '(#100) Param type must be one of {DOCUMENT, IMAGE, INTERACTIVE, LOCATION, TEXT} - got "hologram".',
    ),
    "picture without address": (
        "image",
        {"caption": "x"},
        100,
        "(#100) Either the parameter id or the parameter link is required.",
    ),
    "long caption": (
        "image",
        {"link": "https://x.example/a.png", "caption": "x" * 1025},
        100,
        "(#100) Param image['caption'] must be at most 1024 characters long.",
    ),
    "document without address": (
        "document",
        {"filename": "a.pdf"},
        100,
        "(#100) Either the parameter id or the parameter link is required.",
    ),
    "document with both": (
        "document",
        {"link": "https://x.example/a.pdf", "id": "7"},
        100,
        "(#100) Either the parameter id or the parameter link is required.",
    ),
    "document with an unknown key": (
        "document",
        {"link": "https://x.example/a.pdf", "name": "a.pdf"},
        100,
        '(#100) Unexpected key "name" on param "document".',
    ),
    "long caption of a document": (
        "document",
        {"link": "https://x.example/a.pdf", "caption": "x" * 1025},
        100,
        "(#100) Param document['caption'] must be at most 1024 characters long.",
    ),
    "document that was never uploaded": (
        "document",
        {"id": "7"},
        100,
        "Unsupported get request. Object with ID '7' does not exist, cannot be loaded due to missing permissions, or "
        "does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api",
    ),
    "place without longitude": ("location", {"latitude": 1}, 131008, "Parameter location['longitude'] is missing."),
    "place off the map": (
        "location",
        {"latitude": 91, "longitude": 0},
        131009,
        "Latitude must be between -90 and 90.",
    ),
    "place in words": (
        "location",
        {"latitude": "here", "longitude": 0},
        131009,
        "Latitude must be between -90 and 90.",
    ),
    "picture from a file": (
        "image",
        {"link": "file:///etc/passwd"},
        100,
        "(#100) Param image['link'] is not a valid URI.",
    ),
}


@pytest.mark.parametrize(("kind", "body", "code", "words"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_meta_refuses_is_refused_in_its_words(
    graph: Graph, alice: Person, kind: str, body: Any, code: int, words: str
) -> None:
    assert await graph.refusal(alice, kind, body) == (code, words)
    assert len(alice.messages) == 1


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"to": "1"}, 100, "(#100) The parameter messaging_product is required."),
        ([], 100, "(#100) The parameter messaging_product is required."),
        ({"messaging_product": "whatsapp"}, 100, "(#100) The parameter to is required."),
        (
            {"messaging_product": "whatsapp", "to": "alice"},
            131009,
            "(#131009) Parameter value is not valid",
        ),
        (
            {"messaging_product": "whatsapp", "recipient": "alice"},
            131009,
            "(#131009) Parameter value is not valid",
        ),
        (
            {"messaging_product": "whatsapp", "to": "16505551234", "type": "text", "extra": 1},
            100,
            '(#100) Unexpected key "extra" on param "".',
        ),
        (
            {"messaging_product": "whatsapp", "to": "16505551234", "type": "text"},
            100,
            "(#100) The parameter text is required.",
        ),
    ],
)
async def test_envelope_has_to_be_right(graph: Graph, alice: Person, body: Any, code: int, words: str) -> None:
    status, answer = await graph.post(body)
    assert (status, answer["error"]["code"], answer["error"]["message"]) == (400, code, words)
    assert answer["error"]["fbtrace_id"]


async def test_person_can_be_named_by_user_id_and_by_a_number_as_people_write_it(graph: Graph, alice: Person) -> None:
    _, by_id = await graph.post(
        {"messaging_product": "whatsapp", "recipient": alice.user_id, "type": "text", "text": {"body": "one"}}
    )
    status, _ = await graph.post(
        {"messaging_product": "whatsapp", "to": "+1 (650) 555-1234", "type": "text", "text": {"body": "two"}}
    )
    assert by_id["contacts"] == [{"input": alice.user_id, "user_id": alice.user_id}]
    assert (status, [(await alice.next_message())["text"]["body"] for _ in range(2)]) == (200, ["one", "two"])


# --- Who may call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "An access token is required to request this resource."),
        ({"Authorization": "EAAG-hearthside"}, "An access token is required to request this resource."),
        ({"Authorization": "Bearer wrong"}, "Invalid OAuth access token - Cannot parse access token"),
    ],
)
async def test_wrong_token_is_refused(graph: Graph, alice: Person, headers: dict[str, str], words: str) -> None:
    graph.headers = headers
    status, answer = await graph.text(alice)
    assert (status, answer["error"]["code"], answer["error"]["message"]) == (401, 190, words)
    assert answer["error"]["type"] == "OAuthException"


async def test_unknown_number_and_path_are_refused(graph: Graph, server: WhatsAppServer) -> None:
    server.number("200000000000001", access_token="EAAG-other", app_secret="x")
    for path in ("999/messages", "200000000000001/messages"):
        status, answer = await graph.post({"messaging_product": "whatsapp"}, path)
        error = answer["error"]
        assert (status, error["code"], error["error_subcode"], error["type"]) == (400, 100, 33, "GraphMethodException")
    status, answer = await graph.get("106540352242922/nothing")
    assert (status, answer["error"]["code"]) == (400, 2500)


async def test_number_tells_about_itself(graph: Graph) -> None:
    number = "106540352242922"
    assert await graph.get(f"{number}?fields=display_phone_number") == (
        200,
        {"id": number, "display_phone_number": "+1 555-078-3881"},
    )
    assert (await graph.get(number))[1]["verified_name"] == "Hearthside"
    status, answer = await graph.get(f"{number}?fields=secret")
    assert (status, answer["error"]["message"]) == (400, "(#100) Tried accessing nonexisting field (secret)")


# --- Whom one may write to --------------------------------------------------------------------------------------------


async def test_window_closes_24_hours_after_the_last_word(
    graph: Graph, shop: Number, alice: Person, clock: Clock
) -> None:
    clock.forward(24 * 3600 - 5)
    assert (await graph.text(alice))[0] == 200
    clock.forward(10)
    status, answer = await graph.text(alice)
    assert (status, answer["error"]["code"]) == (400, 131047)
    assert answer["error"]["message"] == "(#131047) Re-engagement message"
    await alice.say(shop, "still there?")
    assert (await graph.text(alice))[0] == 200


async def test_strangers_cannot_be_reached(graph: Graph, server: WhatsAppServer) -> None:
    stranger = server.person("Carol", "16505550001")
    server.network.people.remove(stranger)
    assert await graph.refusal(stranger, "text", {"body": "hi"}) == (131026, "Message Undeliverable.")


async def test_one_who_never_wrote_has_no_window(graph: Graph, server: WhatsAppServer) -> None:
    assert (await graph.refusal(server.person("Carol", "16505550001"), "text", {"body": "hi"}))[0] == 131047


async def test_one_who_blocked_the_business_sees_nothing_and_it_is_not_told(
    graph: Graph, shop: Number, alice: Person
) -> None:
    alice.block(shop)
    assert (await graph.text(alice))[0] == 200
    told = [one.value["statuses"][0]["status"] for one in shop.deliveries if "statuses" in one.value]
    assert (told, len(alice.messages)) == (["sent"], 1)
    with pytest.raises(RuntimeError):
        await alice.say(shop, "hello")
    alice.unblock(shop)
    await alice.say(shop, "hello again")


class TestRates:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(pair=Rate(per_second=1 / 6, burst=3), overall=Rate(per_second=80, burst=4))

    async def test_one_person_is_not_written_to_too_often(self, graph: Graph, alice: Person, clock: Clock) -> None:
        assert [(await graph.text(alice))[0] for _ in range(3)] == [200, 200, 200]
        clock.forward(5)
        assert (await graph.text(alice))[1]["error"]["code"] == 131056
        clock.forward(1)
        assert [(await graph.text(alice))[0] for _ in range(2)] == [200, 400]

    async def test_not_too_many_are_sent_in_all(
        self, graph: Graph, server: WhatsAppServer, shop: Number, clock: Clock
    ) -> None:
        people = [server.person(f"Person {number}", f"1650555200{number}") for number in range(5)]
        for person in people:
            await person.say(shop, "hello")
        answers = [await graph.text(person) for person in people]
        assert [status for status, _ in answers] == [200, 200, 200, 200, 429]
        assert answers[-1][1]["error"]["code"] == 130429
        clock.forward(1 / 80)
        assert (await graph.text(people[-1]))[0] == 200


# --- Pictures and media -----------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.mark.parametrize(
    ("content", "mime_type", "details"),
    [
        (PNG, "image/png", None),
        (b"\xff\xd8\xff" + bytes(64), "image/jpeg", None),
        (PNG, "image/jpeg", "Unsupported Image mime type image/jpeg. Please use one of image/jpeg, image/png."),
        (b"GIF89a", "image/gif", "Unsupported Image mime type image/gif. Please use one of image/jpeg, image/png."),
        (PNG + bytes(5 * 1024 * 1024), "image/png", "Image file size exceeds the limit of 5242880 bytes."),
        (None, "", "Downloading media from weblink failed with http code 404"),
    ],
)
async def test_picture_is_fetched_and_looked_at(
    graph: Graph, alice: Person, content: bytes | None, mime_type: str, details: str | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404) if content is None else web.Response(body=content, content_type=mime_type)

    app = web.Application()
    app.router.add_get("/a.png", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    link = f"http://127.0.0.1:{runner.addresses[0][1]}/a.png"
    header = {"type": "image", "image": {"link": link}}
    try:
        for kind, body in (("image", {"link": link}), ("interactive", buttons(REPLY, header=header))):
            status, told = await graph.send(alice, kind, body)
            found = told["error"]["error_data"]["details"] if status == 400 else None
            assert found == details
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(content: bytes, mime_type: str) -> AsyncIterator[str]:
    """A file on a free port; its address."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=mime_type)

    app = web.Application()
    app.router.add_get("/file", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/file"
    await runner.cleanup()


async def test_document_is_fetched_and_looked_at(graph: Graph, alice: Person) -> None:
    async with serving(b"%PDF-1.7", "application/pdf") as link:
        body = {"link": link, "filename": "receipt.pdf", "caption": "yours"}
        assert (await graph.send(alice, "document", body))[0] == 200
        assert (await alice.next_message())["document"] == body
    async with serving(b"<html>", "text/html") as link:
        code, details = await graph.refusal(alice, "document", {"link": link})
    assert (code, details.partition(". ")[0]) == (131053, "Unsupported Document mime type text/html")


async def upload(graph: Graph, content: bytes, mime_type: str, **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData({"messaging_product": "whatsapp"} | fields)
    form.add_field("file", content, filename="file", content_type=mime_type)
    url = f"{graph.url}/v26.0/106540352242922/media"
    async with graph.session.post(url, data=form, headers=graph.headers) as answer:
        return answer.status, await answer.json()


async def test_uploaded_file_can_be_sent_and_is_gone_after_thirty_days(
    graph: Graph, alice: Person, shop: Number, clock: Clock
) -> None:
    status, uploaded = await upload(graph, PNG, "image/png")
    assert (status, list(uploaded)) == (200, ["id"])
    assert (await graph.send(alice, "image", {"id": uploaded["id"]}))[0] == 200
    assert (await graph.refusal(alice, "document", {"id": uploaded["id"]}))[0] == 131053
    clock.forward(30 * 24 * 3600 + 1)
    await alice.say(shop, "still there?")
    assert (await graph.refusal(alice, "image", {"id": uploaded["id"]}))[0] == 100


@pytest.mark.parametrize(
    ("content", "mime_type", "fields", "code"),
    [
        (PNG, "image/png", {"messaging_product": "sms"}, 100),
        (b"GIF89a", "image/gif", {}, 100),
        (PNG, "image/jpeg", {}, 131053),
        (PNG + bytes(5 * 1024 * 1024), "image/png", {}, 131053),
    ],
)
async def test_upload_that_cannot_be_sent_is_refused(
    graph: Graph, shop: Number, content: bytes, mime_type: str, fields: dict[str, str], code: int
) -> None:
    status, answer = await upload(graph, content, mime_type, **fields)
    assert (status, answer["error"]["code"]) == (400, code)


async def test_media_is_deleted_on_request_and_after_seven_days(
    graph: Graph, shop: Number, alice: Person, clock: Clock
) -> None:
    first, second = [(await alice.voice(shop)).message["audio"]["id"] for _ in range(2)]
    _, media = await graph.get(first)
    async with graph.session.delete(f"{graph.url}/v26.0/{first}", headers=graph.headers) as answer:
        assert await answer.json() == {"success": True}
    async with graph.session.get(media["url"], headers=graph.headers) as answer:
        assert answer.status == 404
    assert (await graph.get(first))[1]["error"]["error_subcode"] == 33
    assert (await graph.get(second))[0] == 200
    clock.forward(7 * 24 * 3600 + 1)
    assert (await graph.get(second))[1]["error"]["error_subcode"] == 33


async def test_phone_shows_its_own_file(graph: Graph, shop: Number, alice: Person) -> None:
    media = (await alice.image(shop, "", PNG, "image/png")).message["image"]["id"]
    async with graph.session.get(f"{graph.url}/phone/files/{media}") as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", PNG)
    async with graph.session.get(f"{graph.url}/phone/files/7") as answer:
        assert answer.status == 404


async def test_media_is_fetched_with_the_token_from_a_short_lived_address(
    graph: Graph, shop: Number, alice: Person, clock: Clock
) -> None:
    sent = await alice.image(shop, "look", b"\xff\xd8\xff")
    status, media = await graph.get(sent.message["image"]["id"])
    assert (status, media["mime_type"], media["file_size"]) == (200, "image/jpeg", 3)

    async def fetch(headers: dict[str, str]) -> tuple[int, bytes]:
        async with graph.session.get(media["url"], headers=headers) as answer:
            return answer.status, await answer.read()

    assert (await fetch({}))[0] == 401
    assert await fetch(graph.headers) == (200, b"\xff\xd8\xff")
    clock.forward(301)
    assert (await fetch(graph.headers))[0] == 404


# --- Read marks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typing", [True, False])
async def test_read_mark_and_typing_sign_show(graph: Graph, shop: Number, alice: Person, typing: bool) -> None:
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": alice.messages[0]["id"]}
    sign = {"typing_indicator": {"type": "text"}} if typing else {}
    assert await graph.post(mark | sign) == (200, {"success": True})
    assert (await alice.next_event("read"))["message_id"] == alice.messages[0]["id"]
    if not typing:
        with pytest.raises(TimeoutError):
            await alice.next_event("typing", timeout=0.01)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "unread"}, 100),
        ({"message_id": "wamid.unknown"}, 131009),
        ({"message_id": None}, 131009),
        ({"typing_indicator": {"type": "voice"}}, 100),
    ],
)
async def test_odd_read_mark_is_refused(graph: Graph, alice: Person, fields: Any, code: int) -> None:
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": alice.messages[0]["id"]}
    status, answer = await graph.post(mark | fields)
    assert (status, answer["error"]["code"]) == (400, code)


# --- Trouble to order -------------------------------------------------------------------------------------------------


async def test_trouble_comes_as_ordered_and_passes(graph: Graph, shop: Number, alice: Person) -> None:
    shop.faults.order("text", refuse(131031, "Business Account locked", status=403), times=2)
    shop.faults.order("*", server_error())
    answers = [await graph.text(alice) for _ in range(4)]
    assert [status for status, _ in answers] == [403, 403, 500, 200]
    assert answers[0][1]["error"]["message"] == "(#131031) Business Account locked"


@pytest.mark.parametrize("done", [True, False])
async def test_answer_can_be_lost(graph: Graph, shop: Number, alice: Person, done: bool) -> None:
    shop.faults.order("text", close_connection(done=done))
    with pytest.raises(aiohttp.ClientError):
        await graph.text(alice)
    shop.faults.order("text", hang(done=done))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(graph.text(alice), 1)
    assert len(alice.messages) == (3 if done else 1)
