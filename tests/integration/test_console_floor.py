"""The supervisors' floor as Streamlit runs it, per role, on a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Handoff, Trigger, hand_over
from ponte.domain.presence import Presence
from ponte.ports import Commit
from tests.fixtures.console_office import Backstage, backstage

MARIA = ("+5511900000001", "Maria")
JOAO = ("+5511900000002", "João")
_MINUTE = 60_000
_POLICY = """
human_hours:
  timezone: America/Sao_Paulo
  week: {}
  text: {pt-BR: x, es: x, en: x}
sla: {wait_minutes: 7, first_reply_minutes: null}
"""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Backstage]:
    """An office on SQLite with the bridge installed."""
    with backstage(tmp_path) as opened:
        yield opened


def _script(token: str) -> None:
    from agent_console.frame import render  # noqa: PLC0415 - AppTest runs this function's source on its own

    render(token)


def _page(company: Backstage, agent: Agent) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"token": company.run(company.office.token(agent))})
    page.context["locale"] = "pt-BR"
    page.query_params["p"] = "floor"
    page.run(timeout=20)
    assert not page.exception
    return page


def _drawn(page: AppTest, key: str) -> dict[str, Any]:
    found = [e for e in page.get("bidi_component") if e.key == key]
    assert len(found) == 1, f"one component {key}, not {len(found)}"
    drawn: dict[str, Any] = json.loads(found[0].proto.json or found[0].proto.mixed.json)
    return drawn


def _waits(company: Backstage, who: tuple[str, str], minutes: int) -> Conversation:
    """Let a customer wait for an agent since some minutes."""

    async def wait() -> Conversation:
        current = await company.office.conversation(*who, "quero um atendente")
        at = company.ponte.clock.now() - minutes * _MINUTE
        handoff = Handoff("Pediu um atendente.", Trigger.KEYWORD, 0.9, "Quer remarcar.", at)
        changed = replace(hand_over(current, handoff), version=current.version + 1)
        await company.ponte.store.commit(Commit(changed))
        return changed

    return company.run(wait())


def test_the_floor_shows_who_waits_and_who_holds_what(company: Backstage) -> None:
    """The queue has its clocks, and each agent their presence, load and conversations."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    ana = company.run(company.office.agent("Ana"))
    waiting, held = _waits(company, MARIA, 3), _waits(company, JOAO, 4)
    company.run(company.ponte.desk.claim(ana, held.id))
    now = company.ponte.clock.now()
    here = Presence(ana.id, "tab", ana.name, held.id, now + 5_000, now, now - 10 * _MINUTE)
    company.run(company.ponte.store.show_presence(here))
    drawn = _drawn(_page(company, sonia), "floor")
    (row,) = drawn["queue"]
    assert (row["id"], row["name"], row["trigger"]) == (waiting.id, "Maria", "pediu atendente")
    assert waiting.waiting_since is not None
    assert row["due"] == waiting.waiting_since + 5 * _MINUTE
    first, second = drawn["desks"]
    assert (first["name"], first["online"], first["held"]) == ("Ana", True, 1)
    assert first["on"] == [{"id": held.id, "name": "João", "typing": True}]
    assert held.stretch is not None
    assert [(c["id"], c["due"]) for c in first["cases"]] == [(held.id, held.stretch.asked_at + 10 * _MINUTE)]
    assert (second["name"], second["online"], second["cases"]) == ("Sônia", False, [])
    assert {tile["id"]: tile["value"] for tile in drawn["tiles"]} == {"waiting": 1, "held": 1, "online": 1}
    company.run(company.ponte.desk.reply(ana, held.id, "Oi!"))
    (case,) = _drawn(_page(company, sonia), "floor")["desks"][0]["cases"]
    assert case["due"] is None


def test_what_is_not_shown_is_late_too(company: Backstage) -> None:
    """Only fifty who wait are shown; all who wait too long are counted."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    first = _waits(company, MARIA, 9)

    async def many() -> None:
        for n in range(59):
            copy = replace(first, id=f"cv_{n}", thread_id=f"th_{n}", version=1)
            await company.ponte.store.commit(Commit(copy))

    company.run(many())
    drawn = _drawn(_page(company, sonia), "floor")
    assert (len(drawn["queue"]), drawn["late_behind"], drawn["late_uncounted"]) == (50, 10, False)
    assert company.run(company.ponte.floor.look(sonia)).late == 60


def test_targets_and_hours_are_those_of_the_prompt_files(company: Backstage) -> None:
    """Clocks hold waits against policy.yaml, and stand still outside human hours."""
    sonia = company.run(company.office.agent("Sônia", Role.SUPERVISOR))
    _waits(company, MARIA, 3)
    company.run(company.ponte.prompts.keep("aaaaaaaaaaaa", {"policy.yaml": _POLICY.encode()}))
    company.run(company.ponte.prompts.follow_files("aaaaaaaaaaaa"))
    drawn = _drawn(_page(company, sonia), "floor")
    assert drawn["queue"][0]["due"] is None
    assert drawn["closed"].startswith("Fora do horário")
    assert drawn["targets_met"] == {"wait": "7 minutos", "reply": None}
