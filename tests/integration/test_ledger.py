"""Marks become examples for review; the customer's export and erasure have the ledger in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from typer.testing import CliRunner

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.prompt_files import Reader
from graph.testing import FakeResponder, fake_context
from ponte.bootstrap import Ponte, open_ponte
from ponte.cli.data import app as data_app
from ponte.cli.prompts import app as prompts_app
from ponte.domain.agent import Role
from ponte.domain.conversation import Trigger
from ponte.domain.decision import Mark
from ponte.domain.message import Inbound, Kind
from ponte.errors import InvalidInput
from ponte.ledger import Labelled, counts_by_version, labelled_examples
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock

MARIA, JOAO = "whatsapp:+5511900000001", "whatsapp:+5511900000002"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find an empty database and the real prompt files."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PROMPTS_DIR", str(PROMPTS))


async def lived(act: Callable[[Ponte, Pipeline], Awaitable[None]], clock: ManualClock) -> None:
    """Let ``act`` happen in a database that the commands then find."""
    async with open_ponte(load_settings()) as ponte:
        pipeline = Pipeline(
            ponte.store,
            build_graph(InMemorySaver()),
            fake_context(PROMPTS, responder=FakeResponder(answers=["Custa 120."]), clock=clock),
            clock=clock,
            messenger=FakeMessenger(clock),
        )
        await act(ponte, pipeline)


async def says(pipeline: Pipeline, address: str, n: int, *bodies: str, name: str = "Maria Lima") -> None:
    """Let a customer write a burst of messages, and answer it."""
    for part, body in enumerate(bodies):
        now = pipeline.clock.now()
        sid = f"SM{n:030d}{part:02d}"
        message = Inbound(sid, address, "whatsapp:+1", body, Kind.TEXT, now, profile_name=name)
        await pipeline.intake.accept(message)
    await pipeline.settle()


async def _two_marked(ponte: Ponte, pipeline: Pipeline) -> None:
    """Maria needed no human; João asked for one in other words first."""
    agent = await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, "correct horse battery")
    await says(pipeline, MARIA, 1, "quero falar com atendente", "sobre a aula\tda Maria 123456")
    await says(pipeline, JOAO, 2, "meu problema não se resolve assim não", name="João")
    await says(pipeline, JOAO, 3, "quero falar com atendente", name="João")
    for address, mark in ((MARIA, Mark.NOT_NEEDED), (JOAO, Mark.LATE)):
        current = await pipeline.current(address)
        await pipeline.desk.mark_handoff(agent, current.id, mark)
    bia = await ponte.accounts.add("bia@example.com", "Bia", Role.AGENT, "correct horse battery")
    current = await pipeline.current(MARIA)
    await pipeline.desk.mark_handoff(bia, current.id, Mark.NOT_NEEDED)
    examples = await labelled_examples(ponte.store)
    assert examples == [
        Labelled("pt-BR", "bot", "not_needed", "quero falar com atendente sobre a aula da <name> <number>"),
        Labelled("pt-BR", "human", "late", "meu problema não se resolve assim não"),
    ]
    assert await labelled_examples(ponte.store, pipeline.clock.now() + 10_000) == []
    keyword = next(c for c in await counts_by_version(ponte.store) if c.trigger is Trigger.KEYWORD)
    assert (keyword.decisions, keyword.not_needed, keyword.late) == (2, 2, 1)


def test_marks_become_examples(manual_clock: ManualClock, tmp_path: Path) -> None:
    """Each marked turn is one masked row in the examples' format, whoever marked it and how often."""
    asyncio.run(lived(_two_marked, manual_clock))
    out = tmp_path / "examples" / "handoff" / "examples" / "review.tsv"
    out.parent.mkdir(parents=True)
    done = CliRunner().invoke(prompts_app, ["ledger", "export", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("2 example(s)")
    printed = CliRunner().invoke(prompts_app, ["ledger", "export", "--since", "2020-01-01"])
    assert printed.stdout == out.read_text(encoding="utf-8")
    reader = Reader(out.parents[2])
    assert [(e.lang, e.wants_human, e.kind) for e in reader.examples()] == [
        ("pt-BR", False, "not_needed"),
        ("pt-BR", True, "late"),
    ]
    assert reader.problems == []
    listed = CliRunner().invoke(prompts_app, ["ledger", "list"])
    rows = [line.split("\t")[1:] for line in listed.stdout.splitlines()]
    assert ["keyword", "2", "2", "1"] in rows
    assert ["(bot)", "1", "0", "0"] in rows


def test_a_mark_that_is_taken_back_teaches_nothing(manual_clock: ManualClock) -> None:
    """After ``none`` there is no example and no count."""

    async def act(ponte: Ponte, pipeline: Pipeline) -> None:
        agent = await ponte.accounts.add("ana@example.com", "Ana", Role.AGENT, "correct horse battery")
        await says(pipeline, MARIA, 1, "quero falar com atendente")
        current = await pipeline.current(MARIA)
        for mark in (Mark.NOT_NEEDED, Mark.NONE):
            await pipeline.desk.mark_handoff(agent, current.id, mark)
        assert await labelled_examples(ponte.store) == []
        assert sum(c.not_needed for c in await counts_by_version(ponte.store)) == 0

    asyncio.run(lived(act, manual_clock))


def test_a_customers_data_has_the_ledger_in_it(manual_clock: ManualClock) -> None:
    """The export shows decisions and marks; the erasure takes them."""
    asyncio.run(lived(_two_marked, manual_clock))
    exported = CliRunner().invoke(data_app, ["export", JOAO])
    (conversation,) = json.loads(exported.stdout)["conversations"]
    assert [d["outcome"] for d in conversation["decisions"]] == ["bot", "human"]
    assert [m["mark"] for m in conversation["marks"]] == ["late"]
    erased = CliRunner().invoke(data_app, ["erase", JOAO, "--yes"])
    assert "decisions: 2, marks: 1" in erased.stdout

    async def left() -> list[Labelled]:
        async with open_ponte(load_settings()) as ponte:
            return await labelled_examples(ponte.store)

    assert [example.kind for example in asyncio.run(left())] == ["not_needed"]


def test_a_wrong_day_and_a_wrong_file_are_told() -> None:
    """What cannot be used is named, with the mend."""
    wrong_day = CliRunner().invoke(prompts_app, ["ledger", "list", "--since", "yesterday"])
    assert isinstance(wrong_day.exception, InvalidInput)
    wrong_file = CliRunner().invoke(prompts_app, ["ledger", "export", "--out", "/nowhere/at/all.tsv"])
    assert isinstance(wrong_file.exception, InvalidInput)
    assert "No decisions yet." in CliRunner().invoke(prompts_app, ["ledger", "list"]).stdout
