"""How webhooks reach a business, and what people do."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.whatsapp import CLOSE, CallbackRefused, Limits, Number, Person, WebhookReceiver, WhatsAppServer, options

from .conftest import APP_SECRET, TOKEN, Clock, Graph


def texts(hook: WebhookReceiver) -> list[str]:
    values = [change["value"] for one in hook.received for entry in one.json["entry"] for change in entry["changes"]]
    return [message["text"]["body"] for value in values for message in value.get("messages", [])]


async def test_webhook_is_signed_and_complete(shop: Number, alice: Person, hook: WebhookReceiver) -> None:
    await shop.subscribe(hook.url, hook.verify_token)
    await (await alice.say(shop, "好 / ok")).taken()
    last = hook.received[-1]
    digest = hmac.new(APP_SECRET.encode(), last.body, hashlib.sha256).hexdigest()
    assert last.headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert last.body.isascii()
    message = last.json["entry"][0]["changes"][0]["value"]["messages"][0]
    assert last.json == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": shop.account,
                "changes": [
                    {
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15550783881", "phone_number_id": shop.id},
                            "contacts": [
                                {"profile": {"name": "Alice"}, "wa_id": "16505551234", "user_id": alice.user_id}
                            ],
                            "messages": [
                                {
                                    "from": "16505551234",
                                    "from_user_id": alice.user_id,
                                    "id": message["id"],
                                    "timestamp": message["timestamp"],
                                    "type": "text",
                                    "text": {"body": "好 / ok"},
                                }
                            ],
                        },
                        "field": "messages",
                    }
                ],
            }
        ],
    }


async def test_address_has_to_pass_the_handshake(shop: Number, hook: WebhookReceiver) -> None:
    for url, token in ((hook.url, "wrong"), (hook.url + "/nowhere", hook.verify_token), ("http://127.0.0.1:1/", "x")):
        with pytest.raises(CallbackRefused):
            await shop.subscribe(url, token)
    await shop.subscribe(hook.url, hook.verify_token)
    assert shop.webhook.url == hook.url


async def test_what_waited_is_delivered_once_there_is_a_webhook(
    shop: Number, alice: Person, hook: WebhookReceiver
) -> None:
    last = await alice.say(shop, "still there?")
    await shop.subscribe(hook.url, hook.verify_token)
    await last.taken()
    assert texts(hook) == ["hello", "still there?"]
    assert (await alice.next_event("taken"))["business"] == shop.id


@pytest.mark.parametrize("refusal", [500, 403, 201, 302, CLOSE])
async def test_refused_webhook_comes_again_and_holds_up_nothing(
    shop: Number, alice: Person, hook: WebhookReceiver, refusal: int
) -> None:
    await shop.subscribe(hook.url, hook.verify_token)
    await hook.has_received(1)
    hook.statuses.extend([refusal, 200, refusal])
    first = await alice.say(shop, "one")
    await (await alice.say(shop, "two")).taken()
    await first.taken()
    assert texts(hook)[1:3] == ["one", "two"]
    assert [attempt.status for attempt in first.attempts] == [refusal or None, refusal or None, 200]
    assert {one.body for one in hook.received if b'"one"' in one.body} == {first.body}


async def test_webhook_expires_after_seven_days(
    shop: Number, alice: Person, hook: WebhookReceiver, clock: Clock
) -> None:
    [hello] = shop.deliveries
    clock.forward(7 * 24 * 3600)
    hook.statuses.append(500)
    await shop.subscribe(hook.url, hook.verify_token)
    with pytest.raises(AssertionError, match="expired"):
        await hello.taken()


async def test_same_body_can_come_twice(shop: Number, alice: Person, hook: WebhookReceiver) -> None:
    await shop.subscribe(hook.url, hook.verify_token)
    delivery = await (await alice.say(shop, "one")).taken()
    await shop.webhook.repeat(delivery)
    assert texts(hook)[1:] == ["one", "one"]
    assert hook.received[-1].body == hook.received[-2].body


async def test_batch_is_one_body(shop: Number, alice: Person, server: WhatsAppServer, hook: WebhookReceiver) -> None:
    bob = server.person("Bob", "6591234567", country="SG")
    await shop.subscribe(hook.url, hook.verify_token)
    with shop.webhook.batch() as batch:
        await alice.say(shop, "one")
        await bob.say(shop, "two")
        shop.tell(alice, "wamid.1", "read", "sent")
    await batch.taken()
    assert (texts(hook)[1:], len(batch.json["entry"]), len(hook.received)) == (["one", "two"], 4, 2)


async def test_anything_can_be_delivered(shop: Number, hook: WebhookReceiver) -> None:
    await shop.subscribe(hook.url, hook.verify_token)
    await shop.webhook.add_raw({"object": "page"}).taken()
    assert hook.received[0].json == {"object": "page"}


# --- Statuses ---------------------------------------------------------------------------------------------------------


def told(shop: Number) -> list[Any]:
    return [status for one in shop.deliveries for status in one.value.get("statuses", [])]


async def test_what_becomes_of_a_message_is_told(graph: Graph, shop: Number, alice: Person) -> None:
    await graph.text(alice)
    message = await alice.next_message()
    await alice.read(message)
    assert [(one["id"], one["status"]) for one in told(shop)] == [
        (message["id"], state) for state in ("sent", "delivered", "read")
    ]
    assert told(shop)[0]["recipient_user_id"] == alice.user_id
    assert told(shop)[0]["pricing"]["category"] == "service"


async def test_statuses_can_be_told_in_any_order(graph: Graph, shop: Number, alice: Person) -> None:
    shop.tell_statuses = False
    await graph.text(alice)
    shop.tell(alice, (await alice.next_message())["id"], "read", "delivered", "sent")
    assert [one["status"] for one in told(shop)] == ["read", "delivered", "sent"]


class TestToldLater:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(told_later=frozenset({131047, 131026}))

    async def test_closed_window_is_told_by_a_status(self, graph: Graph, server: WhatsAppServer, shop: Number) -> None:
        carol = server.person("Carol", "16505550001")
        status, answer = await graph.text(carol)
        [failed] = told(shop)
        assert (status, failed["id"], failed["status"]) == (200, answer["messages"][0]["id"], "failed")
        assert failed["errors"][0]["code"] == 131047
        assert failed["errors"][0]["error_data"]["details"].startswith("Message failed to send because more than 24")
        assert carol.messages == []

    async def test_stranger_is_told_by_a_status(self, graph: Graph, server: WhatsAppServer, shop: Number) -> None:
        carol = server.person("Carol", "16505550001")
        server.network.people.remove(carol)
        assert (await graph.text(carol))[0] == 200
        assert [(one["recipient_id"], one["errors"][0]["code"]) for one in told(shop)] == [("16505550001", 131026)]


class TestToldLaterByItself:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits()

    async def test_file_that_cannot_be_fetched_is_told_by_a_status(
        self, graph: Graph, shop: Number, alice: Person
    ) -> None:
        status, answer = await graph.send(alice, "document", {"link": "http://127.0.0.1:9/a.pdf"})
        [failed] = told(shop)
        assert (status, failed["id"], failed["status"]) == (200, answer["messages"][0]["id"], "failed")
        assert (failed["errors"][0]["code"], failed["recipient_user_id"]) == (131053, alice.user_id)
        assert failed["errors"][0]["error_data"] == {"details": "Downloading media from weblink failed."}
        assert len(alice.messages) == 1


# --- People -----------------------------------------------------------------------------------------------------------

LIST = {
    "type": "list",
    "body": {"text": "Which?"},
    "action": {
        "button": "Choose",
        "sections": [{"rows": [{"id": "a", "title": "Lamp", "description": "Warm"}, {"id": "b", "title": "Sofa"}]}],
    },
}


async def test_row_is_tapped_by_label_or_place(graph: Graph, shop: Number, alice: Person) -> None:
    await graph.send(alice, "interactive", LIST)
    message = await alice.next_message()
    lamp, sofa = await alice.tap(message, "Lamp"), await alice.tap(message, 1)
    assert lamp.message["interactive"] == {
        "type": "list_reply",
        "list_reply": {"id": "a", "title": "Lamp", "description": "Warm"},
    }
    assert sofa.message["interactive"]["list_reply"] == {"id": "b", "title": "Sofa"}
    assert lamp.message["context"] == {"from": "15550783881", "id": message["id"]}
    assert [one["title"] for one in options(message)] == ["Lamp", "Sofa"]
    with pytest.raises(LookupError):
        await alice.tap(message, "Chair")


async def test_hidden_number_is_nowhere_in_what_a_business_is_told(graph: Graph, shop: Number, alice: Person) -> None:
    first = len(shop.deliveries)
    alice.hide_number()
    await alice.say(shop, "hello again")
    await graph.post(
        {"messaging_product": "whatsapp", "recipient": alice.user_id, "type": "text", "text": {"body": "hi"}}
    )
    await alice.read(await alice.next_message())
    await alice.change_number(shop, "16505559999")
    for delivery in shop.deliveries[first:]:
        assert alice.number.encode() not in delivery.body
        assert b"16505551234" not in delivery.body


async def test_one_from_before_2026_has_no_user_id(server: WhatsAppServer, shop: Number) -> None:
    bob = server.person("Bob", "6591234567", user_id=False)
    told_of = (await bob.say(shop, "hello")).value
    assert told_of["contacts"] == [{"profile": {"name": "Bob"}, "wa_id": "6591234567"}]
    assert "from_user_id" not in told_of["messages"][0]


async def test_new_number_means_a_new_user_id_and_the_old_ones_reach_nobody(
    graph: Graph, shop: Number, alice: Person
) -> None:
    old = alice.user_id
    system = (await alice.change_number(shop, "16505559999")).message["system"]
    assert system == {
        "type": "user_changed_number",
        "wa_id": "16505559999",
        "user_id": alice.user_id,
        "previous_user_id": old,
        "body": "User changed",
    }
    for whom in ({"to": "16505551234"}, {"recipient": old}):
        _, answer = await graph.post({"messaging_product": "whatsapp", "type": "text", "text": {"body": "hi"}} | whom)
        assert answer["error"]["code"] == 131026


async def test_edit_and_deletion_name_the_message(shop: Number, alice: Person) -> None:
    said = (await alice.image(shop, "the blue one")).message
    edited = (await alice.edit(shop, alice.messages[-1], "the red one")).message
    assert (edited["type"], edited["edit"]["original_message_id"]) == ("edit", said["id"])
    assert edited["edit"]["message"] == {
        "context": {"id": "M0"},
        "type": "image",
        "image": said["image"] | {"caption": "the red one"},
    }
    assert (await alice.next_event("edited"))["image"]["caption"] == "the red one"
    taken_back = (await alice.revoke(shop, alice.messages[-1])).message
    assert (taken_back["type"], taken_back["revoke"]) == ("revoke", {"original_message_id": said["id"]})
    assert (await alice.next_event("revoked"))["id"] == said["id"]
    assert len(alice.messages) == 1
    assert said["image"]["caption"] == "the blue one"


async def test_what_is_long_said_is_not_changed(graph: Graph, shop: Number, alice: Person, clock: Clock) -> None:
    [hello] = alice.messages
    clock.forward(16 * 60)
    with pytest.raises(LookupError):
        await alice.edit(shop, hello, "bye")
    clock.forward(48 * 3600)
    with pytest.raises(LookupError):
        await alice.revoke(shop, hello)
    await alice.say(shop, "hello again")
    await graph.text(alice)
    with pytest.raises(LookupError):
        await alice.revoke(shop, await alice.next_message())


async def test_reaction_is_told_and_stands_in_no_chat(graph: Graph, shop: Number, alice: Person) -> None:
    await graph.text(alice)
    message = await alice.next_message()
    given, taken_back = await alice.react(message, "👍"), await alice.react(message, "")
    assert given.message["reaction"] == {"message_id": message["id"], "emoji": "👍"}
    assert taken_back.message["reaction"] == {"message_id": message["id"]}
    assert len(alice.messages) == 2


async def test_place_and_contact_are_as_documented(shop: Number, alice: Person) -> None:
    place = (await alice.location(shop, 1.2836, 103.8607, name="Marina Bay", address="10 Bayfront Ave")).message
    assert place["location"] == {
        "latitude": 1.2836,
        "longitude": 103.8607,
        "name": "Marina Bay",
        "address": "10 Bayfront Ave",
    }
    [card] = (await alice.contact(shop, "Bob", "6591234567")).message["contacts"]
    assert card["phones"] == [{"phone": "+6591234567", "wa_id": "6591234567", "type": "CELL"}]


async def test_link_opens_the_chat_with_its_text(shop: Number, alice: Person) -> None:
    delivery = await alice.follow("https://wa.me/15550783881?text=Continue%3A%20abc")
    assert delivery.message["text"]["body"] == "Continue: abc"
    for link in ("https://wa.me/1999?text=x", "https://t.me/15550783881?text=x", "http://wa.me/15550783881?text=x"):
        with pytest.raises(LookupError):
            await alice.follow(link)


async def test_phone_shows_what_happens(graph: Graph, shop: Number, alice: Person) -> None:
    with alice.phone() as feed:
        await alice.say(shop, "hello")
        await graph.text(alice, "hi")
        events = [await feed.get() for _ in range(2)]
    assert [(event.kind, event.data["text"]["body"]) for event in events] == [("sent", "hello"), ("message", "hi")]


async def test_server_can_be_mounted_beside_others(alice: Person) -> None:
    calls: list[tuple[str, str, int]] = []
    whatsapp = WhatsAppServer(on_call=lambda *call: calls.append(call))
    number = whatsapp.number("106540352242922", access_token=TOKEN, app_secret=APP_SECRET)
    app = web.Application()
    whatsapp.mount(app, "/whatsapp")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bob = whatsapp.person("Bob", "6591234567")
    media = (await bob.image(number)).message["image"]["id"]
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/whatsapp"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        async with session.post(f"{url}/v26.0/{number.id}/messages", json={}) as answer:
            assert answer.status == 400
        async with session.get(f"{url}/v26.0/{media}") as answer:
            address = (await answer.json())["url"]
        async with session.get(address) as answer:
            assert (address.startswith(url), answer.status) == (True, 200)
    assert calls == [(number.id, "text", 400)]
    await runner.cleanup()
    await whatsapp.close()
