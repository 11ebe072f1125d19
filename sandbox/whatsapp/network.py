"""What WhatsApp knows: businesses' numbers, people, their messages and media. In memory; knows nothing of HTTP."""

from __future__ import annotations

import base64
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .deliveries import Deliverer, Delivery
from .errors import Json, Refusal, unknown_object
from .faults import FaultPlan
from .limits import Flood, Limits

if TYPE_CHECKING:
    from .people import Person


@dataclass(frozen=True, kw_only=True)
class Media:
    id: str
    content: bytes
    mime_type: str
    until: datetime
    """When it is deleted."""


@dataclass(kw_only=True, eq=False)
class Number:
    """A business's phone number: its token, its webhook, and the faults and limits its calls meet."""

    id: str
    """`phone_number_id`."""
    account: str
    """The WhatsApp Business account's id."""
    display: str
    """As people write it: `+1 555-078-3881`."""
    name: str
    access_token: str = field(repr=False)
    flood: Flood
    webhook: Deliverer
    now: Callable[[], datetime]
    faults: FaultPlan = field(default_factory=FaultPlan)
    calls: list[Json] = field(default_factory=list)
    """The body of every POST that came with the right token, faults included."""
    tell_statuses: bool = True
    """Whether what becomes of a message is told by itself; if not, use `tell`."""

    @property
    def deliveries(self) -> list[Delivery]:
        return self.webhook.deliveries

    @property
    def digits(self) -> str:
        return "".join(character for character in self.display if character.isdigit())

    async def subscribe(self, url: str, verify_token: str) -> None:
        """Register the webhook, with the handshake. Raises CallbackRefused."""
        await self.webhook.register(url, verify_token)

    def tell(self, person: Person, message_id: str, *states: str) -> list[Delivery]:
        """Tell what became of a message, in whatever order: `tell(alice, id, "read", "sent")`."""
        pricing = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free"}
        return [self._tell(message_id, state, person.as_recipient() | {"pricing": pricing}) for state in states]

    def tell_failed(self, recipient: Json, message_id: str, refusal: Refusal) -> Delivery:
        """Tell that a message will not arrive. `recipient`: as `Person.as_recipient` gives it."""
        return self._tell(message_id, "failed", recipient | {"errors": [refusal.in_status()]})

    def post(self, fields: Json, *, queue: str, on_taken: Callable[[], None] | None = None) -> Delivery:
        """Have the value of a change of `messages` delivered, completed with what is the same in every one."""
        metadata = {"display_phone_number": self.digits, "phone_number_id": self.id}
        value = {"messaging_product": "whatsapp", "metadata": metadata} | fields
        entry = {"id": self.account, "changes": [{"value": value, "field": "messages"}]}
        return self.webhook.add(entry, queue=queue, on_taken=on_taken)

    def _tell(self, message_id: str, state: str, fields: Json) -> Delivery:
        status = {"id": message_id, "status": state, "timestamp": self.timestamp()} | fields
        return self.post({"statuses": [status]}, queue=f"statuses {message_id}")

    def timestamp(self) -> str:
        return str(int(self.now().timestamp()))


@dataclass(kw_only=True, eq=False)
class Network:
    limits: Limits
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    numbers: dict[str, Number] = field(default_factory=dict)
    """By `phone_number_id`."""
    people: list[Person] = field(default_factory=list)
    media: dict[str, Media] = field(default_factory=dict)
    media_urls: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Which media a short-lived address leads to, and since when."""
    _ids: Iterator[int] = field(
        default_factory=lambda: itertools.count(100_000_000_000_000 + secrets.randbelow(10**12))
    )

    def new_id(self) -> str:
        return str(next(self._ids))

    def person(self, whom: Mapping[str, str]) -> Person | None:
        """Whoever a request names by `to`, their number, or by `recipient`, their user id."""
        for person in self.people:
            if whom.get("to") == person.number or ("to" not in whom and whom.get("recipient") == person.user_id):
                return person
        return None

    def keep(self, content: bytes, mime_type: str, *, days: int = 7) -> Media:
        until = self.now() + timedelta(days=days)
        media = Media(id=self.new_id(), content=content, mime_type=mime_type, until=until)
        self.media[media.id] = media
        return media

    def kept(self, media_id: str) -> Media:
        """Raises GraphError if there is none, or none any more."""
        media = self.media.get(media_id)
        if media is None or media.until < self.now():
            raise unknown_object(media_id, "get")
        return media


def new_message_id(person: str) -> str:
    """`wamid.` and Base64, as Meta's are."""
    return "wamid." + base64.b64encode(f"\x1d\x0b{person}\x15\x02\x00\x12\x18{secrets.token_hex(10)}".encode()).decode()
