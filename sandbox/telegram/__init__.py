"""Telegram on loopback: the Bot API's server, and the people who use Telegram.

It is meant to refuse whatever Telegram would refuse, in Telegram's words, so that a mistake shows here and not in
production. Knows nothing of the product.

    async with TelegramServer() as telegram:                 # a free port; telegram.url
        shop = telegram.bot("123456:secret")                 # BotAccount: what @BotFather would give
        bot = telegram_library.Bot(shop.token, base_url=f"{telegram.url}/bot", base_file_url=f"{telegram.url}/file/bot")
        await bot.set_webhook("http://127.0.0.1:8080/webhooks/telegram", secret_token="…")

        alice = telegram.user("Alice", language="en")        # alice.id is her chat with the bot, too
        update = await alice.start(shop, "payload")          # "/start payload"; start(shop) presses a plain START
        await alice.follow("https://t.me/hearthside_bot?start=payload")   # the same, from a link
        await update.taken()                                 # until the webhook answered 2xx; see update.attempts
        await alice.say(shop, "hello")                       # also photo, document, voice, sticker, location, …
        await alice.edit(shop, update.message, "hello!")
        message = await alice.next_message(timeout=5)        # the bot's messages, one by one, as Telegram's JSON
        await alice.tap(message, "Refund")                   # or by place: tap(message, 0); stale ones work too
        await alice.next_event("answer")                     # the other kinds: see people.Event
        alice.messages                                       # all of her chats as they are now, her own words included
        await alice.block(shop)                              # 403 for the bot from now on; start() or unblock() end it
        await alice.send(shop, {"contact": {…}})             # a message of any kind
        telegram.post_raw(shop, {"poll_answer": {…}})        # an update of any kind

        family = telegram.group("Family", shop, [alice, bob])
        await family.say(bob, "hi there", mention=True)      # without a mention the bot is not told: privacy mode
        await family.say(bob, "this one", reply_to=message)  # also send, edit
        await family.migrate()                               # its new id; the old one answers migrate_to_chat_id
        await family.kick()

        shop.faults.order("sendMessage", flood_wait(3))      # the next call; times=2: the next two; "*": any
        shop.updates, shop.calls                             # everything that was to be delivered, and that was called

        async with WebhookReceiver() as hook:                # a webhook that remembers, where there is no gateway
            await bot.set_webhook(hook.url); hook.statuses.extend([500, CLOSE]); hook.updates

What people do while no webhook is set waits for one. Tests can bring their own limits and clock:
`TelegramServer(limits=Limits(retry_base=0.01), now=…)`; `UNLIMITED` is for benchmarks. To run under another
application's port, `mount(app)`, and `close()` at the end.

Where it is kinder than Telegram, because it is on loopback: webhooks and button URLs may be plain HTTP there. Where it
plays less: legacy `Markdown`, reply keyboards (taken, not shown), `getUpdates`, and every method not in `methods`.
"""

from .errors import Refusal
from .faults import Fault, chat_migrated, close_connection, flood_wait, hang, refuse, server_error
from .flood import UNLIMITED, Limits, Rate
from .network import BotAccount, Chat
from .people import Event, Group, User
from .receiver import CLOSE, Received, WebhookReceiver
from .server import TelegramServer
from .updates import Attempt, Update, Webhook

__all__ = [
    "CLOSE",
    "UNLIMITED",
    "Attempt",
    "BotAccount",
    "Chat",
    "Event",
    "Fault",
    "Group",
    "Limits",
    "Rate",
    "Received",
    "Refusal",
    "TelegramServer",
    "Update",
    "User",
    "Webhook",
    "WebhookReceiver",
    "chat_migrated",
    "close_connection",
    "flood_wait",
    "hang",
    "refuse",
    "server_error",
]
