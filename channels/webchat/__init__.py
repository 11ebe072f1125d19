"""The chat on the shop's own pages. The protocol is in README.md; the widget's side of it is widget.js.

The gateway holds the sockets and the sessions, and puts the visitor's id, which the browser never learns, into the
header `Visitor` of each frame it hands on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

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
from channels.webchat.inbound import VISITOR, read_frame
from channels.webchat.outbound import in_words

WIDGET = Path(__file__).with_name("widget.js")


class WebchatChannel:
    """Web chat as a channel.

    push:         wakes the sockets of one visitor, who then read what is new from the transcript
    typing:       tells the sockets of one visitor that an answer is on its way
    open_upload:  the bytes of a file that a visitor had sent before the message that names it; raises OSError
    """

    name: ClassVar[str] = "webchat"
    # A message is shown from the transcript by its number, so pushing it twice shows it once.
    repeatable: ClassVar[bool] = True
    window: ClassVar[timedelta | None] = None
    sign_lasts: ClassVar[timedelta | None] = timedelta(seconds=20)
    """As the widget has it (`typingEnds`)."""

    def __init__(
        self,
        *,
        origins: Sequence[str],
        push: Callable[[str], None],
        typing: Callable[[str], None],
        open_upload: Callable[[str], Awaitable[bytes]],
    ) -> None:
        self._origins = frozenset(origins)
        self._page = origins[0] if origins else None
        self._push = push
        self._typing = typing
        self._open_upload = open_upload

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

    def news(self, request: Webhook) -> Sequence[News]:
        """What the widget has shown it tells by cursor, and the gateway notes it in the transcript itself."""
        return []

    def answer(self, request: Webhook) -> Answer | None:
        """Frames are answered by the socket."""
        return None

    async def send(self, message: Outbound) -> Sent:
        """Web chat's messages are read from the transcript; there is only somebody to be woken."""
        self._push(message.address)
        return Sent()

    def shows(self, message: Outbound) -> Sequence[str]:
        """One frame, whatever is in it."""
        return [f"message: {in_words(message.content)}"]

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        """The transcript says that the buttons are past; there is only somebody to be woken."""
        self._push(message.address)

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        """What the visitor had sent; it is here already."""
        try:
            body = await self._open_upload(ref)
        except (FileNotFoundError, ValueError):
            raise FetchError("the file that was sent is not there any more", permanent=True) from None
        except OSError:
            raise FetchError("the file that was sent cannot be read now") from None
        if len(body) > limit:
            raise FetchError("the file is too large", too_large=True)
        return body

    async def acknowledge(self, inbound: Inbound) -> None:
        """The socket itself answers with the stored message."""
        self._push(inbound.address)

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        self._typing(address)

    async def deep_link(self, code: str | None) -> str:
        """The shop's page, with the code in the fragment: a fragment is sent to no server and stands in no log."""
        if self._page is None:
            raise SendError("WEBCHAT_ORIGINS is empty: there is no page to go on with", permanent=True)
        return f"{self._page}/" if code is None else f"{self._page}/#continue={code}"
