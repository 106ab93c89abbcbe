"""The reports' charts. Each has the table beside it that says the same.

A module of its own that is imported late: Altair takes half a second, which only reports need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import altair as alt

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.report_view import ReportWords
    from ponte.domain.report import Figures, Report

_HEIGHT: Final = 260
_ROW: Final = 34
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours on a light or a dark page. The page behind shows through."""

    text: str
    grid: str
    first: str
    second: str
    third: str


LIGHT: Final = Palette("#5a6865", "#e3e9e7", "#0b7a6f", "#c2701c", "#7a8fc4")
DARK: Final = Palette("#a9b8b4", "#33423f", "#35b5a6", "#e39a4e", "#93a8de")


class Charts:
    """Draws a report.

    Args:
        report: what to draw.
        words: how its numbers are written.
        say: the words.
        palette: the colours.
    """

    def __init__(self, report: Report, words: ReportWords, say: Catalogue, palette: Palette) -> None:
        self._report = report
        self._words = words
        self._say = say
        self._palette = palette

    def days(self) -> alt.Chart:
        """Volume by day: what the bot solved, what had a human, and what goes on."""
        return self._volume(
            [(day, self._words.day(day), figures) for day, figures in self._report.days.items()]
        )

    def hours(self) -> alt.Chart:
        """Volume by hour of the day."""
        return self._volume(
            [(f"{hour:02d}", f"{hour:02d}:00", figures) for hour, figures in self._report.hours.items()]
        )

    def waits(self) -> alt.Chart:
        """The middle wait and first answer by day, in minutes."""
        say = self._say
        rows = [
            {
                "key": day,
                "day": self._words.day(day),
                "what": say(f"reports.tile.{name}"),
                "min": ms / _MINUTE_MS,
            }
            for day, figures in self._report.days.items()
            for name, ms in (("wait", figures.wait.median), ("first_reply", figures.first_reply.median))
            if ms is not None
        ]
        names = [say("reports.tile.wait"), say("reports.tile.first_reply")]
        chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_line(point={"size": 45}, strokeWidth=2)
            .encode(
                x=self._days_axis(),
                y=alt.Y("min:Q", title=say("reports.chart.minutes")),
                color=alt.Color("what:N", title=None, scale=self._scale(names), legend=self._legend()),
                shape=alt.Shape("what:N", title=None, scale=alt.Scale(domain=names), legend=None),
                tooltip=[
                    alt.Tooltip("day:N", title=say("reports.row.days")),
                    alt.Tooltip("what:N", title=" "),
                    alt.Tooltip("min:Q", title=say("reports.chart.minutes"), format=".1f"),
                ],
            )
        )
        return self._finished(chart)

    def triggers(self) -> alt.Chart:
        """What brought humans in."""
        title = self._say("reports.col.handoffs")
        rows = [
            {"what": self._words.trigger(trigger), "count": count}
            for trigger, count in self._report.triggers.items()
        ]
        chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_bar(color=self._palette.first, cornerRadiusEnd=3)
            .encode(
                y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
                x=alt.X("count:Q", title=title, axis=alt.Axis(tickMinStep=1)),
                tooltip=[alt.Tooltip("what:N", title=" "), alt.Tooltip("count:Q", title=title)],
            )
        )
        return self._finished(chart, height=_ROW * len(rows) + 44)

    def _volume(self, groups: list[tuple[str, str, Figures]]) -> alt.Chart:
        say = self._say
        names = [say(f"reports.chart.{name}") for name in ("bot", "human", "open")]
        rows = [
            {"key": key, "day": title, "what": what, "count": count, "order": n}
            for key, title, figures in groups
            for n, (what, count) in enumerate(
                zip(
                    names,
                    (figures.bot, figures.human, figures.opened - figures.bot - figures.human),
                    strict=True,
                )
            )
        ]
        title = say("reports.col.opened")
        chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_bar()
            .encode(
                x=self._days_axis(),
                y=alt.Y("count:Q", title=title, axis=alt.Axis(tickMinStep=1)),
                color=alt.Color("what:N", title=None, scale=self._scale(names), legend=self._legend()),
                order=alt.Order("order:Q"),
                tooltip=[
                    alt.Tooltip("day:N", title=" "),
                    alt.Tooltip("what:N", title=" "),
                    alt.Tooltip("count:Q", title=title),
                ],
            )
        )
        return self._finished(chart)

    def _days_axis(self) -> alt.X:
        axis = alt.Axis(labelAngle=0, labelOverlap="greedy", title=None)
        return alt.X("day:N", sort=alt.SortField("key"), axis=axis)

    def _scale(self, names: list[str]) -> alt.Scale:
        colours = [self._palette.first, self._palette.second, self._palette.third]
        return alt.Scale(domain=names, range=colours[: len(names)])

    def _legend(self) -> alt.Legend:
        return alt.Legend(orient="top", direction="horizontal", labelLimit=240)

    def _locale(self) -> alt.Locale:
        """How numbers are written: with a decimal comma but for English."""
        decimal, thousands = (".", ",") if self._say.locale == "en" else (",", ".")
        number = alt.NumberLocale(decimal=decimal, thousands=thousands, grouping=[3], currency=["", ""])
        return alt.Locale(number=number)

    def _finished(self, chart: alt.Chart, height: int = _HEIGHT) -> alt.Chart:
        text, grid = self._palette.text, self._palette.grid
        finished: alt.Chart = (
            chart.properties(height=height, width="container")
            .configure(background="transparent", font="inherit", locale=self._locale())
            .configure_view(stroke=None)
            .configure_axis(
                labelColor=text,
                titleColor=text,
                gridColor=grid,
                domainColor=grid,
                tickColor=grid,
                labelFontSize=12,
                titleFontSize=12,
                titleFontWeight="normal",
            )
            .configure_legend(labelColor=text, labelFontSize=12)
        )
        return finished
