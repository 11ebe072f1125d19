"""Files that visitors send: taken by their bytes, and only into their sender's own messages."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.media.contents import LARGEST
from bot.gateway.webchat.uploads import Uploads
from bot.store.tables import media, messages
from tests.database import Clock
from tests.gateway.people import rows
from tests.gateway.running import SHOP, Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        yield gateway


async def upload(
    gateway: Gateway, token: str, body: bytes, *, name: str = "", origin: str = SHOP
) -> tuple[int, dict[str, Any]]:
    headers = {"Origin": origin, "Authorization": f"Bearer {token}", "X-File-Name": name}
    async with gateway.http.post(f"{gateway.url}/webchat/files", data=body, headers=headers) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else {}


async def handle_of(gateway: Gateway, token: str, body: bytes = PDF, name: str = "bill.pdf") -> str:
    status, taken = await upload(gateway, token, body, name=name)
    assert status == 200
    return str(taken["file"])


async def test_a_file_is_taken_and_told_by_its_bytes(gateway: Gateway) -> None:
    token = await new_token(gateway)
    status, taken = await upload(gateway, token, PNG, name="..%2F..%2F%E8%B4%A6%E5%8D%95%0A.exe")
    assert status == 200
    del taken["file"]
    assert taken == {"kind": "picture", "name": "账单 .exe", "type": "image/png", "size": len(PNG)}


async def test_a_file_becomes_a_message_and_is_shown_again_by_a_link(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        client_id = str(uuid.uuid4())
        handle = await handle_of(gateway, token)
        await widget.send(type="send_file", id=client_id, file=handle, text=" my bill ")
        shown = await widget.next("message")
        assert (shown["text"], shown["client_id"]) == ("my bill", client_id)
        assert shown["file"]["outcome"] in ("pending", "stored")
        file = shown["file"] if shown["file"]["outcome"] == "stored" else (await widget.next("file"))["file"]
    assert (file["kind"], file["name"], file["outcome"]) == ("file", "bill.pdf", "stored")
    async with gateway.http.get(gateway.url + file["url"]) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "application/pdf", PDF)
    async with connected(gateway, token) as widget:
        [again] = await widget.until_ready()
        assert again["file"]["outcome"] == "stored"
        assert again["file"]["url"].startswith("/media/")
    [row] = await rows(gateway.engine, media)
    assert (row.channel, row.state, row.type, row.size) == ("webchat", "stored", "application/pdf", len(PDF))


async def test_the_same_frame_again_is_the_same_message(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        handle = await handle_of(gateway, token)
        for _ in range(2):
            await widget.send(type="send_file", id="12345678", file=handle)
        await widget.say("that was it")
        await widget.next("message")
        while (await widget.next("message")).get("text") != "that was it":
            pass
    assert [row.content["type"] for row in await rows(gateway.engine, messages)] == ["media", "text"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00" + bytes(60) + b"PE\x00\x00" + bytes(100), "type"),
        (b"<!doctype html><html><script>alert(1)</script></html>", "type"),
        (b"PK\x03\x04" + bytes(40), "type"),
    ],
)
async def test_what_is_not_taken_is_said_so(gateway: Gateway, body: bytes, code: str) -> None:
    token = await new_token(gateway)
    assert await upload(gateway, token, body, name="holiday.jpg") == (422, {"error": code})
    assert await rows(gateway.engine, media) == []


async def test_a_file_that_is_too_large_is_not_read_to_its_end(gateway: Gateway) -> None:
    token = await new_token(gateway)
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while asked < 4 * LARGEST:
            asked += 1 << 20
            yield PDF.ljust(1 << 20, b" ")

    headers = {"Origin": SHOP, "Authorization": f"Bearer {token}"}
    try:
        async with gateway.http.post(f"{gateway.url}/webchat/files", data=endless(), headers=headers) as answer:
            assert (answer.status, await answer.json()) == (422, {"error": "too_large"})
    except OSError:
        pass  # the gateway has hung up on the rest
    assert asked < 4 * LARGEST


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer invented", "Basic dTpw"])
async def test_only_visitors_send_files(gateway: Gateway, authorization: str) -> None:
    headers = {"Origin": SHOP, "Authorization": authorization}
    async with gateway.http.post(f"{gateway.url}/webchat/files", data=PDF, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "expired"})


async def test_only_the_shops_pages_send_files(gateway: Gateway) -> None:
    token = await new_token(gateway)
    for origin in ("https://evil.example.com", "null", ""):
        assert (await upload(gateway, token, PDF, origin=origin))[0] == 403
    async with gateway.http.options(f"{gateway.url}/webchat/files", headers={"Origin": SHOP}) as answer:
        allowed = {name.strip() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert allowed == {"Authorization", "Content-Type", "X-File-Name"}
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP


async def test_one_visitor_cannot_send_anothers_file(gateway: Gateway, clock: Clock) -> None:
    alice, bob = await new_token(gateway), await new_token(gateway)
    handle = await handle_of(gateway, alice)
    async with connected(gateway, bob) as widget:
        await widget.until_ready()
        await widget.send(type="send_file", id="12345678", file=handle)
        refused = await widget.socket.receive_json(timeout=30)
        assert refused == {"type": "error", "code": "no_file", "id": "12345678"}
    assert await rows(gateway.engine, messages) == []


@pytest.mark.parametrize("file", [None, 5, "", "invented", {"sha256": "a" * 64}, "a.b.c"])
async def test_a_handle_that_is_none_of_ours_is_refused(gateway: Gateway, file: object) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        forged = {"sha256": "a" * 64, "kind": "file", "size": 1}
        await widget.send(type="send_file", id="12345678", file=file, upload=forged)
        assert (await widget.socket.receive_json(timeout=30))["code"] == "no_file"
    assert await rows(gateway.engine, messages) == []


async def test_a_handle_is_good_for_an_hour(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    handle = await handle_of(gateway, token)
    clock.forward(minutes=61)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        await widget.send(type="send_file", id="12345678", file=handle)
        assert (await widget.socket.receive_json(timeout=30))["code"] == "no_file"


async def test_files_are_taken_at_a_humans_pace(gateway: Gateway) -> None:
    token = await new_token(gateway)
    answers = [(200, dict[str, Any]())]
    while answers[-1][0] == 200 and len(answers) < 100:
        answers.append(await upload(gateway, token, PDF))
    assert len(answers) > 11
    assert answers[-1] == (429, {"error": "too_fast"})


async def test_a_vault_that_cannot_be_written_is_our_mistake(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> dict[str, Any]:
        raise OSError(28, "No space left on device", "/srv/secret/place")

    monkeypatch.setattr(Uploads, "take", full)
    status, answer = await upload(gateway, await new_token(gateway), PDF)
    assert (status, json.dumps(answer)) == (503, '{"error": "unavailable"}')
