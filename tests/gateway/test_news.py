"""What platforms tell about what is known already."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import accept_all
from bot.gateway.outbox import claim_due, record_sent
from bot.store.content import content_from_json, content_to_json
from bot.store.database import transaction
from bot.store.tables import audiences, identities, messages
from channels.contract import Card, Content, File, Inbound, Moved, News, Option, Reach, Receipt, Revised, Sent
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, customer_of, rows, says


async def told(engine: AsyncEngine, *news: News, bringing: list[Inbound] | None = None) -> None:
    await accept_all(engine, bringing or [], channel="telegram", body=b"", now=NOON, news=news)


async def test_a_message_without_its_turn_says_what_it_was_changed_to(engine: AsyncEngine) -> None:
    said = says("Alice", "two mugs")
    told_of = await accepted(engine, said, NOON)
    await told(engine, Revised(external_id="Alice", platform_id=str(said.platform_id), text="three mugs"))
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content == {"type": "text", "text": "three mugs"}


async def test_a_message_that_was_answered_keeps_what_was_answered(engine: AsyncEngine) -> None:
    said = says("Alice", "two mugs")
    told_of = await accepted(engine, said, NOON)
    async with transaction(engine) as connection:
        await connection.execute(messages.update().values(state="done"))
    change = Revised(external_id="Alice", platform_id=str(said.platform_id), text="three mugs")
    await told(engine, change, change)
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content == {"type": "text", "text": "two mugs", "revised": "three mugs"}

    await told(engine, Revised(external_id="Alice", platform_id=str(said.platform_id), text=None))
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content["taken_back"] is True


async def test_what_was_taken_back_before_its_turn_is_not_read_any_more(engine: AsyncEngine) -> None:
    said = says("Alice", "my card number is …")
    told_of = await accepted(engine, said, NOON)
    await told(engine, Revised(external_id="Alice", platform_id=str(said.platform_id), text=None))
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content == {"type": "taken_back"}
    assert row.state == "waiting"


async def test_nobody_changes_what_somebody_else_said(engine: AsyncEngine) -> None:
    said = says("Alice", "two mugs")
    told_of = await accepted(engine, said, NOON)
    await accepted(engine, says("Bob", "hello"), NOON)
    await told(engine, Revised(external_id="Bob", platform_id=str(said.platform_id), text="fifty mugs"))
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content["text"] == "two mugs"


async def test_a_message_and_its_change_may_come_together(engine: AsyncEngine) -> None:
    said = says("Alice", "two mugs")
    change = Revised(external_id="Alice", platform_id=str(said.platform_id), text="three mugs")
    await told(engine, change, bringing=[said])
    [row] = await rows(engine, messages)
    assert row.content["text"] == "three mugs"


async def test_whoever_has_a_new_id_stays_the_same_customer(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)
    before = await customer_of(engine, "Alice", "telegram")
    await told(engine, Moved(old="Alice", new="Alice2"), bringing=[says("Alice2", "me again")])
    assert await customer_of(engine, "Alice2", "telegram") == before
    assert len(await rows(engine, identities)) == 1


async def test_an_id_that_changes_hands_starts_anew(engine: AsyncEngine) -> None:
    """Bob's number is Alice's now: she is shown nothing of his, and neither is she taken for herself without a code."""
    await accepted(engine, says("Alice", "hello"), NOON)
    await accepted(engine, says("Bob", "hello"), NOON)
    alice, bob = await customer_of(engine, "Alice", "telegram"), await customer_of(engine, "Bob", "telegram")
    moved = Moved(old="Alice", new="Bob")
    await told(engine, moved)
    new = await customer_of(engine, "Bob", "telegram")
    assert new not in (alice, bob)

    await accepted(engine, says("Bob", "it is me, Alice"), NOON)
    await told(engine, moved)  # platforms repeat themselves
    assert await customer_of(engine, "Bob", "telegram") == new


async def test_nobody_takes_over_an_id_that_was_given_up(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)
    await accepted(engine, says("Bob", "hello"), NOON)
    alice = await customer_of(engine, "Alice", "telegram")
    await told(engine, Moved(old="Alice", new="Bob"))
    await accepted(engine, says("Alice", "a stranger"), NOON)

    assert await customer_of(engine, "Alice", "telegram") != alice
    [kept] = await rows(engine, identities, customer_id=alice)
    assert kept.blocked_at == NOON


async def test_a_message_that_is_changed_to_a_code_stays_as_it_was(engine: AsyncEngine) -> None:
    said = says("Alice", "hello")
    told_of = await accepted(engine, said, NOON)
    await told(engine, Revised(external_id="Alice", platform_id=str(said.platform_id), text="K7QM-2XPD"))
    [row] = await rows(engine, messages, id=told_of.message)
    assert row.content == {"type": "text", "text": "hello"}


async def test_a_group_that_moves_keeps_its_conversation(engine: AsyncEngine) -> None:
    first = await accepted(engine, in_group("group:1", "what are your hours?"), NOON)
    await told(engine, Moved(old="group:1", new="group:-1001"))
    second = await accepted(engine, in_group("group:-1001", "and on Sunday?"), NOON)
    assert second.conversation == first.conversation


async def test_somebody_who_blocked_the_bot_is_marked_until_they_come_back(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)
    await told(engine, Reach(external_id="Alice", reachable=False))
    [row] = await rows(engine, identities)
    assert row.blocked_at == NOON
    await accepted(engine, says("Alice", "hello again"), NOON)
    [row] = await rows(engine, identities)
    assert row.blocked_at is None


async def test_a_report_on_a_later_part_is_one_on_the_message(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "a long text", NOON)
    await told(engine, Receipt(platform_id="t2", state="delivered", at=NOON))
    async with transaction(engine) as connection:
        [due] = await claim_due(connection, ["telegram"], clock(), limit=1)
        await record_sent(connection, due, Sent(platform_ids=("t1", "t2", "t3")), clock())
    [row] = await rows(engine, messages, id=message)
    assert (row.platform_id, row.delivered_at) == ("t1", NOON)

    await told(engine, Receipt(platform_id="t3", state="failed", error="the number is gone"))
    [row] = await rows(engine, messages, id=message)
    assert (row.state, row.error) == ("failed", "the number is gone")


# --- Groups -----------------------------------------------------------------------------------------------------------


def in_group(group: str, text: str) -> Inbound:
    said = says("ignored", text)
    return Inbound(
        channel=said.channel,
        external_id=group,
        address=group,
        dedupe_key=said.dedupe_key,
        said=said.said,
        audience=True,
    )


async def test_a_group_is_nobody_and_has_a_conversation_for_itself(engine: AsyncEngine) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)
    first = await accepted(engine, in_group("group:1", "what are your hours?"), NOON)
    again = await accepted(engine, in_group("group:1", "and on Sunday?"), NOON)
    other = await accepted(engine, in_group("group:2", "what are your hours?"), NOON)
    assert first.conversation == again.conversation != other.conversation
    assert len(await rows(engine, identities)) == 1
    assert len(await rows(engine, audiences)) == 2
    [row] = await rows(engine, messages, id=first.message)
    assert row.content["audience"] is True


# --- A picture that the platform could not fetch ----------------------------------------------------------------------


async def test_a_question_is_not_lost_with_its_pictures(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "which one?", NOON)
    card = Card(title="Kettle", image="https://shop.example.com/k.png", options=(Option(title="This", payload="/k"),))
    content = Content(text="which one?", cards=(card,), file=File(url="https://shop.example.com/a.pdf", name="[A] b"))
    async with transaction(engine) as connection:
        await connection.execute(
            messages.update().where(messages.c.id == message).values(content=content_to_json(content), asks="item")
        )
        [due] = await claim_due(connection, ["telegram"], clock(), limit=1)
        await record_sent(connection, due, Sent(platform_ids=("t1", "t2")), clock())
    unshown = Receipt(platform_id="t2", state="unshown", error="the picture could not be fetched")
    await told(engine, unshown, Receipt(platform_id="t1", state="unshown", error="neither"), unshown)

    [first, again] = await rows(engine, messages, direction="out")
    assert first.state == "failed"
    assert (again.state, again.asks, again.cause_id, again.address) == ("queued", "item", asked.message, first.address)
    bare = content_from_json(again.content)
    assert bare.text == "which one?\n[\\[A\\] b](https://shop.example.com/a.pdf)"
    assert (bare.file, [card.image for card in bare.cards]) == (None, [None])
    assert bare.all_options() == content.all_options()


async def test_words_alone_are_not_said_again(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    await bot_says(engine, asked, "which one?", NOON)
    async with transaction(engine) as connection:
        [due] = await claim_due(connection, ["telegram"], clock(), limit=1)
        await record_sent(connection, due, Sent(platform_ids=("t1",)), clock())
    await told(engine, Receipt(platform_id="t1", state="unshown", error="?"))
    assert [row.state for row in await rows(engine, messages, direction="out")] == ["failed"]
