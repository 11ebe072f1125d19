"""What people do, as Teams tells it to a bot."""

from __future__ import annotations

import jwt
import pytest

from sandbox.teams import Person, TeamsServer

from .conftest import Bot, Hook


async def test_message_is_delivered_whole(server: TeamsServer, bot: Bot, alice: Person, hook: Hook) -> None:
    delivery = await (await alice.say(bot.account, "where is <it>?")).taken()
    [(headers, activity)] = hook.received
    assert activity == delivery.json
    assert (activity["text"], activity["channelId"], activity["serviceUrl"]) == (
        "where is <it>?",
        "msteams",
        server.service_url,
    )
    assert activity["conversation"]["conversationType"] == "personal"
    assert activity["attachments"] == [{"contentType": "text/html", "content": "<p>where is &lt;it&gt;?</p>"}]
    assert headers["Content-Type"] == "application/json; charset=utf-8"


async def test_delivery_is_signed(server: TeamsServer, bot: Bot, alice: Person, hook: Hook) -> None:
    await (await alice.say(bot.account, "hello")).taken()
    token = hook.received[0][0]["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(
        token, server.keys.current.private.public_key(), algorithms=["RS256"], audience=bot.account.app_id
    )
    assert (claims["iss"], claims["serviceurl"]) == ("https://api.botframework.com", server.service_url)


async def test_forgery_is_asked_for_by_name(bot: Bot, alice: Person, hook: Hook) -> None:
    bot.account.forgery = "missing header"
    await (await alice.say(bot.account, "hello")).taken()
    assert "Authorization" not in hook.received[0][0]


async def test_messages_of_a_chat_come_in_order(bot: Bot, alice: Person, hook: Hook) -> None:
    for number in range(5):
        last = await alice.say(bot.account, str(number))
    await last.taken()
    assert [activity["text"] for _, activity in hook.received] == ["0", "1", "2", "3", "4"]


async def test_refused_delivery_is_told_and_not_repeated(bot: Bot, alice: Person, hook: Hook) -> None:
    hook.statuses.append(500)
    delivery = await (await alice.say(bot.account, "hello")).ended()
    assert (delivery.status, delivery.ok, len(hook.received)) == (500, False, 1)
    assert (await alice.next_event("refused"))["status"] == 500
    with pytest.raises(RuntimeError, match="500"):
        await delivery.taken()


async def test_delivery_can_be_repeated(bot: Bot, alice: Person, hook: Hook) -> None:
    first = await (await alice.say(bot.account, "hello")).taken()
    await first.again().taken()
    assert hook.received[0][1] == hook.received[1][1]


async def test_endpoint_that_does_not_answer_is_given_up(bot: Bot, alice: Person, hook: Hook) -> None:
    hook.gate.clear()
    delivery = await (await alice.say(bot.account, "hello")).ended()
    assert (delivery.status, delivery.error) == (None, "the endpoint did not answer in time")


async def test_endpoint_that_is_not_there_is_told(bot: Bot, alice: Person) -> None:
    bot.account.endpoint = ""
    delivery = await (await alice.say(bot.account, "hello")).ended()
    assert (delivery.ok, delivery.error) == (False, "InvalidUrlClientError")


async def test_answer_of_an_invoke_is_kept(bot: Bot, alice: Person) -> None:
    delivery = await (await alice.invoke(bot.account, "task/fetch", {})).taken()
    assert delivery.answer == b'{"taken": true}'
    assert (await alice.next_event("taken"))["answer"] == '{"taken": true}'


async def test_team_tells_the_bot_what_it_is_mentioned_in(
    server: TeamsServer, bot: Bot, alice: Person, hook: Hook
) -> None:
    team = server.team(bot.account, [alice])
    assert await team.say(alice, "lunch?") is None
    told = await team.say(alice, "where is my order?", mention=True)
    assert told
    await told.taken()
    assert [activity["type"] for _, activity in hook.received] == ["conversationUpdate", "message"]
    message = hook.received[1][1]
    assert message["text"] == "<at>Hearthside</at> where is my order?"
    assert message["entities"][0]["mentioned"] == bot.account.json
    assert ";messageid=" in message["conversation"]["id"]


async def test_app_is_added_in_two_activities(bot: Bot, alice: Person, hook: Hook) -> None:
    await (await alice.install(bot.account)).taken()
    assert [(one["type"], one.get("action")) for _, one in hook.received] == [
        ("conversationUpdate", None),
        ("installationUpdate", "add"),
    ]


async def test_link_of_another_bot_leads_nowhere(alice: Person) -> None:
    with pytest.raises(LookupError):
        await alice.follow("https://teams.microsoft.com/l/chat/0/0?users=28:nobody&message=hi")


async def test_window_shows_everything_from_now_on(bot: Bot, alice: Person) -> None:
    with alice.phone() as feed:
        delivery = await (await alice.say(bot.account, "hello")).taken()
        await bot.post(delivery.json["conversation"]["id"], bot.message())
        assert [(await feed.get()).kind for _ in range(3)] == ["sent", "taken", "message"]


async def test_person_changes_a_message_and_takes_it_back(bot: Bot, alice: Person, hook: Hook) -> None:
    said = await (await alice.say(bot.account, "hello")).taken()
    await (await alice.edit(said.json, "hello there")).taken()
    assert [one["text"] for one in alice.messages] == ["hello there"]
    await (await alice.delete(said.json)).taken()
    assert alice.messages == []
    told = [(one["type"], one["id"] == said.json["id"], one.get("text")) for _, one in hook.received[1:]]
    assert told == [("messageUpdate", True, "hello there"), ("messageDelete", True, None)]


async def test_every_post_in_a_channel_is_a_thread(server: TeamsServer, bot: Bot, alice: Person, hook: Hook) -> None:
    team = server.team(bot.account, [alice])
    for thread in (team.thread(), team.thread()):
        told = await team.say(alice, "hi", mention=True, thread=thread)
        assert told
        await told.taken()
    first, second = (activity["conversation"]["id"] for _, activity in hook.received[1:])
    assert first != second
    assert first.partition(";")[0] == second.partition(";")[0]


async def test_bot_that_was_taken_out_of_a_group_cannot_write_there(
    server: TeamsServer, bot: Bot, alice: Person, hook: Hook
) -> None:
    group = server.team(bot.account, [alice], kind="groupChat")
    await (await group.remove(alice)).taken()
    assert hook.received[-1][1]["action"] == "remove"
    status, _, body = await bot.post(group.chat.id, bot.message())
    assert (status, body["error"]["code"]) == (403, "BotNotInConversationRoster")
