"""What reports count, and how they write it: pure parts."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from agent_console.i18n import catalogue
from agent_console.report_charts import LIGHT, Charts
from agent_console.report_view import PRESETS, ReportWords, Table, preset_days
from ponte.domain.conversation import ResumeAction, Status, Trigger
from ponte.domain.facts import ConversationFact, StretchFact
from ponte.domain.office_hours import OfficeHours, midnight, parse_span
from ponte.domain.report import Durations, Hours, Report, ReportQuery, Tally
from ponte.office_policy import OfficePolicy, policy_from
from ponte.report_csv import COLUMNS, to_csv

ZONE = "America/Sao_Paulo"
WORKDAY = (time(8), time(18))
OFFICE = OfficeHours(ZONE, (*[WORKDAY] * 5, None, None))
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def at(text: str) -> int:
    """Return a moment in Brasilia's time (three hours behind UTC) in ms."""
    return round(datetime.fromisoformat(f"{text}-03:00").timestamp() * 1000)


MONDAY = at("2026-11-16T00:00")
QUERY = ReportQuery(MONDAY, MONDAY + 7 * DAY)


def conversation(opened: str, **changes: object) -> ConversationFact:
    """Return a conversation that the bot solved."""
    opened_at = at(opened)
    fact = ConversationFact(
        id=f"cv{opened_at}",
        opened_at=opened_at,
        updated_at=opened_at,
        status=Status.RESOLVED,
        resolved_at=opened_at,
        language="pt-BR",
        prompt_version="v1",
        human=False,
        agent_id=None,
        reopened=0,
        csat=None,
        csat_asked=False,
        resuming=False,
    )
    return replace(fact, **changes)  # type: ignore[arg-type]  # tests name fields of this class


def stretch(asked: str, wait: int | None = None, **changes: object) -> StretchFact:
    """Return a stretch that an agent took after ``wait`` ms."""
    asked_at = at(asked)
    fact = StretchFact(
        id=f"cv{asked_at}:1",
        conversation_id=f"cv{asked_at}",
        contact_id="c1",
        number=1,
        language="pt-BR",
        prompt_version="v1",
        asked_at=asked_at,
        trigger=Trigger.KEYWORD,
        claimed_at=None if wait is None else asked_at + wait,
        first_reply_at=None,
        ended_at=None,
        how=None,
        agent_id=None if wait is None else "ag1",
        transfers=0,
        disposition=None,
    )
    return replace(fact, **changes)  # type: ignore[arg-type]  # as above


def counted(
    conversations: list[ConversationFact], stretches: list[StretchFact], query: ReportQuery = QUERY
) -> Report:
    """Return the report of these facts."""
    tally = Tally(query, timezone=ZONE, hours=OFFICE, now=MONDAY + 7 * DAY, idle_ms=DAY)
    tally.add_conversations(conversations)
    tally.add_stretches(stretches)
    return tally.report()


def test_who_solved_it() -> None:
    """What is over counts for the bot or for people; what an agent was asked for is never the bot's."""
    report = counted(
        [
            conversation("2026-11-16T09:00"),
            conversation("2026-11-16T10:00", status=Status.BOT_ACTIVE),
            conversation("2026-11-22T23:00", status=Status.BOT_ACTIVE),
            conversation("2026-11-16T10:00", status=Status.BOT_ACTIVE, resuming=True),
            conversation("2026-11-17T10:00", human=True),
            conversation("2026-11-18T10:00", human=True, status=Status.AGENT_ACTIVE),
        ],
        [],
    )
    total = report.total
    assert (total.opened, total.bot, total.human) == (6, 2, 1)
    assert total.bot_share == pytest.approx(2 / 3)
    assert [figures.opened for figures in report.days.values()] == [3, 1, 1, 0, 0, 0, 1]
    assert (report.hours[10].opened, report.hours[9].opened, report.hours[23].opened) == (4, 1, 1)


def test_the_bots_share_waits_until_its_conversations_can_be_over() -> None:
    """What is younger than the idle time does not count: of it only agents' can be over."""
    late = "2026-11-22T15:00"
    report = counted(
        [
            conversation("2026-11-20T09:00", status=Status.BOT_ACTIVE),
            conversation("2026-11-20T10:00", human=True),
            conversation(late, status=Status.BOT_ACTIVE),
            conversation(late, human=True),
        ],
        [],
    )
    assert (report.total.bot_share, report.total.settled, report.total.open) == (0.5, 2, 1)
    today = report.days["2026-11-22"]
    assert (today.bot_share, today.human, today.open) == (None, 1, 1)
    words = ReportWords(catalogue("pt-BR"), {})
    assert words.tiles(today)[1][1:] == ("\u2013", "1 ainda aberta")
    assert words.tiles(report.total)[1][1:] == ("50%", "de 2 encerradas · 1 ainda aberta")


def test_durations_are_by_nearest_rank() -> None:
    """Median and 90th percentile are values that occurred; without any there are none."""
    waits = [stretch(f"2026-11-16T09:{n:02d}", n * MINUTE) for n in range(1, 11)]
    total = counted([], [*waits, stretch("2026-11-16T10:00")]).total
    assert total.wait == Durations(10, 5 * MINUTE, 9 * MINUTE)
    assert total.first_reply == Durations(0, None, None)
    assert (total.handoffs, total.untaken) == (11, 1)


