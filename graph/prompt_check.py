"""What ``ponte prompts check`` finds: everything that keeps the files from use, and what is likely wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from graph.classifier_training import reader_of
from graph.evals.cases import FOLDER as EVALS
from graph.evals.cases import read_cases
from graph.keywords import silent_phrases
from graph.prompt_examples import example_problems
from graph.prompt_files import Reader
from graph.prompt_links import link_problems
from graph.prompt_phrases import KEYWORDS, POLICY, keyword_problems, topic_problems
from graph.prompt_problem import Problem
from graph.prompt_schema import COUNTED, MESSAGES, TEMPLATES
from graph.prompt_source import Files, Snapshot, read_folder
from graph.prompt_tokens import estimated_tokens
from graph.prompt_trial import worst_case
from graph.prompts import Parts, read_parts
from graph.templates import Forms, Phrase, Text
from ponte.domain.splitting import MAX_BODY
from ponte.locales import LOCALES

__all__ = ["Checked", "Problem", "check_folder", "check_prompts"]

_READ: Final = frozenset(
    {
        *TEMPLATES,
        *(f"messages/{locale}.yaml" for locale in LOCALES),
        KEYWORDS,
        POLICY,
        "handoff/lexicon.yaml",
        "opt_out.yaml",
        "policy.yaml",
        "smalltalk.yaml",
    }
)
_READ_ALL: Final = frozenset({("knowledge", ".md"), ("handoff/examples", ".tsv"), (EVALS, ".yaml")})


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check found.

    Args:
        version: of the files.
        problems: errors and advice, by file and line.
        tokens: an estimate for each file that a model may read.
    """

    version: str
    problems: tuple[Problem, ...]
    tokens: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        """What must be mended; advice may stay."""
        return [problem for problem in self.problems if not problem.advice]


def check_prompts(directory: Path) -> list[Problem]:
    """Return everything that is wrong with the prompt files, advice included; empty when nothing is.

    Args:
        directory: where they stand.
    """
    return list(check_folder(directory).problems)


def check_folder(directory: Path) -> Checked:
    """Check the prompt files of a folder: all that can be looked at, whatever else is wrong."""
    snapshot, parts = read_folder(directory), read_parts(directory)
    files = snapshot.files
    looks: dict[str, Callable[[], Iterable[Problem]]] = {
        "links": lambda: link_problems(files, directory),
        "file names": lambda: _unknown_files(files, parts),
        EVALS: lambda: read_cases(files)[1],
        "messages": lambda: _texts(parts),
        "knowledge": lambda: _knowledge(parts, files),
        KEYWORDS: lambda: _phrases(parts, files),
        "phrases that never fire": lambda: _silent(parts, files),
        "handoff/examples": lambda: example_problems(files, parts.examples, parts.lexicons, parts.keywords),
        "templates": lambda: _over_limit(parts, files),
    }
    found = [*parts.problems, *(problem for name, look in looks.items() for problem in _looked(name, look))]
    ordered = sorted(dict.fromkeys(found), key=lambda p: (p.advice, p.file, p.line or 0, p.message))
    return Checked(snapshot.version, tuple(ordered), _tokens(snapshot))


def _looked(name: str, look: Callable[[], Iterable[Problem]]) -> list[Problem]:
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - whatever one look stumbles over, the others tell the more
        return [Problem(name, None, f"cannot be checked ({type(error).__name__}); undo the last change.")]


def _text(files: Files, file: str) -> str:
    return files.get(file, b"").decode("utf-8-sig", "replace")


def _texts(parts: Parts) -> Iterator[Problem]:
    for locale, texts in parts.messages.items():
        for key, phrase in texts.items():
            for message, advice in (*_too_long(key, phrase), *_left_out(key, phrase)):
                yield Problem(f"messages/{locale}.yaml", _one(phrase).line, message, advice=advice)


def _one(phrase: Phrase) -> Text:
    return phrase.texts["other"] if isinstance(phrase, Forms) else phrase


def _too_long(key: str, phrase: Phrase) -> Iterator[tuple[str, bool]]:
    """Twilio refuses a longer body (error 21617); a longer one is sent in parts, which reads badly."""
    try:
        size = len(worst_case(phrase))
    except Exception:  # noqa: BLE001 - the trial tells of it
        return
    if size > MAX_BODY:
        yield f"the text {key!r} comes to {size} characters at worst; shorten it to {MAX_BODY}.", False


