"""An evaluation as plain data: what ``--json`` writes and the last report keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from graph.evals.comparing import broken, mended, passed_runs, worse
from graph.evals.evaluating import Evaluation, Result, Side, Status
from graph.evals.expecting import Check
from graph.evals.running import CaseRun, StepRun

# Raised when a field changes its meaning; readers look at it first.
FORMAT: Final = 1

Report = dict[str, object]


def report_of(evaluation: Evaluation, about: Mapping[str, object]) -> Report:
    """Return the report, fit for JSON.

    Args:
        evaluation: what was run.
        about: what else belongs into its head: ``at``, ``model``, ``judge``, ``only``.
    """
    runs = [run for result in evaluation.results for run in result.runs]
    return {
        "format": FORMAT,
        **about,
        "took_ms": evaluation.took_ms,
        "repeats": evaluation.repeats,
        "new": _side(evaluation.new),
        "old": None if evaluation.old is None else _side(evaluation.old),
        "totals": {
            "cases": len(evaluation.results),
            **{status.value: evaluation.count(status) for status in Status},
            "runs": len(runs),
            "passed_runs": sum(run.passed for run in runs),
        },
        "comparison": None if evaluation.old is None else _comparison(evaluation),
        "cases": [_case(result) for result in evaluation.results],
    }


def _side(side: Side) -> Report:
    return {"label": side.label, "version": side.version}


def _comparison(evaluation: Evaluation) -> Report:
    new, old, total = passed_runs(evaluation)
    reasons = worse(evaluation)
    return {
        "worse": bool(reasons),
        "reasons": reasons,
        "broken": [result.case.id for result in broken(evaluation)],
        "mended": [result.case.id for result in mended(evaluation)],
        "runs": total,
        "passed_runs": new,
        "passed_runs_before": old,
    }


def _case(result: Result) -> Report:
    case = result.case
    return {
        "id": case.id,
        "name": case.name,
        "file": case.file,
        "line": case.line,
        "tags": list(case.tags),
        "language": case.language,
        "needs": "model" if case.needs_model else None,
        "status": result.status.value,
        "status_before": None if result.status_before is None else result.status_before.value,
        "skipped": result.skipped,
        "runs": [_run(run) for run in result.runs],
        "before": None if result.before is None else [_run(run) for run in result.before],
    }


def _run(run: CaseRun) -> Report:
    return {
        "passed": run.passed,
        "error": run.error,
        "took_ms": run.took_ms,
        "turns": [_step(step) for step in run.steps],
        "checks": _checks(run.checks),
    }


def _step(step: StepRun) -> Report:
    return {
        "customer": list(step.customer),
        "agent": step.agent,
        "bot": list(step.said.answers),
        "handed_over": step.said.handed_over,
        "trigger": step.said.triggers[0].value if step.said.triggers else None,
        "sources": list(step.said.sources),
        "checks": _checks(step.checks),
    }


def _checks(checks: Sequence[Check]) -> list[Report]:
    return [
        {"kind": check.kind, "wanted": check.wanted, "passed": check.passed, "found": check.found}
        for check in checks
    ]
