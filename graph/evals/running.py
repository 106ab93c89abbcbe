"""Running conversations through the whole pipeline, in this process: worker, graph, commit and delivery.

Each conversation has a store, a thread and a clock of its own, and nothing leaves this machine but the calls
of the configured model.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.citing import SOURCES
from graph.context import ChatMessage, GraphContext, ModelFailed, Reply, Responder
from graph.evals.cases import Case
from graph.evals.expecting import Check, Said, checks
from graph.evals.schema import Step
from graph.harness import Pipeline
from graph.judging import Judge, Line
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import HUMAN_STATUSES, Status, Trigger
from ponte.domain.message import Author, Message
from ponte.errors import PonteError
from ponte.testing import FakeMessenger, ManualClock

_CUSTOMER: Final = "whatsapp:+5511900000001"
_AGENT: Final = Agent("ag_eval", "agent@example.com", "Ana", Role.AGENT, "x", 0)
# A Wednesday at ten in the morning in São Paulo: an ordinary office hour.
_WEDNESDAY: Final = 1_780_491_600_000
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class StepRun:
    """What one step of a conversation came to.

    Args:
        customer: what the customer wrote.
        agent: what the agent wrote.
        said: what the bot said and did.
        checks: what was expected of it.
    """

    customer: tuple[str, ...]
    agent: str | None
    said: Said
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One run of one conversation.

    Args:
        steps: step by step, as far as it came.
        checks: what was expected of the whole.
        error: why it could not be judged; None when it could.
        took_ms: for all of it.
    """

    steps: tuple[StepRun, ...]
    checks: tuple[Check, ...] = ()
    error: str | None = None
    took_ms: int = 0

    @property
    def passed(self) -> bool:
        """True when every expectation was met."""
        return self.error is None and not self.failures()

    def failures(self) -> list[tuple[int | None, Check]]:
        """Return the expectations that were not met, each with the number of its step, from 1."""
        found: list[tuple[int | None, Check]] = [
            (n, check) for n, step in enumerate(self.steps, 1) for check in step.checks if not check.passed
        ]
        return found + [(None, check) for check in self.checks if not check.passed]


