"""What the files of deploy/ say: commands, settings, manifests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bot.gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENTS = sorted((DEPLOY / "systemd").glob("*.env"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
GATEWAY, CORE = "gateway", "core"
ENTRY = {"throughline-gateway": GATEWAY, "throughline-core": CORE}
"""Which side an image is of."""


class Unit:
    """One systemd unit. A setting that is given again is the unit's own list, as `Environment` is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            name, given, value = line.partition("=")
            if given and not line.startswith("#"):
                self.values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        [value] = self.values[name]
        return value

    @property
    def seconds_to_stop(self) -> int:
        return int(self.one("TimeoutStopSec"))

    @property
    def settings(self) -> list[str]:
        return [value.partition("=")[0] for value in self.values.get("Environment", [])]


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """The manifests' objects, each with its file's name."""
    for path in MANIFESTS:
        for found in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield path.name, found


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [found for _, found in objects() if found["kind"] in kinds]


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    return dict(workload["spec"]["template"]["spec"])


def containers() -> list[dict[str, Any]]:
    return [one for workload in of_kind("Deployment", "Job") for one in pod_of(workload)["containers"]]


def commands() -> Iterator[tuple[str, str, list[str]]]:
    """Where a command stands, which side's it is, and what follows the side's own program."""
    for path in UNITS:
        program, *arguments = shlex.split(Unit(path).one("ExecStart"))
        yield path.name, (CORE if "bot/core" in program else GATEWAY), arguments
    for name, service in compose()["services"].items():
        if service["image"] in ENTRY:
            yield f"compose: {name}", ENTRY[service["image"]], service["command"]
    for container in containers():
        image = container["image"].rpartition("/")[2].partition(":")[0]
        yield f"kubernetes: {container['name']}", ENTRY[image], container["args"]
    for stage in stages():
        arguments = next(shlex.split(line.removeprefix("CMD")) for line in stage if line.startswith("CMD "))
        yield "Dockerfile", (CORE if " AS core" in stage[0] else GATEWAY), [part.strip("[],") for part in arguments]


def settings_named() -> Iterator[tuple[str, str]]:
    """Where a variable of the environment stands, and its name."""
    for path in UNITS:
        yield from ((path.name, name) for name in Unit(path).settings)
    for path in ENVIRONMENTS:
        yield from ((path.name, name) for name in settings_in(path))
    for name, service in compose()["services"].items():
        yield from ((f"compose: {name}", variable) for variable in service.get("environment", {}))
    for container in containers():
        yield from ((f"kubernetes: {container['name']}", one["name"]) for one in container.get("env", []))
    for found in of_kind("ConfigMap"):
        yield from (("kubernetes: settings.yaml", name) for name in found["data"])
    for stage in stages():
        for line in stage:
            if line.startswith("ENV "):
                yield from (("Dockerfile", word.partition("=")[0]) for word in shlex.split(line)[1:])


def settings_in(environment: Path) -> list[str]:
    lines = environment.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[0] for line in lines if line and not line.startswith("#")]


def stages() -> list[list[str]]:
    """The Dockerfile's stages, as their instructions, each on one line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def known_settings() -> set[str]:
    """Every setting that the product has: the gateway's, and all that README.md explains."""
    gateway = {name.upper() for name in Settings.model_fields}
    pages = [ROOT / "README.md", DEPLOY / "README.md", *ROOT.glob("channels/*/README.md")]
    explained = {name for page in pages for name in re.findall(r"`([A-Z][A-Z_]+)`", page.read_text(encoding="utf-8"))}
    plain = gateway | explained
    return plain | {f"{name}_FILE" for name in gateway}


def ignored() -> list[str]:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
