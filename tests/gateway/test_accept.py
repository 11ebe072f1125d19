"""Invariant 1: on disk before it is acknowledged, once however often it is delivered."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import accept_all
from bot.store.tables import conversations, customers, identities, messages, unread_webhooks
from channels.contract import Choice, Start, Unread, Unsupported
from tests.database import NOON, Clock
from tests.gateway.people import accepted, conversation_of, rows, says


async def test_a_stranger_becomes_a_customer_with_one_conversation(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)

    [customer] = await rows(engine, customers)
    [identity] = await rows(engine, identities)
    [conversation] = await rows(engine, conversations)
    assert (identity.channel, identity.external_id, identity.customer_id) == ("telegram", "Alice", customer.id)
    assert (identity.assurance, identity.linked_how, identity.linked_at) == ("none", "first_contact", NOON)
    assert (conversation.customer_id, conversation.owner, conversation.waiting_since) == (customer.id, "bot", NOON)
    assert (conversation.last_seq, conversation.inbound_seq, conversation.done_seq) == (1, 1, 0)
    assert "Alice" not in conversation.id


async def test_the_message_is_stored_as_it_came(engine: AsyncEngine) -> None:
    inbound = says("Alice", Choice(message=7, option=1, label="Refund"))
    await accepted(engine, inbound, NOON)

    [message] = await rows(engine, messages)
    assert message.content == {"type": "choice", "message": 7, "option": 1, "label": "Refund"}
    assert (message.direction, message.author, message.state, message.seq) == ("in", "customer", "waiting", 1)
    assert (message.address, message.platform_id) == (inbound.address, inbound.platform_id)
    assert message.created_at == message.due_at == NOON


async def test_a_repeated_message_is_one_message(engine: AsyncEngine) -> None:
    inbound = says("Alice", "hello")
    first = await accepted(engine, inbound, NOON)
    second = await accepted(engine, inbound, NOON)
    third = await accepted(engine, inbound, NOON)

    assert (first.repeated, second.repeated, third.repeated) == (False, True, True)
    assert {first.message, second.message, third.message} == {first.message}
    assert len(await rows(engine, messages)) == 1


async def test_the_same_key_on_another_channel_is_another_message(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello", channel="telegram", key="1"), NOON)
    await accepted(engine, says("Alice", "hello", channel="webchat", key="1"), NOON)

    assert len(await rows(engine, messages)) == 2
    assert len(await rows(engine, customers)) == 2


async def test_messages_delivered_at_the_same_moment_are_numbered_without_a_gap(engine: AsyncEngine) -> None:
    inbound = [says("Alice", f"message {number}") for number in range(12)]
    twice = [*inbound, *inbound]
    await asyncio.gather(*(accepted(engine, each, NOON) for each in twice))

    stored = await rows(engine, messages)
    assert sorted(row.seq for row in stored) == list(range(1, 13))
    assert len({row.conversation_id for row in stored}) == 1
    assert len(await rows(engine, customers)) == 1


async def test_one_request_is_stored_in_order_and_as_a_whole(engine: AsyncEngine) -> None:
    alice, bob = says("Alice", Start()), says("Bob", Unsupported(kind="photo"))
    unread = Unread(reason="a kind that nobody knows")
    results = await accept_all(engine, [alice, unread, bob], channel="telegram", body=b"{}", now=NOON)

    assert [row.content for row in await rows(engine, messages)] == [
        {"type": "start"},
        {"type": "unsupported", "kind": "photo"},
    ]
    assert len(results) == 2
    [kept] = await rows(engine, unread_webhooks)
    assert (kept.channel, kept.reason, kept.body) == ("telegram", "a kind that nobody knows", b"{}")


async def test_what_cannot_be_read_is_kept_once(engine: AsyncEngine) -> None:
    for _ in range(3):
        await accept_all(engine, [Unread(reason="odd")], channel="telegram", body=b"odd", now=NOON)
    await accept_all(engine, [Unread(reason="odd")], channel="webchat", body=b"odd", now=NOON)

    assert [row.channel for row in await rows(engine, unread_webhooks)] == ["telegram", "webchat"]


async def test_a_conversation_waits_since_its_oldest_message(engine: AsyncEngine, clock: Clock) -> None:
    await accepted(engine, says("Alice", "one"), clock())
    clock.forward(seconds=30)
    await accepted(engine, says("Alice", "two"), clock())

    [conversation] = await rows(engine, conversations, id=await conversation_of(engine, "Alice", "telegram"))
    assert (conversation.waiting_since, conversation.inbound_seq) == (NOON, 2)
