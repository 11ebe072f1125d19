"""Files that belong to no message are thrown away after a day, and no others."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.sweep import KEPT_FOR, Sweeper
from bot.gateway.media.vault import Vault
from bot.store.database import transaction
from bot.store.tables import media
from channels.contract import Media
from tests.database import NOON
from tests.gateway.people import accepted, says


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "media")


async def old(vault: Vault, body: bytes) -> str:
    name = await vault.put(body)
    os.utime(vault.path(name), times=(0, time.time() - KEPT_FOR - 60))
    return name


async def test_what_was_never_sent_goes_after_a_day(engine: AsyncEngine, vault: Vault) -> None:
    never_sent, fresh = await old(vault, b"never sent"), await vault.put(b"chosen just now")
    assert await Sweeper(engine=engine, vault=vault).sweep(time.time()) == 1
    assert not vault.path(never_sent).exists()
    assert vault.path(fresh).exists()


@pytest.mark.parametrize("settled", [True, False])
async def test_what_belongs_to_a_message_stays(engine: AsyncEngine, vault: Vault, settled: bool) -> None:
    name = await old(vault, b"a picture")
    await accepted(engine, says("Alice", Media(kind="picture", ref=name), channel="webchat"), NOON)
    if settled:
        async with transaction(engine) as connection:
            await connection.execute(sa.update(media).values(state="stored", ref=None, sha256=name))
    assert await Sweeper(engine=engine, vault=vault).sweep(time.time()) == 0
    assert vault.path(name).exists()


async def test_what_is_put_in_again_is_new(engine: AsyncEngine, vault: Vault) -> None:
    name = await old(vault, b"a picture")
    assert await vault.put(b"a picture") == name
    assert await Sweeper(engine=engine, vault=vault).sweep(time.time()) == 0


async def test_an_empty_vault_is_swept_in_peace(engine: AsyncEngine, tmp_path: Path) -> None:
    assert await Sweeper(engine=engine, vault=Vault(tmp_path / "nothing")).sweep(time.time()) == 0
