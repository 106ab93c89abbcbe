"""Whether one set of prompt files is worse than another, said so that a gate can rest on it.

Only cases that ran with both sets count. The new set is worse when

1. a case that passed in all of its runs with the old set fails in more than half of them with the new one, or
2. fewer of all runs pass than with the old set.

A case that is unsteady with the old set cannot break the gate by itself (it counts under 2), and one that
fails with both is not held against the new set.
"""

from __future__ import annotations

from graph.evals.evaluating import Evaluation, Result, Status


def broken(evaluation: Evaluation) -> list[Result]:
    """Return the cases that the new set broke."""
    return [
        result
        for result in evaluation.results
        if result.status_before is Status.PASSED and result.status is Status.FAILED
    ]


def mended(evaluation: Evaluation) -> list[Result]:
    """Return the cases that the new set mended."""
    return [
        result
        for result in evaluation.results
        if result.status_before is Status.FAILED and result.status is Status.PASSED
    ]


def passed_runs(evaluation: Evaluation) -> tuple[int, int, int]:
    """Return how many runs passed with the new set and with the old one, and of how many, a side."""
    compared = [result for result in evaluation.results if result.before is not None]
    new = sum(run.passed for result in compared for run in result.runs)
    old = sum(run.passed for result in compared for run in result.before or ())
    return new, old, sum(len(result.runs) for result in compared)


def worse(evaluation: Evaluation) -> list[str]:
    """Return why the new set is worse, in sentences; empty when it is not."""
    reasons = [
        f"{result.case.id} passed with {evaluation.old.label if evaluation.old else 'the other set'} "
        f"and fails with {evaluation.new.label}."
        for result in broken(evaluation)
    ]
    new, old, total = passed_runs(evaluation)
    if new < old:
        reasons.append(f"{new} of {total} runs pass, and {old} did before.")
    return reasons
