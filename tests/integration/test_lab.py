"""The playground: versions of the prompt files against an invented customer; and the prompt desk."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.lab import open_lab
from graph.prompt_source import read_folder, version_of
from graph.testing import FakeResponder, fake_context
from ponte.bootstrap import Ponte, open_ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status, Trigger
from ponte.domain.decision import DecisionFilter, Outcome
from ponte.errors import Forbidden, InvalidInput, NotFound, WrongState
from ponte.ports import Commit
from ponte.prompt_desk import FILES
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
CUSTOMER = "whatsapp:+5511900000001"
PAULA = Agent("ag_paula", "paula@example.com", "Paula", Role.PROMPT_ENGINEER, "x", 0)
SONIA = Agent("ag_sonia", "sonia@example.com", "Sônia", Role.SUPERVISOR, "x", 0)
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)


@pytest.fixture
async def ponte(tmp_path: Path) -> AsyncIterator[Ponte]:
    """Ponte with a playground over a copy of the prompt files, without any model."""
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder)
    settings = load_settings(data_dir=tmp_path / "data", prompts_dir=folder)
    async with open_ponte(settings, lab=open_lab) as opened:
        yield opened


async def test_a_draft_is_tried_without_touching_customers(ponte: Ponte) -> None:
    """The answer, the decision with its scores and the sources come back; the store stays empty."""
    tried = await ponte.prompt_desk.try_out(PAULA, FILES, ["Qual o preço das aulas?", "quero um atendente"])
    price, human = tried.turns
    assert any("420" in answer for answer in price.answers)
    assert price.decision is not None
    assert price.decision.outcome is Outcome.BOT
    assert not price.handed_over
    assert human.handed_over
    assert human.decision is not None
    assert human.decision.trigger is not None
    assert human.decision.scores
    assert (tried.model, tried.error) == (False, None)
    page = await ponte.prompt_desk.ledger(PAULA, DecisionFilter())
    assert page.items == ()
    assert (await ponte.store.conversations(status=None, contact_id=None, after=None, limit=1)).items == ()


async def test_what_cannot_be_tried_is_told(ponte: Ponte) -> None:
    """Neither nothing nor too much is written, and files with faults are named."""
    desk = ponte.prompt_desk
    for texts in ([], ["  "], ["x"] * 13, ["x" * 1_001]):
        with pytest.raises(InvalidInput):
            await desk.try_out(PAULA, FILES, texts)
    (ponte.settings.prompts_dir / "policy.yaml").write_text("nonsense: [", encoding="utf-8")
    with pytest.raises(InvalidInput, match="policy"):
        await desk.try_out(PAULA, FILES, ["oi"])
    folder = (await desk.view(PAULA)).folder
    assert folder is not None
    assert [fault.file for fault in folder.faults] == ["policy.yaml"]


async def test_a_version_is_gone_back_to_and_released(ponte: Ponte) -> None:
    """Only one that can be served; who did it is in the audit log; what differs is shown."""
    desk = ponte.prompt_desk
    good = dict(read_folder(ponte.settings.prompts_dir).files)
    broken = {"policy.yaml": b"nonsense: ["}
    for files in (good, broken):
        await ponte.prompts.keep(version_of(files), files)
    served = await desk.roll_back(PAULA, version_of(good)[:6])
    assert served.pinned == version_of(good)
    with pytest.raises(WrongState):
        await desk.roll_back(PAULA, version_of(broken))
    assert (await desk.release(PAULA)).pinned is None
    log = [(e.actor, e.action) for e in await ponte.store.audit_log()]
    assert log == [(PAULA.id, "prompts_released"), (PAULA.id, "prompts_rolled_back")]
    assert await desk.diff(PAULA, version_of(good), FILES) == []
    (changed, *_) = await desk.diff(PAULA, version_of(broken), FILES)
    assert changed.state == "added"


async def test_roles_are_asked(ponte: Ponte) -> None:
    """Supervisors read and do not change; agents do neither."""
    desk = ponte.prompt_desk
    assert (await desk.view(SONIA)).folder is not None
    assert (await desk.examples(SONIA)).startswith("lang\tlabel\tkind\ttext\n")
    assert await desk.report(SONIA) is None
    for act in (desk.try_out(SONIA, FILES, ["oi"]), desk.release(SONIA), desk.roll_back(SONIA, "abc")):
        with pytest.raises(Forbidden):
            await act
    for ask in (desk.view(ANA), desk.report(ANA), desk.ledger(ANA, DecisionFilter()), desk.examples(ANA)):
        with pytest.raises(Forbidden):
            await ask


async def _talked(ponte: Ponte) -> str:
    """Let a customer talk to the bot in the real store, and ask for a human; returns where."""
    clock = ManualClock()
    responder = FakeResponder(["Custa 120 reais, Joaquina."])
    context = replace(fake_context(PROMPTS), responder=responder, clock=clock)
    graph, messenger = build_graph(InMemorySaver()), FakeMessenger(clock)
    pipeline = Pipeline(ponte.store, graph, context, clock=clock, messenger=messenger)
    for n, text in enumerate(("Qual o preço das aulas?", "quero um atendente, meu CPF é 529.982.247-25")):
        await pipeline.customer_says(CUSTOMER, text, f"SM{n:032d}")
        await pipeline.settle()
    return (await pipeline.current(CUSTOMER)).id


async def test_a_stored_conversation_is_said_again_to_a_draft(ponte: Ponte) -> None:
    """Old and new answers come side by side, numbers masked; the store is as it was before."""
    conversation_id = await _talked(ponte)
    before = await ponte.store.messages(conversation_id, limit=100)
    (recent,) = await ponte.prompt_desk.recent(PAULA)
    assert (recent.id, recent.language) == (conversation_id, "pt-BR")
    found = await ponte.prompt_desk.try_past(PAULA, FILES, conversation_id)
    price, human = found.turns
    assert price.customer == ("Qual o preço das aulas?",)
    assert human.customer == ("quero um atendente, meu CPF é <number>",)
    assert price.before.said[0].startswith("Custa 120 reais, <name>")
    assert any("420" in text for text in price.now.said)
    assert (price.before.trigger, price.now.trigger) == (None, None)
    assert human.before.trigger is human.now.trigger is Trigger.KEYWORD
    assert (found.model, found.error, found.cut) == (False, None, False)
    assert await ponte.store.messages(conversation_id, limit=100) == before


async def test_what_cannot_be_said_again_is_told(ponte: Ponte) -> None:
    """Unknown conversations and versions, and those of which nothing is kept; other roles may not."""
    desk, conversation_id = ponte.prompt_desk, await _talked(ponte)
    for version, wanted in ((FILES, "cv_none"), ("abcdef", conversation_id)):
        with pytest.raises(NotFound):
            await desk.try_past(PAULA, version, wanted)
    empty = replace(await ponte.store.conversation(conversation_id), id="cv_e", thread_id="th_e", version=1)
    await ponte.store.commit(Commit(replace(empty, status=Status.RESOLVED, last_seq=0)))
    with pytest.raises(NotFound):
        await desk.try_past(PAULA, FILES, "cv_e")
    for act in (desk.recent(SONIA), desk.try_past(SONIA, FILES, conversation_id)):
        with pytest.raises(Forbidden):
            await act
