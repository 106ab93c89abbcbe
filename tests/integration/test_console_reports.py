"""The reports page as Streamlit runs it, per role, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Handoff, Trigger, hand_over
from ponte.domain.office_hours import DEFAULT_TIMEZONE, local
from ponte.ports import Commit
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")
_MINUTE = 60_000
_POLICY = b"""
human_hours:
  timezone: America/Sao_Paulo
  week: {}
  text: {pt-BR: x, es: x, en: x}
"""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(company: Backstage, agent: Agent, locale: str = "pt-BR") -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    page.context["locale"] = locale
    page.query_params["p"] = "reports"
    page.run(timeout=40)
    assert not page.exception
    return page


def _text(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def _handled(company: Backstage, agent: Agent) -> None:
    """Let a customer wait three minutes for an agent, who solves it."""

    async def handle() -> None:
        current = await company.office.conversation(*MARIA, "quero um atendente")
        at = company.ponte.clock.now() - 3 * _MINUTE
        handoff = Handoff("Pediu um atendente.", Trigger.KEYWORD, 0.9, "Quer remarcar.", at)
        changed = replace(hand_over(current, handoff), version=current.version + 1)
        await company.ponte.store.commit(Commit(changed))
        await company.ponte.desk.claim(agent, current.id)
        await company.ponte.desk.reply(agent, current.id, "Oi!")
        await company.ponte.desk.resolve(agent, current.id, "solved")

    company.run(handle())


def test_an_empty_report_says_what_will_be_there(company: Backstage) -> None:
    """Before anything happened the page explains itself, in each language, and offers no file."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    for locale, words in (("pt-BR", "Nada neste período"), ("es", "Nada en este período"), ("en", "Nothing")):
        page = _page(company, sonia, locale)
        assert words in _text(page)
        assert not page.get("download_button")


def test_a_report_has_tiles_charts_and_tables(company: Backstage) -> None:
    """What happened is counted; a filter that nothing passes empties the page, and a name is only text."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    ana = company.run(company.office.agent("<i>Ana</i>"))
    _handled(company, ana)
    page = _page(company, sonia)
    text = _text(page)
    assert "<b>3 min</b>" in text
    assert "&lt;i&gt;Ana" in text
    assert "<i>Ana" not in text
    assert "pediu atendente" in text
    # By day: volume, times, time to resolve, reopened; by hour; by reason.
    assert len(page.get("vega_lite_chart")) == 6
    assert page.get("download_button")
    page.selectbox(key="report_language").select("es").run(timeout=40)
    assert "Nada neste período" in _text(page)
    page.selectbox(key="report_language").select("").run(timeout=40)
    page.selectbox(key="report_range").select("yesterday").run(timeout=40)
    assert "Nada neste período" in _text(page)
    page.selectbox(key="report_range").select("custom").run(timeout=40)
    today = local(company.ponte.clock.now(), DEFAULT_TIMEZONE).date()
    page.date_input(key="report_days").set_value((today, today)).run(timeout=40)
    # A day alone is not compared with others.
    assert len(page.get("vega_lite_chart")) == 2


def test_human_hours_can_be_chosen_where_there_are_any(company: Backstage) -> None:
    """Without hours in policy.yaml the page says where to set them; with them they are a choice."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    ana = company.run(company.office.agent("Ana"))
    _handled(company, ana)
    page = _page(company, sonia)
    assert "human_hours" in _text(page)
    company.run(company.ponte.prompts.keep("cccccccccccc", {"policy.yaml": _POLICY}))
    company.run(company.ponte.prompts.follow_files("cccccccccccc"))
    page = _page(company, sonia)
    (hours,) = page.segmented_control
    hours.set_value("human").run(timeout=40)
    assert not page.exception
    assert "Nada neste período" in _text(page)
