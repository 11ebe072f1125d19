"""The whole product, with the real core and the trained model: a return is begun with the bot, a person at Chatwoot
answers, and the bot asks the very question that was open."""

from __future__ import annotations

from pathlib import Path

from sandbox.chatwoot import ChatwootServer
from sandbox.journeys.stack import TELEGRAM_SECRET, running_stack
from sandbox.telegram import TelegramServer
from tests.database import NewDatabase

SECRET = "the-secret-of-the-inbox"
OPEN_QUESTION = "What is the reason"


async def test_a_return_goes_on_where_it_stopped(tmp_path: Path, new_database: NewDatabase) -> None:
    async with TelegramServer() as telegram, ChatwootServer() as chatwoot:
        inbox = chatwoot.inbox(webhook_url="", secret=SECRET)
        settings = {
            "DATABASE_URL": await new_database(),
            "CHATWOOT_URL": chatwoot.url,
            "CHATWOOT_ACCOUNT_ID": str(chatwoot.account.id),
            "CHATWOOT_INBOX_ID": str(inbox.id),
            "CHATWOOT_API_TOKEN": chatwoot.administrator("Integration").token,
            "CHATWOOT_WEBHOOK_SECRET": SECRET,
        }
        bot, maya = telegram.bot("123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"), chatwoot.agent("Maya")
        async with running_stack(
            tmp_path, telegram_url=telegram.url, telegram_token=bot.token, settings=settings
        ) as product:
            hook = {"url": f"{product.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
            await telegram.call(bot, "setWebhook", hook)
            inbox.webhook_url = f"{product.gateway_url}/desk/outside/chatwoot"
            alice = telegram.user("Alice", language="en")

            async def told(words: str) -> None:
                message = await alice.next_message(timeout=60)
                assert words in str(message.get("text")), message

            await alice.say(bot, "I want to return the blue kettle from order 1042")
            await told(OPEN_QUESTION)
            await alice.say(bot, "talk to a human")
            await told("number 1 in the queue")
            conversation = await chatwoot.conversation(1)
            assert OPEN_QUESTION in (await conversation.message("talk to a human")).content

            answer = maya.write(conversation, "Hello Alice, I am here.")
            await told("You're talking with Maya now.")
            await told("Hello Alice, I am here.")
            await alice.say(bot, "it came with a dent")
            assert (await conversation.message("it came with a dent")).type == "incoming"
            maya.set_status(conversation, "pending")
            await told("You're talking with the assistant again.")
            await told(OPEN_QUESTION)

            await chatwoot.webhooks.delivered()
            assert answer.status == "sent"
            assert [one.content for one in conversation.messages if one.status == "failed"] == []
            assert {status for *_, status in chatwoot.calls} == {200}
