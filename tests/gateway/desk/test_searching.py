"""Searching: what is found, in English and Chinese, on both databases; and that the index keeps up and forgets."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.searching import Indexer, find
from bot.store.database import reading, transaction
from bot.store.desk_tables import search_progress, search_terms
from bot.store.handoffs import ask_desk
from bot.store.merging import join_customers
from bot.store.tables import customers, messages
from channels.contract import Card, Content, Option
from tests.database import NOON, Clock
from tests.gateway.desk.office import tells
from tests.gateway.desk.test_items import Town
from tests.gateway.people import customer_of, rows


class Library(Town):
    """A town whose words are indexed."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        super().__init__(engine, clock)
        self.indexer = Indexer(engine=engine, clock=clock, pause=0)

    async def finds(self, query: str, limit: int = 50) -> list[str]:
        """All pages."""
        await self.indexer.catch_up()
        found, after = list[str](), None
        async with reading(self.engine) as connection:
            while True:
                page = await find(connection, query, after=after, limit=limit)
                found += [id for id in page.ids if id not in found]
                after = page.after
                if after is None:
                    return found


@pytest.fixture
def library(engine: AsyncEngine, clock: Clock) -> Library:
    return Library(engine, clock)


async def test_a_message_is_found_by_all_of_its_words_in_any_order_the_newest_first(library: Library) -> None:
    alice = await library.writes("alice", "The blue kettle from order 1042 is broken")
    bob = await library.writes("bob", "Where is my KETTLE? Blue, I think. Café Müller")
    await library.writes("carol", "a green kettle")
    assert await library.finds("kettle blue") == [bob, alice]
    assert await library.finds("1042") == [alice]
    assert await library.finds("cafe muller") == [bob]
    assert await library.finds("ｋｅｔｔｌｅ 1042") == [alice]
    assert await library.finds("kettle purple") == []
    for nothing in ("", "  ", "…!?", "'; DROP TABLE messages; --"):
        assert await library.finds(nothing) == []


async def test_chinese_is_found_by_any_part_of_a_sentence(library: Library) -> None:
    alice = await library.writes("alice", "我想退货，蓝色的水壶坏了")
    bob = await library.writes("bob", "水壶什么时候到货？order 1042")
    assert await library.finds("水壶") == [bob, alice]
    assert await library.finds("蓝色的水壶") == [alice]
    assert await library.finds("壶") == [bob, alice]
    assert await library.finds("退货 水壶") == [alice]
    assert await library.finds("1042 到货") == [bob]
    assert await library.finds("水货") == []


async def test_what_was_said_to_customers_is_found_and_what_is_nobodys_words_is_not(library: Library) -> None:
    alice = await library.writes("alice")
    async with transaction(library.engine) as connection:
        option = Option(title="Damaged", payload="/hiddenpayload")
        content = Content(text="**Why** is it?", options=(option,), cards=(Card(title="Teapot", text="of iron"),))
        await tells(connection, alice, content, NOON)
        await ask_desk(connection, alice, {"do": "say", "content": {"text": "unsaid"}}, agent=None, now=NOON)
    for words in ("why", "damaged", "teapot iron"):
        assert await library.finds(words) == [alice]
    for words in ("hiddenpayload", "unsaid", "telegram"):
        assert await library.finds(words) == []


async def test_names_and_account_numbers_are_found(library: Library) -> None:
    alice, bob = await library.writes("alice"), await library.writes("bob")
    async with transaction(library.engine) as connection:
        for who, name, account in (("alice", "Alice O'Neil 100%", "C-1001"), ("bob", "王小明", None)):
            id = await customer_of(library.engine, who, "telegram")
            row = sa.update(customers).where(customers.c.id == id).values(name=name, account=account)
            await connection.execute(row)
    assert await library.finds("neil ALICE") == [alice]
    assert await library.finds("100%") == [alice]
    assert await library.finds("1%0") == []
    assert await library.finds("C-1001") == [alice]
    assert await library.finds("小明") == [bob]


async def test_it_is_found_where_its_customer_speaks_now(library: Library) -> None:
    alice = await library.writes("alice", "hello")
    await library.writes("al", "a rare word: xylophone", channel="webchat")
    async with transaction(library.engine) as connection:
        one = await customer_of(library.engine, "al", "webchat")
        into = await customer_of(library.engine, "alice", "telegram")
        await join_customers(connection, one=one, into=into, now=NOON)
    assert await library.finds("xylophone") == [alice]


async def test_many_hits_come_page_by_page(library: Library) -> None:
    everybody = [await library.writes(f"customer{number}", "the same words") for number in range(7)]
    for _ in range(110):
        await library.writes("customer3", "the same words")
    found = await library.finds("same words", limit=2)
    assert sorted(found) == sorted(everybody)
    assert found[0] == everybody[3]


async def test_what_was_taken_back_or_erased_is_found_no_more(library: Library) -> None:
    alice, bob = await library.writes("alice", "my secret is xyzzy"), await library.writes("bob", "xyzzy too")
    assert await library.finds("xyzzy") == [bob, alice]
    async with transaction(library.engine) as connection:
        first = sa.update(messages).where(messages.c.conversation_id == alice)
        await connection.execute(
            first.values(content={"type": "text", "text": "my secret is xyzzy", "taken_back": True})
        )
        await connection.execute(sa.delete(messages).where(messages.c.conversation_id == bob))
    assert await library.finds("xyzzy") == []
    assert {row.message_id for row in await rows(library.engine, search_terms)} == {1}


async def test_two_gateways_index_side_by_side_and_one_that_starts_again_goes_on(library: Library) -> None:
    await library.writes("alice", "one")
    other = Indexer(engine=library.engine, clock=library.clock, pause=0)
    await library.indexer.catch_up()
    await other.catch_up()
    await library.writes("alice", "two")
    await other.catch_up()
    await library.indexer.catch_up()
    [progress] = await rows(library.engine, search_progress)
    assert progress.message_id == 2
    assert {(row.term, row.message_id) for row in await rows(library.engine, search_terms)} == {("one", 1), ("two", 2)}


async def test_a_message_that_was_committed_behind_a_later_one_is_indexed_too(library: Library) -> None:
    await library.writes("alice", "first")
    await library.writes("alice", "late")
    await library.writes("alice", "third")
    async with transaction(library.engine) as connection:
        late = (await connection.execute(sa.select(messages).where(messages.c.id == 2))).one()
        await connection.execute(sa.delete(messages).where(messages.c.id == 2))
    assert await library.finds("third") != []
    assert [row.message_id for row in await rows(library.engine, search_progress)] == [1]
    async with transaction(library.engine) as connection:
        await connection.execute(sa.insert(messages).values(**late._mapping))
    assert await library.finds("late") != []
    assert [row.message_id for row in await rows(library.engine, search_progress)] == [3]
