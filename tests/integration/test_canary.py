"""A version of the prompt files on trial, through the whole pipeline and two processes that serve."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from structlog.testing import capture_logs
from typer.testing import CliRunner

from graph.builder import build_graph
from graph.context import GraphContext, Reply
from graph.harness import Pipeline
from graph.prompt_serving import PromptServer
from graph.prompts import PromptSet, prompts_version
from graph.testing import FakeResponder, failing_responder, fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.canary import LEAD_MS, Canaries, CanaryWatch, canary_figures
from ponte.cli.prompts import app
from ponte.domain.agent import Agent, Role
from ponte.domain.canary import CanaryBounds
from ponte.domain.conversation import Conversation
from ponte.domain.decision import Mark
from ponte.domain.message import Author
from ponte.domain.prompt_version import CanaryEnd
from ponte.errors import InvalidInput
from ponte.prompt_versions import PromptVersions
from ponte.testing import FakeMessenger, ManualClock

SHIPPED = Path(__file__).parents[2] / "prompts"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
# What the stub models of these versions do.
_TRANSFERS, _FAILS = "ALWAYS TRANSFER.", "ALWAYS FAIL."


@cache
def _base() -> GraphContext:
    return fake_context(SHIPPED)


class Office:
    """A store, the files that are served, and another folder whose version is tried."""

    def __init__(self, store: SqliteStore, clock: ManualClock, place: Path) -> None:
        self.store = store
        self.clock = clock
        self.folder = Path(shutil.copytree(SHIPPED, place / "prompts"))
        self.draft = Path(shutil.copytree(SHIPPED, place / "draft"))
        self.prompts = PromptVersions(store, clock)
        self.canaries = Canaries(store, self.prompts, clock)
        self.served = prompts_version(self.folder)
        self._customers = 0

    def server(self) -> PromptServer:
        """Return what one process serves with."""
        return PromptServer(self.folder, PromptVersions(self.store, self.clock), self._derive)

    def _derive(self, prompts: PromptSet, like: GraphContext | None = None) -> GraphContext:
        told = prompts.assistant.body.source
        model = FakeResponder(["Custa 120 reais."])
        if _TRANSFERS in told:
            model = FakeResponder([Reply("", "the prompt says so")])
        if _FAILS in told:
            model = failing_responder()
        return replace(like or _base(), prompts=prompts, responder=model, clock=self.clock)

    async def draft_of(self, more: str) -> str:
        """Write a draft and keep it, as the command does; return its version."""
        with (self.draft / "assistant.md").open("a", encoding="utf-8") as file:
            file.write(f"\n{more}\n")
        version = prompts_version(self.draft)
        files = {
            path.relative_to(self.draft).as_posix(): path.read_bytes()
            for path in self.draft.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        await self.prompts.keep(version, files)
        return version

    async def begin(self, version: str, percent: float = 50.0, **bounds: float) -> None:
        """Begin a trial and let its lead pass."""
        limits = CanaryBounds(conversations=round(bounds.pop("conversations", 10)), **bounds)
        await self.canaries.start(version, percent, limits)
        self.clock.advance(LEAD_MS)

    def pipeline(self, server: PromptServer) -> Pipeline:
        """Return a process that runs turns with what ``server`` serves."""
        return Pipeline(
            self.store,
            build_graph(InMemorySaver()),
            _base(),
            clock=self.clock,
            messenger=FakeMessenger(self.clock),
            contexts=server,
        )

    async def customers(
        self, pipeline: Pipeline, count: int, text: str = "quanto custa a aula?"
    ) -> list[str]:
        """Let new customers write; return their addresses."""
        found: list[str] = []
        for _ in range(count):
            self._customers += 1
            found.append(f"whatsapp:+55119{self._customers:08d}")
            await pipeline.customer_says(found[-1], text, f"SM{self._customers:032d}")
        await pipeline.settle()
        return found

    def watch(self, owner: str) -> CanaryWatch:
        """Return the errand of one process."""
        return CanaryWatch(self.store, self.canaries, self.clock, owner)

    async def audited(self) -> list[tuple[str, str]]:
        """Return what the audit log says of trials, as actor and action, in order of the action."""
        log = await self.store.audit_log()
        found = [(entry.actor, entry.action) for entry in log if "canary" in entry.action]
        return sorted(found, key=lambda one: one[1])


@pytest.fixture
async def office(tmp_path: Path, manual_clock: ManualClock) -> AsyncIterator[Office]:
    """Return an office with an empty store."""
    async with open_sqlite(tmp_path / "data") as store:
        await store.migrate()
        await store.add_agent(ANA)
        yield Office(store, manual_clock, tmp_path)


async def _voices(pipeline: Pipeline, address: str) -> set[str]:
    """Return the versions that spoke in a customer's conversation."""
    return {
        message.prompt_version
        for message in await pipeline.transcript(address)
        if message.author in {Author.BOT, Author.SYSTEM} and message.prompt_version
    }


