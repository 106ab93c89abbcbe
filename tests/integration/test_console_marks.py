"""The console's control that rates a handoff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Trigger
from ponte.domain.decision import HandoffDecision, Mark, Outcome, decision_id
from ponte.ports import Commit
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(company: Backstage, agent: Agent, conversation: Conversation) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    page.context["locale"] = "pt-BR"
    page.query_params["c"] = conversation.id
    page.run(timeout=20)
    assert not page.exception
    return page


async def _handed_over(company: Backstage) -> Conversation:
    current = await company.office.waiting(*MARIA, "quero falar com atendente")
    decision = HandoffDecision(
        id=decision_id("t1"),
        conversation_id=current.id,
        contact_id=current.contact_id,
        at=company.ponte.clock.now(),
        first_seq=1,
        seq=1,
        outcome=Outcome.HUMAN,
        language="pt-BR",
        prompt_version="0123456789ab",
        trigger=Trigger.KEYWORD,
    )
    changed = replace(current, version=current.version + 1)
    await company.ponte.store.commit(Commit(changed, decisions=(decision,)))
    return changed


def test_an_agent_rates_a_handoff_and_changes_the_rating(company: Backstage) -> None:
    """The choice is kept, shown as chosen the next time, and can be another one then."""
    ana = company.run(company.office.agent("Ana"))
    waiting = company.run(_handed_over(company))
    page = _page(company, ana, waiting)
    for mark, at_seq in ((Mark.NOT_NEEDED, None), (Mark.LATE, 1)):
        page.radio(key=f"mark-{waiting.id}").set_value(mark)
        page.button(key="mark-confirm").click().run(timeout=20)
        assert not page.exception
        (kept,) = company.run(company.ponte.store.marks(waiting.id))
        assert (kept.mark, kept.at_seq, kept.agent_id) == (mark, at_seq, ana.id)
    again = _page(company, ana, waiting)
    assert again.radio(key=f"mark-{waiting.id}").value is Mark.LATE
    assert [option.partition(" ")[0] for option in again.selectbox(key=f"mark-at-{waiting.id}").options] == [
        "A",
        "1",
    ]


def test_only_handoffs_are_rated_and_only_by_agents(company: Backstage) -> None:
    """With the bot, and for a prompt engineer, the control is there and says why it cannot be used."""
    ana = company.run(company.office.agent("Ana"))
    eva = company.run(company.office.agent("Eva", Role.PROMPT_ENGINEER))
    waiting = company.run(_handed_over(company))
    with_bot = company.run(company.office.conversation("+5511900000002", "João", "oi"))
    for agent, conversation, allowed in ((ana, waiting, True), (eva, waiting, False), (ana, with_bot, False)):
        (popover,) = [
            b.proto.popover for b in _page(company, agent, conversation).get("popover") if _is_mark(b.proto)
        ]
        assert popover.disabled is not allowed


def _is_mark(proto: object) -> bool:
    return "Avaliar" in str(proto)
