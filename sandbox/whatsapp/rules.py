"""What a message may hold: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

Pure. Lengths are counted in UTF-16 code units, the strictest way of counting that Meta may use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .errors import GraphError, Json, Refusal, bad_value, invalid

_ENVELOPE = {"messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data"}


def check_message(body: Json) -> str:
    """The type of a message that Meta would take. Raises GraphError."""
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise invalid(f'Param type must be one of {{{", ".join(sorted(_KINDS)).upper()}}} - got "{kind}".')
    _only(body, _ENVELOPE | {kind}, "")
    if body.get("recipient_type", "individual") != "individual":
        raise invalid("Param recipient_type must be one of {INDIVIDUAL, GROUP}.")
    if kind not in body:
        raise invalid(f"The parameter {kind} is required.")
    _KINDS[kind](_object(body, kind, kind))
    return kind


def attached(body: Json) -> tuple[str, Json] | None:
    """The picture or the document in a message, and which of the two it is."""
    if body.get("type") in ("image", "document"):
        return body["type"], body[body["type"]]
    header = body.get("interactive", {}).get("header", {})
    return ("image", header["image"]) if "image" in header else None


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- One function a type ----------------------------------------------------------------------------------------------


def _text(text: Json) -> None:
    _only(text, {"body", "preview_url"}, "text")
    _string(text, "body", "text['body']", 4096)
    if not isinstance(text.get("preview_url", False), bool):
        raise invalid("Param text['preview_url'] must be a boolean.")


def _image(image: Json) -> None:
    _only(image, {"link", "id", "caption"}, "image")
    _file("image", image)


def _document(document: Json) -> None:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/document-messages"""
    _only(document, {"link", "id", "caption", "filename"}, "document")
    _file("document", document)
    if "filename" in document:
        _string(document, "filename", "document['filename']")


def _file(kind: str, file: Json) -> None:
    if ("link" in file) == ("id" in file):
        raise invalid("Either the parameter id or the parameter link is required.")
    if "link" in file:
        _link(file["link"], f"{kind}['link']")
    if "id" in file:
        _string(file, "id", f"{kind}['id']")
    if "caption" in file:
        _string(file, "caption", f"{kind}['caption']", 1024)


