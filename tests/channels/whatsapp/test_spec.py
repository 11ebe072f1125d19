"""What goes out, against Meta's own OpenAPI description, where there is one nearby."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels.whatsapp.outbound import Part

from .test_outbound import INVITED, LINK, RENDERED, every, say

SPEC = Path(__file__).resolve().parents[4] / "shared" / "specs" / "meta_business-messaging-api_v23.0.yaml"

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="there is no description of the Cloud API here")

Json = dict[str, Any]

TYPES: dict[str, type] = {"string": str, "object": dict, "array": list, "boolean": bool}
SCHEMAS = {
    "text": "TextMessage",
    "image": "ImageMessage",
    "document": "DocumentMessage",
    "location": "LocationMessage",
    "interactive": "InteractiveMessage",
}


@cache
def schemas() -> Json:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    described: Json = yaml.load(SPEC.read_text(encoding="utf-8"), loader)["components"]["schemas"]
    return described


def faults(value: Any, schema: Json, path: str) -> Iterator[str]:
    """What is wrong with a value."""
    if "$ref" in schema:
        yield from faults(value, schemas()[schema["$ref"].rpartition("/")[2]], path)
        return
    if not isinstance(value, TYPES.get(schema.get("type", ""), object)):
        yield f"{path} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]):
        yield f"{path} is none of {schema['enum']}"
    if isinstance(value, str | list):
        least = int(schema.get("minItems") or 0)
        most = int(schema.get("maxLength") or schema.get("maxItems") or len(value))
        if len(value) < least or len(value) > most:
            yield f"{path} has {len(value)} parts"
    for index, one in enumerate(value if isinstance(value, list) else []):
        yield from faults(one, schema.get("items", {}), f"{path}[{index}]")
    if isinstance(value, dict):
        yield from _members(value, schema, path)
    if "oneOf" in schema:
        tried = [list(faults(value, one, path)) for one in schema["oneOf"]]
        yield from [] if [] in tried else min(tried, key=len)


def _members(value: Json, schema: Json, path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    yield from (f"{path} has no {name}" for name in schema.get("required", []) if name not in value)
    for name, one in value.items():
        if name in known:
            yield from faults(one, known[name], f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{path} has {name}"


def wrong(part: Part) -> list[str]:
    kind = part.message["type"]
    described = schemas()[SCHEMAS[kind]]["allOf"][1]["properties"][kind]
    return list(faults(part.message[kind], described, kind))


@pytest.mark.parametrize("name", RENDERED)
def test_content_is_as_described(name: str) -> None:
    assert [fault for part in every(say(RENDERED[name][0])) for fault in wrong(part)] == []


@pytest.mark.parametrize("name", INVITED)
def test_link_button_is_newer_than_the_description_and_all_else_is_as_described(name: str) -> None:
    content, language, _ = INVITED[name]
    for part in every(say(content, language=language, link=LINK)):
        if part.message.get("interactive", {}).get("type") != "cta_url":
            assert wrong(part) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "text", "text": {"body": 7}}, ["text.body is no string"]),
        ({"type": "text", "text": {"words": "hi"}}, ["text has words"]),
        ({"type": "location", "location": {"latitude": 1.5}}, ["location.latitude is no string"]),
        ({"type": "image", "image": {"caption": "a"}}, ["image has no id"]),
        (
            {"type": "interactive", "interactive": {"type": "button", "action": {"buttons": []}}},
            ["interactive.action.buttons has 0 parts"],
        ),
    ],
)
def test_what_is_not_as_described_is_found(message: Json, expected: list[str]) -> None:
    assert wrong(Part(message=message)) == expected
