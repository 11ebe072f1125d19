"""Whatever people do to be known as one or as two, in whatever order: each message belongs to one conversation, each
identity to one customer, each reply to whom it answers, and an account to whoever has shown that it is theirs.

Here they show it, too: by a one-time code from a mail, or by signing in on the company's website.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Accepted, join_dialogues
from bot.gateway.codes import shown
from bot.gateway.customers import Person
from bot.gateway.linking import TYPED, mint, sign_in
from bot.gateway.migrate import upgrade
from bot.gateway.outbox import claim_due, record_sent
from bot.gateway.verification import with_code
from bot.store.database import connect, transaction
from bot.store.people import unlink
from bot.store.tables import conversations, customers, events, identities, merges, messages
from bot.store.verifying import EMAIL, MOST_WITHIN, Asked, Asking, ask_for_code
from channels.contract import Sent
from tests.database import fresh_postgres
from tests.gateway.people import accepted, customer_of, rows, says
from tests.gateway.test_merging import Town

CHANNELS = ("telegram", "whatsapp", "webchat")
PEOPLE = [(f"{name}_{channel[:3]}", channel) for name in ("ann", "ben") for channel in CHANNELS]
ACCOUNTS = {"C-1": "ann@example.com", "C-2": "ben@example.com"}

_SOMEBODY = st.integers(0, len(PEOPLE) - 1)
_ACCOUNT = st.sampled_from(sorted(ACCOUNTS))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), _SOMEBODY),
        st.tuples(st.just("link"), _SOMEBODY, _SOMEBODY),
        st.tuples(st.just("type_short_code"), _SOMEBODY, _SOMEBODY),
        st.tuples(st.just("verify"), _SOMEBODY, _ACCOUNT),
        st.tuples(st.just("forward_code"), _SOMEBODY, _ACCOUNT, _SOMEBODY),
        st.tuples(st.just("sign_in"), _SOMEBODY, _ACCOUNT),
        st.tuples(st.just("undo"), st.integers(0, 9)),
        st.tuples(st.just("unlink"), _SOMEBODY),
    ),
    min_size=6,
    max_size=16,
)


class World(Town):
    """The town with a company that has accounts, and what everybody there has done so far."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.said = Counter[str]()
        self.showed = set[str]()
        """The accounts that somebody has shown to be theirs."""

    async def speaks(self, person: int) -> Accepted:
        """Says what nobody else says, and never twice."""
        who, channel = PEOPLE[person]
        self.now += timedelta(seconds=1)
        said = await accepted(self.engine, says(who, f"{who} {self.said[who]}", channel=channel), self.now)
        self.said[who] += 1
        await self.take_turns()
        return said

    async def types(self, person: int, code: str) -> Any:
        """A code; returns what came of it."""
        who, channel = PEOPLE[person]
        self.now += timedelta(seconds=1)
        typed = await accepted(self.engine, says(who, code, channel=channel), self.now)
        await self.take_turns()
        [row] = await rows(self.engine, messages, id=typed.message)
        return row.content["type"]

    async def code_by_mail(self, person: int, account: str) -> str:
        """What the mail brings because this person has asked something of the account's."""
        # So that no earlier code counts.
        self.now += MOST_WITHIN
        asked = await self.speaks(person)
        [row] = await rows(self.engine, messages, id=asked.message)
        asking = Asking(
            message=row.id, identity=row.identity_id, conversation=row.conversation_id, language=row.language
        )
        wanted = Asked(account=account, address=ACCOUNTS[account], about=None, by_linked_channel=False)
        async with transaction(self.engine) as connection:
            assert await ask_for_code(connection, asking, wanted, self.now)
        async with transaction(self.engine) as connection:
            [due] = await claim_due(connection, [EMAIL], self.now, limit=10)
            mail = await with_code(connection, due.message, self.now)
            await record_sent(connection, due, Sent(), self.now)
        return (mail.content.text or "").split("`")[1]

    # --- the steps ----------------------------------------------------------------------------------------------------

    async def say_step(self, person: int) -> None:
        await self.speaks(person)

    async def link_step(self, person: int, to: int) -> None:
        await self.link(*PEOPLE[person], *PEOPLE[to])

    async def type_short_code_step(self, person: int, to: int) -> None:
        """Shown to `to`, typed by `person`."""
        who, channel = PEOPLE[to]
        [by] = await rows(self.engine, identities, external_id=who, channel=channel)
        async with transaction(self.engine) as connection:
            code = await mint(
                connection, by.customer_id, from_channel=channel, identity=by.id, to_channel=TYPED, now=self.now
            )
        event(f"short code: {await self.types(person, shown(code))}")

    async def verify_step(self, person: int, account: str) -> None:
        code = await self.code_by_mail(person, account)
        holders = await self._holders(account)
        outcome = await self.types(person, code)
        event(f"one-time code: {outcome}")
        if outcome == "verified":
            await self._check_joined(person, account, holders)
        assert await self.types(person, code) == "link_refused", "a code was good twice"

    async def forward_code_step(self, person: int, account: str, to: int) -> None:
        """`person` asks, and `to` types what they were sent."""
        code = await self.code_by_mail(person, account)
        if to == person:
            return
        before = [(row.id, row.customer_id, row.assurance) for row in await rows(self.engine, identities)]
        assert await self.types(to, code) == "link_refused"
        assert [(row.id, row.customer_id, row.assurance) for row in await rows(self.engine, identities)] == before

    async def sign_in_step(self, person: int, account: str) -> None:
        who, channel = PEOPLE[person]
        signing_in = Person(channel=channel, external_id=who, address=f"{who}@{channel}")
        self.now += timedelta(seconds=1)
        holders = await self._holders(account)
        async with transaction(self.engine) as connection:
            signed_in = await sign_in(connection, signing_in, account, None, self.now)
            await join_dialogues(connection, signing_in, self.now)
        await self.take_turns()
        event(f"signed in: {signed_in}")
        if signed_in:
            await self._check_joined(person, account, holders)

    async def undo_step(self, number: int) -> None:
        found = await rows(self.engine, merges)
        if not found:
            return
        merge = found[number % len(found)]
        before = await rows(self.engine, messages)
        undone = await self.undo(merge.id)
        event(f"undone: {undone}")
        after = {row.id: row.conversation_id for row in await rows(self.engine, messages)}
        for row in before:
            if undone and row.identity_id in merge.identities and row.created_at >= merge.merged_at:
                assert after[row.id] != merge.into_conversation, "what came along has not gone back"
            if after[row.id] != row.conversation_id:
                assert row.identity_id in merge.identities, "somebody's words went with somebody else"
                assert after[row.id] == merge.from_conversation

    async def unlink_step(self, person: int) -> None:
        who, channel = PEOPLE[person]
        [row] = await rows(self.engine, identities, external_id=who, channel=channel)
        async with transaction(self.engine) as connection:
            await unlink(connection, row.id, self.now)

    # --- what always holds --------------------------------------------------------------------------------------------

    async def _holders(self, account: str) -> list[int]:
        """The identities of which it is sure that the account is theirs."""
        having = {row.id for row in await rows(self.engine, customers, account=account)}
        everybody = await rows(self.engine, identities)
        return [row.id for row in everybody if row.customer_id in having and row.assurance in ("code", "signed_in")]

    async def _check_joined(self, person: int, account: str, holders: Sequence[int]) -> None:
        """Who has shown that an account is theirs is one customer with whoever had shown it before."""
        self.showed.add(account)
        who, channel = PEOPLE[person]
        customer = await customer_of(self.engine, who, channel)
        assert [row.account for row in await rows(self.engine, customers, id=customer)] == [account]
        assert {row.customer_id for row in await rows(self.engine, identities) if row.id in holders} <= {customer}

    async def check(self) -> None:
        everybody = await rows(self.engine, identities)
        every_customer = await rows(self.engine, customers)
        assert len(everybody) == len(PEOPLE)
        assert not {row.id for row in every_customer if row.merged_into} & {row.customer_id for row in everybody}
        held = [row.account for row in every_customer if row.account is not None]
        assert len(held) == len(set(held))
        assert set(held) <= self.showed, "an account belongs to somebody though nobody has shown that it does"
        every_message = await rows(self.engine, messages)
        await self._check_conversations(every_message)
        _check_replies(every_message)

    async def _check_conversations(self, every_message: Sequence[Any]) -> None:
        every_event = await rows(self.engine, events)
        heard_at_all = []
        for conversation in await rows(self.engine, conversations):
            mine = sorted(
                (row for row in every_message if row.conversation_id == conversation.id), key=lambda row: row.seq
            )
            heard = [
                row.content["text"] for row in mine if row.direction == "in" and " " in row.content.get("text", "")
            ]
            told = [row for row in every_event if row.conversation_id == conversation.id]
            assert heard == [row.data["text"] for row in told if " " in row.data["text"]]
            assert [row.seq for row in told] == list(range(1, len(told) + 1))
            assert conversation.waiting_since is None
            assert conversation.inbound_seq <= conversation.done_seq <= conversation.last_seq
            heard_at_all += heard
        assert sorted(heard_at_all) == sorted(
            f"{who} {number}" for who in self.said for number in range(self.said[who])
        )