def _location(location: Json) -> None:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/location-messages"""
    _only(location, {"latitude", "longitude", "name", "address"}, "location")
    _degrees(location, "latitude", 90)
    _degrees(location, "longitude", 180)
    for field in ("name", "address"):
        if field in location:
            _string(location, field, f"location['{field}']")


def _interactive(interactive: Json) -> None:
    kind = interactive.get("type")
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise invalid(f"Param interactive['type'] must be one of {{{', '.join(sorted(_ACTIONS)).upper()}}}.")
    _only(interactive, {"type", "header", "body", "footer", "action"}, "interactive")
    body = _object(interactive, "body", "interactive['body']")
    _only(body, {"text"}, "interactive['body']")
    _length("Body text", _string(body, "text", "interactive['body']['text']"), 1024)
    if "footer" in interactive:
        _length("Footer text", _string(_object(interactive, "footer", "footer"), "text", "footer['text']"), 60)
    if "header" in interactive:
        _header(kind, _object(interactive, "header", "interactive['header']"))
    _ACTIONS[kind](_object(interactive, "action", "interactive['action']"))


def _header(kind: str, header: Json) -> None:
    what = header.get("type")
    if what == "text":
        _length("Header text", _string(header, "text", "header['text']"), 60)
    elif what == "image" and kind != "list":
        image = _object(header, "image", "header['image']")
        _only(image, {"link", "id"}, "interactive['header']['image']")
        _link(image.get("link"), "interactive['header']['image']['link']")
    else:
        raise bad_value("Header type is not supported for this interactive message type.")


def _buttons(action: Json) -> None:
    _only(action, {"buttons"}, "interactive['action']")
    buttons = _list(action, "buttons", "interactive['action']['buttons']")
    if not 1 <= len(buttons) <= 3:
        raise bad_value("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    replies = [_object(button, "reply", "button['reply']") for button in buttons]
    if any(button.get("type") != "reply" for button in buttons):
        raise bad_value("Only reply buttons are supported.")
    for reply in replies:
        _only(reply, {"id", "title"}, "button['reply']")
        _length("Button title", _string(reply, "title", "button['reply']['title']"), 20)
        _length("Button id", _string(reply, "id", "button['reply']['id']"), 256)
    _unique("Button title", (reply["title"] for reply in replies))
    _unique("Button id", (reply["id"] for reply in replies))


def _sections(action: Json) -> None:
    _only(action, {"button", "sections"}, "interactive['action']")
    _length("Button label", _string(action, "button", "interactive['action']['button']"), 20)
    sections = _list(action, "sections", "interactive['action']['sections']")
    for section in sections:
        _only(section, {"title", "rows"}, "section")
        if "title" in section or len(sections) > 1:
            _length("Section title", _string(section, "title", "section['title']"), 24)
    rows = [row for section in sections for row in _list(section, "rows", "section['rows']")]
    if not 1 <= len(rows) <= 10:
        raise bad_value(f"Total row count exceed max allowed count: 10, got {len(rows)}")
    for row in rows:
        _row(row)
    _unique("Row id", (row["id"] for row in rows))


def _row(row: Json) -> None:
    _only(row, {"id", "title", "description"}, "row")
    _length("Row title", _string(row, "title", "row['title']"), 24)
    _length("Row id", _string(row, "id", "row['id']"), 200)
    if "description" in row:
        _length("Row description", _string(row, "description", "row['description']"), 72)


def _cta_url(action: Json) -> None:
    _only(action, {"name", "parameters"}, "interactive['action']")
    if action.get("name") != "cta_url":
        raise invalid("Param interactive['action']['name'] must be cta_url.")
    parameters = _object(action, "parameters", "interactive['action']['parameters']")
    _only(parameters, {"display_text", "url"}, "interactive['action']['parameters']")
    _length("CTA display text", _string(parameters, "display_text", "display_text"), 20)
    _link(parameters.get("url"), "interactive['action']['parameters']['url']")


Check = Callable[[Json], None]

_KINDS: Mapping[str, Check] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "location": _location,
    "interactive": _interactive,
}
"""Templates, other media, contacts and reactions are not played."""
_ACTIONS: Mapping[str, Check] = {"button": _buttons, "list": _sections, "cta_url": _cta_url}


# --- Values -----------------------------------------------------------------------------------------------------------


def _only(given: Json, allowed: set[str], where: str) -> None:
    for key in given:
        if key not in allowed:
            raise invalid(f'Unexpected key "{key}" on param "{where}".')


def _object(given: Any, key: str, where: str) -> Json:
    value = given.get(key) if isinstance(given, dict) else None
    if not isinstance(value, dict):
        raise invalid(f"Param {where} must be a JSON object.")
    return value


def _list(given: Json, key: str, where: str) -> list[Json]:
    value = given.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise invalid(f"Param {where} must be an array.")
    return value


def _string(given: Json, key: str, where: str, longest: int | None = None) -> str:
    value = given.get(key)
    if value is None:
        raise GraphError(_missing(where))
    if not isinstance(value, str):
        raise invalid(f"Param {where} must be a string.")
    if not value.strip():
        raise invalid(f"Param {where} cannot be empty.")
    if longest is not None and utf16_length(value) > longest:
        raise invalid(f"Param {where} must be at most {longest} characters long.")
    return value


def _missing(where: str) -> Refusal:
    title = "Required parameter is missing"
    return Refusal(status=400, code=131008, title=title, details=f"Parameter {where} is missing.")


def _length(what: str, value: str, longest: int) -> None:
    if utf16_length(value) > longest:
        raise bad_value(f"{what} length invalid. Min length: 1, Max length: {longest}")


def _degrees(given: Json, key: str, most: int) -> None:
    """A number, or one in a string."""
    value = given.get(key)
    if value is None:
        raise GraphError(_missing(f"location['{key}']"))
    try:
        degrees = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        degrees = math.nan
    if not -most <= degrees <= most:
        raise bad_value(f"{key.capitalize()} must be between -{most} and {most}.")


def _link(value: object, where: str) -> None:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or " " in value:
        raise invalid(f"Param {where} is not a valid URI.")


def _unique(what: str, values: Iterable[str]) -> None:
    seen = list(values)
    if len(set(seen)) != len(seen):
        raise bad_value(f"{what} must be unique.")
