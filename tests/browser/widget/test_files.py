"""Files that the customer sends: chosen, pasted or dropped, with what is written beside them."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer
from tests.browser.widget.test_access import findings
from tests.browser.widget.test_conversation import open_chat, say

pytestmark = pytest.mark.asyncio(loop_scope="module")


def png(side: int = 40) -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\x00" + b"\xc0\x20\x20" * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PICTURE: Any = {"name": "broken spout.png", "mimeType": "image/png", "buffer": png()}
BILL: Any = {"name": "账单 42.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 a bill"}


async def opened(visit: Visit, server: ProtocolServer, **how: Any) -> Page:
    page = await visit(**how)
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    return page


async def choose(page: Page, *files: Any) -> None:
    await page.locator("throughline-chat input[type=file]").set_input_files(list(files))


def sent(page: Page) -> Locator:
    return page.locator(".row.customer")


async def test_a_file_goes_with_what_is_written(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await choose(page, PICTURE, BILL)
    await expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(2)
    assert server.uploads == []
    await say(page, "It came like this")
    await server.until(lambda it: len(it.of_type("send_file")) == 2)
    assert [(one.name, one.type, one.body) for one in server.uploads] == [
        ("broken spout.png", "image/png", PICTURE["buffer"]),
        ("账单 42.pdf", "application/pdf", BILL["buffer"]),
    ]
    first, second = server.of_type("send_file")
    assert (first["file"], first.get("text")) == ("handle-0", None)
    assert (second["file"], second.get("text")) == ("handle-1", "It came like this")
    await expect(sent(page).first).to_have_attribute("data-state", "sent")
    await expect(sent(page).nth(1)).to_have_attribute("data-state", "sent")
    picture = page.get_by_role("img", name="broken spout.png")
    assert await picture.evaluate("node => node.decode().then(() => node.naturalWidth)") == 40
    await expect(sent(page).nth(1)).to_contain_text("账单 42.pdf")
    await expect(page.get_by_role("list", name="Files to send")).to_have_count(0)
    assert server.of_type("say") == []
    assert await findings(page) == []


async def test_a_file_can_be_taken_off_before_it_is_sent(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await choose(page, PICTURE)
    await page.get_by_role("button", name="Remove broken spout.png").click()
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await say(page, "Never mind")
    await server.until(lambda it: it.of_type("say"))
    assert server.uploads == []


@pytest.mark.parametrize("way", ["paste", "drop"])
async def test_files_are_pasted_and_dropped(visit: Visit, server: ProtocolServer, way: str) -> None:
    page = await opened(visit, server)
    await page.get_by_role("textbox").evaluate(
        """(node, way) => {
          const data = new DataTransfer();
          data.items.add(new File(['%PDF'], 'bill.pdf', {type: 'application/pdf'}));
          const event = way === 'paste'
            ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})
            : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true, composed: true});
          if (node.dispatchEvent(event)) throw new Error('the browser would open the file');
        }""",
        way,
    )
    await expect(page.get_by_role("list", name="Files to send")).to_contain_text("bill.pdf")
    await page.get_by_role("button", name="Send").click()
    await server.until(lambda it: it.of_type("send_file"))
    assert server.uploads[0].name == "bill.pdf"


async def test_how_far_an_upload_is_can_be_seen(visit: Visit, server: ProtocolServer) -> None:
    server.uploading.clear()
    page = await opened(visit, server)
    await choose(page, {**BILL, "buffer": b"%PDF" + b"x" * 3_000_000})
    await page.get_by_role("button", name="Send").click()
    await expect(sent(page)).to_have_attribute("data-state", "sending")
    assert server.of_type("send_file") == []
    server.uploading.set()
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    await expect(page.get_by_role("progressbar")).to_have_count(0)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "This file is empty."), (20 * 1024 * 1024 + 1, "This file is larger than 20 MB.")]
)
async def test_what_can_never_be_sent_is_told_at_once(
    visit: Visit, server: ProtocolServer, size: int, words: str
) -> None:
    page = await opened(visit, server)
    await page.locator("throughline-chat input[type=file]").evaluate(
        """(node, size) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(size)], 'film.mov'));
          node.files = data.files;
          node.dispatchEvent(new Event('change'));
        }""",
        size,
    )
    await expect(page.get_by_role("alert")).to_have_text(f"film.mov: {words}")
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()


async def test_a_kind_that_is_not_taken_is_told_and_can_be_removed(visit: Visit, server: ProtocolServer) -> None:
    server.refuse_uploads = (422, "type")
    page = await opened(visit, server)
    await choose(page, BILL)
    await say(page, "My bill")
    await expect(sent(page)).to_have_attribute("data-state", "failed")
    await expect(sent(page)).to_contain_text("Files of this kind cannot be sent.")
    await sent(page).get_by_role("button", name="Remove").click()
    await expect(sent(page)).to_have_count(0)
    await expect(page.get_by_role("textbox")).to_have_value("My bill")
    assert server.of_type("send_file") == []


async def test_an_upload_that_failed_can_be_tried_again(visit: Visit, server: ProtocolServer) -> None:
    server.refuse_uploads = (503, "unavailable")
    page = await opened(visit, server)
    await choose(page, BILL)
    await page.get_by_role("button", name="Send").click()
    await expect(sent(page)).to_contain_text("not available")
    server.refuse_uploads = None
    await sent(page).get_by_role("button", name="Try again").click()
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    assert len(server.of_type("send_file")) == 1


async def test_a_file_waits_for_the_connection(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    server.is_down = True
    await server.drop()
    await choose(page, BILL)
    await page.get_by_role("button", name="Send").click()
    await expect(sent(page)).to_have_attribute("data-state", "sending")
    server.is_down = False
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    assert len(server.uploads) == 1


async def test_a_session_that_ended_meanwhile_does_not_lose_the_file(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    server.expire()
    await choose(page, BILL)
    await page.get_by_role("button", name="Send").click()
    await expect(sent(page)).to_have_attribute("data-state", "sent")
    await expect(page.get_by_text("The earlier conversation has ended.")).to_be_visible()
    assert [one.token == server.visitor.token for one in server.uploads] == [True]


async def test_what_became_of_a_file_is_shown_in_every_tab(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    other = await visit(context=page.context)
    await open_chat(other)
    await choose(page, PICTURE)
    await page.get_by_role("button", name="Send").click()
    await expect(sent(other)).to_contain_text("broken spout.png")
    message = next(frame for frame in server.visitor.transcript if "file" in frame)
    stored = {**message["file"], "outcome": "stored", "url": "/picture.svg"}
    await server.push({"type": "file", "message": message["id"], "file": stored})
    await expect(sent(other).get_by_role("link").get_by_role("img", name="broken spout.png")).to_be_visible()
    await expect(sent(page).get_by_role("img", name="broken spout.png")).to_be_visible()
    await server.push({"type": "file", "message": message["id"], "file": {**stored, "outcome": "refused"}})
    for tab in (page, other):
        await expect(sent(tab)).to_contain_text("Not accepted")
        await expect(sent(tab).get_by_role("link")).to_have_count(0)
