"""The playground: any version of the prompt files against a customer, invented or of a stored conversation.

A ``ponte.ports.PromptLab``. Each trial runs through the whole pipeline, and has a store, a thread and a clock
of its own, which are thrown away; nothing leaves this machine but the calls of the configured model.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.citing import SOURCES
from graph.context import GraphContext
from graph.context_factory import ContextFactory, open_contexts
from graph.evals.running import Watched
from graph.harness import Pipeline
from graph.prompt_files import Problem
from graph.prompt_source import read_folder, version_of
from graph.prompts import read_prompts
from graph.replay.past import one_conversation
from graph.replay.running import ReplayedTurn, replay
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.conversation import HUMAN_STATUSES
from ponte.domain.message import Author
from ponte.domain.prompt_version import PromptFault
from ponte.domain.trial import Answered, Compared, ComparedTurn, PromptFolder, Tried, TriedTurn
from ponte.errors import InvalidInput, NotFound
from ponte.ports import Clock, Store
from ponte.settings import Settings
from ponte.testing import FakeMessenger, ManualClock

_CUSTOMER: Final = "whatsapp:+5511900000001"
# One trial at a time: a version's classifier may take seconds of CPU, beside agents who work.
_AT_ONCE: Final = 1


class Lab:
    """See ``ponte.ports.PromptLab``.

    Args:
        directory: the prompt files.
        clock: the time at which trials happen.
        contexts: makes a version's context.
    """

    def __init__(self, directory: Path, clock: Clock, contexts: ContextFactory) -> None:
        self._directory = directory
        self._clock = clock
        self._contexts = contexts
        self._last: GraphContext | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def folder(self) -> PromptFolder:
        """Return the files as they stand now."""
        return await asyncio.to_thread(self._folder)

    def _folder(self) -> PromptFolder:
        snapshot = read_folder(self._directory)
        _, problems = read_prompts(self._directory)
        return PromptFolder(snapshot.version, snapshot.files, _faults(problems))

    async def faults(self, files: Mapping[str, bytes]) -> tuple[PromptFault, ...]:
        """Return what keeps a version from being served."""
        _, problems = await asyncio.to_thread(read_prompts, files)
        return _faults(problems)

    async def try_out(self, files: Mapping[str, bytes], texts: Sequence[str]) -> Tried:
        """Let an invented customer write; see ``ponte.ports.PromptLab``."""
        async with self._slots:
            context = await self._context(files)
            return await _talk(context, texts, self._clock.now())

    async def try_past(
        self, files: Mapping[str, bytes], store: Store, conversation_id: str, most_turns: int
    ) -> Compared:
        """Let the customer of a stored conversation say it again; see ``ponte.ports.PromptLab``."""
        past = await one_conversation(store, conversation_id, most_turns)
        if past is None:
            raise NotFound("In this conversation the customer said nothing to the bot that is still kept.")
        async with self._slots:
            context = await self._context(files)
            began, model = time.perf_counter(), context.responder is not None
            (done,) = await replay([past], context, model=model)
        took = round((time.perf_counter() - began) * 1000)
        turns = tuple(map(_compared, done.turns))
        return Compared(context.prompts.version, turns, past.cut, model, done.error, took)

    async def _context(self, files: Mapping[str, bytes]) -> GraphContext:
        version = version_of(files)
        if self._last is not None and self._last.prompts.version == version:
            return self._last
        prompts, problems = await asyncio.to_thread(read_prompts, files)
        if prompts is None:
            said = "; ".join(str(problem) for problem in problems[:3])
            raise InvalidInput(f"These prompt files cannot be used: {said}")
        self._last = await asyncio.to_thread(self._contexts.derive, prompts, self._last)
        return self._last


async def _talk(context: GraphContext, texts: Sequence[str], now: int) -> Tried:
    began = time.perf_counter()
    watched = None if context.responder is None else Watched(context.responder)
    clock = ManualClock(now)
    # Files and the database's search stay out: words alone are looked for.
    own = replace(
        context, clock=clock, responder=watched, retriever=None, media=None, transcriber=None, describer=None
    )
    turns: list[TriedTurn] = []
    error: str | None = None
    with tempfile.TemporaryDirectory(prefix="ponte-lab-") as folder:
        async with open_sqlite(Path(folder)) as store:
            await store.migrate()
            messenger = FakeMessenger(clock)
            pipeline = Pipeline(store, build_graph(InMemorySaver()), own, clock=clock, messenger=messenger)
            try:
                for n, text in enumerate(texts):
                    await pipeline.customer_says(_CUSTOMER, text, f"SM{n:032x}")
                    await pipeline.settle()
                    turns.append(await _turn(pipeline, text))
            except AssertionError as failure:
                error = str(failure)
    if watched is not None and watched.failures:
        error = watched.failures[0]
    took = round((time.perf_counter() - began) * 1000)
    return Tried(context.prompts.version, tuple(turns), watched is not None, error, took)


async def _turn(pipeline: Pipeline, text: str) -> TriedTurn:
    current = await pipeline.current(_CUSTOMER)
    rows = await pipeline.transcript(_CUSTOMER)
    said = [n for n, row in enumerate(rows) if row.author is Author.CUSTOMER]
    heard = [row for row in rows[said[-1] :] if row.author in {Author.BOT, Author.SYSTEM} and row.body]
    decisions = await pipeline.store.decisions(current.id, after=rows[said[-1]].seq - 1, limit=1)
    sources = [s for row in heard for s in dict(row.details).get(SOURCES, "").split(", ") if s]
    return TriedTurn(
        customer=text,
        answers=tuple(row.body for row in heard),
        handed_over=current.status in HUMAN_STATUSES,
        decision=decisions[0] if decisions else None,
        sources=tuple(dict.fromkeys(sources)),
    )


def _compared(turn: ReplayedTurn) -> ComparedTurn:
    past = turn.past
    before, now = Answered(past.said, past.trigger), Answered(turn.said, turn.trigger)
    return ComparedTurn(past.customer, past.left_out, before, now, turn.model_failed)


@asynccontextmanager
async def open_lab(settings: Settings, clock: Clock) -> AsyncIterator[Lab]:
    """Yield the playground over the settings' folder and model; a trial has neither voices nor vectors."""
    lean = settings.model_copy(update={"transcribe_local_model": "", "openai_embedding_model": ""})
    async with open_contexts(lean, clock) as contexts:
        yield Lab(settings.prompts_dir, clock, contexts)


def _faults(problems: Sequence[Problem]) -> tuple[PromptFault, ...]:
    return tuple(PromptFault(problem.file, problem.line, problem.message) for problem in problems)