async def test_a_conversation_keeps_its_version_whatever_the_share_becomes(office: Office) -> None:
    """About half of the new ones are on trial; none hears a second voice when the share changes."""
    server = office.server()
    await server.start()
    pipeline = office.pipeline(server)
    older = await office.customers(pipeline, 5)
    version = await office.draft_of("Be brief.")
    await office.begin(version)
    await server.refresh()
    new = await office.customers(pipeline, 24)
    at_first = {address: await _voices(pipeline, address) for address in new}
    assert all(len(voices) == 1 for voices in at_first.values())
    assert 5 <= sum(voices == {version} for voices in at_first.values()) <= 19
    started = (await office.prompts.serving()).canary
    for percent in (0.0, 100.0):
        await office.canaries.start(version, percent, CanaryBounds())
        await server.refresh()
        for n, address in enumerate([*new, *older]):
            await pipeline.customer_says(address, "e de domingo?", f"SM{percent:.0f}x{n:027d}")
        await pipeline.settle()
    assert {address: await _voices(pipeline, address) for address in new} == at_first
    for address in older:
        assert await _voices(pipeline, address) == {office.served}
    changed = (await office.prompts.serving()).canary
    assert started is not None
    assert changed is not None
    assert changed.started_at == started.started_at


async def test_a_version_that_hands_everything_over_is_rolled_back(office: Office) -> None:
    """Past the bound the trial ends by itself: audited, logged, told, and everybody has the other version."""
    server = office.server()
    await server.start()
    pipeline = office.pipeline(server)
    version = await office.draft_of(_TRANSFERS)
    await office.begin(version, 50.0)
    await server.refresh()
    assert await office.watch("one").run_once() is None
    await office.customers(pipeline, 40)
    with capture_logs() as logs:
        # The lease is the first one's.
        assert await office.watch("two").run_once() is None
        ended = await office.watch("one").run_once()
        assert await office.watch("one").run_once() is None
    assert ended is not None
    assert (ended.version, ended.how, ended.by) == (version, CanaryEnd.ROLLED_BACK, "worker")
    assert "needed a human, against 0.0 % of" in ended.why
    assert [entry["event"] for entry in logs] == ["prompts_canary_rolled_back"]
    assert await office.audited() == [
        ("worker", "prompts_canary_rolled_back"),
        ("operator", "prompts_canary_started"),
    ]
    serving = await office.prompts.serving()
    assert (serving.canary, serving.ended, serving.served) == (None, ended, office.served)
    await server.refresh()
    (after,) = await office.customers(pipeline, 1)
    assert await _voices(pipeline, after) == {office.served}


async def test_a_version_whose_turns_fail_is_rolled_back(office: Office) -> None:
    """Turns that failed count against the version that ran them, whatever the others' handoff rate."""
    server = office.server()
    await server.start()
    pipeline = office.pipeline(server)
    await office.begin(await office.draft_of(_FAILS), 100.0, handoff_rise=100.0)
    await server.refresh()
    await office.customers(pipeline, 9, "o helicóptero zebra flutua?")
    assert await office.watch("one").run_once() is None
    await office.customers(pipeline, 1, "o helicóptero zebra flutua?")
    ended = await office.watch("one").run_once()
    assert ended is not None
    assert ended.why == "10 of 10 turns failed (100.0 %), more than 5 %."


