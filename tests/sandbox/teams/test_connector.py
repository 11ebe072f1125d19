"""What the connector takes and refuses, in Microsoft's words."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.teams import Person, TeamsServer, Window, buttons, refuse
from sandbox.teams.files import DOT

from .conftest import Bot


def refusal(answer: tuple[int, Any, Any]) -> tuple[int, str]:
    status, _, body = answer
    return status, body["error"]["code"] if "error" in body else body["message"]


@pytest.fixture
async def chat(bot: Bot, alice: Person) -> str:
    delivery = await alice.say(bot.account, "hello")
    return str(delivery.json["conversation"]["id"])


def card(*body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = {"type": "AdaptiveCard", "version": "1.5", "body": list(body)} | fields
    return {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}


SUBMIT = {"type": "Action.Submit", "title": "Yes", "data": {"o": "1:0"}}

GOOD: dict[str, dict[str, Any]] = {
    "text": {"text": "hello"},
    "card": {"attachments": [card({"type": "TextBlock", "text": "x"}, actions=[SUBMIT])]},
    "picture on loopback": {"attachments": [card({"type": "Image", "url": "http://127.0.0.1:8080/x.png"})]},
    "container": {"attachments": [card({"type": "Container", "items": [{"type": "ActionSet", "actions": [SUBMIT]}]})]},
    "link": {"attachments": [card(actions=[{"type": "Action.OpenUrl", "title": "Go", "url": "https://shop.example"}])]},
    "ten cards": {"attachments": [card()] * 10},
    "just small enough": {"text": "x" * 40_000},
}

BAD: dict[str, dict[str, Any]] = {
    "no type": {"type": None},
    "unknown type": {"type": "telepathy"},
    "somebody else": {"from": {"id": "29:alice"}},
    "another conversation": {"conversation": {"id": "a:other"}},
    "nothing said": {"text": " "},
    "text is a number": {"text": 5},
    "unknown format": {"textFormat": "html"},
    "eleven cards": {"attachments": [card()] * 11},
    "suggestions and cards": {"attachments": [card()], "suggestedActions": {"actions": []}},
    "attachment without a type": {"attachments": [{}]},
    "no card": {"attachments": [card(type="Card")]},
    "newer card": {"attachments": [card(version="1.6")]},
    "unknown element": {"attachments": [card({"type": "Hologram"})]},
    "empty text": {"attachments": [card({"type": "TextBlock", "text": ""})]},
    "picture by http": {"attachments": [card({"type": "Image", "url": "http://shop.example/x.png"})]},
    "seven buttons in a row": {"attachments": [card(actions=[SUBMIT] * 7)]},
    "empty set": {"attachments": [card({"type": "ActionSet", "actions": []})]},
    "button without a title": {"attachments": [card(actions=[SUBMIT | {"title": ""}])]},
    "button with data that are text": {"attachments": [card(actions=[SUBMIT | {"data": "x"}])]},
    "link that is a script": {"attachments": [card(actions=[{"type": "Action.OpenUrl", "title": "x", "url": "js:"}])]},
    "unknown action": {"attachments": [card(actions=[{"type": "Action.Fly", "title": "x"}])]},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD.keys())
async def test_good_activity_is_shown(bot: Bot, alice: Person, chat: str, fields: dict[str, Any]) -> None:
    status, _, body = await bot.post(chat, bot.message(**fields))
    assert (status, body["id"]) == (201, (await alice.next_message())["id"])


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD.keys())
async def test_bad_activity_is_refused(bot: Bot, chat: str, fields: dict[str, Any]) -> None:
    assert refusal(await bot.post(chat, bot.message(**fields))) == (400, "BadArgument")


async def test_what_is_no_activity_is_refused(bot: Bot, chat: str) -> None:
    assert refusal(await bot.post(chat, [])) == (400, "BadSyntax")


async def test_too_large_an_activity_is_refused(bot: Bot, chat: str) -> None:
    assert refusal(await bot.post(chat, bot.message(text="x" * 41_000))) == (413, "MessageSizeTooBig")


async def test_typing_is_an_event_and_no_message(bot: Bot, alice: Person, chat: str) -> None:
    await bot.post(chat, {"type": "typing", "from": {"id": bot.account.id}})
    assert (await alice.next_event("typing"))["type"] == "typing"
    assert [one["from"]["id"] for one in alice.messages] == [alice.id]


async def test_reply_needs_an_activity_that_there_is(bot: Bot, alice: Person, chat: str) -> None:
    said = alice.messages[0]["id"]
    assert (await bot.post(chat, bot.message(), reply_to=said))[0] == 201
    assert refusal(await bot.post(chat, bot.message(), reply_to="17")) == (404, "ActivityNotFoundInConversation")


async def test_unknown_conversation_is_not_found(bot: Bot) -> None:
    assert refusal(await bot.post("a:nowhere", bot.message())) == (404, "ConversationNotFound")


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_wrong_token_is_refused(bot: Bot, chat: str, token: str) -> None:
    assert refusal(await bot.post(chat, bot.message(), token=token)) == (
        401,
        "Authorization has been denied for this request.",
    )


async def test_another_bots_token_is_refused(bot: Bot, server: TeamsServer, chat: str) -> None:
    other = Bot(server=server, account=server.bot(), session=bot.session)
    await other.login()
    assert (await other.post(chat, other.message()))[0] == 401


async def test_revoked_token_is_refused(bot: Bot, server: TeamsServer, chat: str) -> None:
    server.revoke_tokens()
    assert (await bot.post(chat, bot.message()))[0] == 401


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        ("block", "ConversationBlockedByUser"),
        ("uninstall", "BotNotInConversationRoster"),
        ("lose_to_admin", "BotDisabledByAdmin"),
    ],
)
async def test_person_who_left_is_not_written_to(bot: Bot, alice: Person, chat: str, leave: str, code: str) -> None:
    await getattr(alice, leave)(bot.account)
    assert refusal(await bot.post(chat, bot.message())) == (403, code)
    await alice.install(bot.account)
    assert (await bot.post(chat, bot.message()))[0] == 201


# --- Changing what was said -------------------------------------------------------------------------------------------


async def test_activity_is_put_in_the_place_of_another(bot: Bot, alice: Person, chat: str) -> None:
    _, _, posted = await bot.post(chat, bot.message(text="Sure?"))
    status, _, body = await bot.put(chat, posted["id"], bot.message(text="Done."))
    assert (status, body) == (200, {"id": posted["id"]})
    assert (await alice.next_event("edited"))["text"] == "Done."
    assert [one["text"] for one in alice.messages] == ["hello", "Done."]


async def test_only_the_bots_own_activities_are_changed(bot: Bot, alice: Person, chat: str) -> None:
    said = alice.messages[0]["id"]
    assert refusal(await bot.put(chat, said, bot.message())) == (403, "ForbiddenOperationException")
    assert refusal(await bot.put(chat, "17", bot.message())) == (404, "ActivityNotFoundInConversation")


async def test_change_is_checked_as_a_message_is(bot: Bot, alice: Person, chat: str) -> None:
    _, _, posted = await bot.post(chat, bot.message())
    assert refusal(await bot.put(chat, posted["id"], bot.message(text=" "))) == (400, "BadArgument")
    assert (await bot.put(chat, posted["id"], bot.message(), token="wrong"))[0] == 401
    await alice.block(bot.account)
    assert refusal(await bot.put(chat, posted["id"], bot.message())) == (403, "ConversationBlockedByUser")


# --- Files ------------------------------------------------------------------------------------------------------------


async def test_pasted_picture_is_given_to_the_bots_token_only(bot: Bot, alice: Person) -> None:
    delivery = await alice.image(bot.account, content=DOT)
    [attachment] = delivery.json["attachments"]
    url = attachment["contentUrl"]
    assert await bot.download(url, token=bot.token) == (200, DOT)
    assert (await bot.download(url, token="wrong"))[0] == 401
    assert (await bot.download(url))[0] == 401
    assert (await bot.download(url.replace("frca", "elsewhere"), token=bot.token))[0] == 404


async def test_file_is_given_to_whoever_has_its_address_and_no_token(bot: Bot, alice: Person) -> None:
    delivery = await alice.file(bot.account, "a.pdf", content=b"%PDF")
    [attachment] = delivery.json["attachments"]
    url = attachment["content"]["downloadUrl"]
    assert await bot.download(url) == (200, b"%PDF")
    assert (await bot.download(url, token=bot.token))[0] == 401
    assert (await bot.download(url[:-1]))[0] == 401


# --- Rates ------------------------------------------------------------------------------------------------------------


class TestRates:
    @pytest.fixture
    def windows(self) -> tuple[Window, ...]:
        return (Window(seconds=60, operations=2), Window(seconds=3600, operations=9))

    async def test_third_message_has_to_wait(self, bot: Bot, server: TeamsServer, chat: str) -> None:
        answers = [await bot.post(chat, bot.message()) for _ in range(3)]
        assert [status for status, _, _ in answers] == [201, 201, 429]
        assert 58 <= int(answers[2][1]["Retry-After"]) <= 60
        assert (await bot.put(chat, answers[0][2]["id"], bot.message()))[0] == 429
        bob = await server.person("Bob").say(bot.account, "hi")
        assert (await bot.post(bob.json["conversation"]["id"], bot.message()))[0] == 201


# --- Log-in and keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "openid"}, 400, "invalid_scope"),
        ({"client_id": "nobody"}, 400, "unauthorized_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
    ],
)
async def test_wrong_login_is_refused(bot: Bot, changed: dict[str, str], status: int, error: str) -> None:
    given, _, body = await bot.login(**changed)
    assert (given, body["error"]) == (status, error)


async def test_metadata_lead_to_the_keys(bot: Bot, server: TeamsServer) -> None:
    _, _, metadata = await bot.ask("GET", server.openid_url)
    _, _, document = await bot.ask("GET", metadata["jwks_uri"])
    assert metadata["issuer"] == "https://api.botframework.com"
    assert document["keys"][0]["kid"] == server.keys.current.kid
    assert {"kty", "n", "e", "kid", "use", "endorsements"} <= document["keys"][0].keys()
    assert "d" not in document["keys"][0]


async def test_ordered_fault_is_met_once(bot: Bot, chat: str) -> None:
    bot.account.faults.order("message", refuse(503, "ServiceUnavailable"))
    assert refusal(await bot.post(chat, bot.message())) == (503, "ServiceUnavailable")
    assert (await bot.post(chat, bot.message()))[0] == 201


async def test_buttons_of_a_message_are_in_reading_order(bot: Bot, alice: Person, chat: str) -> None:
    row = {"type": "ActionSet", "actions": [SUBMIT | {"title": "one"}, SUBMIT | {"title": "two"}]}
    await bot.post(chat, bot.message(text=None, attachments=[card(row, actions=[SUBMIT | {"title": "three"}])]))
    shown = await alice.next_message()
    assert [button["title"] for button in buttons(shown)] == ["one", "two", "three"]
    with pytest.raises(LookupError):
        await alice.submit(shown, "four")