def test_answers_and_ends_count_from_the_asking() -> None:
    """First reply and resolution run from the asking; what was given back to the bot is not resolved."""
    resolved = stretch(
        "2026-11-16T09:00",
        MINUTE,
        first_reply_at=at("2026-11-16T09:03"),
        ended_at=at("2026-11-16T09:30"),
        how=ResumeAction.RESOLVED,
    )
    returned = replace(resolved, how=ResumeAction.RETURNED, ended_at=at("2026-11-16T12:00"))
    total = counted([], [resolved, returned]).total
    assert total.first_reply == Durations(2, 3 * MINUTE, 3 * MINUTE)
    assert total.resolution == Durations(1, 30 * MINUTE, 30 * MINUTE)


def test_what_an_agent_reopened_is_no_handoff() -> None:
    """A reopened conversation raises the reopen rate, and neither the handoffs nor the waits."""
    reopened = stretch("2026-11-16T09:00", 0, trigger=None)
    report = counted(
        [
            conversation("2026-11-16T08:00", human=True, reopened=1, status=Status.AGENT_ACTIVE),
            conversation("2026-11-16T08:30", human=True),
            conversation("2026-11-16T08:40"),
        ],
        [reopened],
    )
    assert (report.total.handoffs, report.total.wait.count, report.triggers) == (0, 0, {})
    assert (report.total.resolved, report.total.reopened, report.total.reopen_rate) == (2, 1, 0.5)


def test_content_customers_are_counted_for_the_agent() -> None:
    """CSAT belongs to the agent who had the conversation last; no answer is no mark."""
    asked = {"human": True, "agent_id": "ag1", "csat_asked": True}
    scores = [None, 5, 4, 1]
    report = counted([conversation("2026-11-16T08:00", csat=score, **asked) for score in scores], [])
    figures = report.agents["ag1"]
    assert (figures.csat_asked, figures.csat_answers, figures.csat_content) == (4, 3, 2)
    assert figures.csat_mean == pytest.approx(10 / 3)


def test_filters_and_groups() -> None:
    """Filters leave out what they do not name; groups are by agent, language, version and trigger."""
    facts = [
        stretch("2026-11-16T09:00", MINUTE),
        stretch("2026-11-16T09:01", MINUTE, language="es", prompt_version=None, trigger=Trigger.MODEL),
        stretch("2026-11-16T09:02", MINUTE, agent_id="ag2"),
    ]
    report = counted([], facts)
    assert report.triggers == {"keyword": 2, "model": 1}
    assert {key: f.handoffs for key, f in report.agents.items()} == {"ag1": 2, "ag2": 1}
    assert {key: f.handoffs for key, f in report.versions.items()} == {"v1": 2, "": 1}
    assert set(report.languages) == {"pt-BR", "es"}
    for query, count in (
        (replace(QUERY, agent_id="ag1"), 2),
        (replace(QUERY, language="es"), 1),
        (replace(QUERY, prompt_version="v1"), 2),
        (replace(QUERY, prompt_version="v9"), 0),
    ):
        assert counted([], facts, query).total.handoffs == count


def test_in_human_hours_the_clock_stops_at_night() -> None:
    """Only what began in human hours counts there, and only those hours of a wait."""
    friday = stretch("2026-11-20T17:50", at("2026-11-23T08:05") - at("2026-11-20T17:50"))
    night = stretch("2026-11-18T03:00", 6 * HOUR)
    everything = counted([], [friday, night]).total
    human = counted([], [friday, night], replace(QUERY, hours=Hours.HUMAN)).total
    assert (everything.handoffs, human.handoffs) == (2, 1)
    assert human.wait == Durations(1, 15 * MINUTE, 15 * MINUTE)


def test_office_hours() -> None:
    """Open, how much of a time, and when a length of it has passed; also over clock changes."""
    assert OFFICE.open_at(at("2026-11-16T08:00"))
    assert not OFFICE.open_at(at("2026-11-16T18:00"))
    assert not OFFICE.open_at(at("2026-11-21T10:00"))
    assert OFFICE.open_ms(at("2026-11-16T07:00"), at("2026-11-17T09:00")) == 11 * HOUR
    assert OFFICE.open_ms(at("2026-11-16T19:00"), at("2026-11-16T20:00")) == 0
    assert OFFICE.after(at("2026-11-20T17:55"), 10 * MINUTE) == at("2026-11-23T08:05")
    assert OFFICE.after(at("2026-11-16T09:00"), HOUR) == at("2026-11-16T10:00")
    assert OfficeHours(ZONE, (None,) * 7).after(MONDAY, 1) is None
    berlin = OfficeHours("Europe/Berlin", (WORKDAY,) * 7)
    changed = [midnight(date(2026, 3, day), "Europe/Berlin") for day in (29, 30)]
    assert changed[1] - changed[0] == 23 * HOUR
    assert berlin.open_ms(*changed) == 10 * HOUR


