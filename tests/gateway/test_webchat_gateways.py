"""Web chats at several gateways on one database: what is sent at one is shown at once at another, and what nobody has
told is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.gateway.webchat import Hub, Lookout
from bot.store.database import transaction
from bot.store.tables import messages, webchat_sessions
from bot.store.whispers import OwnWhispers, Whispers, whispers_of
from channels.contract import Content, Outbound
from channels.webchat import WebchatChannel
from tests.database import Clock, fresh_postgres
from tests.gateway.desk.office import tells
from tests.gateway.people import rows
from tests.gateway.running import SHOP, Gateway, running_gateway
from tests.gateway.test_webchat import Widget, connected, new_token
from tests.gateway.test_webchat_identity import SECRET, token_of, vouch

_NEVER = 3600.0


@pytest.fixture
async def gateways(postgres_server: str, clock: Clock, tmp_path: Path) -> AsyncIterator[tuple[Gateway, Gateway]]:
    url = await fresh_postgres(postgres_server)
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(
                running_gateway(tmp_path, clock=clock, database_url=url, webchat_jwt_secret=SECRET)
            )
            for _ in range(2)
        ]
        yield one, other


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets know only what they are told."""
    monkeypatch.setattr("bot.gateway.webchat.looking._EVERY", _NEVER)


@pytest.fixture
async def whispers(gateways: tuple[Gateway, Gateway]) -> AsyncIterator[Whispers]:
    """Of a third gateway."""
    whispers = whispers_of(gateways[0].engine.url)
    await whispers.start()
    yield whispers
    await whispers.close()


async def sent(gateway: Gateway, text: str, clock: Clock) -> str:
    """The bot has answered and the answer was sent, without a word to anybody; the visitor."""
    [row, *_] = await rows(gateway.engine, messages, direction="in")
    async with transaction(gateway.engine) as connection:
        place = {"channel": "webchat", "address": row.address}
        await tells(connection, row.conversation_id, Content(text=text), clock(), **place)
    return str(row.address)


def channel_of(hub: Hub) -> WebchatChannel:
    async def no_upload(_handle: str) -> bytes:
        raise FileNotFoundError

    return WebchatChannel(origins=[SHOP], push=hub.push, typing=hub.typing, open_upload=no_upload)


async def says_hello(widget: Widget) -> None:
    await widget.until_ready()
    await widget.say("hello")
    await widget.next("message")


@pytest.mark.usefixtures("no_looks")
async def test_what_another_gateway_sent_is_shown_at_once(
    gateways: tuple[Gateway, Gateway], whispers: Whispers, clock: Clock
) -> None:
    here, _ = gateways
    channel = channel_of(Hub(whispers, "a third"))
    async with connected(here, await new_token(here)) as widget:
        await says_hello(widget)
        visitor = await sent(here, "Good morning!", clock)
        await channel.show_typing(visitor, None)
        await widget.next("typing")
        await channel.send(Outbound(id=1, address=visitor, content=Content(text="Good morning!")))
        assert (await widget.next("message"))["text"] == "Good morning!"


@pytest.mark.usefixtures("no_looks")
async def test_tabs_at_two_gateways_show_the_same(gateways: tuple[Gateway, Gateway]) -> None:
    here, there = gateways
    token = await new_token(here)
    async with connected(here, token) as one, connected(there, token) as other:
        await one.until_ready()
        await other.until_ready()
        for saying, hearing, text in ((one, other, "hello"), (other, one, "hello again")):
            await saying.say(text)
            assert (await saying.next("message"))["text"] == text
            assert (await hearing.next("message"))["text"] == text


@pytest.mark.usefixtures("no_looks")
async def test_who_signs_out_at_one_gateway_is_out_at_the_other(gateways: tuple[Gateway, Gateway]) -> None:
    here, there = gateways
    alice = await token_of(here, identity=vouch())
    async with connected(here, alice) as widget:
        await widget.until_ready()
        await token_of(there, token=alice, identity=None)
        await widget.next("expired")


@pytest.mark.usefixtures("no_looks")
async def test_many_visitors_are_told_of_in_whispers_that_fit(
    gateways: tuple[Gateway, Gateway], whispers: Whispers, clock: Clock
) -> None:
    here, _ = gateways
    hub = Hub(whispers, "a third")
    async with connected(here, await new_token(here)) as widget:
        await says_hello(widget)
        visitor = await sent(here, "Good morning!", clock)
        for n in range(1_000):
            hub.push(f"{n:032x}")
        hub.push(visitor)
        assert (await widget.next("message"))["text"] == "Good morning!"


@pytest.mark.usefixtures("no_looks")
async def test_whoever_could_not_hear_looks_for_what_was_missed(
    gateways: tuple[Gateway, Gateway], clock: Clock
) -> None:
    here, _ = gateways
    async with connected(here, await new_token(here)) as widget:
        await says_hello(widget)
        await sent(here, "Good morning!", clock)
        async with here.engine.connect() as connection:
            await connection.execute(_CUT_OFF)
        assert (await widget.next("message"))["text"] == "Good morning!"


async def test_what_nobody_has_told_is_found(
    gateways: tuple[Gateway, Gateway], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gateway.webchat.looking._EVERY", 0.05)
    here, _ = gateways
    async with connected(here, await new_token(here)) as widget:
        await says_hello(widget)
        await sent(here, "Good morning!", clock)
        assert (await widget.next("message"))["text"] == "Good morning!"
        async with transaction(here.engine) as connection:
            await connection.execute(sa.delete(webchat_sessions))
        await widget.next("expired")


async def test_one_look_is_for_all_sockets(
    gateways: tuple[Gateway, Gateway], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten sockets that nothing happens to cost no more statements than one."""
    here, _ = gateways
    monkeypatch.setattr("bot.gateway.webchat.looking._AT_A_TIME", 3)
    hub = Hub(OwnWhispers(), "alone")
    ears = [Ear(visitor=f"visitor {n}") for n in range(10)]
    for ear in ears:
        hub.join(ear)
    lookout = Lookout(engine=here.engine, hub=hub, clock=clock)
    statements = list[str]()
    sa.event.listen(here.engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    for _ in range(4):
        await lookout.look()
    assert len(statements) <= 4 * 4
    # None of them has a session, and each was looked at once.
    assert [ear.woken for ear in ears] == [1] * 10


class Ear:
    """A socket that is shown nothing."""

    cursor = 0

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.token_hash = f"of {visitor}"
        self.watched = set[int]()
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def show_typing(self) -> None: ...


_CUT_OFF = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
