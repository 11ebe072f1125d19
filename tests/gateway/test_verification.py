"""A code by mail shows whose account it is: to whoever asked for it, once, in time, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.gateway.accept import Accepted
from bot.gateway.codes import new_code, shown
from bot.gateway.customers import Person
from bot.gateway.invitations import Invitations
from bot.gateway.linking import TYPED, mint, sign_in
from bot.gateway.outbox import claim_due
from bot.gateway.sender import Sender
from bot.gateway.verification import TRIES
from bot.store.database import transaction
from bot.store.merging import separate
from bot.store.tables import customers, identities, merges, messages, verifications
from bot.store.verifying import Asked, Asking, ask_for_code
from channels.contract import Content, Outbound, SendError, Sent
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, customer_of, rows, says

ACCOUNT, ADDRESS = "C-1004", "alice@example.com"


class Mailbox:
    """The channel, as far as the sender sees it."""

    name = "email"
    repeatable = False

    def __init__(self) -> None:
        self.got: list[Outbound] = []
        self.refuses: SendError | None = None

    async def send(self, message: Outbound) -> Sent:
        self.got.append(message)
        if self.refuses is not None:
            raise self.refuses
        return Sent()

    @property
    def code(self) -> str:
        """The newest one, as its reader would type it."""
        text = self.got[-1].content.text or ""
        return text.split("`")[1]


class Shop:
    """A company that has an address of Alice's, and whoever says that they are Alice."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.mailbox = Mailbox()

    async def asks(self, who: str, channel: str = "telegram", account: str = ACCOUNT, **more: Any) -> bool:
        """The assistant asks `who` to show that the account is theirs, which sends a mail."""
        said = await accepted(self.engine, says(who, "where does 1042 go", channel=channel), self.clock())
        [identity] = await rows(self.engine, identities, external_id=who, channel=channel)
        asking = Asking(
            message=said.message, identity=identity.id, conversation=said.conversation, language=more.get("language")
        )
        asked = Asked(account=account, address=ADDRESS, about=more.get("about"), by_linked_channel=False)
        async with transaction(self.engine) as connection:
            queued = await ask_for_code(connection, asking, asked, self.clock())
        await self.send()
        return queued

    async def send(self) -> None:
        channels: Any = {"email": self.mailbox}
        invitations = Invitations(engine=self.engine, channels=channels, clock=self.clock)
        sender = Sender(engine=self.engine, channels=channels, clock=self.clock, fill=invitations.with_code)
        async with transaction(self.engine) as connection:
            due = await claim_due(connection, ["email"], self.clock(), limit=10)
        for one in due:
            await sender._deliver(one)

    async def types(self, who: str, text: str, channel: str = "telegram") -> Any:
        """What is kept of it."""
        said = await accepted(self.engine, says(who, text, channel=channel), self.clock())
        [row] = await rows(self.engine, messages, id=said.message)
        return {name: part for name, part in row.content.items() if name != "label"}

    async def sure(self, who: str, channel: str = "telegram") -> tuple[str, str | None]:
        """How sure it is who they are, and the account that they have."""
        [identity] = await rows(self.engine, identities, external_id=who, channel=channel)
        [customer] = await rows(self.engine, customers, id=identity.customer_id)
        return identity.assurance, customer.account

    async def links(self, who: str, channel: str, to: str, to_channel: str) -> None:
        [by] = await rows(self.engine, identities, external_id=to, channel=to_channel)
        now = self.clock()
        async with transaction(self.engine) as connection:
            code = await mint(
                connection, by.customer_id, from_channel=to_channel, identity=by.id, to_channel=TYPED, now=now
            )
        assert (await self.types(who, shown(code), channel))["type"] == "linked"


@pytest.fixture
def shop(engine: AsyncEngine, clock: Clock) -> Shop:
    return Shop(engine, clock)


async def test_the_code_shows_whose_account_it_is(shop: Shop) -> None:
    assert await shop.asks("Alice", about="1042")
    assert await shop.sure("Alice") == ("none", None)

    assert await shop.types("Alice", shop.mailbox.code.lower()) == {"type": "verified"}
    assert await shop.sure("Alice") == ("code", ACCOUNT)
    [identity] = await rows(shop.engine, identities)
    assert identity.linked_how == "email_code"


async def test_the_mail_says_what_it_is_for_and_its_subject_holds_no_code(shop: Shop) -> None:
    await shop.asks("Alice", about="1042")
    text = shop.mailbox.got[0].content.text or ""

    assert "to see order 1042" in text
    assert shop.mailbox.code not in text.splitlines()[0]
    assert shop.mailbox.got[0].address == ADDRESS


async def test_the_mail_is_in_the_customers_language(shop: Shop) -> None:
    await shop.asks("Alice", about="1042", language="zh")

    assert "即可查看订单 1042" in (shop.mailbox.got[0].content.text or "")


