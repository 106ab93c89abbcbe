"""The set-up finds a Python that works, and the Makefile holds the commands that are promised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MAKEFILE = (_ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a home whose ``bin`` is the only place for Pythons on the PATH."""
    (tmp_path / "bin").mkdir()
    for tool in ("dirname", "ls", "sort", "sh", "uname"):
        found = next(folder for folder in ("/bin", "/usr/bin") if Path(folder, tool).exists())
        (tmp_path / "bin" / tool).symlink_to(Path(found, tool))
    return tmp_path


def _put(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _reporting(version: str) -> str:
    """A stand-in that reports a version, as the real one would to the script's question."""
    return f"echo {version}"


def _find(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [_ROOT / "scripts" / "setup.sh", "python"],
        env={"PATH": str(machine / "bin"), "HOME": str(machine), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_newest_python_that_runs_is_taken(machine: Path) -> None:
    """A shim that is there but cannot run is passed over, and so is a version without wheels."""
    _put(machine / "bin" / "python3.15", _reporting("3.15.0"))
    _put(machine / "bin" / "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    _put(machine / "bin" / "python3.12", _reporting("3.12.4"))
    newest = _put(machine / "bin" / "python3.13", _reporting("3.13.1"))
    assert _find(machine).stdout.strip() == str(newest)


def test_a_python_that_only_pyenv_knows_is_found(machine: Path) -> None:
    """An installed version whose shim fails is found in pyenv's own folder."""
    _put(machine / "bin" / "python3.13", "exit 127")
    _put(machine / "bin" / "python3", _reporting("3.11.7"))
    hidden = _put(machine / ".pyenv" / "versions" / "3.13.0" / "bin" / "python3", _reporting("3.13.0"))
    assert _find(machine).stdout.strip() == str(hidden)


def test_a_plain_python3_is_enough(machine: Path) -> None:
    """A machine whose only Python is called python3 works."""
    only = _put(machine / "bin" / "python3", _reporting("3.11.2"))
    assert _find(machine).stdout.strip() == str(only)


def test_the_environment_picks_a_python(machine: Path) -> None:
    """PYTHON names the interpreter; one that is too old is refused with its name."""
    _put(machine / "bin" / "python3.13", _reporting("3.13.1"))
    chosen = _put(machine / "other", _reporting("3.12.9"))
    assert _find(machine, PYTHON=str(chosen)).stdout.strip() == str(chosen)
    old = _put(machine / "old", _reporting("3.10.13"))
    refused = _find(machine, PYTHON=str(old))
    assert (refused.returncode, str(old) in refused.stderr) == (1, True)


def test_a_machine_without_python_is_told_what_to_install(machine: Path) -> None:
    """Where nothing fits, the message names the packages."""
    _put(machine / "bin" / "python3", _reporting("3.9.6"))
    done = _find(machine)
    assert done.returncode == 1
    assert "apt-get install python3 python3-venv" in done.stderr


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md", "CONTRIBUTING.md"])
def test_every_make_command_in_the_docs_exists(readme: str) -> None:
    """What a page tells a reader to type is a target of the Makefile."""
    named = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)", _code(_ROOT / readme)))
    targets = set(re.findall(r"^([a-z-]+):", _MAKEFILE, re.MULTILINE))
    assert {"demo", "test"} <= targets
    assert named
    assert named <= targets


def _code(page: Path) -> str:
    """The parts of a page that are set as code."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"```.*?```", text, re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"`[^`\n]+`", text)])


def test_the_command_line_has_what_the_docs_promise() -> None:
    """Each command of the reference page answers to --help."""
    page = (_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    commands = re.findall(
        r"^\| `ponte ([a-z]+(?: (?:add|password|list|disable|check|export|erase|prune))?)", page, re.MULTILINE
    )
    assert len(commands) > 12
    script = """
import sys
from ponte.cli import app
for line in sys.stdin:
    app([*line.split(), "--help"], standalone_mode=False)
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script],
        input="\n".join(commands),
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") == len(commands)
