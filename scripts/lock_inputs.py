# ruff: noqa: INP001 - a script, not a package
"""What the locks are made from, read from ``pyproject.toml``.

Without an argument: print a hash of it. With ``--build-requirements``: print what an editable install without
build isolation needs, one requirement a line.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path

# hatchling imports it when, and only when, it builds an editable install; its metadata does not say so.
_EDITABLE = "editables>=0.5"


def main() -> None:
    """Print what the argument asks for."""
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))
    build = [*project["build-system"]["requires"], _EDITABLE]
    if sys.argv[1:] == ["--build-requirements"]:
        sys.stdout.write("\n".join(build) + "\n")
        return
    inputs = {
        "python": project["project"]["requires-python"],
        "runtime": project["project"]["dependencies"],
        "dev": project["dependency-groups"]["dev"],
        "build": build,
    }
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    sys.stdout.write(digest[:16] + "\n")


if __name__ == "__main__":
    main()