def _left_out(key: str, phrase: Phrase) -> Iterator[tuple[str, bool]]:
    """A text that leaves out what it could say: likely forgotten."""
    used = _one(phrase).variables
    for name in sorted(MESSAGES[key] - used):
        yield f"the text {key!r} does not say {{{{ {name} }}}}; add it if it was forgotten.", True
    if key in COUNTED and not isinstance(phrase, Forms) and COUNTED[key] in used:
        yield f"the text {key!r} names a number; write a form for one and for other numbers.", True
    if not isinstance(phrase, Forms) and phrase.source.count('"') == 1:
        yield f"the text {key!r} holds a single quotation mark; remove it if it was left behind.", True


def _knowledge(parts: Parts, files: Files) -> Iterator[Problem]:
    for section in parts.knowledge:
        if len(section.text) > MAX_BODY:
            file = f"knowledge/{section.source}"
            message = f"the section {section.title!r} has {len(section.text)} characters; "
            line = _line_with(_text(files, file), section.title)
            yield Problem(file, line, f"{message}split it in two under {MAX_BODY}.")
    told = any(problem.file.startswith("knowledge/") for problem in parts.problems)
    for locale in LOCALES:
        if not told and not any(section.lang == locale for section in parts.knowledge):
            yield Problem("knowledge", None, f"there is no file with `lang: {locale}`; write one.")


def _phrases(parts: Parts, files: Files) -> Iterator[Problem]:
    reader = Reader(files)
    if parts.keywords is not None and (document := reader.document(KEYWORDS)) is not None:
        yield from keyword_problems(parts.keywords, document)
    if parts.handoff is not None and (document := reader.document(POLICY)) is not None:
        yield from topic_problems(parts.handoff, document)


def _silent(parts: Parts, files: Files) -> Iterator[Problem]:
    """A phrase that another list always takes back, or that the lexicon spells in another way."""
    document = Reader(files).document(KEYWORDS)
    if parts.keywords is None or parts.lexicons is None or document is None:
        return
    spelt = reader_of(parts.examples, parts.lexicons).spelt
    for locale, name, phrase in silent_phrases(parts.keywords, spelt):
        number = getattr(parts.keywords[locale], name).index(phrase)
        message = (
            f"{locale}.{name} has {phrase!r}, which never counts: negations, other_senses, unless or "
            "lexicon.yaml's spellings always prevent it; mend or remove it."
        )
        yield Problem(KEYWORDS, document.line((locale, name, number)), message, advice=True)


def _unknown_files(files: Files, parts: Parts) -> Iterator[Problem]:
    """A file that nothing reads: likely a misspelt name."""
    attached = {f"knowledge/{one.path}" for section in parts.knowledge for one in section.attached}
    for file in sorted(files.keys() - attached):
        path = PurePosixPath(file)
        read = file in _READ or path.name == "README.md" or (str(path.parent), path.suffix) in _READ_ALL
        # Reading the cases tells of what stands beside them.
        if not read and path.parts[0] != EVALS:
            near = difflib.get_close_matches(file, _READ, n=1, cutoff=0.8)
            mend = (
                f"did you mean {near[0]}?" if near else "rename it as prompts/README.md lists, or remove it."
            )
            yield Problem(file, None, f"nothing reads this file; {mend}", advice=True)


def _over_limit(parts: Parts, files: Files) -> Iterator[Problem]:
    for file, template in parts.templates.items():
        limit, size = template.head.limits.prompt_tokens, estimated_tokens(template.body.source)
        if limit is not None and size > limit:
            message = (
                f"comes to about {size} tokens (an estimate) and its limits.prompt_tokens is {limit}; "
                "shorten the text, or raise the limit."
            )
            yield Problem(file, _line_with(_text(files, file), "prompt_tokens"), message)


def _tokens(snapshot: Snapshot) -> dict[str, int]:
    """Return an estimate for what is sent to a model: instructions, and knowledge of which it gets parts."""
    return {
        file: estimated_tokens(_text(snapshot.files, file))
        for file in sorted(snapshot.files)
        if file in TEMPLATES or (file.startswith("knowledge/") and file.endswith(".md"))
    }


def _line_with(source: str, text: str) -> int | None:
    """Return the first line that holds ``text``; None when none does."""
    return next((n for n, line in enumerate(source.splitlines(), 1) if text in line), None)
