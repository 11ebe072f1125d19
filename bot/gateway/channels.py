"""Which channels there are: the one place that knows them all. Adding one is a function here and a line in `wire`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.settings import Settings, SettingsError
from bot.gateway.webhooks import LARGEST
from bot.store.tables import open_channels
from channels.contract import Channel, Outbound, Webhook
from channels.pacing import Book

Link = Callable[[Outbound], Awaitable[str]]
"""The deep link that a message with an `invite` carries. Raises SendError."""


@dataclass(frozen=True, kw_only=True)
class Wired:
    """A channel that is on, and where its platform reaches it."""

    channel: Channel
    path: str
    largest: int = LARGEST
    """Bytes of one webhook."""
    challenge: Callable[[Webhook], str] | None = None
    """Answers the platform's GET on the same path, where it makes one; raises WebhookRejected."""


def wire(settings: Settings, link: Link, book: Book | None = None) -> list[Wired]:
    """The channels whose settings are there. Web chat is apart: it has no platform but the gateway itself.

    book: where it is kept how fast they were written to; one for each, unless it is given. Raises SettingsError.
    """
    try:
        found = [on(settings, link, book) for on in (_telegram, _whatsapp, _teams)]
    except ValueError as error:
        raise SettingsError(str(error)) from None  # a channel knows best what is wrong, and names the setting
    return [wired for wired in found if wired is not None]


def mail(settings: Settings) -> Channel | None:
    """E-mail, on which nobody writes to us. Raises SettingsError."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    from channels.email import EmailChannel, server_of

    try:
        server = server_of(settings.smtp_url.get_secret_value())
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return EmailChannel(server=server, sender=settings.mail_from)


async def announce(connection: AsyncConnection, names: Collection[str], now: datetime) -> None:
    """Tell the core which channels there are, so that the bot invites to no other."""
    await connection.execute(sa.delete(open_channels))
    if names:
        await connection.execute(sa.insert(open_channels), [{"name": name, "opened_at": now} for name in names])


def _telegram(settings: Settings, link: Link, book: Book | None) -> Wired | None:
    if not (settings.telegram_bot_token and settings.telegram_secret_token):
        return None
    from channels.telegram import WEBHOOK_PATH, TelegramChannel

    channel = TelegramChannel(
        token=settings.telegram_bot_token.get_secret_value(),
        secret_token=settings.telegram_secret_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        link=link,
        book=book,
    )
    return Wired(channel=channel, path=WEBHOOK_PATH)


def _whatsapp(settings: Settings, link: Link, book: Book | None) -> Wired | None:
    if not (
        settings.whatsapp_access_token
        and settings.whatsapp_app_secret
        and settings.whatsapp_verify_token
        and settings.whatsapp_phone_number_id
    ):
        return None
    from channels.whatsapp import LARGEST_WEBHOOK, WEBHOOK_PATH, WhatsAppChannel

    channel = WhatsAppChannel(
        access_token=settings.whatsapp_access_token.get_secret_value(),
        app_secret=settings.whatsapp_app_secret.get_secret_value(),
        verify_token=settings.whatsapp_verify_token.get_secret_value(),
        phone_number_id=settings.whatsapp_phone_number_id,
        api_url=settings.whatsapp_api_url,
        link=link,
        book=book,
    )
    return Wired(channel=channel, path=WEBHOOK_PATH, largest=LARGEST_WEBHOOK, challenge=channel.challenge)


def _teams(settings: Settings, link: Link, book: Book | None) -> Wired | None:
    if not (settings.teams_development or (settings.teams_app_id and settings.teams_app_password)):
        return None
    # Imported only when it is on: botbuilder takes a second to load.
    from channels.teams import WEBHOOK_PATH, TeamsChannel

    channel = TeamsChannel(
        app_id=settings.teams_app_id or "",
        app_password=settings.teams_app_password.get_secret_value() if settings.teams_app_password else "",
        openid_url=settings.teams_openid_url,
        login_url=settings.teams_login_url,
        service_hosts=settings.teams_service_hosts,
        development=settings.teams_development,
        link=link,
        book=book,
    )
    return Wired(channel=channel, path=WEBHOOK_PATH)