async def test_one_of_two_processes_ends_a_trial(office: Office) -> None:
    """Two that look at the same moment end it once, and write one entry."""
    server = office.server()
    await server.start()
    await office.begin(await office.draft_of(_FAILS), 100.0)
    await server.refresh()
    await office.customers(office.pipeline(server), 10, "o helicóptero zebra flutua?")
    found = [await office.canaries.end_past_bounds(), await office.canaries.end_past_bounds()]
    assert [one is None for one in found] == [False, True]
    assert len(await office.audited()) == 2


async def test_two_processes_agree_on_every_conversation(office: Office) -> None:
    """They draw the same ones, also where one of them started while the trial ran."""
    first = office.server()
    await first.start()
    version = await office.draft_of("Be brief.")
    await office.begin(version, 30.0)
    second = office.server()
    await second.start()
    await first.refresh()
    now = office.clock.now()
    drawn: list[str] = []
    for n in range(300):
        new = Conversation(f"cv_{n}", "ct", f"th_{n}", now, now)
        versions = {server.for_conversation(new).prompts.version for server in (first, second)}
        assert len(versions) == 1
        drawn += versions
    assert set(drawn) == {version, office.served}
    assert first.current().prompts.version == second.current().prompts.version == office.served


async def test_a_trial_begins_after_every_process_knows_of_it(office: Office) -> None:
    """A conversation that is opened within the lead has the other version for its life."""
    server = office.server()
    await server.start()
    version = await office.draft_of("Be brief.")
    await office.canaries.start(version, 100.0, CanaryBounds())
    await server.refresh()
    pipeline = office.pipeline(server)
    (early,) = await office.customers(pipeline, 1)
    office.clock.advance(LEAD_MS)
    (late,) = await office.customers(pipeline, 1)
    await pipeline.customer_says(early, "e de domingo?", f"SM{'9' * 32}")
    await pipeline.settle()
    assert await _voices(pipeline, early) == {office.served}
    assert await _voices(pipeline, late) == {version}


async def test_a_promoted_version_is_served_to_everybody(office: Office) -> None:
    """It is pinned, the trial is over, and a conversation of the other version follows, as after an edit."""
    server = office.server()
    await server.start()
    version = await office.draft_of("Be brief.")
    await office.begin(version)
    await server.refresh()
    ended = await office.canaries.promote()
    assert ended.how is CanaryEnd.PROMOTED
    await server.refresh()
    assert server.current().prompts.version == version
    serving = await office.prompts.serving()
    assert (serving.pinned, serving.canary) == (version, None)
    with pytest.raises(InvalidInput, match="Nothing is on trial"):
        await office.canaries.promote()
    with pytest.raises(InvalidInput, match="served to everybody already"):
        await office.begin(version)


async def test_a_stopped_trial_leaves_the_version_that_was_served(office: Office) -> None:
    """Its conversations go on with that one; another trial can begin only then."""
    server = office.server()
    await server.start()
    version = await office.draft_of("Be brief.")
    await office.begin(version, 100.0)
    await server.refresh()
    pipeline = office.pipeline(server)
    (writer,) = await office.customers(pipeline, 1)
    other = await office.draft_of("Be long.")
    with pytest.raises(InvalidInput, match=f"Version {version} is on trial"):
        await office.begin(other)
    await office.canaries.stop()
    await server.refresh()
    await pipeline.customer_says(writer, "e de domingo?", f"SM{'9' * 32}")
    await pipeline.settle()
    assert await _voices(pipeline, writer) == {version, office.served}
    assert (await pipeline.current(writer)).prompt_version == office.served
    await office.begin(other)
    assert [action for _, action in await office.audited()] == [
        "prompts_canary_started",
        "prompts_canary_started",
        "prompts_canary_stopped",
    ]