def _check_replies(every_message: Sequence[Any]) -> None:
    """Each stands where its question does, is for whoever asked, and goes to where they asked; a mail to the address of
    the account."""
    inbound = {row.id: row for row in every_message if row.direction == "in"}
    for row in every_message:
        if row.direction == "in":
            continue
        cause = inbound[row.cause_id]
        assert (row.conversation_id, row.identity_id) == (cause.conversation_id, cause.identity_id)
        if row.channel == EMAIL:
            assert row.address in ACCOUNTS.values()
        else:
            assert (row.channel, row.address) == (cause.channel, cause.address)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with nothing in it."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"

    async def migrate() -> None:
        engine = connect(f"sqlite:///{path}")
        await upgrade(engine)
        await engine.dispose()

    asyncio.run(migrate())
    # What is still in its journal is copied with it.
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@settings(max_examples=30)
@given(steps=STEPS)
def test_every_message_and_every_identity_belongs_somewhere_once(empty: Path, steps: Sequence[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(empty, folder)
        asyncio.run(_play(connect(f"sqlite:///{path}"), steps))


@settings(max_examples=5)
@given(steps=STEPS)
def test_the_same_holds_on_postgresql(postgres_server: str, steps: Sequence[tuple[Any, ...]]) -> None:
    async def play() -> None:
        engine = connect(await fresh_postgres(postgres_server))
        await upgrade(engine)
        await _play(engine, steps)

    asyncio.run(play())


async def _play(engine: AsyncEngine, steps: Sequence[tuple[Any, ...]]) -> None:
    try:
        world = World(engine)
        for person in range(len(PEOPLE)):
            await world.speaks(person)
        for kind, *what in steps:
            await getattr(world, f"{kind}_step")(*what)
            await world.check()
    finally:
        await engine.dispose()
