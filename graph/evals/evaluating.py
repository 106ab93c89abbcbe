"""All conversations, some at a time, through one set of prompt files or through two that are compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from graph.context import GraphContext
from graph.evals.cases import Case
from graph.evals.running import CaseRun, run_case
from graph.judging import Judge

NO_MODEL: Final = "needs a model, and none is configured"
MODEL_OFF: Final = "needs a model, and --no-model was given"


class Status(StrEnum):
    """What all runs of a case together came to."""

    PASSED = "passed"
    UNSTEADY = "unsteady"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Side:
    """A set of prompt files that is evaluated.

    Args:
        label: what the user called it: a folder or a version.
        version: of its contents.
        context: made of it.
    """

    label: str
    version: str
    context: GraphContext


@dataclass(frozen=True, slots=True)
class Result:
    """One case.

    Args:
        case: the conversation.
        runs: with the set that is evaluated.
        before: with the set that it is compared with; None where there is none.
        skipped: why it was not run; None when it was.
    """

    case: Case
    runs: tuple[CaseRun, ...] = ()
    before: tuple[CaseRun, ...] | None = None
    skipped: str | None = None

    @property
    def status(self) -> Status:
        """What the runs came to."""
        return Status.SKIPPED if self.skipped is not None else status_of(self.runs)

    @property
    def status_before(self) -> Status | None:
        """What the other set's runs came to; None where there is none."""
        if self.before is None:
            return None
        return Status.SKIPPED if self.skipped is not None else status_of(self.before)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole evaluation.

    Args:
        new: the set that is evaluated.
        old: the set that it is compared with; None where there is none.
        results: by case, in the order of their files.
        repeats: how often each case was run, a side.
        took_ms: for all of it.
    """

    new: Side
    old: Side | None
    results: tuple[Result, ...]
    repeats: int
    took_ms: int

    def count(self, status: Status) -> int:
        """Return how many cases came to ``status``."""
        return sum(result.status is status for result in self.results)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to evaluate.

    Args:
        repeats: runs of each case, a side.
        jobs: conversations at a time.
        no_model: as though no model were configured.
        model_for_all: the model answers in every case, also in those that need none.
        judge: for rubrics; None: there is no model.
    """

    repeats: int = 1
    jobs: int = 8
    no_model: bool = False
    model_for_all: bool = False
    judge: Judge | None = None


def status_of(runs: Sequence[CaseRun]) -> Status:
    """Return what the runs came to: failed when more than half of them did, unsteady when fewer did."""
    failed = sum(not run.passed for run in runs)
    if not failed:
        return Status.PASSED
    return Status.FAILED if 2 * failed > len(runs) else Status.UNSTEADY


async def evaluate(
    cases: Sequence[Case],
    new: Side,
    old: Side | None,
    plan: Plan,
    on_run: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Run the cases.

    Args:
        cases: the conversations; the same ones for both sides.
        new: the set that is evaluated.
        old: another one to compare with.
        plan: how often, how many at a time, and with which model.
        on_run: called after each run.
    """
    began = time.perf_counter()
    free = asyncio.Semaphore(plan.jobs)
    with_model = new.context.responder is not None and not plan.no_model

    async def run(case: Case, side: Side) -> CaseRun:
        async with free:
            model = with_model and (case.needs_model or plan.model_for_all)
            done = await run_case(case, side.context, plan.judge, model=model)
        on_run()
        return done

    async def result(case: Case) -> Result:
        if case.needs_model and not with_model:
            return Result(case, before=None, skipped=MODEL_OFF if plan.no_model else NO_MODEL)
        sides = [new] if old is None else [new, old]
        runs = await asyncio.gather(*(run(case, side) for side in sides for _ in range(plan.repeats)))
        before = tuple(runs[plan.repeats :]) if old is not None else None
        return Result(case, tuple(runs[: plan.repeats]), before)

    results = await asyncio.gather(*(result(case) for case in cases))
    return Evaluation(new, old, tuple(results), plan.repeats, round((time.perf_counter() - began) * 1000))


def runs_of(cases: Sequence[Case], plan: Plan, *, model: bool, sides: int) -> int:
    """Return how many runs ``evaluate`` will make, for a progress bar."""
    ran = sum(not case.needs_model or (model and not plan.no_model) for case in cases)
    return ran * plan.repeats * sides
