"""A report as one page that needs nothing else: no script, no address, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

_RANKED: Final = ("failed", "unsteady")


def html_of(report: Mapping[str, object]) -> str:
    """Return the page of a report, as ``graph.evals.report.report_of`` makes it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["moment"] = _moment
    environment.filters["worst_first"] = _worst_first
    source = files("graph.evals").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(report=report)


def _worst_first(cases: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return what needs a look first: failed, unsteady, changed, and then all others as they were."""

    def rank(case: dict[str, object]) -> int:
        if case["status"] in _RANKED:
            return _RANKED.index(str(case["status"]))
        return len(_RANKED) + (case["status_before"] in {None, case["status"]})

    return sorted(cases, key=rank)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
