"""Evaluations in detail: what the files may say, what is held against an answer, and when a set is worse."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from graph.context import GraphContext
from graph.evals.cases import Case, chosen, load_cases, read_cases
from graph.evals.comparing import worse
from graph.evals.evaluating import Evaluation, Result, Side, Status, status_of
from graph.evals.expecting import Check, Said, checks
from graph.evals.html import html_of
from graph.evals.junit import junit_of
from graph.evals.report import report_of
from graph.evals.running import CaseRun, StepRun
from graph.evals.schema import Expectation
from graph.prompt_source import read_folder
from graph.testing import fake_context
from ponte.domain.conversation import Trigger
from ponte.errors import PromptError
from ponte.eval_reports import keep_report, last_report

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
ONE = """
cases:
  - name: one
    turns:
      - customer: oi
        expect:
          {expect}
"""


def faults(text: str) -> list[str]:
    """Return what is wrong with one file of cases beside the shipped knowledge."""
    files = {
        name: content
        for name, content in read_folder(PROMPTS).files.items()
        if not name.startswith("evals/") or name.endswith(".md")
    }
    return [str(problem) for problem in read_cases({**files, "evals/own.yaml": text.encode()})[1]]


def case(name: str = "one") -> Case:
    """Return a case that is only a name."""
    return Case(f"f/{name}", name, "evals/f.yaml", 3, (), False, None, None, (), (), Expectation())  # noqa: FBT003 - positions of a record


def run(*, passed: bool, said: str = "oi") -> CaseRun:
    """Return a run that came to this."""
    answer = Said((said,), handed_over=False)
    return CaseRun((StepRun(("olá",), None, answer, (Check("contains", "oi", passed),)),))


@cache
def _context() -> GraphContext:
    return fake_context(PROMPTS)


def evaluation(*results: tuple[str, str]) -> Evaluation:
    """Return an evaluation; each result is the new runs and the old ones, as ``+`` and ``-``."""
    context = _context()
    return Evaluation(
        Side("new", "b" * 12, context),
        Side("old", "a" * 12, context),
        tuple(
            Result(
                case(str(n)),
                tuple(run(passed=mark == "+") for mark in new),
                tuple(run(passed=mark == "+") for mark in old),
            )
            for n, (new, old) in enumerate(results)
        ),
        1,
        5,
    )


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("contains: 5", "line 7: cases.1.turns.1.expect.contains.1: must be words; put it in quotes"),
        ("contain: [a]", "line 7: cases.1.turns.1.expect.contain: is not known here; mend its name"),
        ("matches: '('", "line 7: cases.1.turns.1.expect.matches.1: '(' is no regular expression"),
        ("max_length: 0", "line 7: cases.1.turns.1.expect.max_length: "),
        ("language: fr", "line 7: cases.1.turns.1.expect.language: "),
        ("trigger: magic", "line 7: cases.1.turns.1.expect.trigger.1: "),
        ("rubric: Is it polite?", "line 3: cases.1: a rubric is judged by a model; add `needs: model`"),
        ("cites: nothing.md", "line 3: 'one' cites 'nothing.md', which is no file or heading of knowledge/"),
        ("{silent: true, contains: a}", "line 6: cases.1.turns.1.expect: nothing can be expected"),
        ("{handed_over: false, trigger: keyword}", "line 6: cases.1.turns.1.expect: a trigger is named"),
        ("{contains: a, contains: b}", "line 7: 'contains' stands twice here; join the two"),
        ("contains: [a", "line 8: is not valid YAML"),
    ],
)
def test_a_fault_is_told_with_its_line(expect: str, said: str) -> None:
    """Whatever is wrong in a case names the file, the line and the mend."""
    found = faults(ONE.format(expect=expect))
    assert any(fault.startswith(f"evals/own.yaml, {said}") for fault in found), found


def test_what_is_no_case_is_no_fault_of_the_others() -> None:
    """A file without a fault has none, and a file that nothing reads is only advice."""
    assert faults(ONE.format(expect="contains: a")) == []
    _, found = read_cases({"evals/notes.yml": b"x"})
    assert [problem.advice for problem in found] == [True]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("- agent: hi", "the customer writes first"),
        ("- {customer: a, agent: b}", "write either `customer:` or `agent:`"),
        ("- {customer: a, then: return}", "stand beside `agent:`"),
        ("- customer: a\n      - {agent: b, brief: c}", "a brief is for the bot"),
    ],
)
def test_a_conversation_must_make_sense(lines: str, said: str) -> None:
    """What nobody could play is a fault of the file."""
    found = faults(f"cases:\n  - name: one\n    turns:\n      {lines}\n")
    assert any(said in fault for fault in found), found


def test_the_shipped_cases_can_be_chosen_by_tag_file_and_name() -> None:
    """A tag, a file's name and a case's name choose; what fits nothing is an error that lists the tags."""
    cases = load_cases(PROMPTS)
    assert len({one.id for one in cases}) == len(cases) >= 45
    by_file = {one.file for one in chosen(cases, ["prompts/evals/en-questions.yaml"])}
    assert by_file == {one.file for one in chosen(cases, ["en-questions"])} == {"evals/en-questions.yaml"}
    assert all("prices" in one.tags for one in chosen(cases, ["prices"]))
    assert [one.name for one in chosen(cases, ["open on mondays"])] == ["open on mondays"]
    with pytest.raises(PromptError, match=r"The tags are: .*prices"):
        chosen(cases, ["no such thing"])


@pytest.mark.parametrize(
    ("expect", "met"),
    [
        ({"contains": "r$ 120"}, True),
        ({"contains": "R$ 120,00"}, False),
        ({"matches": r"r\$ \d+"}, True),
        ({"matches": r"^$"}, False),
        ({"not_contains": "desconto"}, True),
        ({"not_contains": "AULA"}, False),
        ({"not_matches": r"\d{4}"}, True),
        ({"not_matches": r"\d{3}"}, False),
        ({"language": "pt-BR"}, True),
        ({"language": "en"}, False),
        ({"max_length": 30}, True),
        ({"max_length": 29}, False),
        ({"handed_over": True}, True),
        ({"handed_over": False}, False),
        ({"trigger": ["model", "keyword"]}, True),
        ({"trigger": "no_answer"}, False),
        ({"cites": "precos.md"}, True),
        ({"cites": "precos.md#aulas"}, True),
        ({"cites": "precos.md#planos"}, False),
        ({"cites": "outro.md"}, False),
        ({"silent": True}, False),
    ],
)
def test_each_expectation_can_be_met_and_missed(expect: dict[str, object], met: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each kind of expectation tells a good answer from a bad one; a no-break space is a space."""
    said = Said(("A aula custa R$\u00a0120 para você.",), True, (Trigger.KEYWORD,), ("precos.md#aulas",))  # noqa: FBT003 - positions of a record
    found = list(checks(Expectation.model_validate(expect), said, None, ()))
    assert all(check.passed for check in found) is met


