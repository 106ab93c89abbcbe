"""The reports' charts. Each has the table beside it that says the same.

A module of its own that is imported late: Altair takes half a second, which only reports need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import altair as alt

if TYPE_CHECKING:
    from agent_console.i18n import Catalogue
    from agent_console.report_view import ReportWords
    from ponte.domain.report import Figures, Report

_HEIGHT: Final = 260
_SMALL_HEIGHT: Final = 220
_ROW: Final = 34
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
# Above this, minutes are no longer what one thinks in.
_LONG_MS: Final = 3 * _HOUR_MS
_WORST: Final = 1
_BEST: Final = 5
# An axis up to less would make one reopened matter look like many.
_LEAST_SHARE: Final = 0.1
_MOST_GROUPS: Final = 12
_MOST_POINTS: Final = 62
# Of the highest bar, so that none touches the chart's top.
_ROOM: Final = 1.08


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

    def waits(self) -> alt.Chart | None:
        """The middle wait and first answer by day; None without any."""
        say = self._say
        lines = {
            say("reports.tile.wait"): lambda figures: figures.wait.median,
            say("reports.tile.first_reply"): lambda figures: figures.first_reply.median,
        }
        return self._times(lines)

    def resolution(self) -> alt.Chart | None:
        """The middle time to resolve by day; None without any."""
        return self._times({self._say("reports.tile.resolution"): lambda figures: figures.resolution.median})

    def reopened(self) -> alt.Chart | None:
        """The share of what agents closed that was opened again, by day; None when nothing was closed."""
        values = {day: f.reopen_rate for day, f in self._report.days.items()}
        if all(value is None for value in values.values()):
            return None
        title = self._say("reports.col.reopen_rate")
        top = max(_LEAST_SHARE, *(value or 0 for value in values.values()))
        axis = alt.Axis(format=".0%", tickCount=5)
        encoding = alt.Y("value:Q", title=title, axis=axis, scale=_from_zero(top))
        base = self._by_day(values).mark_bar(color=self._palette.second)
        return self._small(base.encode(y=encoding, tooltip=self._tips(title, ".0%")))

    def csat(self) -> alt.Chart | None:
        """The mean of customers' marks by day; None when nobody gave one."""
        values = {day: f.csat_mean for day, f in self._report.days.items()}
        if all(value is None for value in values.values()):
            return None
        title = self._say("reports.tile.csat")
        axis = alt.Axis(values=list(range(_WORST, _BEST + 1)), format=".0f")
        scale = alt.Scale(domain=[_WORST - 0.2, _BEST + 0.2], nice=False, zero=False)
        encoding = alt.Y("value:Q", title=title, axis=axis, scale=scale)
        return self._small(self._line(values).encode(y=encoding, tooltip=self._tips(title, ".1f")))

    def triggers(self) -> alt.Chart:
        """What brought humans in."""
        rows = [(self._words.trigger(trigger), count) for trigger, count in self._report.triggers.items()]
        return self._counts(rows)

    def agents(self) -> alt.Chart | None:
        """Handoffs by agent; None with fewer than two to compare."""
        rows = [(self._words.agent(key), figures.handoffs) for key, figures in self._report.agents.items()]
        return self._counts(rows[:_MOST_GROUPS]) if len(rows) > 1 else None

    def languages(self) -> alt.Chart | None:
        """Volume by language; None with fewer than two to compare."""
        return self._groups([(self._words.language(key), f) for key, f in self._report.languages.items()])

    def versions(self) -> alt.Chart | None:
        """Volume by prompt version; None with fewer than two to compare."""
        return self._groups([(self._words.version(key), f) for key, f in self._report.versions.items()])

    def _counts(self, counted: list[tuple[str, int]]) -> alt.Chart:
        """Draw handoffs as a bar a row."""
        title = self._say("reports.col.handoffs")
        rows = [{"what": what, "count": count} for what, count in counted]
        top = max(1, *(count for _, count in counted))
        chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_bar(color=self._palette.first, cornerRadiusEnd=3)
            .encode(
                y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
                x=alt.X("count:Q", title=title, axis=alt.Axis(tickMinStep=1), scale=_from_zero(top)),
                tooltip=[alt.Tooltip("what:N", title=" "), alt.Tooltip("count:Q", title=title)],
            )
        )
        return self._finished(chart, height=_ROW * len(rows) + 44)

    def _groups(self, groups: list[tuple[str, Figures]]) -> alt.Chart | None:
        """Draw volume as a bar a row, split by who solved it."""
        if len(groups) < 2:  # noqa: PLR2004 - one alone is compared with nothing
            return None
        shown = groups[:_MOST_GROUPS]
        chart: alt.Chart = self._split(
            [(f"{n:03d}", name, figures) for n, (name, figures) in enumerate(shown)]
        )
        top, title = max(1, *(figures.opened for _, figures in shown)), self._say("reports.col.opened")
        chart = chart.encode(
            y=alt.Y("day:N", sort=alt.SortField("key"), title=None, axis=alt.Axis(labelLimit=160)),
            x=alt.X("count:Q", title=title, axis=alt.Axis(tickMinStep=1), scale=_from_zero(top)),
        )
        return self._finished(chart, height=_ROW * len(shown) + 74)

    def _volume(self, groups: list[tuple[str, str, Figures]]) -> alt.Chart:
        top, title = max(1, *(figures.opened for *_, figures in groups)), self._say("reports.col.opened")
        y = alt.Y("count:Q", title=title, axis=alt.Axis(tickMinStep=1), scale=_from_zero(top))
        return self._finished(self._split(groups).encode(x=self._days_axis(), y=y))

    def _split(self, groups: list[tuple[str, str, Figures]]) -> alt.Chart:
        """Return bars split by who solved it, yet without axes."""
        names = [self._say(f"reports.chart.{name}") for name in ("bot", "human", "open")]
        rows = [
            {"key": key, "day": title, "what": what, "count": count, "order": n}
            for key, title, figures in groups
            for n, (what, count) in enumerate(
                zip(names, (figures.bot, figures.human, figures.open), strict=True)
            )
        ]
        chart: alt.Chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_bar()
            .encode(
                color=alt.Color("what:N", title=None, scale=self._scale(names), legend=self._legend()),
                order=alt.Order("order:Q"),
                tooltip=[
                    alt.Tooltip("day:N", title=" "),
                    alt.Tooltip("what:N", title=" "),
                    alt.Tooltip("count:Q", title=self._say("reports.col.opened")),
                ],
            )
        )
        return chart

    def _times(self, lines: Mapping[str, Callable[[Figures], int | None]]) -> alt.Chart | None:
        """Draw times by day, in minutes or, where they are long, in hours; None without any."""
        found = [
            (day, what, ms)
            for day, figures in self._report.days.items()
            for what, of in lines.items()
            if (ms := of(figures)) is not None
        ]
        if not found:
            return None
        longest = max(ms for *_, ms in found)
        unit, name = (_HOUR_MS, "hours") if longest > _LONG_MS else (_MINUTE_MS, "minutes")
        title, names = self._say(f"reports.chart.{name}"), list(lines)
        rows = [
            {"key": day, "day": self._words.day(day), "what": what, "value": ms / unit}
            for day, what, ms in found
        ]
        tips = [alt.Tooltip("what:N", title=" "), *self._tips(title, ".1f")]
        chart = (
            alt.Chart(alt.InlineData(values=rows))
            .mark_line(point=self._points(), strokeWidth=2)
            .encode(
                x=self._days_axis(every=True),
                y=alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=5), scale=_from_zero(longest / unit)),
                color=alt.Color("what:N", title=None, scale=self._scale(names), legend=self._legend()),
                shape=alt.Shape("what:N", title=None, scale=alt.Scale(domain=names), legend=None),
                tooltip=tips,
            )
        )
        return self._small(chart)

    def _by_day(self, values: Mapping[str, float | None]) -> alt.Chart:
        rows = [
            {"key": day, "day": self._words.day(day), "value": value}
            for day, value in values.items()
            if value is not None
        ]
        return alt.Chart(alt.InlineData(values=rows)).encode(x=self._days_axis(every=True))

    def _line(self, values: Mapping[str, float | None]) -> alt.Chart:
        line: alt.Chart = self._by_day(values).mark_line(
            point=self._points(), strokeWidth=2, color=self._palette.first
        )
        return line

    def _points(self) -> dict[str, object] | bool:
        return {"size": 45, "color": self._palette.first} if len(self._report.days) <= _MOST_POINTS else False

    def _tips(self, title: str, form: str) -> list[alt.Tooltip]:
        return [
            alt.Tooltip("day:N", title=self._say("reports.row.days")),
            alt.Tooltip("value:Q", title=title, format=form),
        ]

    def _days_axis(self, *, every: bool = False) -> alt.X:
        """Return the axis of days or hours; ``every``: also of those days without a value."""
        axis = alt.Axis(labelAngle=0, labelOverlap="greedy", title=None)
        if every:
            days = [self._words.day(day) for day in self._report.days]
            return alt.X("day:N", sort=days, scale=alt.Scale(domain=days), axis=axis)
        return alt.X("day:N", sort=alt.SortField("key"), axis=axis)

    def _scale(self, names: list[str]) -> alt.Scale:
        colours = [self._palette.first, self._palette.second, self._palette.third]
        return alt.Scale(domain=names, range=colours[: len(names)])

    def _legend(self) -> alt.Legend:
        return alt.Legend(orient="top", direction="horizontal", labelLimit=240)

    def _small(self, chart: alt.Chart) -> alt.Chart:
        return self._finished(chart, height=_SMALL_HEIGHT)

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


def _from_zero(top: float) -> alt.Scale:
    """Return a scale from 0 to a round number above ``top``."""
    return alt.Scale(domain=[0, (top or 1) * _ROOM], nice=True)
