"""Reading ``prompts/evals/*.yaml``: every fault by file and line, instead of the first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

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
    reader = Reader(source)
    found: list[Case] = []
    problems: list[Problem] = []
    for file in sorted(reader.files):
        if file.startswith(f"{FOLDER}/") and file not in TEMPLATES and not _is_read(file):
            message = f"nothing reads this file; cases stand in {FOLDER}/*.yaml. Rename or remove it."
            problems.append(Problem(file, None, message, advice=True))
        elif _is_read(file):
            found += _file(file, reader.files[file], problems)
    known = {section.reference for section in reader.knowledge()}
    known |= {reference.partition("#")[0] for reference in known}
    for case in found:
        problems += _dead_references(case, known)
    return tuple(found), problems


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


def _file(file: str, content: bytes, problems: list[Problem]) -> Iterator[Case]:
    try:
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
        data = yaml.safe_load(content.decode("utf-8"))
    except UnicodeDecodeError:
        problems.append(Problem(file, None, "is not UTF-8; save it as UTF-8."))
        return
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problems.append(
            Problem(file, line, f"is not valid YAML: {error.problem}. Mend the quotes or the indent.")
        )
        return
    except yaml.YAMLError:
        problems.append(Problem(file, None, "is not valid YAML; mend it."))
        return
    twice = list(_twice(root)) if root is not None else []
    problems += [Problem(file, line, f"{key!r} stands twice here; join the two.") for key, line in twice]
    try:
        read = EvalFile.model_validate(data)
    except ValidationError as error:
        problems += [
            _problem(file, root, wrong["loc"], wrong["type"], wrong["msg"]) for wrong in error.errors()
        ]
        return
    seen: set[str] = set()
    for number, case in enumerate(read.cases):
        line = _line(root, ("cases", number)) or 1
        if case.name in seen:
            problems.append(Problem(file, line, f"the name {case.name!r} stands twice; change one."))
        seen.add(case.name)
        yield _case(file, line, read, case)


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


def _problem(file: str, root: Node | None, loc: tuple[int | str, ...], kind: str, message: str) -> Problem:
    said = message.removeprefix("Value error, ")
    if kind == "string_type":
        said = "must be words; put it in quotes (YAML reads yes, no, on and off as no words)"
    elif kind == "extra_forbidden":
        said = "is not known here; remove it, or see docs/how-to/evaluate-prompts.md"
    elif kind == "missing":
        said = "is missing; add it"
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)
    return Problem(file, _line(root, loc), f"{place or 'the file'}: {said}.")


def _dead_references(case: Case, known: set[str]) -> Iterator[Problem]:
    for expect in case.expectations():
        for wanted in expect.cites:
            if wanted not in known:
                message = (
                    f"{case.name!r} cites {wanted!r}, which is no file or heading of knowledge/; mend it."
                )
                yield Problem(case.file, case.line, message)


def _line(node: Node | None, loc: Sequence[int | str]) -> int | None:
    """Return the line of what a path of keys and numbers leads to, as far as it does; None without a node."""
    if node is None:
        return None
    line: int = node.start_mark.line + 1
    for part in loc:
        step = _child(node, part)
        if step is None:
            break
        line, node = step
    return line


def _child(node: Node, part: Hashable) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark.line + 1, child
    return None


def _twice(node: Node) -> Iterator[tuple[str, int]]:
    """Yield keys that a mapping has twice: YAML would take the last without a word."""
    if isinstance(node, SequenceNode):
        for child in node.value:
            yield from _twice(child)
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    yield key.value, key.start_mark.line + 1
                seen.add(key.value)
            yield from _twice(value)
