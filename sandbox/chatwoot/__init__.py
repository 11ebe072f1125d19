"""Chatwoot on loopback: its application API for an inbox of the kind API, and the agents who work at it.

It is meant to refuse whatever Chatwoot would refuse, with its statuses, so that a mistake shows here and not in
production. Written to https://github.com/chatwoot/chatwoot/tree/develop/swagger and to what the application does beside
it. Knows nothing of the product.

    async with ChatwootServer() as chatwoot:                     # a free port; chatwoot.url
        inbox = chatwoot.inbox(webhook_url="http://127.0.0.1:8080/…", secret="…")     # of the kind API
        token = chatwoot.administrator("Integration").token       # for the header api_access_token
        maya = chatwoot.agent("Maya")

        conversation = await chatwoot.conversation(1)             # waits until there is one with this number
        message = await conversation.message("Hello")             # waits until one with these words in it is there
        maya.write(conversation, "Hi!"); maya.write(conversation, "ask Tom", private=True)
        maya.write(conversation, "See", files=[("image", "https://…/a.png")])
        maya.assign(conversation, maya); maya.assign(conversation, None)
        maya.set_status(conversation, "resolved")                 # open, resolved, pending, snoozed
        await conversation.status_becomes("resolved"); await message.status_becomes("read")

        chatwoot.webhooks.doubled = True                          # every webhook comes twice
        with chatwoot.webhooks.held(): …                          # what happens in here comes afterwards, newest first
        await chatwoot.webhooks.delivered()                       # until all webhooks were answered
        chatwoot.webhooks.sent                                    # every attempt, with its body and the answer's status
        chatwoot.faults.append(503)                               # the next call is answered with this
        chatwoot.faults.append(LOST)                              # the next call is done, and its answer is lost
        chatwoot.calls                                            # (method, path, status) of every call

As Chatwoot does it, a webhook is tried once and has five seconds, an agent's message whose webhook failed is shown as
failed, and webhooks are sent side by side, in no certain order. Where it is stricter: fields that Chatwoot would only
ignore are refused. Where it plays less: everything that is not named here.
"""

from .account import Conversation, Inbox, Message, User
from .server import LOST, ChatwootServer

__all__ = ["LOST", "ChatwootServer", "Conversation", "Inbox", "Message", "User"]
