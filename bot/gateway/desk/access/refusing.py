"""Saying no in JSON, and reading what a request asks for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from channels.text import storable

LARGEST_BODY = 64 * 1024


class Refused(Exception):
    """Answered with this status and `{"error": code, **more}`; `retry_after` (seconds) also as a header."""

    def __init__(self, status: int, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.more = more

    def answer(self) -> web.Response:
        wait = self.more.get("retry_after")
        headers = {"Retry-After": str(wait)} if wait is not None else None
        return web.json_response({"error": self.code, **self.more}, status=self.status, headers=headers)


def answering(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`handler`, whose refusals are answered."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.answer()

    return answered


async def body_of(request: web.Request, *, largest: int = LARGEST_BODY) -> dict[str, Any]:
    """The body as a JSON object; an empty one is an empty object. Raises Refused."""
    if (request.content_length or 0) > largest:
        raise Refused(413, "too_large")
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "too_large") from None
    if len(raw) > largest:
        raise Refused(413, "too_large")
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise Refused(400, "malformed") from None
    if not isinstance(body, dict):
        raise Refused(400, "malformed")
    return body


def invalid(field: str, why: str) -> Refused:
    """A field of the body that cannot be: 422 `{"error": "invalid", "field": ..., "why": ...}`."""
    return Refused(422, "invalid", field=field, why=why)


def text(body: dict[str, Any], field: str, *, longest: int) -> str:
    """Of 1 to `longest` characters, without space around it. Raises Refused."""
    given = body.get(field)
    if not isinstance(given, str) or len(given) > longest:
        raise invalid(field, f"must be a text of 1 to {longest} characters")
    kept = storable(given).strip()
    if not kept:
        raise invalid(field, f"must be a text of 1 to {longest} characters")
    return kept


def texts(body: dict[str, Any], field: str, *, longest: int, most: int) -> list[str]:
    """A list of such texts, each once. Raises Refused."""
    given = body.get(field)
    if not isinstance(given, list) or len(given) > most:
        raise invalid(field, f"must be a list of {most} texts at most")
    return list(dict.fromkeys(text({field: one}, field, longest=longest) for one in given))


def whole(body: dict[str, Any], field: str, *, least: int, most: int) -> int:
    """A whole number. Raises Refused."""
    given = body.get(field)
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise invalid(field, f"must be a whole number from {least} to {most}")
    return given


def yes_or_no(body: dict[str, Any], field: str) -> bool:
    """Raises Refused."""
    given = body.get(field)
    if not isinstance(given, bool):
        raise invalid(field, "must be true or false")
    return given


def one_of(body: dict[str, Any], field: str, choices: tuple[str, ...]) -> str:
    """One of these words. Raises Refused."""
    given = body.get(field)
    if not isinstance(given, str) or given not in choices:
        raise invalid(field, f"must be one of {', '.join(choices)}")
    return given


def secret(body: dict[str, Any], field: str, *, longest: int = 1024) -> str:
    """A text as it was typed: a space may be part of a password. Raises Refused."""
    given = body.get(field)
    if not isinstance(given, str) or not 0 < len(given) <= longest:
        raise invalid(field, f"must be a text of 1 to {longest} characters")
    return given
