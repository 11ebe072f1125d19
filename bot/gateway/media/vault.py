"""The customers' files on disk, each under the SHA-256 of its bytes: the same file twice is one file."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{64}")


class Vault:
    """A folder that no web server serves. Several gateways share it where it is on a shared disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, body: bytes) -> str:
        """Keep these bytes; their name. On disk when this returns. Raises OSError."""
        return await asyncio.to_thread(self._put, body)

    async def get(self, name: str) -> bytes:
        """Raises FileNotFoundError."""
        return await asyncio.to_thread(self.path(name).read_bytes)

    def path(self, name: str) -> Path:
        """Where the file of this name is, or would be. Raises ValueError for what is no name of ours."""
        if not _HASH.fullmatch(name):
            raise ValueError("not the name of a file in the vault")
        return self._folder / name[:2] / name

    def older_than(self, moment: float) -> list[str]:
        """The names of files that were last put in before `moment`, seconds since 1970."""
        files = self._folder.glob("*/*") if self._folder.is_dir() else ()
        return [path.name for path in files if _HASH.fullmatch(path.name) and path.stat().st_mtime < moment]

    def discard(self, name: str, moment: float) -> bool:
        """Throw the file away, unless it was put in again since `moment`."""
        path = self.path(name)
        if path.stat().st_mtime >= moment:
            return False
        path.unlink()
        return True

    def _put(self, body: bytes) -> str:
        name = hashlib.sha256(body).hexdigest()
        path = self.path(name)
        try:
            os.utime(path)  # as if it were new, for whoever throws old ones away
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, body)
        return name


def _write(path: Path, body: bytes) -> None:
    """Whole or not at all, even if the machine stops in the middle."""
    half = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
