"""A call's parameters, whichever of the four ways they came: https://core.telegram.org/bots/api#making-requests

Query string, JSON, urlencoded and multipart all end as one mapping; what Telegram itself takes leniently (a number as a
string, an object as JSON text) is taken here too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader, MultipartReader

from .errors import Json, bad_request


@dataclass(frozen=True, kw_only=True)
class Upload:
    filename: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Params:
    values: Json
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The parameter as text, empty if it did not come."""
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, *, absent: int = 0) -> int:
        value = self.values.get(name)
        try:
            return absent if value in (None, "") else int(str(value))
        except ValueError:
            return absent

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def parsed(self, name: str, what: str) -> Any:
        """The parameter as JSON, None if it did not come. `what` names it in the refusal."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {what} JSON object") from None


async def read_params(request: web.Request) -> Params:
    values: Json = dict(request.query)
    kind = request.content_type
    if kind == "application/json":
        return Params(values=values | await _read_json(request))
    if kind == "multipart/form-data":
        return await _read_multipart(request, values)
    if kind == "application/x-www-form-urlencoded":
        values |= dict(await request.post())
    return Params(values=values)


async def _read_json(request: web.Request) -> Json:
    return json_object(await request.read())


def json_object(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise bad_request("can't parse request: Not a JSON object") from None
    if not isinstance(value, dict):
        raise bad_request("object expected as request")
    return value


async def _read_multipart(request: web.Request, values: Json) -> Params:
    files: dict[str, Upload] = {}
    parts: MultipartReader = await request.multipart()
    async for part in parts:
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        content = bytes(await part.read(decode=True))
        if part.filename is None:
            values[part.name] = content.decode()
        else:
            files[part.name] = Upload(filename=part.filename, content=content)
    return Params(values=values, files=files)
