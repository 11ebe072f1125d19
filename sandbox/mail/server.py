"""An SMTP server that takes mail for anybody and keeps it for all to see. It speaks the protocol itself (aiosmtpd), and
answers as servers of mail providers do: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3

Addresses that are refused, so that it can be seen what becomes of their mails: `nobody@…` has no mailbox, `full@…`
takes mail later.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

_KEPT = 200
_LARGEST = 1024 * 1024

Refusals = Mapping[str, str]
"""The part of an address before its @, and what is answered to it."""

_REFUSED: Refusals = {
    "nobody": "550 5.1.1 The email account that you tried to reach does not exist",
    "full": "452 4.2.2 The recipient's inbox is out of storage space",
}


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail in a mailbox."""

    to: str
    sender: str
    subject: str
    text: str
    """Its plain half."""
    html: str
    at: datetime


class MailServer:
    """user, password:  who may hand mail in"""

    def __init__(
        self,
        *,
        user: str,
        password: str,
        refusals: Refusals = _REFUSED,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._user = user
        self._password = password
        self._refusals = refusals
        self._clock = clock
        self._letters: deque[Letter] = deque(maxlen=_KEPT)
        self._server: asyncio.Server | None = None

    @property
    def letters(self) -> list[Letter]:
        """All that was taken, oldest first."""
        return list(self._letters)

    def take(self, letter: Letter) -> None:
        """Put it into its mailbox."""
        self._letters.append(letter)

    def throw_away(self) -> None:
        """All that was taken so far."""
        self._letters.clear()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "it has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 is any that is free."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._session(loop), "127.0.0.1", port)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
            self._server.close_clients()
            await self._server.wait_closed()

    def _session(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        return SMTP(
            self,
            hostname="mail.sandbox.test",
            ident="ESMTP",
            data_size_limit=_LARGEST,
            auth_require_tls=False,  # on loopback nobody listens in between
            authenticator=self._log_in,
            loop=loop,
        )

    def _log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = (
            isinstance(data, LoginPassword)
            and hmac.compare_digest(data.login, self._user.encode())
            and hmac.compare_digest(data.password, self._password.encode())
        )
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Called by aiosmtpd at the beginning of each mail."""
        if not session.authenticated:
            return "530 5.7.0 Authentication Required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Called by aiosmtpd for each recipient."""
        name, at, domain = address.rpartition("@")
        if not (name and at and domain):
            return "553 5.1.3 The recipient address is not a valid RFC 5321 address"
        if name in self._refusals:
            return self._refusals[name]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd for each mail."""
        content = envelope.content
        mail = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.default)
        if not isinstance(mail, EmailMessage) or not all(mail[name] for name in ("From", "To", "Date", "Message-ID")):
            return "550 5.7.1 Messages must have From, To, Date and Message-ID headers. See RFC 5322"
        for recipient in envelope.rcpt_tos:
            self.take(self._letter(recipient, mail))
        return "250 2.0.0 OK"

    def _letter(self, to: str, mail: EmailMessage) -> Letter:
        return Letter(
            to=to,
            sender=str(mail["From"]),
            subject=str(mail["Subject"] or ""),
            text=_half(mail, "plain"),
            html=_half(mail, "html"),
            at=self._clock(),
        )


def _half(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
