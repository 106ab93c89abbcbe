"""An evaluation in lines for a terminal: what failed and why, what changed, and the totals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from graph.evals.comparing import broken, mended, passed_runs, worse
from graph.evals.evaluating import Evaluation, Result, Status
from graph.evals.running import CaseRun
from graph.memory import shorten

_SAID: Final = 400
_COLUMN: Final = 56
_LINES: Final = 12


def summary_of(evaluation: Evaluation, report: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines.

    Args:
        evaluation: what was run.
        report: its head: ``model`` and ``judge``.
    """
    for result in evaluation.results:
        if result.status in {Status.FAILED, Status.UNSTEADY}:
            yield from _failed(result)
    if evaluation.old is not None:
        yield from _compared(evaluation, evaluation.old.label)
    yield from _totals(evaluation, report)


def _failed(result: Result) -> Iterator[str]:
    case, failed = result.case, [run for run in result.runs if not run.passed]
    often = f" in {len(failed)} of {len(result.runs)} runs" if len(result.runs) > 1 else ""
    yield f"{result.status.value.upper()}{often}: {case.name} ({case.file}, line {case.line})"
    run = failed[0]
    if run.error is not None:
        yield f"  {run.error}"
    for n, check in run.failures():
        yield f"  {'whole' if n is None else f'turn {n}'}: {check}"
        if n is not None:
            yield f"    answer: {shorten(run.steps[n - 1].said.text, _SAID) or 'nothing'}"


def _compared(evaluation: Evaluation, label: str) -> Iterator[str]:
    """Show the cases that came to something else, old and new side by side."""
    for result in evaluation.results:
        if result.status_before in {None, result.status}:
            continue
        yield f"CHANGED from {result.status_before} to {result.status}: {result.case.id}"
        columns = [_column(run) for run in (_shown(result.before or ()), _shown(result.runs))]
        yield f"  {label[:_COLUMN]:{_COLUMN}} | {evaluation.new.label[:_COLUMN]}"
        for left, right in zip_longest(*columns, fillvalue=""):
            yield f"  {left:{_COLUMN}} | {right}".rstrip()
    new, old, total = passed_runs(evaluation)
    yield (
        f"Against {label}: {new} of {total} runs pass, {old} before; "
        f"{len(broken(evaluation))} cases broken, {len(mended(evaluation))} mended."
    )
    reasons = worse(evaluation)
    yield "WORSE:" if reasons else "Not worse."
    yield from (f"  {reason}" for reason in reasons)


def _shown(runs: Sequence[CaseRun]) -> CaseRun:
    """Return the run that tells most: one that failed, if any did."""
    return next((run for run in runs if not run.passed), runs[0])


def _column(run: CaseRun) -> list[str]:
    lines: list[str] = [run.error] if run.error is not None else []
    for step in run.steps:
        lines += [f"> {text}" for text in step.customer]
        lines += [f"agent: {step.agent}"] if step.agent else []
        lines += [line for text in step.said.answers for line in text.splitlines()]
    wrapped = [part for line in lines for part in textwrap.wrap(line, _COLUMN)]
    return wrapped if len(wrapped) <= _LINES else [*wrapped[:_LINES], "…"]


def _totals(evaluation: Evaluation, report: Mapping[str, object]) -> Iterator[str]:
    counted = [f"{n} {status.value}" for status in Status if (n := evaluation.count(status))]
    runs = sum(len(result.runs) for result in evaluation.results)
    model = report.get("model") or "no model: the knowledge files answer"
    yield (
        f"Cases: {len(evaluation.results)}, {', '.join(counted)}. {runs} runs in "
        f"{evaluation.took_ms / 1000:.1f} s, {model}, version {evaluation.new.version}."
    )
    for reason in sorted({result.skipped for result in evaluation.results if result.skipped}):
        skipped = sum(result.skipped == reason for result in evaluation.results)
        yield f"Skipped, and so neither passed nor failed: {skipped} ({reason})."