async def test_the_code_itself_is_stored_nowhere(shop: Shop) -> None:
    await shop.asks("Alice")
    with capture_logs() as logs:
        await shop.types("Alice", shop.mailbox.code)

    for table in (messages, verifications, identities):
        kept = repr(await rows(shop.engine, table))
        assert shop.mailbox.code not in kept
        assert shop.mailbox.code.replace("-", "") not in kept
    assert shop.mailbox.code not in repr(logs)


async def test_a_code_is_good_for_nobody_but_whoever_asked(shop: Shop) -> None:
    await shop.asks("Alice")
    stolen = shop.mailbox.code

    assert await shop.types("Mallory", stolen) == {"type": "link_refused", "problem": "unknown"}
    assert await shop.types("Mallory", stolen, "whatsapp") == {"type": "link_refused", "problem": "unknown"}
    assert await shop.sure("Mallory") == ("none", None)
    assert (await shop.types("Alice", stolen))["type"] == "verified"


async def test_a_code_works_once(shop: Shop) -> None:
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)

    assert await shop.types("Alice", shop.mailbox.code) == {"type": "link_refused", "problem": "used"}


async def test_a_code_works_for_fifteen_minutes(shop: Shop, clock: Clock) -> None:
    await shop.asks("Alice")
    clock.forward(minutes=15)

    assert await shop.types("Alice", shop.mailbox.code) == {"type": "link_refused", "problem": "expired"}
    assert await shop.sure("Alice") == ("none", None)


async def test_after_five_wrong_ones_the_right_one_counts_no_more(shop: Shop, clock: Clock) -> None:
    await shop.asks("Alice")
    for _ in range(TRIES):
        await shop.types("Alice", shown(new_code()))
    assert await shop.types("Alice", shop.mailbox.code) == {"type": "link_refused", "problem": "too_many"}

    clock.forward(minutes=11)  # guesses are looked at again, and this code is spoiled all the same
    assert await shop.types("Alice", shop.mailbox.code) == {"type": "link_refused", "problem": "too_many"}


async def test_others_who_guess_keep_nobody_from_their_own_code(shop: Shop) -> None:
    await shop.asks("Alice")
    for number in range(21):
        for _ in range(5):
            await shop.types(f"m{number}", shown(new_code()))

    assert (await shop.types("Alice", shop.mailbox.code))["type"] == "verified"


async def test_a_mail_that_is_tried_again_brings_another_code(shop: Shop, clock: Clock) -> None:
    shop.mailbox.refuses = SendError("later")
    await shop.asks("Alice")
    first, shop.mailbox.refuses = shop.mailbox.code, None
    clock.forward(minutes=1)
    await shop.send()

    assert shop.mailbox.code != first
    assert await shop.types("Alice", first) == {"type": "link_refused", "problem": "unknown"}
    assert (await shop.types("Alice", shop.mailbox.code))["type"] == "verified"


async def test_a_mail_that_nobody_waits_for_is_not_sent(shop: Shop, clock: Clock) -> None:
    shop.mailbox.refuses = SendError("later")
    await shop.asks("Alice")
    clock.forward(minutes=16)
    await shop.send()

    assert len(shop.mailbox.got) == 1
    [mail] = await rows(shop.engine, messages, channel="email")
    assert mail.state == "failed"


async def test_three_mails_an_hour(shop: Shop, clock: Clock) -> None:
    assert [await shop.asks("Alice") for _ in range(4)] == [True, True, True, False]
    assert not await shop.asks("Mallory")  # the address has had its three as well
    clock.forward(minutes=60)
    assert await shop.asks("Alice")
    assert len(shop.mailbox.got) == 4


# --- Whose account it is ----------------------------------------------------------------------------------------------


async def test_whoever_has_the_account_already_is_joined(shop: Shop) -> None:
    await shop.asks("Alice", "whatsapp")
    await shop.types("Alice", shop.mailbox.code, "whatsapp")
    await shop.asks("alice_t")
    verified = await shop.types("alice_t", shop.mailbox.code)

    [merge] = await rows(shop.engine, merges)
    assert verified == {"type": "verified", "merge": merge.id}
    assert await customer_of(shop.engine, "alice_t", "telegram") == await customer_of(shop.engine, "Alice", "whatsapp")


async def test_the_customer_of_one_account_gets_no_second(shop: Shop) -> None:
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)
    await shop.asks("Alice", account="C-2002")

    assert await shop.types("Alice", shop.mailbox.code) == {"type": "link_refused", "problem": "other_account"}
    assert await shop.sure("Alice") == ("code", ACCOUNT)


async def test_a_channel_that_was_linked_before_has_to_show_it_too(shop: Shop) -> None:
    """Mallory had Alice open a link of his, from channels that were linked by a code. Alice's account is not his."""
    await shop.types("Mallory", "hi", "webchat")
    await shop.links("mallory_w", "whatsapp", "Mallory", "webchat")
    await shop.links("Alice", "telegram", "Mallory", "webchat")
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)

    assert await shop.sure("Alice") == ("code", ACCOUNT)
    assert await shop.sure("mallory_w", "whatsapp") == ("none", ACCOUNT)
    assert await shop.sure("Mallory", "webchat") == ("none", ACCOUNT)


