"""A line of a log, in each of its shapes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from bot.store.lines import Style, finishing, quieten


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, channels = logging.getLogger(), logging.getLogger("channels")
    before = root.handlers[:], root.level, channels.level
    yield
    root.handlers[:], channels.level = before[0], before[2]
    root.setLevel(before[1])
    logging.captureWarnings(False)
    logging.getLogger("py.warnings").disabled = False


def line(style: Style, **event: Any) -> str:
    made: Any = {"level": "info", **event}
    for processor in finishing(style, "gateway"):
        made = processor(None, "info", made)
    return str(made)


def test_json_is_one_object_a_line_with_time_level_event_and_process() -> None:
    written = line(Style("json"), event="send.sent", message=7, reason="one\ntwo")
    assert "\n" not in written
    told = json.loads(written)
    assert datetime.fromisoformat(told.pop("timestamp")).tzinfo is not None
    assert told == {"level": "info", "event": "send.sent", "message": 7, "reason": "one\ntwo", "process": "gateway"}


def test_text_is_one_line_whatever_a_platform_wrote() -> None:
    written = line(Style(), event="send.failed", reason="no\n2026-11-22 [info] send.sent \x1b[2K")
    assert "\n" not in written
    assert "\x1b" not in written
    assert "process=gateway" in written


@pytest.mark.parametrize(("setting", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud")])
def test_a_wrong_setting_is_named(setting: str, value: str) -> None:
    with pytest.raises(ValueError, match=setting):
        Style.read({setting: value})


def test_settings_are_read_as_operators_write_them() -> None:
    assert Style.read({}) == Style("text", "info")
    assert Style.read({"LOG_FORMAT": "JSON", "LOG_LEVEL": "Debug"}) == Style("json", "debug")


def test_of_a_library_only_the_place_and_the_errors_type_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    quieten(Style("json", "debug"), "gateway")
    with structlog.contextvars.bound_contextvars(trace="ab" * 16, words="a secret"):
        try:
            raise ValueError("a secret")
        except ValueError:
            logging.getLogger("aiohttp.server").exception("about %s", "a secret")
    logging.getLogger("telegram").info("POST /bot123:a secret/sendMessage")
    [written] = capsys.readouterr().err.splitlines()
    told = json.loads(written)
    assert (told["event"], told["level"], told["error"]) == ("library:aiohttp.server", "error", "ValueError")
    assert told["trace"] == "ab" * 16
    assert "secret" not in written


def test_a_channel_speaks_as_the_product_does(capsys: pytest.CaptureFixture[str]) -> None:
    quieten(Style("json", "info"), "gateway")
    logging.getLogger("channels.teams").info("teams: buttons were not withdrawn: %s", "gone")
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["level"]) == ("teams: buttons were not withdrawn: gone", "info")
