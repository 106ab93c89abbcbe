"""What ``ponte prompts check`` finds: everything that keeps the files from use, and what is likely wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from graph.classifier_training import reader_of
from graph.evals.cases import read_cases
from graph.keywords import Keywords, KeywordSpec, same_phrase
from graph.prompt_files import Problem, line_of_key
from graph.prompt_links import link_problems
from graph.prompt_schema import COUNTED, MESSAGES, TEMPLATES
from graph.prompt_source import Files, Snapshot, read_folder
from graph.prompt_tokens import estimated_tokens
from graph.prompt_trial import worst_case
from graph.prompts import PromptSet, Template, read_prompts
from graph.templates import Forms
from graph.text import words
from ponte.domain.splitting import MAX_BODY
from ponte.locales import LOCALES

__all__ = ["Checked", "Problem", "check_folder", "check_prompts"]

_KEYWORDS = "handoff/keywords.yaml"


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
    """Check the prompt files of a folder."""
    snapshot = read_folder(directory)
    prompts, problems = read_prompts(directory)
    found = [*problems, *link_problems(snapshot.files, directory), *_unknown_files(snapshot.files)]
    found += read_cases(snapshot.files)[1]
    if prompts is not None:
        found += _of_the_set(prompts, snapshot.files)
    ordered = sorted(dict.fromkeys(found), key=lambda p: (p.advice, p.file, p.line or 0, p.message))
    return Checked(snapshot.version, tuple(ordered), _tokens(snapshot))


def _of_the_set(prompts: PromptSet, files: Files) -> Iterator[Problem]:
    """Yield what shows only in a set that can be used."""
    yield from _too_long(prompts, files)
    yield from _unused(prompts, files)
    yield from _duplicate_phrases(prompts, files)
    yield from _contradictions(files)
    yield from _languages_without_knowledge(prompts)
    yield from _keywords_against_examples(prompts, files)
    yield from _over_limit(prompts)


def _text(files: Files, file: str) -> str:
    return files.get(file, b"").decode("utf-8", "replace")


def _too_long(prompts: PromptSet, files: Files) -> Iterator[Problem]:
    """Twilio refuses a longer body (error 21617); a longer one is sent in parts, which reads badly."""
    for locale, texts in prompts.messages.items():
        file = f"messages/{locale}.yaml"
        for key, phrase in texts.items():
            size = len(worst_case(phrase))
            if size > MAX_BODY:
                message = f"the text {key!r} comes to {size} characters at worst; shorten it to {MAX_BODY}."
                yield Problem(file, line_of_key(_text(files, file), key), message)
    for section in prompts.knowledge:
        if len(section.text) > MAX_BODY:
            file = f"knowledge/{section.source}"
            message = f"the section {section.title!r} has {len(section.text)} characters; "
            line = _line_with(_text(files, file), section.title)
            yield Problem(file, line, f"{message}split it in two under {MAX_BODY}.")


def _unused(prompts: PromptSet, files: Files) -> Iterator[Problem]:
    """A text that leaves out what it could say: likely forgotten."""
    for locale, texts in prompts.messages.items():
        file = f"messages/{locale}.yaml"
        for key, phrase in texts.items():
            used = phrase.texts["other"].variables if isinstance(phrase, Forms) else phrase.variables
            line = line_of_key(_text(files, file), key)
            for name in sorted(MESSAGES[key] - used):
                message = f"the text {key!r} does not say {{{{ {name} }}}}; add it if it was forgotten."
                yield Problem(file, line, message, advice=True)
            if key in COUNTED and not isinstance(phrase, Forms) and COUNTED[key] in used:
                message = f"the text {key!r} names a number; write a form for one and for other numbers."
                yield Problem(file, line, message, advice=True)


def _duplicate_phrases(prompts: PromptSet, files: Files) -> Iterator[Problem]:
    source = _text(files, _KEYWORDS)
    for locale, spec in prompts.keywords.items():
        for name, phrases in _lists(spec):
            for index, phrase in enumerate(phrases):
                if any(same_phrase(phrase, other) for other in phrases[:index]):
                    message = f"{locale}.{name} has {phrase!r} twice; remove one."
                    yield Problem(_KEYWORDS, _line_with(source, phrase, last=True), message)


def _lists(spec: KeywordSpec) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in ("phrases", "alone", "courtesies", "negations", "other_senses", "unless"):
        yield name, getattr(spec, name)


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    lang: str
    human: bool
    text: str


def _rows(files: Files) -> Iterator[_Row]:
    """Yield the labelled examples with where they stand."""
    for file in sorted(files):
        if file.startswith("handoff/examples/") and file.endswith(".tsv"):
            for number, line in enumerate(_text(files, file).splitlines()[1:], start=2):
                cells = line.split("\t")
                if len(cells) == 4:  # noqa: PLR2004 - lang, label, kind, text
                    yield _Row(file, number, cells[0], cells[1] in {"human", "1"}, cells[3])


def _contradictions(files: Files) -> Iterator[Problem]:
    """The same words labelled both ways teach nothing."""
    seen: dict[tuple[str, ...], _Row] = {}
    for row in _rows(files):
        first = seen.setdefault((row.lang, *words(row.text)), row)
        if first.human != row.human:
            where = f"line {first.line}" if first.file == row.file else f"{first.file}, line {first.line}"
            message = f"{row.text!r} is labelled both human and bot (see {where}); keep one."
            yield Problem(row.file, row.line, message)


def _keywords_against_examples(prompts: PromptSet, files: Files) -> Iterator[Problem]:
    """A phrase that fires on a message labelled ``bot`` would bounce that customer."""
    keywords, reader = Keywords(prompts.keywords), reader_of(prompts.examples, prompts.lexicons)
    for row in _rows(files):
        if row.human:
            continue
        reading = reader.read(row.text)
        if phrase := keywords.find_read(" ".join(reading.words), reading.lang):
            message = (
                f"{phrase!r} of {_KEYWORDS} fires on {row.text!r}, an example labelled bot; narrow the "
                "phrase, or add an other_sense."
            )
            yield Problem(row.file, row.line, message, advice=True)


def _languages_without_knowledge(prompts: PromptSet) -> Iterator[Problem]:
    for locale in LOCALES:
        if not any(section.lang == locale for section in prompts.knowledge):
            yield Problem("knowledge", None, f"there is no file with `lang: {locale}`; write one.")


def _unknown_files(files: Files) -> Iterator[Problem]:
    known = {f"messages/{locale}.yaml" for locale in LOCALES}
    for file in sorted(files):
        if file.startswith("messages/") and file not in known:
            message = f"nothing reads this file; there are {', '.join(sorted(known))}. Rename or remove it."
            yield Problem(file, None, message, advice=True)


def _over_limit(prompts: PromptSet) -> Iterator[Problem]:
    for file, template in _templates(prompts).items():
        limit, size = template.head.limits.prompt_tokens, estimated_tokens(template.body.source)
        if limit is not None and size > limit:
            message = (
                f"comes to about {size} tokens (an estimate) and its limits.prompt_tokens is {limit}; "
                "shorten the text, or raise the limit."
            )
            yield Problem(file, None, message)


def _templates(prompts: PromptSet) -> dict[str, Template]:
    return {
        "assistant.md": prompts.assistant,
        "background.md": prompts.background,
        "handoff/judge.md": prompts.judge,
        "image.md": prompts.image,
        "evals/judge.md": prompts.rubric,
        "agent_draft.md": prompts.agent_draft,
        "agent_brief.md": prompts.agent_brief,
        "translate.md": prompts.translate,
    }


def _tokens(snapshot: Snapshot) -> dict[str, int]:
    """Return an estimate for what is sent to a model: instructions, and knowledge of which it gets parts."""
    return {
        file: estimated_tokens(_text(snapshot.files, file))
        for file in sorted(snapshot.files)
        if file in TEMPLATES or (file.startswith("knowledge/") and file.endswith(".md"))
    }


def _line_with(source: str, text: str, *, last: bool = False) -> int | None:
    """Return the first or last line that holds ``text``; None when none does."""
    found = [number for number, line in enumerate(source.splitlines(), 1) if text in line]
    return (found[-1] if last else found[0]) if found else None