async def test_who_comes_along_with_a_link_has_shown_nothing(shop: Shop) -> None:
    """The same the other way round: Alice, who is joined with Mallory, opens a link of her own account's."""
    await shop.types("Mallory", "hi", "webchat")
    await shop.links("mallory_w", "whatsapp", "Mallory", "webchat")
    await shop.links("alice_t", "telegram", "Mallory", "webchat")
    await shop.asks("Alice", "teams")
    await shop.types("Alice", shop.mailbox.code, "teams")
    await shop.links("alice_t", "telegram", "Alice", "teams")

    assert await shop.sure("alice_t") == ("code", ACCOUNT)
    assert await shop.sure("mallory_w", "whatsapp") == ("none", ACCOUNT)


async def test_who_has_shown_nothing_cannot_hand_on_what_they_do_not_have(shop: Shop) -> None:
    """Mallory, whom Alice once linked with, shows himself a code, on a channel of his that is nobody's yet."""
    await shop.types("Mallory", "hi", "webchat")
    await shop.links("Alice", "telegram", "Mallory", "webchat")
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)
    await shop.links("mallory_w", "whatsapp", "Mallory", "webchat")

    assert await shop.sure("mallory_w", "whatsapp") == ("none", ACCOUNT)


async def test_who_has_shown_nothing_is_no_surer_for_opening_a_link_of_their_own(shop: Shop) -> None:
    """The same, but for Mallory's opening the link of somebody new, who is himself."""
    await shop.types("Mallory", "hi", "webchat")
    await shop.links("Alice", "telegram", "Mallory", "webchat")
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)
    await shop.types("mallory_w", "hi", "whatsapp")
    await shop.links("Mallory", "webchat", "mallory_w", "whatsapp")

    assert await shop.sure("Mallory", "webchat") == ("none", ACCOUNT)
    assert await shop.sure("mallory_w", "whatsapp") == ("none", ACCOUNT)
    assert await shop.sure("Alice") == ("code", ACCOUNT)


async def test_after_an_undo_whoever_shows_the_account_shares_it_with_nobody(shop: Shop) -> None:
    await shop.types("Mallory", "hi", "webchat")
    await shop.links("Alice", "telegram", "Mallory", "webchat")
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)
    [merge] = await rows(shop.engine, merges)
    async with transaction(shop.engine) as connection:
        await separate(connection, merge.id, by="customer", now=shop.clock())
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)

    assert await shop.sure("Alice") == ("code", ACCOUNT)
    assert await shop.sure("Mallory", "webchat") == ("none", None)
    assert await customer_of(shop.engine, "Alice", "telegram") != await customer_of(shop.engine, "Mallory", "webchat")


async def test_signing_in_shows_nothing_of_the_channels_that_were_there_before(shop: Shop) -> None:
    await shop.types("Alice", "hi", "webchat")
    await shop.links("somebody", "whatsapp", "Alice", "webchat")
    async with transaction(shop.engine) as connection:
        person = Person(channel="webchat", external_id="Alice", address="Alice@webchat")
        assert await sign_in(connection, person, ACCOUNT, "Alice", shop.clock())

    assert await shop.sure("Alice", "webchat") == ("signed_in", ACCOUNT)
    assert await shop.sure("somebody", "whatsapp") == ("none", ACCOUNT)


async def test_a_link_that_is_opened_when_the_account_is_known_is_as_good_as_a_code(shop: Shop) -> None:
    await shop.asks("Alice")
    await shop.types("Alice", shop.mailbox.code)
    await shop.links("alice_w", "whatsapp", "Alice", "telegram")

    assert await shop.sure("alice_w", "whatsapp") == ("code", ACCOUNT)


# --- A code shown in a chat -------------------------------------------------------------------------------------------


async def invited(shop: Shop, said: Accepted, channel: str) -> Outbound:
    """A message that shows a code, as the sender hands it to its channel."""
    message = await bot_says(shop.engine, said, "Type this elsewhere:", shop.clock())
    content = Content(text="Type this elsewhere:", invite="code")
    invitations = Invitations(engine=shop.engine, channels={}, clock=shop.clock)
    return await invitations.with_code(Outbound(id=message, address="Alice", content=content))


async def test_a_message_that_invites_by_a_code_has_it_in_its_text(shop: Shop) -> None:
    said = await accepted(shop.engine, says("Alice", "a code please"), NOON)
    message = await invited(shop, said, "telegram")

    assert message.content.invite is None
    before, code, _ = (message.content.text or "").split("`")
    assert before == "Type this elsewhere:\n\n"
    assert (await shop.types("alice_w", code, "whatsapp"))["type"] == "linked"


async def test_in_the_web_chat_the_widget_asks_for_it(shop: Shop) -> None:
    said = await accepted(shop.engine, says("Alice", "a code please", channel="webchat"), NOON)
    assert (await invited(shop, said, "webchat")).content.invite == "code"

    code = await Invitations(engine=shop.engine, channels={}, clock=shop.clock).for_visitor("Alice", "code")
    assert (await shop.types("alice_w", code, "whatsapp"))["type"] == "linked"