@dataclass(slots=True)
class Watched:
    """A ``Responder`` that remembers why its model failed: the pipeline answers all the same."""

    responder: Responder
    failures: list[str] = field(default_factory=list)

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Answer the customer, see ``Responder``."""
        try:
            return await self.responder.reply(messages)
        except ModelFailed as failure:
            self.failures.append(str(failure))
            raise

    async def judge(self, messages: Sequence[ChatMessage]) -> float:
        """Return how sure the model is that a human is wanted, see ``Responder``."""
        return await self.responder.judge(messages)


async def run_case(case: Case, context: GraphContext, judge: Judge | None, *, model: bool) -> CaseRun:
    """Run one conversation and look at what came of it.

    Args:
        case: the conversation.
        context: of the prompt files that are evaluated.
        judge: for rubrics.
        model: let the language model answer; else the knowledge files do, as without any model.

    Returns:
        The run; an error in it is its ``error``, never an exception.
    """
    began = time.perf_counter()
    watched = Watched(context.responder) if model and context.responder is not None else None
    clock = ManualClock(int(case.at.timestamp() * 1000) if case.at else _WEDNESDAY)
    # What could be reached beside the model is left out.
    own = replace(
        context, clock=clock, responder=watched, retriever=None, media=None, transcriber=None, describer=None
    )
    steps: list[StepRun] = []
    error: str | None = None
    ends: tuple[Check, ...] = ()
    try:
        with tempfile.TemporaryDirectory(prefix="ponte-eval-") as folder:
            async with open_sqlite(Path(folder)) as store:
                await store.migrate()
                await store.add_agent(_AGENT)
                graph = build_graph(InMemorySaver())
                pipeline = Pipeline(store, graph, own, clock=clock, messenger=FakeMessenger(clock))
                talk = _Talk(pipeline, steps)
                for step in case.steps:
                    await talk.take(step)
        if watched is not None and watched.failures:
            error = f"the model failed: {watched.failures[0]}"
        else:
            steps = [await _looked_at(case, steps, n, judge) for n in range(len(steps))]
            ends = await _ends(case, steps, judge)
    except (PonteError, AssertionError) as failure:
        error = str(failure)
    except Exception as failure:  # noqa: BLE001 - the loop's edge: one broken case must not end the others
        error = f"{type(failure).__name__}: {failure}"
    return CaseRun(tuple(steps), ends, error, round((time.perf_counter() - began) * 1000))


class _Talk:
    """Plays the customer and the agent, and hears what the bot says.

    Args:
        pipeline: takes what they write.
        steps: gets what each step came to.
    """

    def __init__(self, pipeline: Pipeline, steps: list[StepRun]) -> None:
        self._pipeline = pipeline
        self._steps = steps
        self._sids = 0
        self._seen: set[str] = set()

    async def take(self, step: Step) -> None:
        """Let one step happen, until nothing is left to do."""
        if step.agent is None:
            for text in step.customer or ():
                self._sids += 1
                await self._pipeline.customer_says(_CUSTOMER, text, f"SM{self._sids:032x}")
        else:
            await self._answer(step, step.agent)
        await self._pipeline.settle()
        heard = await self._heard()
        current = await self._pipeline.current(_CUSTOMER)
        human = current.status in HUMAN_STATUSES
        triggers = (current.handoff.trigger,) if human and current.handoff is not None else ()
        sources = [s for message in heard for s in dict(message.details).get(SOURCES, "").split(", ") if s]
        said = Said(tuple(message.body for message in heard), human, triggers, tuple(dict.fromkeys(sources)))
        self._steps.append(StepRun(step.customer or (), step.agent, said))

    async def _answer(self, step: Step, text: str) -> None:
        desk, current = self._pipeline.desk, await self._pipeline.current(_CUSTOMER)
        if current.status not in HUMAN_STATUSES:
            raise PonteError("An agent answers here, but the conversation was not handed over.")
        if current.status is Status.AWAITING_AGENT:
            await desk.claim(_AGENT, current.id)
        await desk.reply(_AGENT, current.id, text)
        # What the agent wrote is no answer of the bot's.
        await self._pipeline.settle()
        await self._heard()
        if step.then == "return":
            await desk.return_to_bot(_AGENT, current.id, step.brief)
        elif step.then == "resolve":
            await desk.resolve(_AGENT, current.id)

    async def _heard(self) -> list[Message]:
        """Return what was said to the customer since the last look, by the bot and by the system."""
        found = [m for m in await self._pipeline.transcript(_CUSTOMER) if m.id not in self._seen]
        self._seen |= {message.id for message in found}
        return [m for m in found if m.author in {Author.BOT, Author.SYSTEM} and m.body]


async def _looked_at(case: Case, steps: Sequence[StepRun], number: int, judge: Judge | None) -> StepRun:
    step, expect = steps[number], case.steps[number].expect
    found = list(_answered(steps, number, silent=expect.silent or case.expect.silent))
    found += checks(expect, step.said, case.language, case.never)
    if expect.rubric is not None:
        found.append(await _judged(expect.rubric, steps[: number + 1], judge, last_only=True))
    return replace(step, checks=tuple(found))


def _answered(steps: Sequence[StepRun], number: int, *, silent: bool) -> Sequence[Check]:
    """A customer who talks to the bot gets an answer, also where no case says so."""
    step = steps[number]
    with_human = number > 0 and steps[number - 1].said.handed_over
    if not step.customer or silent or with_human:
        return ()
    return [Check("answered", "the bot says something", bool(step.said.text.strip()))]


async def _ends(case: Case, steps: Sequence[StepRun], judge: Judge | None) -> tuple[Check, ...]:
    """Hold the whole conversation against what is expected of it."""
    triggers: list[Trigger] = [trigger for step in steps for trigger in step.said.triggers]
    whole = Said(
        tuple(step.said.text for step in steps),
        any(step.said.handed_over for step in steps),
        tuple(dict.fromkeys(triggers)),
        tuple(dict.fromkeys(source for step in steps for source in step.said.sources)),
    )
    # Language and what must never be said were looked at step by step.
    found = list(checks(case.expect, whole, None, ()))
    if case.expect.rubric is not None:
        found.append(await _judged(case.expect.rubric, steps, judge, last_only=False))
    return tuple(found)


async def _judged(rubric: str, steps: Sequence[StepRun], judge: Judge | None, *, last_only: bool) -> Check:
    if judge is None:
        raise PonteError("A rubric needs a model to judge it; set OPENAI_API_KEY or OPENAI_BASE_URL.")
    lines: list[Line] = []
    for n, step in enumerate(steps, 1):
        lines += [Line("customer", text, judged=False) for text in step.customer]
        if step.agent is not None:
            lines.append(Line("agent", step.agent, judged=False))
        lines += [Line("bot", text, not last_only or n == len(steps)) for text in step.said.answers]
    verdict = await judge.judge(rubric, lines)
    return Check("rubric", rubric, verdict.met, verdict.reason)
