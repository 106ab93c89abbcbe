"""The last report of ``ponte prompts eval``, for the console: one JSON file under ``DATA_DIR``.

It is replaced as a whole, so that a process that reads while another one writes sees the old one or the new
one. Whoever wants to read it needs the same ``DATA_DIR``, as containers of one machine have.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FILE: Final = Path("evals") / "last.json"


def keep_report(data_dir: Path, report: Mapping[str, object]) -> Path:
    """Keep a report in place of the last one; returns where.

    Args:
        data_dir: the settings' ``DATA_DIR``.
        report: plain data; see docs/how-to/evaluate-prompts.md for its fields.

    Raises:
        OSError: the folder cannot be written to.
    """
    path = data_dir / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".last-", suffix=".json", delete=False
    ) as file:
        try:
            json.dump(report, file, ensure_ascii=False)
            file.flush()
            # As readable as any file that the user makes: the console may run as another user of the group.
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return path


def last_report(data_dir: Path) -> dict[str, object] | None:
    """Return the last report; None when there is none, or the file is no report."""
    try:
        found = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None
