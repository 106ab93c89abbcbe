"""The supervisors' numbers: as JSON, and as CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from api.context import Caller, CallerDep, PonteDep
from api.documented import errors
from api.report_schemas import (
    AgentFiguresOut,
    DayOut,
    DurationsOut,
    FiguresOut,
    HourOut,
    LanguageFiguresOut,
    ReportOut,
    TriggerOut,
    VersionFiguresOut,
)
from api.views import moment
from ponte.bootstrap import Ponte
from ponte.domain.agent import Permission
from ponte.domain.conversation import Trigger
from ponte.domain.office_hours import midnight
from ponte.domain.report import Durations, Figures, Hours, Report, ReportQuery
from ponte.errors import Forbidden, InvalidInput
from ponte.report_csv import seconds, to_csv

router = APIRouter(prefix="/v1", tags=["Reports"], responses=errors(401, 403, 422, 503))

# No company's day is outside of what a clock can show.
_FIRST: Final = date(2000, 1, 1)
_LAST: Final = date(2199, 12, 31)


async def supervisor(caller: CallerDep) -> Caller:
    """Let only those pass who may see the floor and the reports. Raises Forbidden."""
    if not caller.agent.may(Permission.SUPERVISE):
        raise Forbidden(f"The role {caller.agent.role} may not {Permission.SUPERVISE}.")
    return caller


SupervisorDep = Annotated[Caller, Depends(supervisor)]


async def _query(
    ponte: PonteDep,
    *,
    first: Annotated[date, Query(alias="from", description="The first day, in the company's time zone.")],
    last: Annotated[date, Query(alias="to", description="The last day.")],
    hours: Annotated[Hours, Query(description="All hours, or those in which agents are there.")] = Hours.ALL,
    agent: Annotated[str | None, Query(max_length=64, description="Only what this agent had last.")] = None,
    language: Annotated[str | None, Query(max_length=35, description="Only customers who speak it.")] = None,
    prompt_version: Annotated[
        str | None, Query(max_length=64, description="Only what these prompt files served last.")
    ] = None,
) -> ReportQuery:
    if not _FIRST <= first <= last <= _LAST:
        raise InvalidInput(f"`from` and `to` are days from {_FIRST} to {_LAST}, `from` the earlier one.")
    timezone = (await ponte.reports.policy()).timezone
    return ReportQuery(
        since=midnight(first, timezone),
        until=midnight(last + timedelta(days=1), timezone),
        hours=hours,
        agent_id=agent or None,
        language=language or None,
        prompt_version=prompt_version or None,
    )


@router.get("/reports")
async def get_report(
    caller: SupervisorDep, query: Annotated[ReportQuery, Depends(_query)], ponte: PonteDep
) -> ReportOut:
    """Count what began in a range of days: volume, who solved it, waits, answers, content customers."""
    report = await ponte.reports.report(caller.agent, query)
    return _report_out(report, await _names(ponte))


@router.get(
    "/reports.csv",
    response_class=Response,
    responses={200: {"description": "A row a group.", "content": {"text/csv": {}}}},
)
async def get_report_csv(
    caller: SupervisorDep, query: Annotated[ReportQuery, Depends(_query)], ponte: PonteDep
) -> Response:
    """Give the same numbers as CSV. Cells that a spreadsheet would run as a formula begin with `'`."""
    report = await ponte.reports.report(caller.agent, query)
    return Response(
        to_csv(report, await _names(ponte)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ponte-report.csv"'},
    )


async def _names(ponte: Ponte) -> Mapping[str, str]:
    return {agent.id: agent.name for agent in await ponte.store.agents()}


def _report_out(report: Report, names: Mapping[str, str]) -> ReportOut:
    return ReportOut(
        since=moment(report.query.since),
        until=moment(report.query.until),
        timezone=report.timezone,
        hours=report.query.hours,
        total=FiguresOut(**_plain(report.total)),
        days=[DayOut(day=day, **_plain(figures)) for day, figures in report.days.items()],
        by_hour=[HourOut(hour=hour, **_plain(figures)) for hour, figures in report.hours.items()],
        triggers=[TriggerOut(trigger=Trigger(t), handoffs=n) for t, n in report.triggers.items()],
        agents=[
            AgentFiguresOut(agent_id=key, name=names.get(key), **_plain(figures))
            for key, figures in report.agents.items()
        ],
        languages=[LanguageFiguresOut(language=key, **_plain(f)) for key, f in report.languages.items()],
        prompt_versions=[
            VersionFiguresOut(prompt_version=key or None, **_plain(f)) for key, f in report.versions.items()
        ],
    )


def _plain(figures: Figures) -> dict[str, object]:
    spreads = {name: _durations_out(getattr(figures, name)) for name in ("wait", "first_reply", "resolution")}
    return {
        **asdict(figures),
        **spreads,
        "open": figures.open,
        "bot_share": figures.bot_share,
        "reopen_rate": figures.reopen_rate,
    }


def _durations_out(spread: Durations) -> DurationsOut:
    return DurationsOut(count=spread.count, median_s=seconds(spread.median), p90_s=seconds(spread.p90))
