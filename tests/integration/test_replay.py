"""Past conversations through a draft: masked, side by side, and without a trace anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import GraphContext, Reply
from graph.harness import Pipeline
from graph.replay.past import PastConversation, last_conversations
from graph.replay.report import html_of, report_of
from graph.replay.running import Replayed, replay
from graph.testing import FakeResponder, failing_responder, fake_context
from ponte.bootstrap import open_ponte
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Trigger
from ponte.domain.message import Inbound, Kind
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
ANA = Agent("ag_ana", "ana@example.com", "Ana Beatriz", Role.AGENT, "x", 0)
MARIA, JOAO = "whatsapp:+5511900000001", "whatsapp:+5511900000002"
SECRETS = ("Joaquina", "joaquina", "529.982.247-25", "529982", "5511900000001", "Beatriz")
SCRIPT = "<script>alert(1)</script> [bold]oi[/bold], quanto custa a aula?"


@cache
def _base() -> GraphContext:
    return fake_context(PROMPTS)


async def _lived(act: Callable[[Pipeline], Awaitable[None]]) -> None:
    """Let ``act`` happen in the database that the commands find."""
    clock = ManualClock()
    async with open_ponte(load_settings()) as ponte:
        await ponte.store.add_agent(ANA)
        context = replace(_base(), responder=FakeResponder(["Custa 120 reais, Joaquina."]), clock=clock)
        graph, messenger = build_graph(InMemorySaver()), FakeMessenger(clock)
        await act(Pipeline(ponte.store, graph, context, clock=clock, messenger=messenger))


async def _says(pipeline: Pipeline, address: str, sid: int, body: str, kind: Kind = Kind.TEXT) -> None:
    pipeline.clock.advance(1_000)
    now = pipeline.clock.now()
    name = "Joaquina Prado" if address == MARIA else "Zé"
    message = Inbound(f"SM{sid:032d}", address, "whatsapp:+1", body, kind, now, profile_name=name)
    await pipeline.intake.accept(message)
    await pipeline.settle()


async def _a_day(pipeline: Pipeline) -> None:
    """Two customers: one asks, is handed over, comes back; the other one only asks."""
    await _says(pipeline, MARIA, 1, "oi, sou a joaquina, cpf 529.982.247-25, quanto custa a aula?")
    await _says(pipeline, MARIA, 2, "quero falar com um atendente")
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    await pipeline.desk.reply(ANA, current.id, "Oi, aqui é a Beatriz.")
    await _says(pipeline, MARIA, 3, "obrigada, Beatriz")
    await pipeline.desk.reply(ANA, current.id, "De nada!")
    await pipeline.desk.return_to_bot(ANA, current.id, "resolvido")
    await pipeline.settle()
    await _says(pipeline, MARIA, 4, "vocês têm aula no domingo?")
    await _says(pipeline, JOAO, 5, SCRIPT)


async def _read(count: int = 50) -> list[PastConversation]:
    async with open_ponte(load_settings()) as ponte:
        return await last_conversations(ponte.store, count)


async def _run(responder: FakeResponder, past: list[PastConversation]) -> list[Replayed]:
    return await replay(past, replace(_base(), responder=responder), model=True)


def _rows() -> dict[str, list[object]]:
    """Return all that the live database holds, by table."""
    (path,) = load_settings().data_dir.glob("*.db")
    with closing(sqlite3.connect(path)) as database:
        names = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
            )
        ]
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}  # noqa: S608 - the database's own names


async def test_nothing_that_tells_who_somebody_is_reaches_the_draft() -> None:
    """Neither names nor numbers are in what the model is asked, in the report, or in the page."""
    await _lived(_a_day)
    model = FakeResponder(["Custa 130 reais."])
    found = await _run(model, await _read())
    asked = "\n".join(message.content for call in [*model.asked, *model.judged] for message in call)
    assert "quanto custa a aula?" in asked
    report = report_of(found, {"draft": {"label": "d", "version": "v"}, "model": None, "at": 0})
    for text in (asked, json.dumps(report, ensure_ascii=False), html_of(report)):
        assert not [secret for secret in SECRETS if secret in text]
    assert "Custa 120 reais, <name>." in {said for one in found for t in one.turns for said in t.past.said}


async def test_differences_in_handoffs_are_counted() -> None:
    """Each turn is compared by itself: handed over before, now, with both, or with neither."""
    await _lived(_a_day)
    past = await _read()
    same = report_of(await _run(FakeResponder(["Custa 120 reais, Joaquina."]), past), {})
    assert same["handoffs"] == {"only_now": 0, "only_before": 0, "both": 1, "neither": 3}
    transfers = await _run(FakeResponder([Reply("", "told to")]), past)
    report = report_of(transfers, {})
    assert report["handoffs"] == {"only_now": 3, "only_before": 0, "both": 1, "neither": 0}
    (maria,) = [one for one in transfers if len(one.turns) > 1]
    assert [turn.trigger for turn in maria.turns] == [Trigger.MODEL, Trigger.KEYWORD, Trigger.MODEL]
    # What was written to the agent is no turn of the bot's.
    assert not [turn for turn in maria.turns if "obrigada" in " ".join(turn.past.customer)]


async def test_an_answer_is_the_same_or_not_word_for_word() -> None:
    """Both sides are masked alike, so a name in an answer makes no difference."""
    await _lived(_a_day)
    past = await _read()
    before = report_of(await _run(FakeResponder(["Custa 120 reais, Joaquina."]), past), {})
    assert before["answers"] == {"same": 4, "different": 0}
    after = report_of(await _run(FakeResponder(["Custa 130 reais."]), past), {})
    assert after["answers"] == {"same": 1, "different": 3}


async def test_a_model_that_fails_is_shown() -> None:
    """A draft whose model does not answer looks like one, not like one that hands everything over."""
    await _lived(_a_day)
    found = await _run(failing_responder("no such model"), await _read())
    assert report_of(found, {})["model_failures"] == 3
    assert {turn.model_failed for one in found for turn in one.turns} == {None, "no such model"}


async def test_only_as_many_as_asked_for_and_only_with_words() -> None:
    """The conversations that changed last come first; one without a word of the customer does not count."""

    async def act(pipeline: Pipeline) -> None:
        await _a_day(pipeline)
        await _says(pipeline, "whatsapp:+5511900000003", 6, "", Kind.STICKER)

    await _lived(act)
    assert len(await _read()) == 2
    (newest,) = await _read(1)
    assert [turn.customer for turn in newest.turns] == [(SCRIPT,)]


async def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    """What customers wrote is text in it; there is no script and no address to load from."""
    await _lived(_a_day)
    found = await _run(FakeResponder(["<img src=x onerror=alert(1)>"]), await _read())
    page = html_of(report_of(found, {"draft": {"label": "<b>d", "version": "v"}, "model": None, "at": 0}))
    assert "&lt;script&gt;alert(1)" in page
    assert not [bad for bad in ("<script", "<img", "<b>d", "src=", "://") if bad in page.replace("src=x", "")]


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does: it sets up logging for its process."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ponte", "prompts", *arguments],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_command_shows_both_sides_and_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    """Differences are counted first; page and JSON are written; no row of the live database changes."""
    asyncio.run(_lived(_a_day))
    before = _rows()
    draft = Path(shutil.copytree(PROMPTS, tmp_path / "draft"))
    with (draft / "handoff/keywords.yaml").open("a", encoding="utf-8") as file:
        file.write("# a draft\n")
    page = tmp_path / "out" / "replay.html"
    options = ["replay", "--draft", str(draft), "--no-model", "--html", str(page)]
    shown = _command(*options)
    assert shown.returncode == 0, shown.stderr
    first, second, *_ = shown.stdout.splitlines()
    assert first.startswith("Handoffs that differ: 0 of 4 turns in 2 conversations")
    assert second.endswith("Answered by the knowledge files alone.")
    assert "[bold]oi[/bold]" in shown.stdout
    assert str(page) in shown.stdout.replace("\n", "")
    assert "Handoffs that differ" in page.read_text(encoding="utf-8")
    printed = _command("replay", "--last", "1", "--json", "--no-model")
    report = json.loads(printed.stdout)
    assert (report["conversations"], report["turns"], report["model"]) == (1, 1, None)
    assert before["messages"]
    assert _rows() == before


def test_there_is_nothing_to_replay_at_first() -> None:
    """An empty database is told in words."""
    done = _command("replay", "--no-model")
    assert done.returncode != 0
    assert "no conversation to replay" in " ".join(done.stderr.split())