def test_a_span_is_written_with_a_dash() -> None:
    """A span that is not written so is named with the mend."""
    assert parse_span("08:00-18:00") == WORKDAY
    for text in ("8 to 18", "08:00", "25:00-26:00"):
        with pytest.raises(ValueError, match="08:00-18:00"):
            parse_span(text)


def test_the_policy_of_the_prompt_files() -> None:
    """Time zone, hours and targets are read; what is absent has its default."""
    assert policy_from(b"human_hours: null") == OfficePolicy()
    told = policy_from(
        b"timezone: Europe/Lisbon\nsla: {wait_minutes: 3, first_reply_minutes: null}\n"
        b"human_hours: {timezone: Europe/Madrid, week: {mon: '08:00-18:00'}, text: {}}"
    )
    assert (told.timezone, told.wait_ms, told.first_reply_ms) == ("Europe/Madrid", 3 * MINUTE, None)
    assert told.hours == OfficeHours("Europe/Madrid", (WORKDAY, *[None] * 6))
    assert told.due(0, None) is None
    with pytest.raises(TypeError):
        policy_from(b"- a\n- list")


def test_csv_cells_are_no_formulas() -> None:
    """A name that a spreadsheet would run begins with an apostrophe; every line has every column."""
    report = counted([], [stretch("2026-11-16T09:00", MINUTE), stretch("2026-11-16T09:10", MINUTE)])
    names = {"ag1": '=HYPERLINK("http://evil")'}
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"):
        (row,) = [r for r in _lines(to_csv(report, {"ag1": name})) if r["group"] == "agent"]
        assert row["name"] == f"'{name}"
    lines = _lines(to_csv(report, names))
    assert [line["group"] for line in lines].count("day") == 7
    assert {"total", "day", "hour", "trigger", "agent", "language", "prompt_version"} == {
        line["group"] for line in lines
    }
    assert lines[0]["wait_median_s"] == "60"
    german = to_csv(counted([conversation("2026-11-16T09:00", csat=4)], []), {}, delimiter=";", comma=True)
    assert german.splitlines()[0].count(";") == len(COLUMNS) - 1
    assert ";4,0;" in german


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_days_up_to_today(preset: str) -> None:
    """Each preset has a first day that is not after its last, and does not end in the future."""
    today = datetime(2026, 11, 22, tzinfo=UTC).date()
    first, last = preset_days(preset, today)
    assert first <= last <= today
    assert preset_days("week", today) == (date(2026, 11, 16), today)


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    """Lengths of time have two units, shares a percentage; what is not there is a dash."""
    words = ReportWords(catalogue("pt-BR"), {})
    assert words.time(None) == words.share(None) == "\u2013"
    assert words.time(45_000) == "45 s"
    assert words.time(HOUR + 5 * MINUTE) == "1 h 5 min"
    assert words.time(2 * DAY) == "2 d"
    assert words.share(0.625) == "62%"
    assert ReportWords(catalogue("en"), {}).time(61_000) == "1 min 1 s"


def test_days_are_written_in_the_readers_order() -> None:
    """In English the month comes first, elsewhere the day."""
    days = [ReportWords(catalogue(tag), {}).day("2026-11-07") for tag in ("en", "pt-BR", "es")]
    assert days == ["Sat, 11/7", "sáb., 07/11", "sáb, 7/11"]


def test_charts_are_there_for_what_has_values() -> None:
    """Times, reopened and satisfaction by day, groups where there are two; no bar touches the chart's top."""
    ended = {"ended_at": at("2026-11-16T13:00"), "how": ResumeAction.RESOLVED}
    report = counted(
        [
            conversation("2026-11-16T09:00", human=True, reopened=1, csat=4, csat_asked=True),
            conversation("2026-11-17T09:00", language="es", prompt_version="v2"),
        ],
        [
            stretch("2026-11-16T09:00", MINUTE, **ended),
            stretch("2026-11-16T09:30", MINUTE, agent_id="ag2"),
        ],
    )
    say = catalogue("en")
    charts = Charts(report, ReportWords(say, {}), say, LIGHT)
    days = charts.days().to_dict()
    assert days["encoding"]["y"]["scale"]["domain"][1] > 1
    resolution = charts.resolution()
    assert resolution is not None
    assert resolution.to_dict()["encoding"]["y"]["title"] == "hours"
    drawn = (charts.waits, charts.reopened, charts.csat, charts.agents, charts.languages, charts.versions)
    assert [chart.__name__ for chart in drawn if chart() is None] == []
    nothing = counted([conversation("2026-11-17T09:00")], [])
    charts = Charts(nothing, ReportWords(say, {}), say, LIGHT)
    assert [chart() for chart in (charts.waits, charts.resolution, charts.reopened, charts.csat)] == [
        None
    ] * 4
    assert [chart() for chart in (charts.languages, charts.versions)] == [None] * 2


def test_a_table_holds_text_only() -> None:
    """Whatever an agent calls themselves is text in the page."""
    html = Table("<b>", ("A", "B"), (("<script>x</script>", "&"),)).html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
