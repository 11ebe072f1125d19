"""Microsoft Teams on loopback: the Bot Connector, Microsoft's keys and log-in, and the people who use Teams.

It is meant to refuse whatever Microsoft would refuse, in Microsoft's words, so that a mistake shows here and not in
production. Knows nothing of the product.

    async with TeamsServer() as teams:                       # a free port; teams.url
        shop = teams.bot(endpoint="http://127.0.0.1:8080/api/messages")    # BotAccount: shop.app_id, shop.password
        teams.openid_url, teams.login_url, teams.service_url               # what a bot is to be pointed at

        alice = teams.person("Alice", language="en-GB")
        delivery = await alice.install(shop)                 # conversationUpdate and installationUpdate
        await alice.follow("https://teams.microsoft.com/l/chat/0/0?users=28:…&message=…")   # a deep link
        await alice.image(shop, "look", content=png)         # a pasted picture; file(shop, "a.pdf", content=…) attaches
        await delivery.taken()                               # until the endpoint answered 2xx; ended(): anything
        await alice.say(shop, "hello")                       # also send(shop, {…}) for any activity
        message = await alice.next_message(timeout=5)        # the bot's activities, one by one, as JSON
        await alice.submit(message, "Refund")                # a card's button, or by place: submit(message, 0)
        await alice.next_event("typing")                     # the other kinds: see people.Event
        await alice.react(message)                           # also edit, delete (of her own), invoke(shop, name, {…})
        alice.messages                                       # all of her chats, her own words included
        await alice.block(shop)                              # 403 for the bot from now on; unblock() ends it
        await alice.uninstall(shop)                          # 403 too; lose_to_admin(shop) is the third way
        delivery.again()                                     # the same activity once more

        support = teams.team(shop, [alice, bob])             # a channel; kind="groupChat"
        await support.say(bob, "hi there", mention=True)     # without a mention the bot is not told; also image, remove

        shop.forgery = "expired"                             # deliveries are signed wrongly from now on: keys.Forgery
        teams.keys.rotate()                                  # a new key signs
        shop.faults.order("message", throttle(3))            # the next message; times=2: the next two
        teams.faults.order("token", refuse(503))             # what belongs to no bot: "token", "openid", "keys"
        teams.revoke_tokens()                                # 401 for every token so far
        shop.deliveries, shop.calls, shop.changes            # everything that was delivered, posted, and put

Tests can bring their own limits and clock: `TeamsServer(windows=(), timeout=0.5, now=…)`. To run under another
application's port, `mount(app)`, `located(url)`, and `close()` at the end.

Where it is kinder than Teams, because it is on loopback: endpoints, service URLs and pictures may be plain HTTP there.
Where it plays less: an endpoint that fails is not called again, since Microsoft documents no repetition (`again` is
there for it); no proactive chats, no deleting of activities by the bot, of cards the elements TextBlock, Image,
ActionSet and Container only, and mentions of the bot alone. OneDrive is on the same host as the connector.
"""

from .deliveries import Delivery
from .errors import Refusal
from .faults import Fault, answer_with, close_connection, hang, refuse, throttle
from .keys import Forgery, Keys
from .network import BotAccount, Chat
from .people import Event, Person, Team, buttons
from .rates import PER_THREAD, Window
from .rules import check_activity
from .server import TeamsServer

__all__ = [
    "PER_THREAD",
    "BotAccount",
    "Chat",
    "Delivery",
    "Event",
    "Fault",
    "Forgery",
    "Keys",
    "Person",
    "Refusal",
    "Team",
    "TeamsServer",
    "Window",
    "answer_with",
    "buttons",
    "check_activity",
    "close_connection",
    "hang",
    "refuse",
    "throttle",
]
