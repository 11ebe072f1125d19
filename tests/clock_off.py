"""A process on a machine whose clock is off. What counts on by itself, as timers do, is as it was."""

from __future__ import annotations

from pathlib import Path

_FIRST = """
import datetime, time_machine
off = datetime.timedelta(minutes={minutes})
time_machine.travel(datetime.datetime.now(datetime.timezone.utc) + off, tick=True).start()
"""


def clock_off(folder: Path, *, minutes: float) -> dict[str, str]:
    """The environment of a Python process whose clock is that much ahead, from its very beginning."""
    place = folder / f"clock-off-by-{minutes}"
    place.mkdir()
    # Python imports a module of that name before anything else: https://docs.python.org/3/library/site.html
    (place / "sitecustomize.py").write_text(_FIRST.format(minutes=minutes))
    return {"PYTHONPATH": str(place)}
