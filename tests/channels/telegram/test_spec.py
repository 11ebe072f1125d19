"""What goes to and fro, against a machine-readable description of the Bot API, where there is one nearby."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from channels.contract import Card, Content, File, Location, Option, Outbound
from channels.telegram import TelegramChannel
from sandbox.telegram import BotAccount, TelegramServer, User

from .test_inbound import FIXTURES, READ

SPEC = Path(__file__).resolve().parents[4] / "shared" / "specs" / "telegram_bot_api_10.1.json"

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="there is no description of the Bot API here")

Json = dict[str, Any]

PLAIN: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "String": (str,),
    "Boolean": (bool,),
    "Float": (int, float),
    "True": (bool,),
}
NOT_TELEGRAMS = {"unknown_kind"}
OLDER = {"all_members_are_administrators", "new_chat_member", "new_chat_participant"}
"""Fields that Telegram's server sends, for old libraries, and does not describe any more."""


@cache
def spec() -> Json:
    described: Json = json.loads(SPEC.read_text())
    return described


def faults(value: Any, types: list[str], path: str) -> list[str]:
    """What is wrong with a value that is meant to be of one of the types; nothing, if it is."""
    found = [list(_faults(value, one, path)) for one in types]
    return [] if [] in found else min(found, key=len)


def _faults(value: Any, kind: str, path: str) -> Iterator[str]:
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            yield f"{path} is no array"
            return
        for index, one in enumerate(value):
            yield from faults(one, [kind.removeprefix("Array of ")], f"{path}[{index}]")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind not in ("Boolean", "True")):
            yield f"{path} is no {kind}"
    elif subtypes := spec()["types"][kind].get("subtypes"):
        yield from faults(value, subtypes, path)
    else:
        yield from _object_faults(value, spec()["types"][kind].get("fields", []), path)


def _object_faults(value: Any, fields: list[Json], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is no object"
        return
    known = {field["name"]: field for field in fields}
    for name in value.keys() - known.keys() - OLDER:
        yield f"{path}.{name} is unknown"
    for name, field in known.items():
        if name in value:
            yield from faults(value[name], field["types"], f"{path}.{name}")
        elif field["required"]:
            yield f"{path}.{name} is missing"


def faults_of_call(method: str, params: Json) -> list[str]:
    fields = spec()["methods"][method].get("fields", [])
    return list(_object_faults({name: _read(value) for name, value in params.items()}, _as_sent(fields), method))


def _as_sent(fields: list[Json]) -> list[Json]:
    """A form's fields are text; what reads as a number is taken for one."""
    return [
        field | {"types": [*field["types"], *(["Integer"] if "String" in field["types"] else [])]} for field in fields
    ]


def _read(value: Any) -> Any:
    with contextlib.suppress(ValueError, TypeError):
        return json.loads(value)
    return value


# --- What we send -----------------------------------------------------------------------------------------------------


async def test_every_call_is_as_described(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount, alice: User, photo: str, manual: str
) -> None:
    family = server.group("Family", shop, [alice])
    said = await family.say(alice, "hello", mention=True)
    assert said is not None
    options = tuple(Option(title=f"Order {number}", payload="/p", description="S$69") for number in range(50))
    card = Card(title="Sofa", text="**Two** [seats](https://a.example/)", image=photo, options=options[:3])
    place = Location(latitude=1.2834, longitude=103.8607)
    named = Location(latitude=1.2834, longitude=103.8607, name="Hearthside", address="10 Bayfront Avenue")
    for content in (
        Content(text="`code` and *more*", image=photo, options=options, cards=(card,), invite="whatsapp"),
        Content(file=File(url=manual, name="Manual"), location=place),
        Content(location=named, options=options[:1]),
    ):
        message = Outbound(id=345, address=str(family.id), content=content, reply_to=str(said.message["message_id"]))
        await channel.withdraw(message, (await channel.send(message)).platform_ids)
    await channel.fetch((await alice.voice(shop)).message["voice"]["file_id"], limit=10_000)
    await channel.set_webhook("https://chat.example.com")
    await channel.webhook_info()
    await channel.check()
    assert [fault for method, params in shop.calls for fault in faults_of_call(method, params)] == []
    assert {method for method, _ in shop.calls} == {
        "sendPhoto", "sendMessage", "sendDocument", "sendLocation", "sendVenue", "editMessageReplyMarkup", "getFile",
        "setWebhook", "setMyCommands", "getWebhookInfo", "getMe",
    }  # fmt: skip


def test_what_is_not_described_is_found() -> None:
    assert faults_of_call("sendMessage", {"chat_id": "7", "test": "x", "entities": '[{"type": "bold"}]'}) == [
        "sendMessage.test is unknown",
        "sendMessage.text is missing",
        "sendMessage.entities[0].offset is missing",
        "sendMessage.entities[0].length is missing",
    ]


# --- What we are sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [name for name in READ if not name.startswith(("malformed_", "text_not_storable")) and name not in NOT_TELEGRAMS],
)
def test_fixture_is_as_described(name: str) -> None:
    update = json.loads((FIXTURES / f"{name}.json").read_text())
    assert faults(update, ["Update"], "update") == []


async def test_what_the_sandbox_tells_is_as_described(server: TelegramServer, shop: BotAccount, alice: User) -> None:
    hello = await alice.say(shop, "hello @hearthside_bot")
    await alice.edit(shop, hello.message, "hello!")
    for send in (alice.voice, alice.audio, alice.video_note, alice.animation, alice.sticker, alice.contact):
        await send(shop)
    await alice.photo(shop, "look")
    await alice.document(shop, "look")
    await alice.venue(shop, "Hearthside", "10 Bayfront Avenue")
    await alice.location(shop)
    await alice.block(shop)
    await alice.unblock(shop)
    await server.group("Family", shop, [alice]).migrate()
    fans = server.group("Fans", shop, [alice], topics=(3,))
    await fans.say(alice, "hello", mention=True, topic=3, reply_to=hello.message)
    await fans.kick()
    assert [fault for update in shop.updates for fault in faults(update.json, ["Update"], "update")] == []
