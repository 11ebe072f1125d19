"""A fresh, migrated database for each test, of each kind."""

from tests.database import clock, engine

__all__ = ["clock", "engine"]
