"""WhatsApp on loopback: the Business Cloud API's server, and the people who use WhatsApp.

It is meant to refuse whatever Meta would refuse, in Graph's words, so that a mistake shows here and not in production.
Knows nothing of the product.

    async with WhatsAppServer() as whatsapp:                 # a free port; the API is at f"{whatsapp.url}/v26.0"
        shop = whatsapp.number("106540352242922", access_token="…", app_secret="…")     # Number: Meta's console
        await shop.subscribe("http://127.0.0.1:8080/webhooks/whatsapp", "verify token")  # with the handshake

        alice = whatsapp.person("Alice", "16505551234")      # alice.number, alice.user_id: business-scoped
        bob = whatsapp.person("Bob", "6591234567", country="SG", user_id=False)          # as before 2026
        alice.hide_number()                                  # webhooks name her by her user id alone from now on
        delivery = await alice.say(shop, "hello")            # also image, voice, video, document, sticker, location
        await delivery.taken()                               # until the webhook answered 200; see delivery.attempts
        await alice.follow("https://wa.me/15550783881?text=Continue%3A%20…")
        message = await alice.next_message(timeout=5)        # the business's messages, one by one
        await alice.location(shop, 1.28, 103.86, name="Marina Bay"); await alice.contact(shop, "Bob", "6591234567")
        await alice.edit(shop, alice.messages[0], "hello!"); await alice.revoke(shop, alice.messages[0])
        await alice.tap(message, "Refund")                   # a button or a row, also by place: tap(message, 0)
        await alice.react(message, "👍"); await alice.read(message)
        await alice.next_event("typing")                     # the other kinds: see people.Event
        alice.block(shop)                                    # the shop is not told: sent, and never delivered
        await alice.change_number(shop, "16505559999")       # a system message; her user id changes too
        await alice.send(shop, "contacts", [{…}])            # a message of any type
        shop.webhook.add_raw({"object": "…"})                # a body of any kind, signed

        with shop.webhook.batch() as delivery: …             # everything done in here goes out as one body
        await shop.webhook.repeat(delivery)                  # the same body again
        shop.tell_statuses = False                           # sent and delivered are told by hand from now on:
        shop.tell(alice, message["id"], "read", "delivered", "sent")

        shop.faults.order("text", refuse(131000, status=500))    # the next text; times=2: the next two; "*": any call
        shop.deliveries, shop.calls                          # everything that was to be delivered, and that was called

        async with WebhookReceiver() as hook:                # a webhook that remembers, where there is no gateway
            await shop.subscribe(hook.url, hook.verify_token); hook.statuses.extend([500, CLOSE]); hook.received

What happens while no webhook is registered waits for one. Tests can bring their own limits and clocks:
`WhatsAppServer(limits=Limits(retry_base=0.01), now=…, monotonic=…)`; `UNLIMITED` is for benchmarks. Some refusals
(closed window, unknown person, a picture or a file that cannot be fetched) reach Meta's callers at once or by a
`failed` status, as `Limits.told_later` says; by itself, only what cannot be fetched is told later. To run under
another application's port, `mount(app, "/whatsapp")`, and `close()` at the end.

Where it is kinder than Meta, because it is on loopback: webhooks, pictures and links may be plain HTTP there, and any
version of the API is taken. Edits and deletions are told to every business, which Meta does for some only. Where it
plays less: templates, flows, groups, calls, and every type of message that is not in `rules`.
"""

from .deliveries import Attempt, CallbackRefused, Delivery
from .errors import GraphError, Refusal
from .faults import Fault, close_connection, hang, refuse, server_error
from .limits import UNLIMITED, Limits, Rate
from .network import Media, Number
from .people import Event, Person, options
from .receiver import CLOSE, Received, WebhookReceiver
from .server import WhatsAppServer

__all__ = [
    "CLOSE",
    "UNLIMITED",
    "Attempt",
    "CallbackRefused",
    "Delivery",
    "Event",
    "Fault",
    "GraphError",
    "Limits",
    "Media",
    "Number",
    "Person",
    "Rate",
    "Received",
    "Refusal",
    "WebhookReceiver",
    "WhatsAppServer",
    "close_connection",
    "hang",
    "options",
    "refuse",
    "server_error",
]
