"""Custom actions as the action server runs them: the real executor, a real action call, the shop's real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa_sdk.executor import ActionExecutor

from actions import shop
from actions.shop import Shop

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an action did."""

    responses: list[dict[str, Any]]
    slots: dict[str, Any]
    next: str | None
    """The action that it wants to follow."""

    @property
    def uttered(self) -> list[str]:
        return [response["response"] for response in self.responses if response["response"]]

    @property
    def commands(self) -> list[dict[str, Any]]:
        """What it wants the product to do, besides saying something."""
        return [response["custom"] for response in self.responses if response["custom"] and not response["response"]]

    @property
    def payloads(self) -> list[str]:
        """Of all buttons."""
        return [button["payload"] for response in self.responses for button in response["buttons"]]


@dataclass(frozen=True, kw_only=True)
class Message:
    """A customer's message, understood."""

    intent: str
    entities: dict[str, str] = field(default_factory=dict)
    text: str = ""
    message_id: str = "m1"
    channel: str = "webchat"
    channels: list[str] = field(default_factory=list)
    """Those that the gateway serves, where it says so."""
    told: dict[str, Any] = field(default_factory=dict)
    """What else the product tells beside the message; see bot/core/dialogue.py."""
    ranking: dict[str, float] = field(default_factory=dict)
    """How likely each intent is, the likeliest first."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text or f"/{self.intent}",
            "intent": {"name": self.intent, "confidence": 1.0},
            "intent_ranking": [{"name": name, "confidence": sure} for name, sure in self.ranking.items()],
            "entities": [{"entity": entity, "value": value} for entity, value in self.entities.items()],
            "message_id": self.message_id,
            "metadata": {"channel": self.channel, "channels": self.channels, **self.told},
        }


Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    shop._open.cache_clear()
    yield url
    shop._open.cache_clear()


@pytest.fixture
def our_shop(database: str) -> Shop:
    """The very shop that the actions see."""
    return shop.open_shop()


@pytest.fixture
def run(database: str) -> Run:
    """`await run("action_name", Message(…), slot=value, active_loop="return_form")`."""

    async def run(action: str, message: Message, active_loop: str | None = None, **slots: Any) -> Outcome:
        result = await _executor().run(_action_call(action, message, active_loop, slots))
        assert result is not None
        changed = {event["name"]: event["value"] for event in result["events"] if event["event"] == "slot"}
        following = [event["name"] for event in result["events"] if event["event"] == "followup"]
        return Outcome(responses=result["responses"], slots=changed, next=next(iter(following), None))

    return run


def _action_call(action: str, message: Message, active_loop: str | None, slots: dict[str, Any]) -> Any:
    return {
        "next_action": action,
        "sender_id": "conversation-1",
        "tracker": {
            "sender_id": "conversation-1",
            "slots": {"language": "en", **slots},
            "latest_message": message.as_dict(),
            "events": [{"event": "user", "input_channel": message.channel}, {"event": "action", "name": "any"}],
            "active_loop": {"name": active_loop} if active_loop else {},
        },
        "domain": _domain(),
    }


@cache
def _domain() -> dict[str, Any]:
    domain: dict[str, Any] = Domain.load(str(PROJECT / "domain")).as_dict()
    return domain


@cache
def _executor() -> ActionExecutor:
    executor = ActionExecutor()
    executor.register_package("actions")
    return executor
