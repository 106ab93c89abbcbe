"""Reports and the floor through the agent API: the numbers, the file, and who may see them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ponte.domain.agent import Role
from ponte.domain.office_hours import DEFAULT_TIMEZONE, local
from ponte.domain.presence import Presence
from ponte.domain.report import ReportQuery
from ponte.errors import InvalidInput
from ponte.office_policy import OfficePolicies
from ponte.reports import Reports
from tests.fixtures.api_office import Office, open_office

_MINUTE = 60_000
_POLICY = b"""
human_hours:
  timezone: America/Sao_Paulo
  week: {mon: "00:00-23:59", tue: "00:00-23:59", wed: "00:00-23:59", thu: "00:00-23:59", fri: "00:00-23:59",
    sat: "00:00-23:59", sun: "00:00-23:59"}
  text: {pt-BR: x, es: x, en: x}
"""


@dataclass
class Shift:
    """An office with a supervisor and an agent, one conversation resolved and one waiting."""

    office: Office
    sonia: str
    ana: str
    ana_id: str
    day: str
    tomorrow: str


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    """Serve an API after a short shift."""
    async with open_office(tmp_path / "data") as office:
        _, sonia = await office.add_agent("Sonia", Role.SUPERVISOR)
        ana_id, ana = await office.add_agent("Ana")
        first = local(office.clock.now(), DEFAULT_TIMEZONE).date()
        done = await office.waiting("Oi")
        office.clock.advance(2 * _MINUTE)
        await office.call("POST", f"/v1/conversations/{done.id}/claim", ana)
        office.clock.advance(_MINUTE)
        await office.call("POST", f"/v1/conversations/{done.id}/reply", ana, json={"body": "Oi!"})
        office.clock.advance(7 * _MINUTE)
        await office.call("POST", f"/v1/conversations/{done.id}/resolve", ana, json={"disposition": "solved"})
        await office.waiting("Oi")
        yield Shift(office, sonia, ana, ana_id, str(first), str(first + timedelta(days=1)))


async def test_a_report_counts_the_shift(shift: Shift) -> None:
    """Waits, answers and ends are those that happened; groups and days are there."""
    answer = await shift.office.call("GET", f"/v1/reports?from={shift.day}&to={shift.tomorrow}", shift.sonia)
    assert answer.status == 200
    report = answer.json
    total = report["total"]
    assert (total["opened"], total["handoffs"], total["untaken"], total["human"]) == (2, 2, 1, 1)
    assert total["wait"] == {"count": 1, "median_s": 120, "p90_s": 120}
    assert total["first_reply"]["median_s"] == 180
    assert total["resolution"]["median_s"] == 600
    assert report["timezone"] == DEFAULT_TIMEZONE
    assert [day["day"] for day in report["days"]] == [shift.day, shift.tomorrow]
    assert report["triggers"] == [{"trigger": "keyword", "handoffs": 2}]
    (agent,) = report["agents"]
    assert (agent["name"], agent["handoffs"], agent["reopen_rate"]) == ("Ana", 1, 0.0)
    filtered = await shift.office.call(
        "GET",
        f"/v1/reports?from={shift.day}&to={shift.tomorrow}&agent={shift.ana_id}&language=es",
        shift.sonia,
    )
    assert filtered.json["total"]["opened"] == 0


async def test_the_same_numbers_as_a_file(shift: Shift) -> None:
    """The CSV has the report's groups, as a download."""
    answer = await shift.office.call(
        "GET", f"/v1/reports.csv?from={shift.day}&to={shift.tomorrow}", shift.sonia
    )
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    total, *_ = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (total["group"], total["handoffs"], total["wait_median_s"]) == ("total", "2", "120")


async def test_human_hours_come_from_the_prompt_files(shift: Shift) -> None:
    """Without hours in policy.yaml none can be asked for; with them they count."""
    path = f"/v1/reports?from={shift.day}&to={shift.tomorrow}&hours=human"
    refused = await shift.office.call("GET", path, shift.sonia)
    assert refused.status == 422
    assert "human_hours" in refused.json["error"]["message"]
    await shift.office.ponte.prompts.keep("bbbbbbbbbbbb", {"policy.yaml": _POLICY})
    await shift.office.ponte.prompts.follow_files("bbbbbbbbbbbb")
    assert (await shift.office.call("GET", path, shift.sonia)).json["total"]["handoffs"] == 2


@pytest.mark.parametrize(
    "query",
    ["", "?from=2026-01-01", "?from=2026-02-01&to=2026-01-01", "?from=0001-01-01&to=0001-01-02",
     "?from=9999-12-31&to=9999-12-31", "?from=2024-01-01&to=2026-01-01"],
)  # fmt: skip
async def test_a_range_that_cannot_be(shift: Shift, query: str) -> None:
    """Days that are missing, the wrong way round or too many are refused with words."""
    assert (await shift.office.call("GET", f"/v1/reports{query}", shift.sonia)).status == 422


async def test_a_range_with_too_much_in_it_is_refused(shift: Shift) -> None:
    """A report has a bound, and says what to do."""
    ponte = shift.office.ponte
    small = Reports(ponte.store, ponte.clock, OfficePolicies(ponte.prompts), idle_ms=1, most_rows=1)
    supervisor = next(a for a in await ponte.store.agents() if a.role is Role.SUPERVISOR)
    now = ponte.clock.now()
    with pytest.raises(InvalidInput, match="shorter"):
        await small.report(supervisor, ReportQuery(now - 60 * _MINUTE, now + _MINUTE))


async def test_the_floor_shows_who_waits_and_who_is_here(shift: Shift) -> None:
    """The queue has its due times; agents have presence and load."""
    office = shift.office
    now = office.clock.now()
    await office.ponte.store.show_presence(Presence(shift.ana_id, "t", "Ana", None, 0, now, now - _MINUTE))
    floor = (await office.call("GET", "/v1/floor", shift.sonia)).json
    assert (floor["waiting_count"], floor["held_count"], floor["human_hours"]) == (1, 0, None)
    (waiting,) = floor["waiting"]
    assert waiting["contact"]["name"] == "Cliente 2"
    assert waiting["due_at"] > waiting["waiting_since"]
    assert [(d["agent"]["name"], d["online_since"] is not None) for d in floor["desks"]] == [
        ("Ana", True),
        ("Sonia", False),
    ]


@pytest.mark.parametrize("path", ["/v1/floor", "/v1/reports?from=2026-01-01&to=2026-01-02"])
async def test_agents_see_neither(shift: Shift, path: str) -> None:
    """The server refuses a role that may not supervise, and who is not logged in."""
    assert (await shift.office.call("GET", path, shift.ana)).status == 403
    assert (await shift.office.call("GET", path)).status == 401
