"""The chat on the shop's own pages. The protocol is in README.md; the widget's side of it is widget.js.

The gateway holds the sockets and the sessions, and puts the visitor's id, which the browser never learns, into the
header `Visitor` of each frame it hands on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from channels.contract import Answer, Inbound, Outbound, Receipt, SendError, Sent, Unread, Webhook, WebhookRejected
from channels.webchat.inbound import VISITOR, read_frame

WIDGET = Path(__file__).with_name("widget.js")


class WebchatChannel:
    """Web chat as a channel. `push` wakes the sockets of one visitor, who then read what is new from the transcript."""

    name: ClassVar[str] = "webchat"
    # A message is shown from the transcript by its number, so pushing it twice shows it once.
    repeatable: ClassVar[bool] = True

    def __init__(self, *, origins: Sequence[str], push: Callable[[str], None]) -> None:
        self._origins = frozenset(origins)
        self._page = origins[0] if origins else None
        self._push = push

    async def start(self) -> None:
        """Nothing to open: the sockets are the gateway's."""

    async def close(self) -> None: ...

    async def verify(self, request: Webhook) -> None:
        """Browsers name the page's origin and pages cannot change it; the match is exact."""
        if request.headers.get("Origin", "").lower() not in self._origins:
            raise WebhookRejected("this origin is not in WEBCHAT_ORIGINS")

    def read(self, request: Webhook) -> Sequence[Inbound | Unread]:
        """One frame of a socket. Raises Malformed, whose text is an error code of the protocol."""
        return [read_frame(request.body, visitor=request.headers[VISITOR])]

    def receipts(self, request: Webhook) -> Sequence[Receipt]:
        """The widget does not report what it has shown."""
        return []

    def answer(self, request: Webhook) -> Answer | None:
        """Frames are answered by the socket."""
        return None

    async def send(self, message: Outbound) -> Sent:
        """Web chat's messages are read from the transcript; there is only somebody to be woken."""
        self._push(message.address)
        return Sent()

    async def acknowledge(self, inbound: Inbound) -> None:
        """The socket itself answers with the stored message."""
        self._push(inbound.address)

    async def deep_link(self, code: str) -> str:
        """The shop's page, with the code in the fragment: a fragment is sent to no server and stands in no log."""
        if self._page is None:
            raise SendError("WEBCHAT_ORIGINS is empty: there is no page to go on with", permanent=True)
        return f"{self._page}/#continue={code}"
