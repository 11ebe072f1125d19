"""What deploy/ tells Prometheus: every expression is one, and names what a gateway really tells."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.files import DEPLOY
from tests.gateway.people import accepted, bot_says, says
from tests.gateway.running import SECRET, Gateway
from tests.gateway.running import now as real_time
from tests.gateway.talking import talking

CONFIG = DEPLOY / "prometheus/prometheus.yml"
PLAYED = Path(__file__).parent / "alerts.yml"
Labels = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    parsed: promql_parser.Expr
    annotations: dict[str, str]

    def selectors(self) -> Iterator[promql_parser.VectorSelector]:
        for node in self._nodes():
            if isinstance(node, promql_parser.MatrixSelector):
                yield node.vector_selector
            elif isinstance(node, promql_parser.VectorSelector):
                yield node

    def grouped_by(self) -> list[list[str]]:
        """The labels that are left by each aggregation."""
        return [
            node.modifier.labels if node.modifier else []
            for node in self._nodes()
            if isinstance(node, promql_parser.AggregateExpr)
        ]

    def _nodes(self) -> list[promql_parser.Expr]:
        found: list[promql_parser.Expr] = []
        promql_parser.walk(self.parsed, pre_visit=found.append)
        return found


def config() -> dict[str, Any]:
    return dict(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))


def rules() -> Iterator[Rule]:
    """Of all files that the configuration loads. Raises ValueError for what is not PromQL."""
    for name in config()["rule_files"]:
        for group in yaml.safe_load((CONFIG.parent / name).read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                parsed = promql_parser.parse(rule["expr"])
                yield Rule(name=rule["alert"], parsed=parsed, annotations=rule["annotations"])


RULES = list(rules())


def matched(selector: promql_parser.VectorSelector, series: Iterable[Labels]) -> bool:
    """Whether a series has these labels with these values; of a list of values, one for each."""
    wanted: list[Labels] = [{}]
    for matcher in selector.matchers.matchers:
        assert matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.Re), "not needed so far"
        values = matcher.value.split("|") if matcher.op == promql_parser.MatchOp.Re else [matcher.value]
        wanted = [one | {matcher.name: value} for one in wanted for value in values]
    known = list(series)
    return all(any(one.items() <= labels.items() for labels in known) for one in wanted)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[dict[str, list[Labels]]]:
    """Labels of every series, by name, that a gateway tells which took one message, refused two, sent one reply and was
    not allowed to send another one; and what Prometheus itself notes of whom it asks."""
    async with talking(tmp_path) as talk:
        gateway = talk.gateway
        await talk.alice.start(talk.bot)
        await talk.asks("hello")
        for secret, body in (("wrong", "{}"), (SECRET, "no JSON")):
            headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
            async with gateway.http.post(f"{gateway.url}/webhooks/telegram", data=body, headers=headers) as answer:
                assert answer.status in (400, 403)
        nobody = await accepted(gateway.engine, says("nobody", "hello"), real_time())
        await bot_says(gateway.engine, nobody, "Who are you?", real_time())
        yield await _series(gateway)


async def _series(gateway: Gateway) -> dict[str, list[Labels]]:
    """Once the reply has failed."""
    while True:
        async with gateway.http.get(f"{gateway.url}/metrics") as answer:
            families: Iterable[Metric] = text_string_to_metric_families(await answer.text())
        found: dict[str, list[Labels]] = {}
        for sample in (sample for family in families for sample in family.samples):
            found.setdefault(sample.name, []).append(sample.labels)
        if {"channel": "telegram", "outcome": "failed"} in found.get("throughline_sends_total", []):
            jobs = [one["job_name"] for one in config()["scrape_configs"]]
            return found | {"up": [{"job": job, "instance": "127.0.0.1:8080"} for job in jobs]}


async def test_every_rule_names_series_that_there_are(told: dict[str, list[Labels]]) -> None:
    assert len(RULES) > 8
    for rule in RULES:
        selectors = list(rule.selectors())
        assert selectors, rule.name
        for selector in selectors:
            assert selector.name in told, rule.name
            assert matched(selector, told[selector.name]), f"{rule.name}: {selector}"
            for label in (label for labels in rule.grouped_by() for label in labels):
                assert all(label in labels for labels in told[selector.name]), f"{rule.name}: {selector} by {label}"


def test_what_an_alert_says_names_labels_that_it_has() -> None:
    for rule in RULES:
        said = set(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values())))
        left = rule.grouped_by() or [["instance", "job"]]
        assert all(said <= set(labels) for labels in left), rule.name
        assert {"summary", "description"} == rule.annotations.keys()


def test_every_rule_is_played() -> None:
    whole = yaml.safe_load(PLAYED.read_text(encoding="utf-8"))
    assert [Path(name).name for name in whole["rule_files"]] == config()["rule_files"]
    fires = {
        name
        for test in whole["tests"]
        for one in test.get("promql_expr_test", [])
        for sample in one["exp_samples"]
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    } | {one["alertname"] for test in whole["tests"] for one in test.get("alert_rule_test", []) if one["exp_alerts"]}
    assert fires == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    "arguments", [["check", "config", str(CONFIG)], ["test", "rules", str(PLAYED)]], ids=["config", "rules"]
)
def test_prometheus_own_tool_agrees(arguments: list[str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on this machine (Debian: apt-get install prometheus)")
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
