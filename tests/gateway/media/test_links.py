"""A link to a file is good for a few minutes and lets nothing run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.links import LIFETIME, MediaLinks
from bot.gateway.media.vault import Vault
from bot.gateway.signing import Signer
from bot.store.database import transaction
from bot.store.tables import media
from channels.contract import Media
from tests.database import Clock
from tests.gateway.media.test_contents import LAMP
from tests.gateway.people import accepted, rows, says
from tests.gateway.running import Gateway, running_gateway


async def stored(gateway: Gateway, clock: Clock, folder: Path, *, type: str, name: str | None) -> str:
    """The path of a link to a file that was fetched."""
    vault = Vault(folder / "media")
    await accepted(gateway.engine, says("Alice", Media(kind="picture", ref="r", name=name)), clock())
    async with transaction(gateway.engine) as connection:
        await connection.execute(sa.update(media).values(state="stored", sha256=await vault.put(LAMP), type=type))
    [row] = await rows(gateway.engine, media)
    return await links(gateway.engine, clock, vault).url(row.id)


def links(engine: AsyncEngine, clock: Clock, vault: Vault) -> MediaLinks:
    return MediaLinks(engine=engine, vault=vault, signer=Signer(engine=engine, purpose="media", clock=clock))


async def test_a_link_shows_the_file_until_it_is_over(tmp_path: Path, clock: Clock) -> None:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        path = await stored(gateway, clock, tmp_path, type="image/png", name="Lampe ä.png")
        async with gateway.http.get(gateway.url + path) as answer:
            assert (answer.status, await answer.read()) == (200, LAMP)
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''Lampe%20%C3%A4.png"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"

        clock.forward(seconds=LIFETIME.total_seconds() + 1)
        async with gateway.http.get(gateway.url + path) as answer:
            assert answer.status == 404


async def test_what_a_browser_would_open_is_saved_instead(tmp_path: Path, clock: Clock) -> None:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        path = await stored(gateway, clock, tmp_path, type="application/pdf", name=None)
        async with gateway.http.get(gateway.url + path) as answer:
            assert answer.headers["Content-Disposition"] == "attachment"


FORGED: dict[str, Callable[[str], str]] = {
    "another signature": lambda token: token[:-2] + "xx",
    "no token": lambda _: "x",
    "no signature": lambda token: token.split(".")[0] + "..",
    "another case": str.upper,
}


@pytest.mark.parametrize("change", FORGED)
async def test_a_link_that_we_did_not_make_leads_nowhere(tmp_path: Path, clock: Clock, change: str) -> None:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        path = await stored(gateway, clock, tmp_path, type="image/png", name=None)
        token = path.removeprefix("/media/")
        async with gateway.http.get(f"{gateway.url}/media/{FORGED[change](token)}") as answer:
            assert answer.status == 404


async def test_a_token_of_another_purpose_is_no_link(tmp_path: Path, clock: Clock) -> None:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        await stored(gateway, clock, tmp_path, type="image/png", name=None)
        [row] = await rows(gateway.engine, media)
        other = Signer(engine=gateway.engine, purpose="upload", clock=clock)
        token = await other.sign({"sub": row.id}, LIFETIME)
        async with gateway.http.get(f"{gateway.url}/media/{token}") as answer:
            assert answer.status == 404
