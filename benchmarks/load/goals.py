"""What the figures are to be, and the table that says whether they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.comparison import Goal

GOALS: Mapping[str, Goal] = {
    "ack_p99_ms": Goal(bound=50, least=False),
    "ack_refused": Goal(bound=0, least=False),
    "burst_lost": Goal(bound=0, least=False),
    "burst_rss_mb": Goal(bound=500, least=False),
    "idle_socket_kb": Goal(bound=60, least=False),
    "postgres_rate": Goal(bound=300, least=True),
    "sqlite_rate": Goal(bound=200, least=True),
    "scale_out": Goal(bound=1.8, least=True),
    "big_database_ratio": Goal(bound=1.2, least=False),
    "takeover_s": Goal(bound=5, least=False),
}

_WHAT: Mapping[str, str] = {
    "ack_p99_ms": "webhook acknowledged, 100 a second, p99, ms",
    "ack_refused": "… refused",
    "burst_lost": "burst of 5,000 webhooks, lost",
    "burst_rss_mb": "… memory of the gateway at its largest, MB",
    "idle_socket_kb": "5,000 idle web chats, each in the gateway, KB",
    "postgres_rate": "messages a second in and out, PostgreSQL",
    "sqlite_rate": "messages a second in and out, SQLite",
    "scale_out": "turns with a second gateway and core worker, times",
    "big_database_ratio": "cost with 10 million messages, times an empty one's",
    "takeover_s": "a gateway killed: its conversations go on after, s",
}


def table(keys: Mapping[str, float]) -> str:
    """A line for each figure that was measured."""
    return "\n".join(_line(key, keys[key]) for key in GOALS if key in keys)


def missed(keys: Mapping[str, float]) -> Sequence[str]:
    """The figures that are not as they are to be."""
    return [key for key, goal in GOALS.items() if key in keys and not goal.met(keys[key])]


def _line(key: str, value: float) -> str:
    goal = GOALS[key]
    return f"{_WHAT[key]:<52}{value:>10.6g}  {goal}: {'met' if goal.met(value) else 'MISSED'}"
