"""E-mail, outbound only: it carries codes to the address that a company has of its customer. Nothing is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import aiosmtplib

from channels.contract import (
    Answer,
    FetchError,
    Inbound,
    News,
    Outbound,
    SendError,
    Sent,
    Unread,
    Webhook,
    WebhookRejected,
)
from channels.email.errors import send_error_of
from channels.email.outbound import letter

_PORTS = {"smtp": 587, "smtps": 465}
_PATIENCE = 20.0
"""Seconds for one step with the server."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where mail is handed in."""

    host: str
    port: int
    tls: bool
    """From the first byte on. Otherwise STARTTLS (RFC 3207), without which nothing is said to a server elsewhere."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def here(self) -> bool:
        """On this machine, where nobody listens in between."""
        return self.host in ("127.0.0.1", "localhost", "::1")


def server_of(url: str) -> Server:
    """The server that SMTP_URL names, such as `smtps://user:password@mail.example.com:465`. Raises ValueError, whose
    text holds nothing of it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query:
        raise ValueError("SMTP_URL must be like smtps://user:password@mail.example.com:465, or smtp:// for STARTTLS")
    return Server(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


class EmailChannel:
    """Mail as a channel.

    server:  where mail is handed in
    sender:  `From`, an address with or without a name
    """

    name: ClassVar[str] = "email"
    repeatable: ClassVar[bool] = False
    window: ClassVar[timedelta | None] = None
    sign_lasts: ClassVar[timedelta | None] = None

    def __init__(self, *, server: Server, sender: str) -> None:
        self._server = server
        self._sender = sender

    async def start(self) -> None:
        """Nothing to open: each mail has a connection of its own, since mails are few and far between."""

    async def close(self) -> None: ...

    async def verify(self, request: Webhook) -> None:
        """Nobody reports anything by mail."""
        raise WebhookRejected("mail is not received here")

    def read(self, request: Webhook) -> Sequence[Inbound | Unread]:
        """Nothing."""
        return []

    def news(self, request: Webhook) -> Sequence[News]:
        """Nothing."""
        return []

    def answer(self, request: Webhook) -> Answer | None:
        """Nothing."""
        return None

    async def send(self, message: Outbound) -> Sent:
        """Hand the mail in. Raises SendError."""
        mail = letter(message, self._sender)
        handed_in = False
        client = self._client()
        try:
            async with client:
                if self._server.user is not None:
                    await client.login(self._server.user, self._server.password or "")
                handed_in = True
                await client.send_message(mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise send_error_of(error, handed_in=handed_in) from None
        return Sent(platform_ids=(mail["Message-ID"],))

    def shows(self, message: Outbound) -> Sequence[str]:
        """One mail, whatever is in it."""
        return ["mail, in plain text and HTML"]

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        """A mail has no buttons."""

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        """Nobody sends a file by mail."""
        raise FetchError("mail is not received here", permanent=True)

    async def acknowledge(self, inbound: Inbound) -> None: ...

    async def show_typing(self, address: str, platform_id: str | None) -> None: ...

    async def deep_link(self, code: str | None) -> str:
        """Nobody goes on by mail."""
        raise SendError("mail is no channel to go on with", permanent=True)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=None if server.here and not server.tls else not server.tls,
            timeout=_PATIENCE,
        )
