"""What a platform, or somebody who pretends to be one, gets for an answer, and what is on disk then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.store.tables import customers, messages, unread_webhooks
from tests.database import fresh_postgres
from tests.gateway.people import rows
from tests.gateway.running import SECRET, Gateway, running_gateway

ALICE = {"id": 501, "is_bot": False, "first_name": "Alice", "language_code": "en"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path) as gateway:
        yield gateway


def update(text: str, *, number: int = 1, chat: dict[str, Any] | None = None) -> dict[str, Any]:
    private = {"id": 501, "type": "private", "first_name": "Alice"}
    return {
        "update_id": 7000 + number,
        "message": {
            "message_id": number,
            "date": 1_795_000_000,
            "chat": chat or private,
            "from": ALICE,
            "text": text,
        },
    }


async def post(gateway: Gateway, body: Any, secret: str | None = SECRET) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with gateway.http.post(f"{gateway.url}/webhooks/telegram", data=data, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1]])
async def test_wrong_or_missing_secret_is_403_and_nothing_is_stored(gateway: Gateway, secret: str | None) -> None:
    assert await post(gateway, update("hello"), secret) == 403
    assert await rows(gateway.engine, messages) == []
    assert await rows(gateway.engine, unread_webhooks) == []


async def test_a_message_is_on_disk_when_its_webhook_is_answered(gateway: Gateway) -> None:
    assert await post(gateway, update("hello")) == 200
    [message] = await rows(gateway.engine, messages)
    assert message.content == {"type": "text", "text": "hello"}


async def test_an_update_delivered_three_times_is_one_message(gateway: Gateway) -> None:
    assert [await post(gateway, update("hello")) for _ in range(3)] == [200, 200, 200]
    assert len(await rows(gateway.engine, messages)) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[1, 2", b"\xff\xfe", b"[]", b"3"])
async def test_malformed_json_is_400(gateway: Gateway, body: bytes) -> None:
    assert await post(gateway, body) == 400
    assert await rows(gateway.engine, messages) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"update_id": 1, "a_kind_of_next_year": {"x": 1}},
        {"update_id": 1, "message": {"message_id": 1}},
        {"update_id": "one", "message": []},
        {"message": {"text": "no update id"}},
        {"update_id": 1, "message": {**update("x")["message"], "from": {"id": 5}}},
    ],
)
async def test_what_cannot_be_read_is_kept_counted_and_answered_200(gateway: Gateway, odd: dict[str, Any]) -> None:
    assert await post(gateway, odd) == 200
    [kept] = await rows(gateway.engine, unread_webhooks)
    assert (kept.channel, json.loads(kept.body)) == ("telegram", odd)
    # The chat goes on.
    assert await post(gateway, update("hello", number=2)) == 200
    assert len(await rows(gateway.engine, messages)) == 1


async def test_what_postgresql_cannot_store_is_kept_and_holds_up_nothing(tmp_path: Path, postgres_server: str) -> None:
    async with running_gateway(tmp_path, database_url=await fresh_postgres(postgres_server)) as gateway:
        odd = update("hello", number=10**300)
        assert await post(gateway, odd) == 200
        assert await post(gateway, update("hello", number=2)) == 200
        [message] = await rows(gateway.engine, messages)
        assert message.content == {"type": "text", "text": "hello"}
        [kept] = await rows(gateway.engine, unread_webhooks)
        assert json.loads(kept.body) == odd


async def test_over_one_megabyte_is_413(gateway: Gateway) -> None:
    assert await post(gateway, b" " * (1024 * 1024 + 1)) == 413
    assert await rows(gateway.engine, messages) == []


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "🫖" * 5_000,
        "مرحبا، أين طلبي؟",
        "\u202eevil\u202c",
        "nul \x00 and bell \x07",
        "half a pair \ud83e",
        "<script>alert(1)</script>",
        "{{7*7}} %s {0} ${HOME}",
    ],
)
async def test_any_text_is_taken(gateway: Gateway, text: str) -> None:
    assert await post(gateway, update(text)) == 200
    [message] = await rows(gateway.engine, messages)
    stored = message.content["text"]
    assert "\x00" not in stored
    assert stored.encode("utf-8")


async def test_a_group_is_an_audience_and_nobodys_conversation(gateway: Gateway) -> None:
    await post(gateway, update("where is my order?", number=1))
    family = {"id": -100_77, "type": "supergroup", "title": "Family"}
    assert await post(gateway, update("a secret for the family", number=2, chat=family)) == 200

    assert [row.content["text"] for row in await rows(gateway.engine, messages)] == ["where is my order?"]
    assert len(await rows(gateway.engine, customers)) == 1


async def test_only_post_and_only_known_paths(gateway: Gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/webhooks/telegram") as answer:
        assert answer.status == 405
    async with gateway.http.post(f"{gateway.url}/webhooks/nobody") as answer:
        assert answer.status == 404


async def test_metrics_count_what_happened(gateway: Gateway) -> None:
    await post(gateway, update("hello"))
    await post(gateway, update("hello"))
    await post(gateway, {"update_id": 9, "a_kind_of_next_year": {}})
    async with gateway.http.get(f"{gateway.url}/metrics") as answer:
        text = await answer.text()
    assert 'throughline_messages_accepted_total{channel="telegram",repeated="true"}' in text
    assert 'throughline_unread_total{channel="telegram"}' in text
    assert "hello" not in text


async def test_ready_only_with_a_worker(gateway: Gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/healthz") as healthy:
        assert healthy.status == 200
    async with gateway.http.get(f"{gateway.url}/readyz") as ready:
        assert ready.status == 503
        assert "no worker" in (await ready.json())["status"]