@pytest.mark.parametrize(
    ("marks", "status"),
    [("+", "passed"), ("-", "failed"), ("++-", "unsteady"), ("+-", "unsteady"), ("+--", "failed")],
)
def test_a_case_fails_when_most_of_its_runs_do(marks: str, status: str) -> None:
    """More than half decides; a tie is unsteady."""
    assert status_of([run(passed=mark == "+") for mark in marks]) is Status(status)


@pytest.mark.parametrize(
    ("results", "is_worse"),
    [
        ([("+", "+"), ("-", "-")], False),
        ([("-", "+"), ("+", "-")], True),
        ([("++-", "+++")], True),
        ([("++-", "++-")], False),
        ([("+--", "++-"), ("+++", "+--")], False),
        ([("+++", "+--")], False),
    ],
)
def test_a_set_is_worse_when_it_breaks_a_case_or_fewer_runs_pass(
    results: list[tuple[str, str]],
    is_worse: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A broken case counts even where another was mended; an unsteady one only in the number of runs."""
    assert bool(worse(evaluation(*results))) is is_worse


def test_what_was_said_cannot_break_the_reports() -> None:
    """Markup is escaped, and what XML cannot hold is replaced."""
    result = Result(case("a < b & c"), (run(passed=False, said="<script>alert(1)</script>\x00\x0b ✓"),))
    one = Evaluation(evaluation().new, None, (result,), 1, 5)
    root = ET.fromstring(junit_of(one).partition("\n")[2])  # noqa: S314 - we wrote it
    assert root.get("failures") == "1"
    assert "<script>alert(1)</script>\ufffd\ufffd ✓" in "".join(root.itertext())
    page = html_of(report_of(one, {"at": 0, "model": None, "judge": None, "only": []}))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_last_report_is_kept_whole(tmp_path: Path) -> None:
    """It is replaced, leaves nothing beside it, and a file that is no report counts as none."""
    assert last_report(tmp_path) is None
    keep_report(tmp_path, {"format": 1, "n": 1})
    path = keep_report(tmp_path, {"format": 1, "n": 2})
    assert last_report(tmp_path) == {"format": 1, "n": 2}
    assert list(path.parent.iterdir()) == [path]
    path.write_text("{", "utf-8")
    assert last_report(tmp_path) is None
