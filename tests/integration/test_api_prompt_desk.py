"""The agent API's prompt desk: differences, the ledger, the report and the examples."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ponte.domain.agent import Role
from ponte.domain.conversation import Trigger
from ponte.domain.decision import HandoffDecision, Outcome, decision_id
from ponte.eval_reports import keep_report
from ponte.ports import Commit
from tests.fixtures.api_office import Office, open_office

OLD, NEW = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Serve an API over an empty store."""
    async with open_office(tmp_path / "data") as opened:
        yield opened


async def test_versions_are_compared_and_none_is_served_that_cannot_be_read(office: Office) -> None:
    """Two stored versions can be compared anywhere; going back needs a process that can check the files."""
    _, engineer = await office.add_agent("Paula", Role.PROMPT_ENGINEER)
    for version, held in ((OLD, b"old\n"), (NEW, b"new\n")):
        await office.ponte.prompts.keep(version, {"assistant.md": held})
    found = await office.call("GET", f"/v1/prompts/diff?before={OLD[:4]}&after={NEW}", engineer)
    (changed,) = found.json["files"]
    assert [(line["kind"], line["text"]) for line in changed["lines"]] == [("old", "old"), ("new", "new")]
    assert (await office.call("GET", f"/v1/prompts/diff?before={OLD}", engineer)).status == 422
    assert (await office.call("GET", "/v1/prompts/diff?before=cccc", engineer)).status == 404
    assert (await office.call("POST", "/v1/prompts/rollback", engineer, json={"version": OLD})).status == 422
    assert (await office.call("POST", "/v1/prompts/release", engineer)).json["pinned"] is None


async def test_the_ledger_is_filtered(office: Office) -> None:
    """A decision comes with its figures and agents' marks; a mark finds what it was said of."""
    _, engineer = await office.add_agent("Paula", Role.PROMPT_ENGINEER)
    _, ana = await office.add_agent("Ana")
    waiting = await office.waiting("Oi", "Quero uma pessoa")
    decision = HandoffDecision(
        id=decision_id("t1"),
        conversation_id=waiting.id,
        contact_id=waiting.contact_id,
        at=office.clock.now(),
        first_seq=1,
        seq=2,
        outcome=Outcome.HUMAN,
        language="pt-BR",
        prompt_version=NEW,
        trigger=Trigger.CLASSIFIER,
        scores=(("classifier", 0.9),),
        thresholds=(("classifier", 0.8),),
    )
    changed = replace(waiting, version=waiting.version + 1)
    await office.store.commit(Commit(changed, decisions=(decision,)))
    path = f"/v1/conversations/{waiting.id}/handoff-mark"
    await office.call("POST", path, ana, json={"mark": "not_needed"})
    for query in ("", "?mark=not_needed", "?trigger=classifier", f"?outcome=human&version={NEW}"):
        (row,) = (await office.call("GET", f"/v1/prompts/ledger{query}", engineer)).json["items"]
        assert row["figures"] == [{"name": "classifier", "value": 0.9, "bound": 0.8}]
        assert [mark["mark"] for mark in row["marks"]] == ["not_needed"]
    for query in ("?mark=late", "?outcome=bot", f"?version={OLD}", "?trigger=model"):
        assert (await office.call("GET", f"/v1/prompts/ledger{query}", engineer)).json["items"] == []
    table = await office.call("GET", "/v1/prompts/examples.tsv", engineer)
    assert table.text.splitlines()[1].startswith("pt-BR\tbot\tnot_needed\t")


async def test_the_last_report_is_given(office: Office) -> None:
    """Before any evaluation there is none; agents see none."""
    _, engineer = await office.add_agent("Paula", Role.PROMPT_ENGINEER)
    _, ana = await office.add_agent("Ana")
    assert (await office.call("GET", "/v1/prompts/report", engineer)).status == 404
    keep_report(office.ponte.settings.data_dir, {"format": 1, "cases": []})
    assert (await office.call("GET", "/v1/prompts/report", engineer)).json["format"] == 1
    for path in ("report", "ledger", "examples.tsv", f"diff?before={OLD}&after={NEW}"):
        assert (await office.call("GET", f"/v1/prompts/{path}", ana)).status == 403
