"""Files are kept whole or not at all, under what they are."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from bot.gateway.media.vault import Vault


async def test_a_file_is_kept_under_its_hash_once(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "media")
    name = await vault.put(b"a picture")
    assert name == hashlib.sha256(b"a picture").hexdigest()
    assert await vault.put(b"a picture") == name
    assert await vault.get(name) == b"a picture"
    assert [path.name for path in (tmp_path / "media").rglob("*") if path.is_file()] == [name]


async def test_others_on_the_machine_cannot_read_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "media")
    path = vault.path(await vault.put(b"a picture"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65])
def test_a_path_is_only_made_of_a_hash(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        Vault(tmp_path).path(name)


async def test_a_disk_that_is_full_leaves_no_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    vault = Vault(tmp_path / "media")
    with monkeypatch.context() as patched:
        patched.setattr("bot.gateway.media.vault.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await vault.put(b"a picture")
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    assert await vault.put(b"a picture")
