"""Reports: what happened in a range of days, in tiles, charts and tables, and as CSV. For supervisors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from agent_console import bridge
from agent_console.formats import date_order, told_apart
from agent_console.i18n import LOCALES, Catalogue, catalogue
from agent_console.places.away import away
from agent_console.report_view import PRESETS, ReportWords, Table, preset_days
from agent_console.words import alert
from ponte.domain.agent import Agent
from ponte.domain.office_hours import local, midnight
from ponte.domain.report import Hours, Report, ReportQuery
from ponte.errors import Forbidden, InvalidInput, StoreUnavailable, Unauthenticated
from ponte.office_policy import OfficePolicy
from ponte.report_csv import COLUMNS, to_csv
from ponte.reports import MOST_DAYS

if TYPE_CHECKING:
    import altair as alt

    from agent_console.frame import Visit
    from ponte.bootstrap import Ponte

_VERSIONS: Final = 20
_ALL: Final = ""
# Of charts beside a table: where it has few columns, and where it has many.
_WIDE: Final = 1.5
_NARROW: Final = 0.7
# The mark by which spreadsheets know UTF-8.
_BOM: Final = "\ufeff"


def draw(visit: Visit) -> None:
    """Draw the page."""
    with st.container(key="page", gap="medium"):
        _reports(visit.token, visit.say.locale)


@dataclass(frozen=True, slots=True)
class _Around:
    """What the page needs besides the report."""

    now: int
    agent: Agent
    policy: OfficePolicy
    agents: dict[str, Agent]
    versions: list[str]


async def _around(ponte: Ponte, token: str) -> _Around:
    agent = await ponte.accounts.who(token)
    policy = await ponte.reports.policy()
    agents = {each.id: each for each in await ponte.store.agents()}
    versions = [each.version for each in await ponte.prompts.history(_VERSIONS)]
    return _Around(ponte.clock.now(), agent, policy, agents, versions)


@st.fragment
def _reports(token: str, locale: str) -> None:
    say, here = catalogue(locale), bridge.current()
    try:
        around = here.run(_around(here.ponte, token))
        st.html(f'<h1 class="pc-page-title">{escape(say("reports.title"))}</h1>')
        query = _query(around, say)
        if query is None:
            return
        report = here.run(here.ponte.reports.report(around.agent, query), timeout_s=30)
    except Unauthenticated:
        alert(say, "session.ended", link="session.log_in_again")
    except Forbidden:
        alert(say, "deny.page")
    except StoreUnavailable:
        away(say)
    except InvalidInput:
        _said(say("reports.too_much"))
    else:
        names = {each.id: each.name for each in around.agents.values()}
        _show(report, names, say)
        if around.policy.hours is None:
            _said(say("reports.hours.unknown"))


def _query(around: _Around, say: Catalogue) -> ReportQuery | None:
    """Ask for range and filters; None while the range is not complete."""
    with st.container(key="report-filters", horizontal=True, vertical_alignment="bottom", gap="small"):
        preset = st.selectbox(
            say("reports.range"),
            PRESETS,
            index=PRESETS.index("week"),
            format_func=lambda name: say(f"reports.preset.{name}"),
            key="report_range",
        )
        days = _days(preset, around, say)
        hours = _hours(around.policy, say)
        agent_id = _choice(say, "agent", told_apart(around.agents.values()))
        language = _choice(say, "language", {tag: say(f"language.{tag[:2].lower()}") for tag in LOCALES})
        version = _choice(say, "version", {each: each for each in around.versions})
    if days is None:
        return None
    timezone = around.policy.timezone
    return ReportQuery(
        since=midnight(days[0], timezone),
        until=midnight(days[1] + timedelta(days=1), timezone),
        hours=hours,
        agent_id=agent_id,
        language=language,
        prompt_version=version,
    )


def _days(preset: str, around: _Around, say: Catalogue) -> tuple[date, date] | None:
    today = local(around.now, around.policy.timezone).date()
    if preset != "custom":
        return preset_days(preset, today)
    chosen = st.date_input(
        say("reports.days"),
        value=preset_days(preset, today),
        max_value=today,
        format=date_order(say),
        key="report_days",
    )
    if not isinstance(chosen, tuple) or len(chosen) != 2:  # noqa: PLR2004 - the first day was picked, the last not yet
        _said(say("reports.pick_last"))
        return None
    if (chosen[1] - chosen[0]).days >= MOST_DAYS:
        _said(say("reports.too_long", days=MOST_DAYS))
        return None
    return chosen


def _hours(policy: OfficePolicy, say: Catalogue) -> Hours:
    if policy.hours is None:
        return Hours.ALL
    chosen = st.segmented_control(
        say("reports.hours"),
        list(Hours),
        default=Hours.ALL,
        required=True,
        format_func=lambda hours: say(f"reports.hours.{hours}"),
        key="report_hours",
        help=say("reports.hours.help"),
    )
    return chosen or Hours.ALL


def _choice(say: Catalogue, name: str, labels: dict[str, str]) -> str | None:
    chosen = st.selectbox(
        say(f"reports.filter.{name}"),
        [_ALL, *labels],
        format_func=lambda key: labels.get(key) or say(f"reports.filter.{name}.all"),
        key=f"report_{name}",
    )
    return chosen or None


def _said(text: str) -> None:
    st.html(f'<p class="pc-report-said" role="status">{escape(text)}</p>')


def _show(report: Report, names: dict[str, str], say: Catalogue) -> None:
    words = ReportWords(say, names)
    if report.empty:
        st.html(
            f'<div class="pc-report-empty" role="status"><h2>{escape(say("reports.empty.title"))}</h2>'
            f"<p>{escape(say('reports.empty.text'))}</p></div>"
        )
        return
    st.html(_tiles(words.tiles(report.total)))
    tables = words.tables(report)
    from agent_console.report_charts import DARK, LIGHT, Charts  # noqa: PLC0415 - see there

    dark = st.context.theme.type == "dark"
    charts = Charts(report, words, say, DARK if dark else LIGHT)
    # A day alone has nothing to be compared with.
    several = len(report.days) > 1
    _section("days", say, tables["days"], charts.days() if several else None)
    if several:
        for name, drawn in (
            ("waits", (charts.waits(), charts.resolution())),
            ("quality", (charts.reopened(), charts.csat())),
        ):
            if any(chart is not None for chart in drawn):
                _section(name, say, tables[name], *drawn)
    _section("hours", say, tables["hours"], charts.hours())
    if report.triggers:
        _section("triggers", say, tables["triggers"], charts.triggers())
    for name, by in (
        ("agents", charts.agents),
        ("languages", charts.languages),
        ("versions", charts.versions),
    ):
        if tables[name].rows:
            _section(name, say, tables[name], by(), chart_wide=_NARROW)
    _download(report, names, say)


def _section(
    name: str, say: Catalogue, table: Table, *charts: alt.Chart | None, chart_wide: float = _WIDE
) -> None:
    """Draw charts, as far as there are any, and beside them the table that says the same.

    Args:
        name: of the section.
        say: the words.
        table: goes last.
        charts: None for one without values.
        chart_wide: how wide the charts are, for a table that is 1.
    """
    title = say(f"reports.by.{name}")
    shown = [chart for chart in charts if chart is not None]
    with st.container(key=f"report-{name}", gap="small"):
        st.html(f'<h2 class="pc-report-h2">{escape(title)}</h2>')
        if not shown:
            st.html(table.html())
            return
        columns = st.columns([*[chart_wide / len(shown)] * len(shown), 1], gap="medium")
        for n, chart in enumerate(shown):
            with columns[n]:
                st.altair_chart(chart, theme=None, key=f"report-chart-{name}-{n}", alt=title)
        with columns[-1]:
            st.html(table.html())


def _tiles(tiles: list[tuple[str, str, str]]) -> str:
    drawn = "".join(
        f"<div><dt>{escape(title)}</dt><dd><b>{escape(value)}</b>"
        + (f"<span>{escape(beside)}</span>" if beside else "")
        + "</dd></div>"
        for title, value, beside in tiles
    )
    return f'<dl class="pc-report-tiles">{drawn}</dl>'


def _download(report: Report, names: dict[str, str], say: Catalogue) -> None:
    comma = say.locale != "en"
    titles = {column: say(f"reports.csv.{column}") for column in COLUMNS}
    content = to_csv(report, names, delimiter=";" if comma else ",", comma=comma, titles=titles)
    first, last = next(iter(report.days)), next(reversed(report.days))
    st.download_button(
        say("reports.download"),
        _BOM + content,
        file_name=f"ponte-{first}-{last}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="report-download",
        on_click="ignore",
    )
    st.html(f'<p class="pc-report-note">{escape(say("reports.note", timezone=report.timezone))}</p>')
