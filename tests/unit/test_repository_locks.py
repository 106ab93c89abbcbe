"""The locks: pinned, hashed, without any address, in agreement, and made from what pyproject.toml says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[2]
_LOCKS = ("requirements.lock", "requirements-dev.lock")


def _read(name: str) -> str:
    return (_ROOT / name).read_text(encoding="utf-8")


def _blocks(name: str) -> dict[str, str]:
    """Each requirement of a lock, `package==version ; marker`, with its hashes."""
    body = re.sub(r"^#.*\n", "", _read(name), flags=re.MULTILINE)
    blocks = re.findall(r"^(\S[^\\\n]*?) \\\n((?:    --hash=.*\n?)+)", body, re.MULTILINE)
    return dict(blocks)


@pytest.mark.parametrize("lock", _LOCKS)
def test_a_lock_holds_only_pins_and_hashes(lock: str) -> None:
    """Every line is a pinned version or its hash: no index, no address, no path."""
    allowed = re.compile(
        r"# pyproject: [0-9a-f]{16}\. Written by `make lock`; not to be edited\."
        r"|[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==[A-Za-z0-9.+!]+( ; [^/@]+)? \\"
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
    )
    assert [line for line in _read(lock).splitlines() if not allowed.fullmatch(line)] == []
    assert len(_blocks(lock)) > 100


def test_the_locks_agree() -> None:
    """The development lock holds every package of the runtime's, at the same version."""
    runtime, dev = ({block.partition(" ;")[0] for block in _blocks(lock)} for lock in _LOCKS)
    assert runtime < dev


def test_the_locks_are_made_from_these_dependencies() -> None:
    """The hash in each lock's first line is that of pyproject.toml's dependencies."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, _ROOT / "scripts" / "lock_inputs.py"], capture_output=True, text=True, check=True
    )
    for lock in _LOCKS:
        assert _read(lock).startswith(f"# pyproject: {done.stdout.strip()}."), (
            f"{lock} is old: run `make lock`"
        )


def test_every_direct_dependency_is_locked_at_a_version_that_fits() -> None:
    """What pyproject.toml asks for is in the runtime's lock, within its bounds."""
    project = tomllib.loads(_read("pyproject.toml"))
    locked = {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in (Requirement(block.partition(" ;")[0]) for block in _blocks("requirements.lock"))
    }
    for text in [*project["project"]["dependencies"], *project["build-system"]["requires"]]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)], prereleases=True), text