async def test_a_trial_whose_version_cannot_be_served_hurts_nobody(office: Office) -> None:
    """Everybody has the other version, and the status says why."""
    await office.prompts.keep("0123456789ab", {"policy.yaml": b"no: policy"})
    await office.begin("0123456789ab", 100.0)
    server = office.server()
    await server.start()
    new = Conversation("cv", "ct", "th", office.clock.now(), 0)
    assert server.for_conversation(new).prompts.version == office.served
    told = await PromptVersions(office.store, office.clock).status()
    assert told is not None
    assert "0123456789ab cannot be used" in told.faults[0].message


async def test_files_that_become_the_version_on_trial_end_the_trial(office: Office) -> None:
    """Saved into the folder it is served to all, without a pin that would hold back the next edit."""
    server = office.server()
    await server.start()
    version = await office.draft_of("Be brief.")
    await office.begin(version)
    shutil.copyfile(office.draft / "assistant.md", office.folder / "assistant.md")
    await server.look()
    assert server.current().prompts.version == version
    ended = await office.watch("one").run_once()
    assert ended is not None
    assert ended.how is CanaryEnd.PROMOTED
    assert (await office.prompts.serving()).pinned is None


async def test_figures_hold_marks_and_scores(office: Office) -> None:
    """Conversations, handoffs, turns, agents' marks and CSAT are counted for the version that had them."""
    server = office.server()
    await server.start()
    pipeline = office.pipeline(server)
    since = office.clock.now()
    (asker, waiter) = await office.customers(pipeline, 2)
    await pipeline.customer_says(waiter, "quero falar com um atendente", f"SM{'8' * 32}")
    await pipeline.settle()
    waiting = await pipeline.current(waiter)
    await pipeline.desk.claim(ANA, waiting.id)
    await pipeline.desk.mark_handoff(ANA, waiting.id, Mark.NOT_NEEDED)
    figures = (await canary_figures(office.store, since, office.clock.now())).of(office.served)
    assert (figures.conversations, figures.handed_over, figures.turns) == (2, 1, 3)
    assert (figures.not_needed, figures.late, figures.failures) == (1, 0, 0)
    assert (figures.handoff_rate, figures.failure_rate, figures.csat) == (50.0, 0.0, None)
    assert (await pipeline.current(asker)).prompt_version == office.served


def test_the_command_begins_shows_and_stops_a_trial(tmp_path: Path) -> None:
    """A folder is checked and kept; the status is a table or JSON; what makes no sense is told in words."""
    draft = Path(shutil.copytree(SHIPPED, tmp_path / "draft"))
    messages = draft / "messages/en.yaml"
    messages.write_text(messages.read_text(encoding="utf-8") + "# a draft\n", encoding="utf-8")
    version = prompts_version(draft)

    def ponte(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["canary", *arguments])
        return done.output if done.exception is None else str(done.exception)

    assert ponte() == "Nothing is on trial.\n"
    assert "--percent 10" in ponte(str(draft))
    assert f"Version {version} is tried with 12.5 %" in ponte(str(draft), "--percent", "12.5")
    assert "more than 2 % of its turns" in ponte(version[:6], "--max-failures", "2")
    told = json.loads(ponte("status", "--json"))["canary"]
    assert (told["version"], told["percent"]) == (version, 12.5)
    assert told["bounds"] == {"handoff_rise": 10.0, "failure_rate": 2.0, "conversations": 30.0}
    shown = ponte("status")
    assert f"Version {version} has 12.5 % of the conversations" in shown
    assert "on trial" in shown
    assert "takes no percentage" in ponte("promote", "--percent", "3")
    assert f"The trial of version {version} was stopped" in ponte("stop")
    assert "Nothing is on trial" in ponte("stop")
    assert "was stopped at" in ponte()
    messages.write_text("handoff: 1\n", encoding="utf-8")
    assert f"The prompt files of {draft} cannot be used" in ponte(str(draft), "--percent", "10")
