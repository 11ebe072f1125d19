"""What operators ask of one channel, from the command line.

Which of it a channel can do differs with its platform, so it is no part of the contract: a channel that has the method
is asked, one that has not is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from bot.gateway.channels import Wired, wire
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from channels.contract import Channel, Outbound, SendError

NEEDED: Mapping[str, tuple[str, ...]] = {
    "telegram": ("TELEGRAM_BOT_TOKEN", "TELEGRAM_SECRET_TOKEN"),
    "whatsapp": (
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_APP_SECRET",
        "WHATSAPP_VERIFY_TOKEN",
        "WHATSAPP_PHONE_NUMBER_ID",
    ),
    "teams": ("TEAMS_APP_ID", "TEAMS_APP_PASSWORD"),
}
"""The channels with a platform behind them, and the settings without which each is off."""

PUBLIC_URL_MISSING = (
    "PUBLIC_URL is not set: it is the address under which the internet reaches the gateway, "
    "such as https://chat.example.com"
)


@runtime_checkable
class Checked(Protocol):
    """Its platform says whether it knows us."""

    async def check(self) -> str:
        """Who we are there. Raises SendError."""


class Deliveries(Protocol):
    """How a platform's deliveries are going."""

    @property
    def url(self) -> str: ...

    @property
    def pending(self) -> int: ...

    @property
    def error(self) -> str | None: ...

    @property
    def error_at(self) -> datetime | None: ...

    @property
    def unheard(self) -> tuple[str, ...]: ...


@runtime_checkable
class Registering(Protocol):
    """Its platform is told by a call where to deliver, and says where it does."""

    async def set_webhook(self, public_url: str) -> None:
        """Raises SendError."""

    async def webhook_info(self) -> Deliveries:
        """Raises SendError."""


@runtime_checkable
class SetByHand(Protocol):
    """Its platform is told at a console where to deliver."""

    webhook_set_at: ClassVar[str]


@runtime_checkable
class Signing(Protocol):
    """Knows how its platform's requests are signed."""

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers. Raises ValueError, with what to do, where only the platform can sign."""


@runtime_checkable
class Packaged(Protocol):
    """Comes to its customers as a package that somebody uploads."""

    def app_package(self, *, name: str, developer: str, website_url: str, privacy_url: str, terms_url: str) -> bytes:
        """Raises ValueError, naming the field."""


def all_on(settings: Settings) -> list[Wired]:
    """The channels that are on, for asking. Raises SettingsError."""
    return wire(settings, _no_link)


def one_on(settings: Settings, name: str) -> Wired:
    """Raises CannotRun if that channel is off."""
    for wired in all_on(settings):
        if wired.channel.name == name:
            return wired
    missing = [setting for setting in NEEDED[name] if not getattr(settings, setting.lower())]
    raise CannotRun(f"{name} is off: {_listed(missing)} not set. See channels/{name}/README.md.")


@asynccontextmanager
async def started(channel: Channel) -> AsyncIterator[None]:
    await channel.start()
    try:
        yield
    finally:
        await channel.close()


async def set_webhook(settings: Settings, name: str) -> str:
    """Tell the platform to deliver here; the address that it was told. Raises CannotRun."""
    wired = one_on(settings, name)
    if settings.public_url is None:
        raise CannotRun(f"{PUBLIC_URL_MISSING}.")
    assert isinstance(wired.channel, Registering)
    async with started(wired.channel):
        try:
            await wired.channel.set_webhook(settings.public_url)
        except SendError as error:
            raise CannotRun(f"the webhook was not set. {error.reason}") from None
    return settings.public_url + wired.path


def app_package(
    settings: Settings,
    name: str,
    *,
    title: str,
    developer: str | None,
    website: str | None,
    privacy: str | None,
    terms: str | None,
) -> bytes:
    """The channel's package; what is None is made of the website's address. Raises CannotRun."""
    channel = one_on(settings, name).channel
    site = website or _website(settings)
    assert isinstance(channel, Packaged)
    try:
        return channel.app_package(
            name=title,
            developer=developer or site.removeprefix("https://").partition("/")[0],
            website_url=site,
            privacy_url=privacy or site,
            terms_url=terms or site,
        )
    except ValueError as error:
        raise CannotRun(f"{name} would refuse this package: {error}.") from None


def _website(settings: Settings) -> str:
    """Where the widget stands is the shop; the gateway's own address shows nothing but is at least the company's."""
    found = [url for url in (*settings.webchat_origins, settings.public_url) if url and url.startswith("https://")]
    if not found:
        raise CannotRun("the company's website is not known: give --website, an https address.")
    return found[0]


def _listed(settings: list[str]) -> str:
    return f"{', '.join(settings)} {'is' if len(settings) == 1 else 'are'}"


async def _no_link(_message: Outbound) -> str:
    raise AssertionError("these commands send no message")
