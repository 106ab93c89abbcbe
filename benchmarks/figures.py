"""Figures: percentiles, tables, and what the machine was like."""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of some durations in ms, by nearest rank."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


def spread(seconds: Sequence[float]) -> Spread:
    """Return the distribution of durations given in seconds; all zero when there are none."""
    ranked = sorted(seconds)
    if not ranked:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)

    def rank(share: float) -> float:
        return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1000, 2)

    return Spread(len(ranked), rank(0.50), rank(0.95), rank(0.99), rank(1.0))


def table(rows: Sequence[dict[str, object]]) -> str:
    """Return rows of equal keys as a Markdown table."""
    names = list(rows[0])
    cells = [names, *([_shown(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    lines = [" | ".join(map(str.ljust, line, widths)) for line in cells]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were measured on, and what else it was doing."""

    cpu: str
    cores: int
    system: str
    python: str
    load_1m: float
    fsync_ms: float
    python_ms: float

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def this_machine() -> Machine:
    """Look at this machine now.

    ``fsync_ms`` is the median of writing 4 KB durably to the temporary folder. ``python_ms`` is the CPU time
    of a fixed piece of Python: on a shared machine it changes from minute to minute, and all figures with it.
    """
    return Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        load_1m=round(os.getloadavg()[0], 2),
        fsync_ms=_fsync_ms(),
        python_ms=_python_ms(),
    )


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _fsync_ms() -> float:
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(21):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return round(sorted(taken)[len(taken) // 2] * 1000, 2)


def _python_ms() -> float:
    taken = []
    for _ in range(5):
        begun = time.process_time()
        text = json.dumps([{"n": n, "text": f"message {n}"} for n in range(5_000)])
        sorted(json.loads(text), key=lambda row: str(row["text"]))
        taken.append(time.process_time() - begun)
    return round(statistics.median(taken) * 1000, 1)
