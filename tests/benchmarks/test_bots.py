"""Our assistant's settings, given to a bot that is not ours."""

from __future__ import annotations

from benchmarks.bots import without_foreign_actions

RULES = {"name": "RulePolicy", "core_fallback_threshold": 0.3, "core_fallback_action_name": "action_clarify"}


def test_an_action_that_the_bot_does_not_have_is_left_out() -> None:
    assert without_foreign_actions(RULES, ()) == {"name": "RulePolicy", "core_fallback_threshold": 0.3}


def test_an_action_that_it_has_or_that_is_rasa_s_own_stays() -> None:
    default = {**RULES, "core_fallback_action_name": "action_default_fallback"}

    assert without_foreign_actions(RULES, ["action_clarify"]) == RULES
    assert without_foreign_actions(default, ()) == default
