"""Reading ``prompts/evals/*.yaml``: every fault by file and line, instead of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from graph.evals.schema import CaseOf, EvalFile, Expectation, Step
from graph.prompt_files import Problem, Reader
from graph.prompt_schema import TEMPLATES
from graph.prompt_source import Files
from ponte.errors import PromptError

FOLDER: Final = "evals"


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation, with what its file says of all of them.

    Args:
        id: the file's name without its ending, and the case's: ``en-prices/trial lesson``.
        name: what it shows.
        file: relative to the prompts' directory.
        line: where it begins.
        tags: to choose it by; the file's among them.
        needs_model: it says something only about the language model's answers.
        language: of every answer; None: not looked at.
        at: when it happens; None: whenever.
        never: what must not be said anywhere in it.
        steps: what happens, in order.
        expect: of the conversation as a whole.
    """

    id: str
    name: str
    file: str
    line: int
    tags: tuple[str, ...]
    needs_model: bool
    language: str | None
    at: datetime | None
    never: tuple[str, ...]
    steps: tuple[Step, ...]
    expect: Expectation

    def expectations(self) -> Iterator[Expectation]:
        """Yield those of every step, and the conversation's."""
        yield from (step.expect for step in self.steps)
        yield self.expect


def load_cases(source: Path | Files) -> tuple[Case, ...]:
    """Return all cases, in the order of their files.

    Raises:
        PromptError: names each fault, its file and line, and the mend; or there is no case.
    """
    cases, found = read_cases(source)
    if problems := [problem for problem in found if not problem.advice]:
        lines = "\n  ".join(map(str, problems))
        raise PromptError(f"These evaluations cannot be used:\n  {lines}")
    if not cases:
        raise PromptError(
            f"There is no evaluation in {FOLDER}/ of the prompt files. Write one; "
            "docs/how-to/evaluate-prompts.md tells how."
        )
    return cases


def read_cases(source: Path | Files) -> tuple[tuple[Case, ...], list[Problem]]:
    """Return the cases that can be used, and what is wrong with the others."""
    reader, found = Reader(source), list[Case]()
    for file in sorted(reader.files):
        if file.startswith(f"{FOLDER}/") and file not in TEMPLATES and not _is_read(file):
            message = f"nothing reads this file; cases stand in {FOLDER}/*.yaml. Rename or remove it."
            reader.problems.append(Problem(file, None, message, advice=True))
        elif _is_read(file):
            found += reader.attempt(partial(_cases, reader, file)) or []
    about = list(reader.problems)
    known = {section.reference for section in reader.attempt(reader.knowledge) or ()}
    if len(reader.problems) > len(about):
        # Who reads the knowledge tells what is wrong with it; that its headings are not there would follow.
        return tuple(found), about
    known |= {reference.partition("#")[0] for reference in known}
    return tuple(found), [*about, *(one for case in found for one in _dead_references(case, known))]


def chosen(cases: Sequence[Case], only: Sequence[str]) -> tuple[Case, ...]:
    """Return the cases with one of the tags, in one of the files, or of one of the names in ``only``.

    Raises:
        PromptError: one of them fits no case.
    """
    if not only:
        return tuple(cases)
    for wanted in only:
        if not any(_is_named(case, wanted) for case in cases):
            tags = ", ".join(sorted({tag for case in cases for tag in case.tags}))
            raise PromptError(f"No case has the tag, the file or the name {wanted!r}. The tags are: {tags}.")
    return tuple(case for case in cases if any(_is_named(case, wanted) for wanted in only))


def _is_read(file: str) -> bool:
    return PurePosixPath(file).parent == PurePosixPath(FOLDER) and file.endswith(".yaml")


def _is_named(case: Case, wanted: str) -> bool:
    file = PurePosixPath(case.file)
    return wanted in {*case.tags, case.file, file.name, file.stem, case.id, case.name} or (
        PurePosixPath(wanted).name == file.name and wanted.endswith(case.file)
    )


def _cases(reader: Reader, file: str) -> list[Case]:
    document = reader.document(file)
    read = None if document is None else reader.model(file, document, document.data, EvalFile)
    if document is None or read is None:
        return []
    found: list[Case] = []
    seen: set[str] = set()
    for number, case in enumerate(read.cases):
        line = document.line(("cases", number)) or 1
        if case.name in seen:
            reader.problem(file, line, f"the name {case.name!r} stands twice; change one.")
        seen.add(case.name)
        found.append(_case(file, line, read, case))
    return found


def _case(file: str, line: int, read: EvalFile, case: CaseOf) -> Case:
    return Case(
        id=f"{PurePosixPath(file).stem}/{case.name}",
        name=case.name,
        file=file,
        line=line,
        tags=tuple(dict.fromkeys((*read.tags, *case.tags))),
        needs_model=case.needs == "model",
        language=None if case.language == "any" else case.language or read.language,
        at=case.at,
        never=(*read.never, *case.never),
        steps=case.turns,
        expect=case.expect,
    )


def _dead_references(case: Case, known: set[str]) -> Iterator[Problem]:
    for expect in case.expectations():
        for wanted in expect.cites:
            if wanted not in known:
                message = (
                    f"{case.name!r} cites {wanted!r}, which is no file or heading of knowledge/; mend it."
                )
                yield Problem(case.file, case.line, message)
