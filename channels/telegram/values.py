"""Untrusted values of an update, checked one by one. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from channels.text import storable

T = TypeVar("T")


class NotReadable(Exception):
    """Why an update is kept for inspection; holds none of the customer's words."""


def present(value: T | None, field: str) -> T:
    if value is None:
        raise NotReadable(f"{field} is missing")
    return value


def number(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise NotReadable(f"{field} is not a number")
    return value


def count(value: object) -> int | None:
    """A number of things that there can be; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def string(value: object, field: str) -> str:
    cleaned = optional(value)
    if not cleaned:
        raise NotReadable(f"{field} is not a string that can be kept")
    return cleaned


def optional(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None


def moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
