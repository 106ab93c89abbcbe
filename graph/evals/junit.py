"""An evaluation as JUnit's XML, which CI servers show.

The form is the one that they agree on: https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from graph.evals.evaluating import Evaluation, Result, Status
from graph.evals.running import CaseRun

# What XML 1.0 has no way to write, not even escaped.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(evaluation: Evaluation) -> str:
    """Return the XML: a suite a file, a test a case. An unsteady case is a passed one that says so."""
    root = ET.Element("testsuites", {"name": "ponte prompts eval", **_counts(evaluation.results)})
    for file, group in groupby(evaluation.results, key=lambda result: result.case.file):
        results = list(group)
        suite = ET.SubElement(root, "testsuite", {"name": file, **_counts(results)})
        for result in results:
            _add(suite, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    erred = sum(_error(result) is not None for result in results)
    failed = sum(result.status is Status.FAILED for result in results)
    return {
        "tests": str(len(results)),
        "failures": str(failed - erred),
        "errors": str(erred),
        "skipped": str(sum(result.status is Status.SKIPPED for result in results)),
        "time": f"{sum(run.took_ms for result in results for run in result.runs) / 1000:.3f}",
    }


def _add(suite: ET.Element, result: Result) -> None:
    case = result.case
    test = ET.SubElement(
        suite,
        "testcase",
        name=_clean(case.name),
        classname=case.file.removesuffix(".yaml").replace("/", "."),
        file=case.file,
        line=str(case.line),
        time=f"{sum(run.took_ms for run in result.runs) / 1000:.3f}",
    )
    said = _clean("\n\n".join(_told(n, run) for n, run in enumerate(result.runs, 1) if not run.passed))
    if result.skipped is not None:
        ET.SubElement(test, "skipped", message=_clean(result.skipped))
    elif (error := _error(result)) is not None:
        ET.SubElement(test, "error", message=_clean(error)).text = said
    elif result.status is Status.FAILED:
        failures = [str(check) for run in result.runs for _, check in run.failures()]
        ET.SubElement(test, "failure", message=_clean(failures[0] if failures else "failed")).text = said
    elif said:
        ET.SubElement(test, "system-out").text = said


def _error(result: Result) -> str | None:
    """Return why a failed case could not be judged in any of its failed runs; None otherwise."""
    errors = [run.error for run in result.runs if not run.passed]
    return errors[0] if result.status is Status.FAILED and None not in errors else None


def _told(number: int, run: CaseRun) -> str:
    lines = [f"run {number}"]
    if run.error is not None:
        lines.append(f"  {run.error}")
    for n, step in enumerate(run.steps, 1):
        lines += [f"  {n} customer: {text}" for text in step.customer]
        lines += [f"  {n} agent: {step.agent}"] if step.agent else []
        lines += [f"  {n} bot: {text}" for text in step.said.answers]
        lines += [f"  {n} FAILED {check}" for check in step.checks if not check.passed]
    lines += [f"  FAILED {check}" for check in run.checks if not check.passed]
    return "\n".join(lines)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
