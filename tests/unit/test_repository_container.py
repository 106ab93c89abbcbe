"""The image and the compose file, as far as they can be checked without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import cast

import yaml

from ponte.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_DOCKERFILE = (_ROOT / "Dockerfile").read_text(encoding="utf-8")
_SETUP = (_ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
_COMPOSE_TEXT = (_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
_COMPOSE = cast("dict[str, dict[str, dict[str, object]]]", yaml.safe_load(_COMPOSE_TEXT))
_SERVICES = _COMPOSE["services"]
_OURS = ("api", "worker", "console", "simulator")


def _instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", _DOCKERFILE)
    return [line.removeprefix(f"{name} ") for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_the_compose_file_follows_its_specification() -> None:
    """docker-compose.yml is valid by the compose specification's own schema."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(  # noqa: S603 - a tool of this environment
        [checker, "--builtin-schema", "vendor.compose-spec", _ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_installed_by_the_script_that_make_uses() -> None:
    """The image runs scripts/setup.sh, and so the same hashed lock, with the project's Python."""
    runs = _instructions("RUN")
    assert [run for run in runs if "pip" in run] == []
    assert [run for run in runs if "setup.sh" in run] == [
        "scripts/setup.sh dependencies",
        "scripts/setup.sh runtime",
    ]
    assert "scripts/setup.sh runtime" in (_ROOT / "Makefile").read_text(encoding="utf-8")
    assert "install --require-hashes -r" in _SETUP
    assert "runtime | dependencies) lock=requirements.lock" in _SETUP
    assert set(_instructions("FROM")) == {"python:3.13-slim AS build", "python:3.13-slim"}


def test_the_image_runs_without_root_and_reports_its_health() -> None:
    """The last user is not root, and the health check asks /healthz."""
    assert _instructions("USER") == ["ponte"]
    assert "/healthz" in _instructions("HEALTHCHECK")[0]


def test_no_secret_enters_the_image() -> None:
    """Only what is listed is sent to the build, and no .env is in the list; nothing secret is set."""
    lines = [
        line
        for line in (_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line[:1] not in {"#", ""}
    ]
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert lines[0] == "*"
    assert not [pattern for pattern in allowed if fnmatch(".env", pattern) or fnmatch("var", pattern)]
    set_here = {assignment.partition("=")[0] for env in _instructions("ENV") for assignment in env.split()}
    secret = {
        name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)
    }
    assert secret
    assert not set_here & secret
    assert not _instructions("ARG")


def test_what_the_image_needs_is_sent_to_the_build() -> None:
    """The packages of pyproject.toml, the prompts, the lock and the script are not ignored."""
    allowed = set(re.findall(r"^!(.+)$", (_ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert {
        *("ponte", "graph", "api", "agent_console", "simulator", "prompts"),
        *("scripts", "requirements.lock", "pyproject.toml", "README.md"),
    } <= allowed


def test_every_service_of_ours_runs_one_image_from_the_same_settings() -> None:
    """Api, worker, console and simulator differ in their command; workers run beside the API, not inside."""
    for name in _OURS:
        service = _SERVICES[name]
        assert (service["image"], service["env_file"], service["restart"]) == (
            "ponte",
            ".env",
            "unless-stopped",
        )
        assert service["command"] == ["ponte", name]
        environment = cast("dict[str, str]", service["environment"])
        assert environment["HOST"] == "0.0.0.0"  # noqa: S104 - inside a container; the ports below are loopback's
        assert set(environment) <= {field.upper() for field in Settings.model_fields}
    assert cast("dict[str, str]", _SERVICES["api"]["environment"])["RUN_WORKER"] == "false"


def test_ports_are_open_on_this_machine_only() -> None:
    """No service publishes a port to the network: a proxy with HTTPS does that."""
    published = [
        port for service in _SERVICES.values() for port in cast("list[str]", service.get("ports", []))
    ]
    assert len(published) >= len(_OURS)
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_the_database_keeps_its_data_and_is_waited_for() -> None:
    """Mongodb has a volume and a health check, and our services start after it is healthy."""
    mongodb = _SERVICES["mongodb"]
    assert "healthcheck" in mongodb
    assert [volume for volume in cast("list[str]", mongodb["volumes"]) if volume.endswith(":/data/db")]
    for name in _OURS:
        waits = cast("dict[str, dict[str, str]]", _SERVICES[name]["depends_on"])
        assert waits["mongodb"]["condition"] == "service_healthy"


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    """What docker compose reads from .env is explained in .env.example."""
    example = (_ROOT / ".env.example").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", _COMPOSE_TEXT))
    assert used
    assert [name for name in used if not re.search(rf"^(# )?{name}=", example, re.MULTILINE)] == []
