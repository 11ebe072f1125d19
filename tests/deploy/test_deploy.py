"""What deploy/ tells a machine to do, the product can do. Whatever needs a program that is not here says so."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import tomllib
import yaml
from compose_spec import PyOptions

from bot.gateway.cli import _parser
from bot.gateway.settings import Settings
from tests.deploy import files
from tests.deploy.files import CORE, DEPLOY, GATEWAY, ROOT, Unit

CORE_PYTHON = ROOT / "bot/core/.venv/bin/python"
KUBERNETES = ("1.31", "1.34")
# Of other programs: Python's, uv's, Rasa's and TensorFlow's, Sanic's, PostgreSQL's image.
OTHERS = re.compile(
    r"HOME|PYTHON[A-Z]+|UV_[A-Z_]+|RASA_TELEMETRY_ENABLED|TF_CPP_MIN_LOG_LEVEL|SQLALCHEMY_SILENCE_UBER_WARNING"
    r"|SANIC_HOST|POSTGRES_(USER|DB|PASSWORD_FILE)"
)
# The worker's grace for its turns; a send's longest wait for its platform, and what the gateway adds (cli.py).
CORE_STOPS_WITHIN, GATEWAY_STOPS_WITHIN = 10, 40


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    return found


# --- Who goes first ---------------------------------------------------------------------------------------------------


def test_where_all_want_the_processor_a_worker_comes_after_the_gateways() -> None:
    weights = {path.name: int(Unit(path).values.get("CPUWeight", ["100"])[0]) for path in files.UNITS}
    shares = {name: service.get("cpu_shares", 1024) for name, service in files.compose()["services"].items()}
    asked = {one["name"]: one["resources"]["requests"]["cpu"].removesuffix("m") for one in files.containers()}
    assert weights["throughline-core@.service"] < weights["throughline-gateway@.service"]
    assert shares["core"] < shares["gateway"] == shares["database"]
    assert int(asked["core"]) < int(asked["gateway"])


# --- Commands and settings --------------------------------------------------------------------------------------------


def test_every_command_is_one_that_there_is() -> None:
    said = list(files.commands())
    assert {side for _, side, _ in said} == {GATEWAY, CORE}
    assert len(said) == 4 + 4 + 4 + 2
    for where, side, arguments in said:
        if side == GATEWAY:
            assert callable(_parser().parse_args(arguments).command), where
        else:
            assert arguments[0] == "-m", where
            _python_takes(arguments[1], arguments[2:])


def _python_takes(module: str, arguments: list[str]) -> None:
    """Ask the core's own Python: the worker is a module without arguments, rasa-sdk says what it takes."""
    if module == "bot.core.worker":
        assert arguments == []
        assert (ROOT / "bot/core/worker.py").exists()
        return
    assert module == "rasa_sdk"
    if not CORE_PYTHON.exists():
        pytest.skip("bot/core/.venv is not built")
    asked = "import sys; from rasa_sdk.__main__ import create_argument_parser as p; p().parse_args(sys.argv[1:])"
    subprocess.run([CORE_PYTHON, "-c", asked, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("page", ["docs/operating.md", "deploy/README.md"])
def test_what_a_page_tells_to_run_can_be_run(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`throughline ([a-z][a-z-]*)", text)) | set(re.findall(r"(?<=rm gateway )[a-z]+", text))
    known = next(action.choices for action in _parser()._actions if action.choices)
    assert named
    assert named - set(known) == set()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_file_that_the_steps_name_is_there() -> None:
    steps = "\n".join(re.findall(r"```sh\n(.*?)```", (DEPLOY / "README.md").read_text(encoding="utf-8"), re.DOTALL))
    named = set(re.findall(r"(?<=deploy/)[\w./*@-]+", steps))
    made = {name for name in named if name.startswith(("secrets", ".env"))}
    assert {"systemd/*.env", "systemd/throughline", "compose.yaml", "kubernetes/migrate.yaml"} <= named
    assert [name for name in named - made if not list(DEPLOY.glob(name))] == []
    unknown = {line.strip("/") for line in (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()}
    assert {name.partition("/")[0] for name in made} == unknown
    [job] = files.of_kind("Job")
    assert f"job/{job['metadata']['name']}" in steps


def test_every_setting_is_one_that_there_is() -> None:
    known = files.known_settings()
    unknown = {
        (where, name) for where, name in files.settings_named() if name not in known and not OTHERS.fullmatch(name)
    }
    assert unknown == set()
    assert ("compose: gateway", "DATABASE_URL_FILE") in set(files.settings_named())


# --- systemd ----------------------------------------------------------------------------------------------------------


def test_the_units_are_what_systemd_understands(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for path in (DEPLOY / "systemd").iterdir():
        there = path.read_text(encoding="utf-8").replace("/opt/throughline", str(ROOT))
        (tmp_path / path.name).write_text(there, encoding="utf-8")
    names = ["throughline-gateway@8080", "throughline-core@1", "throughline-actions", "throughline-migrate"]
    units = [str(tmp_path / f"{name}.service") for name in names]
    for name in ("gateway@8080", "core@1"):
        template = tmp_path / f"throughline-{name.partition('@')[0]}@.service"
        shutil.copy(template, tmp_path / f"throughline-{name}.service")
    done = subprocess.run(
        [analyze, "verify", "--man=no", *units, str(tmp_path / "throughline.target")], capture_output=True, text=True
    )
    assert (done.returncode, _about(done.stderr, tmp_path)) == (0, [])


def _about(said: str, folder: Path) -> list[str]:
    """What is said of our own units: systemd looks at the machine's others, too."""
    return [line for line in said.splitlines() if "throughline" in line or str(folder) in line]


@pytest.mark.parametrize("path", files.UNITS, ids=lambda path: path.name)
def test_a_unit_gives_away_no_more_than_it_needs(path: Path) -> None:
    unit = Unit(path)
    assert unit.one("User") == "throughline"
    assert unit.one("NoNewPrivileges") == "yes"
    assert unit.one("ProtectSystem") == "strict"
    assert unit.one("CapabilityBoundingSet") == ""


def test_each_process_is_given_its_own_settings_and_no_others() -> None:
    """A custom action is the code that is most easily got wrong: it sees no token and no password of the database."""
    reads = {path.name: [Path(name).name for name in Unit(path).values["EnvironmentFile"]] for path in files.UNITS}
    assert reads == {
        "throughline-actions.service": ["actions.env"],
        "throughline-core@.service": ["throughline.env"],
        "throughline-gateway@.service": ["throughline.env", "gateway.env"],
        "throughline-migrate.service": ["throughline.env"],
    }
    secret = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    kept = {path.name: set(files.settings_in(path)) for path in files.ENVIRONMENTS}
    assert kept["throughline.env"] == {"DATABASE_URL", "ACTION_ENDPOINT_URL"}
    assert secret & kept["gateway.env"] == {"TELEGRAM_BOT_TOKEN", "TELEGRAM_SECRET_TOKEN"}
    assert not kept["actions.env"] & {name.upper() for name in Settings.model_fields}


def test_a_unit_waits_for_as_long_as_the_process_may_need_to_stop() -> None:
    waits = {path.name: Unit(path).seconds_to_stop for path in files.UNITS if "migrate" not in path.name}
    assert waits["throughline-gateway@.service"] > GATEWAY_STOPS_WITHIN
    assert waits["throughline-core@.service"] > CORE_STOPS_WITHIN
    pods = {one["metadata"]["name"]: files.pod_of(one) for one in files.of_kind("Deployment")}
    [gateway] = pods["throughline-gateway"]["containers"]
    [delay] = [int(one["value"]) for one in gateway["env"] if one["name"] == "SHUTDOWN_DELAY"]
    assert pods["throughline-gateway"]["terminationGracePeriodSeconds"] > delay + GATEWAY_STOPS_WITHIN
    assert pods["throughline-core"]["terminationGracePeriodSeconds"] > CORE_STOPS_WITHIN


# --- Images -----------------------------------------------------------------------------------------------------------


def test_what_the_dockerfile_copies_is_there_and_not_kept_from_it() -> None:
    sources = [
        word for stage in files.stages() for line in stage if line.startswith("COPY ") for word in line.split()[1:-1]
    ]
    assert len(sources) > 10
    for source in sources:
        assert (ROOT / source).exists(), source
        parts = source.split("/")
        assert not any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in files.ignored()), source


def test_every_folder_that_a_side_imports_is_in_its_image() -> None:
    gateway, core = (
        {word.rstrip("/") for line in stage if line.startswith("COPY ") for word in line.split()[1:-1]}
        for stage in files.stages()
    )
    assert {"bot/gateway", "bot/store", "channels", "pyproject.toml", "uv.lock"} <= gateway
    assert {"bot/core", "bot/store", "actions", "domain", "data", "config.yml", "endpoints.yml"} <= core


def test_the_images_have_the_pythons_and_the_uv_of_the_project() -> None:
    gateway, core = files.stages()
    assert gateway[0].startswith("FROM python:3.13-")
    assert core[0].startswith("FROM python:3.10-")
    wanted = tomllib.loads((ROOT / "bot/core/pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == "==3.10.*"
    fetched = re.findall(r"uv==[\d.]+", (ROOT / "scripts/setup").read_text(encoding="utf-8"))
    assert set(re.findall(r"uv==[\d.]+", "\n".join(gateway + core))) == set(fetched)
    for stage in (gateway, core):
        assert stage.index("USER 10001:10001") > max(n for n, line in enumerate(stage) if line.startswith("RUN "))


# --- compose ----------------------------------------------------------------------------------------------------------


def test_the_compose_file_is_of_the_specification() -> None:
    options = PyOptions()
    options.apply_merge = True
    options.from_yaml((DEPLOY / "compose.yaml").read_text(encoding="utf-8")).validate()


def test_in_compose_only_the_gateway_is_reached_from_outside_and_only_from_this_machine() -> None:
    services = files.compose()["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"gateway"}
    assert services["gateway"]["ports"] == ["127.0.0.1:8080:8080"]
    assert {name for name, service in services.items() if "outside" in service["networks"]} == {"gateway"}
    assert files.compose()["networks"]["inside"]["internal"] is True


def test_in_compose_each_secret_that_is_read_is_given_and_declared() -> None:
    whole = files.compose()
    for name, service in whole["services"].items():
        paths = [value for value in service.get("environment", {}).values() if str(value).startswith("/run/secrets/")]
        assert sorted(Path(path).name for path in paths) == sorted(service.get("secrets", [])), name
        assert set(service.get("secrets", [])) <= whole["secrets"].keys()


def test_in_compose_nothing_of_ours_writes_into_its_image_or_has_rights() -> None:
    for name, service in files.compose()["services"].items():
        if service["image"] in files.ENTRY:
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


def test_in_compose_nothing_starts_before_the_tables_are_there() -> None:
    services = files.compose()["services"]
    for name in ("gateway", "core"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


# --- Kubernetes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_manifests_are_of_kubernetes_schemas(version: str) -> None:
    found = list(files.objects())
    assert len(found) > 15
    for _, one in found:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_kustomization_builds(tmp_path: Path) -> None:
    whole = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text(encoding="utf-8"))
    apart = {"secret.example.yaml", "migrate.yaml"}
    assert set(whole["resources"]) | apart == {path.name for path in files.MANIFESTS}
    done = subprocess.run(
        [program("kubectl"), "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=True
    )
    built = list(yaml.safe_load_all(done.stdout))
    images = {
        container["image"]
        for one in built
        if one["kind"] == "Deployment"
        for container in files.pod_of(one)["containers"]
    }
    migrating = {container["image"] for one in files.of_kind("Job") for container in files.pod_of(one)["containers"]}
    assert {one["metadata"].get("namespace", "throughline") for one in built} == {"throughline"}
    assert all(image.startswith("registry.example.com/throughline-") for image in images)
    assert migrating <= images


def test_what_the_manifests_name_is_there() -> None:
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in files.of_kind("Deployment", "Job")]
    selectors: list[dict[str, str]] = [
        one["spec"]["selector"] for one in files.of_kind("Service") if "selector" in one["spec"]
    ]
    for one in files.of_kind("Deployment", "PodDisruptionBudget"):
        selectors.append(one["spec"]["selector"]["matchLabels"])
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in files.of_kind("NetworkPolicy")]
    for selector in selectors:
        assert any(selector.items() <= of_pod.items() for of_pod in labels), selector
    keys = {f"{one['metadata']['name']}/{key}" for one in files.of_kind("Secret") for key in one["stringData"]}
    for container in files.containers():
        for variable in container.get("env", []):
            if str(variable.get("value")).startswith("/run/secrets/"):
                assert variable["value"].removeprefix("/run/secrets/") in keys, variable
    services = {one["metadata"]["name"] for one in files.of_kind("Service")}
    for path in (
        one
        for ingress in files.of_kind("Ingress")
        for rule in ingress["spec"]["rules"]
        for one in rule["http"]["paths"]
    ):
        assert path["backend"]["service"]["name"] in services


def test_no_pod_has_rights_that_it_does_not_need() -> None:
    for workload in files.of_kind("Deployment", "Job"):
        pod = files.pod_of(workload)
        name = workload["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is False, name
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001), name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"].keys() == {"memory"}, name


def test_somebody_stays_while_a_node_is_emptied_and_it_can_be_emptied() -> None:
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in files.of_kind("Deployment")}
    budgets = {one["metadata"]["name"]: one["spec"]["minAvailable"] for one in files.of_kind("PodDisruptionBudget")}
    assert budgets.keys() == {name for name, count in replicas.items() if count > 1}
    assert all(0 < least < replicas[name] for name, least in budgets.items())


def test_core_and_actions_face_nobody() -> None:
    policies: dict[str, Any] = {one["metadata"]["name"]: one["spec"] for one in files.of_kind("NetworkPolicy")}
    everybody = policies["throughline-nobody"]
    assert everybody["policyTypes"] == ["Ingress"]
    assert "ingress" not in everybody
    assert "ingress" not in policies["throughline-core"]
    [to_actions] = policies["throughline-actions"]["ingress"]
    [peer] = to_actions["from"]
    assert peer["podSelector"]["matchExpressions"][0]["values"] == ["core", "gateway"]
    assert {path["backend"]["service"]["name"] for path in _paths()} == {"throughline-gateway", "throughline-nothing"}


def _paths() -> list[dict[str, Any]]:
    [ingress] = files.of_kind("Ingress")
    return list(ingress["spec"]["rules"][0]["http"]["paths"])


def test_a_gateway_is_not_taken_out_because_the_core_is_away() -> None:
    """Webhooks are accepted and kept without it, and /readyz would say no."""
    [gateway] = [one for one in files.containers() if one["name"] == "gateway"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert gateway[probe]["httpGet"]["path"] == "/healthz"
