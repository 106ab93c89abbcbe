"""A report as CSV (RFC 4180), a row a group, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from ponte.domain.report import Durations, Figures, Report

_MS: Final = 1000
# A spreadsheet takes a cell that begins so for a formula
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Cell = str | int | float | None

DURATIONS: Final = ("wait", "first_reply", "resolution")
COLUMNS: Final = (
    "group",
    "key",
    "name",
    "opened",
    "bot",
    "human",
    "open",
    "settled",
    "bot_share",
    "handoffs",
    "untaken",
    *(f"{name}_{part}" for name in DURATIONS for part in ("count", "median_s", "p90_s")),
    "resolved",
    "reopened",
    "reopen_rate",
    "csat_asked",
    "csat_answers",
    "csat_mean",
    "csat_content",
)


def rows(report: Report, names: Mapping[str, str]) -> Iterator[dict[str, Cell]]:
    """Yield the report's groups; ``names`` are the agents' by id. Durations are in seconds."""
    yield _row("total", "", "", report.total)
    for day, figures in report.days.items():
        yield _row("day", day, "", figures)
    for hour, figures in report.hours.items():
        yield _row("hour", hour, f"{hour:02d}:00", figures)
    for trigger, count in report.triggers.items():
        yield {"group": "trigger", "key": trigger, "handoffs": count}
    for agent_id, figures in report.agents.items():
        yield _row("agent", agent_id, names.get(agent_id, ""), figures)
    for language, figures in report.languages.items():
        yield _row("language", language, "", figures)
    for version, figures in report.versions.items():
        yield _row("prompt_version", version, "", figures)


def to_csv(
    report: Report,
    names: Mapping[str, str],
    *,
    delimiter: str = ",",
    comma: bool = False,
    titles: Mapping[str, str] | None = None,
) -> str:
    """Return the report as CSV with a line of column names.

    Args:
        report: what to write.
        names: agents' names by id.
        delimiter: between cells. Spreadsheets in languages with a decimal comma want ``;``.
        comma: write decimals with a comma.
        titles: what to write in place of the columns' names.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(cell((titles or {}).get(column, column), comma=comma) for column in COLUMNS)
    for row in rows(report, names):
        writer.writerow(cell(row.get(column), comma=comma) for column in COLUMNS)
    return out.getvalue()


def _row(group: str, key: str | int, name: str, figures: Figures) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "group": group,
        "key": key,
        "name": name,
        "opened": figures.opened,
        "bot": figures.bot,
        "human": figures.human,
        "open": figures.open,
        "settled": figures.settled,
        "bot_share": _rounded(figures.bot_share),
        "handoffs": figures.handoffs,
        "untaken": figures.untaken,
        "resolved": figures.resolved,
        "reopened": figures.reopened,
        "reopen_rate": _rounded(figures.reopen_rate),
        "csat_asked": figures.csat_asked,
        "csat_answers": figures.csat_answers,
        "csat_mean": _rounded(figures.csat_mean),
        "csat_content": figures.csat_content,
    }
    for name_of, spread in zip(
        DURATIONS, (figures.wait, figures.first_reply, figures.resolution), strict=True
    ):
        row |= _spread(name_of, spread)
    return row


def _spread(name: str, spread: Durations) -> dict[str, Cell]:
    return {
        f"{name}_count": spread.count,
        f"{name}_median_s": seconds(spread.median),
        f"{name}_p90_s": seconds(spread.p90),
    }


def seconds(ms: int | None) -> int | None:
    """Return whole seconds of ms."""
    return None if ms is None else round(ms / _MS)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def cell(value: Cell, *, comma: bool = False) -> str:
    """Return a cell's text; a text that a spreadsheet would run as a formula begins with ``'``."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value).replace(".", ",") if comma else str(value)
