"""A fresh, migrated database for each test, of each kind, and empty ones for whole products."""

from tests.database import clock, engine, new_database

__all__ = ["clock", "engine", "new_database"]
