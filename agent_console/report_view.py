"""A report in words and tables: pure.

Cells are text in the reader's language and number format. What came from outside (agents' names) is escaped
where the HTML is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from babel.numbers import format_decimal, format_percent

from agent_console.formats import short_day

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from ponte.domain.report import Durations, Figures, Report

NOTHING: Final = "\u2013"
_S: Final = 1000
# The symbols are the same in all our languages; CLDR's short forms are not right in all of them.
_UNITS: Final = ((24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min"), (1, "s"))
_WEEK_DAYS: Final = 7
_MONTH_DAYS: Final = 28
_QUARTER_DAYS: Final = 90

PRESETS: Final = ("today", "yesterday", "week", "month", "this_month", "quarter", "custom")


def preset_days(preset: str, today: date) -> tuple[date, date]:
    """Return the first and the last day of a preset; ``custom`` begins as the last week."""
    if preset == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    if preset == "this_month":
        return today.replace(day=1), today
    days = {"today": 1, "month": _MONTH_DAYS, "quarter": _QUARTER_DAYS}.get(preset, _WEEK_DAYS)
    return today - timedelta(days=days - 1), today


@dataclass(frozen=True, slots=True)
class Table:
    """A table to show.

    Args:
        name: its caption, for those who cannot see where it stands.
        head: the columns' titles; the first names the rows.
        rows: the cells.
    """

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def html(self) -> str:
        """Return it as HTML."""
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in self.head)
        rows = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="pc-table" tabindex="0" role="group" aria-label="{escape(self.name)}"><table>'
            f'<caption class="pc-sr">{escape(self.name)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


class ReportWords:
    """Writes numbers, and puts them into tables.

    Args:
        say: the words.
        names: agents' names by id.
    """

    def __init__(self, say: Catalogue, names: Mapping[str, str]) -> None:
        self._say = say
        self._names = names
        self._locale = say.locale.replace("-", "_")
        self._columns: dict[str, Callable[[Figures], str]] = {
            "opened": lambda f: self.number(f.opened),
            "bot_share": lambda f: self.share(f.bot_share),
            "open": lambda f: self.number(f.open),
            "handoffs": lambda f: self.number(f.handoffs),
            "untaken": lambda f: self.number(f.untaken),
            "wait": lambda f: self.time(f.wait.median),
            "wait_p90": lambda f: self.time(f.wait.p90),
            "first_reply": lambda f: self.time(f.first_reply.median),
            "resolution": lambda f: self.time(f.resolution.median),
            "reopen_rate": lambda f: self.share(f.reopen_rate),
            "csat": self.csat,
        }

    def number(self, value: float) -> str:
        """Return a number as one writes it."""
        return str(format_decimal(value, locale=self._locale))

    def share(self, value: float | None) -> str:
        """Return a share as a percentage."""
        return NOTHING if value is None else str(format_percent(value, locale=self._locale))

    def time(self, ms: int | None) -> str:
        """Return a length of time, in its two largest units."""
        if ms is None:
            return NOTHING
        seconds = round(ms / _S)
        first = next((n for n, (size, _) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
        size, unit = _UNITS[first]
        parts = [(seconds // size, unit)]
        if first + 1 < len(_UNITS):
            smaller, name = _UNITS[first + 1]
            parts += [(rest, name)] if (rest := seconds % size // smaller) else []
        return " ".join(f"{count} {unit}" for count, unit in parts)

    def csat(self, figures: Figures) -> str:
        """Return the mean of the customers' marks, and of how many."""
        if figures.csat_mean is None:
            return NOTHING
        mean = format_decimal(round(figures.csat_mean, 1), format="0.0", locale=self._locale)
        return self._say("reports.csat_of", mean=mean, count=self.number(figures.csat_answers))

    def day(self, iso: str) -> str:
        """Return a day, short."""
        return short_day(date.fromisoformat(iso), self._say)

    def agent(self, agent_id: str) -> str:
        """Return an agent's name."""
        return self._names.get(agent_id) or self._say("author.former")

    def language(self, tag: str) -> str:
        """Return a language's name."""
        return self._say.maybe(f"language.{tag.partition('-')[0].lower()}", tag)

    def version(self, version: str) -> str:
        """Return a prompt version's name."""
        return version or self._say("reports.unknown_version")

    def trigger(self, trigger: str) -> str:
        """Return what brought a human in."""
        return self._say.maybe(f"trigger.{trigger}", trigger)

    def tiles(self, figures: Figures) -> list[tuple[str, str, str]]:
        """Return the headline numbers: title, value, and what is beside it."""
        say = self._say
        return [
            (say("reports.col.opened"), self.number(figures.opened), ""),
            (say("reports.col.bot_share"), self.share(figures.bot_share), self._settled(figures)),
            (
                say("reports.col.handoffs"),
                self.number(figures.handoffs),
                say("reports.tile.untaken", count=self.number(figures.untaken)) if figures.untaken else "",
            ),
            (say("reports.tile.wait"), self.time(figures.wait.median), self._p90(figures.wait)),
            (
                say("reports.tile.first_reply"),
                self.time(figures.first_reply.median),
                self._p90(figures.first_reply),
            ),
            (
                say("reports.tile.resolution"),
                self.time(figures.resolution.median),
                self._p90(figures.resolution),
            ),
            (
                say("reports.col.reopen_rate"),
                self.share(figures.reopen_rate),
                say.number("reports.tile.reopened", figures.reopened) if figures.reopened else "",
            ),
            (say("reports.tile.csat"), self._mean(figures), self._answered(figures)),
        ]

    def tables(self, report: Report) -> dict[str, Table]:
        """Return the report's tables by name."""
        by_day = self._named(report.days, self.day)
        whole = tuple(self._columns)
        by_agent = tuple(name for name in whole if name not in {"bot_share", "open", "untaken"})
        return {
            "days": self._table("days", ("opened", "bot_share", "open", "handoffs", "untaken"), by_day),
            "waits": self._table("waits", ("wait", "wait_p90", "first_reply", "resolution"), by_day),
            "quality": self._table("quality", ("reopen_rate", "csat"), by_day),
            "hours": self._table(
                "hours",
                ("opened", "handoffs", "wait"),
                [(f"{hour:02d}:00", figures) for hour, figures in report.hours.items()],
            ),
            "triggers": self._triggers(report),
            "agents": self._table("agents", by_agent, self._named(report.agents, self.agent)),
            "languages": self._table("languages", whole, self._named(report.languages, self.language)),
            "versions": self._table("versions", whole, self._named(report.versions, self.version)),
        }

    def _triggers(self, report: Report) -> Table:
        total = sum(report.triggers.values())
        head = ("reports.row.triggers", "reports.col.handoffs", "reports.col.of_all")
        rows = [
            (self.trigger(trigger), self.number(count), self.share(count / total))
            for trigger, count in report.triggers.items()
        ]
        return Table(self._say("reports.by.triggers"), tuple(map(self._say, head)), tuple(rows))

    def _table(self, name: str, columns: Sequence[str], groups: Sequence[tuple[str, Figures]]) -> Table:
        row = "days" if name in {"waits", "quality"} else name
        head = (self._say(f"reports.row.{row}"), *(self._say(f"reports.col.{c}") for c in columns))
        rows = [(title, *(self._columns[c](figures) for c in columns)) for title, figures in groups]
        return Table(self._say(f"reports.by.{name}"), head, tuple(rows))

    @staticmethod
    def _named(groups: Mapping[str, Figures], name: Callable[[str], str]) -> list[tuple[str, Figures]]:
        return [(name(key), figures) for key, figures in groups.items()]

    def _settled(self, figures: Figures) -> str:
        """Return of how many the bot's share is, and how many may still change it."""
        of = self._say("reports.tile.over", count=self.number(figures.settled)) if figures.settled else ""
        still = self._say.number("reports.tile.open", figures.open) if figures.open else ""
        return " · ".join(filter(None, (of, still)))

    def _p90(self, spread: Durations) -> str:
        return "" if spread.p90 is None else self._say("reports.tile.p90", time=self.time(spread.p90))

    def _mean(self, figures: Figures) -> str:
        if figures.csat_mean is None:
            return NOTHING
        return str(format_decimal(round(figures.csat_mean, 1), format="0.0", locale=self._locale))

    def _answered(self, figures: Figures) -> str:
        if not figures.csat_asked:
            return self._say("reports.tile.csat_none")
        answers, asked = self.number(figures.csat_answers), self.number(figures.csat_asked)
        return self._say("reports.tile.csat_of", answers=answers, asked=asked)
