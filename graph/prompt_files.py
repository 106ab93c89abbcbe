"""Reading the files under ``prompts/``, collecting everything that is wrong instead of the first thing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from graph.classifier import Example
from graph.keywords import KeywordSpec
from graph.knowledge import Section
from graph.knowledge_files import sections_of
from graph.lexicon_spec import LexiconFile, Lexicons
from graph.opt_out import OptOut, compile_opt_out
from graph.prompt_schema import (
    CHOICES,
    COUNTED,
    MESSAGES,
    TEMPLATES,
    ChoiceText,
    KeywordsFile,
    KeywordsOf,
    KnowledgeHead,
    OptOutFile,
    SmalltalkFile,
    TemplateHead,
    choices_of,
)
from graph.prompt_source import Files, Snapshot, read_folder
from graph.smalltalk import COURTESIES, Smalltalk, compile_smalltalk
from graph.templates import Forms, Phrase, Text, compile_text, forms_of
from ponte.errors import PromptError
from ponte.locales import LOCALES

M = TypeVar("M", bound=BaseModel)

# Written in C where PyYAML has it: ten times as fast.
_YAML: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COLUMNS = ["lang", "label", "kind", "text"]
_LABELS = {"human": True, "bot": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a prompt file.

    Args:
        file: relative to the prompts' directory.
        line: where; None when it is not known.
        message: what is wrong, and the mend.
        advice: it works, and is likely not what was meant.
    """

    file: str
    line: int | None
    message: str
    advice: bool = False

    def __str__(self) -> str:
        kind = "advice: " if self.advice else ""
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {kind}{self.message}"


class Reader:
    """Reads one set of files. What cannot be used is in ``problems``.

    Args:
        source: the folder, or what stood in one.
    """

    def __init__(self, source: Path | Files) -> None:
        found = read_folder(source) if isinstance(source, Path) else Snapshot(source)
        self.files = found.files
        self.problems: list[Problem] = [
            Problem(file, None, message) for file, message in sorted(found.unread.items())
        ]

    def yaml(self, file: str, model: type[M]) -> M | None:
        """Read a YAML file as ``model``; None when it cannot be used."""
        source = self._source(file)
        return None if source is None else self._model(file, source, self._data(file, source), model)

    def templates(self) -> dict[str, tuple[TemplateHead, Text]]:
        """Read the templates by file name, with their front matter."""
        found: dict[str, tuple[TemplateHead, Text]] = {}
        for file, allowed in TEMPLATES.items():
            parsed = self._front(file, TemplateHead)
            if parsed is None:
                continue
            head, text, line = parsed
            body = self._text(file, text, line, allowed)
            if body is None:
                continue
            for name in sorted(body.variables ^ set(head.variables)):
                wrong = "is declared but never used" if name in head.variables else "is used but not declared"
                self._problem(file, None, f"the variable {name!r} {wrong}; mend `variables:` or the text.")
            found[file] = (head, body)
        return found

    def messages(self) -> dict[str, Mapping[str, Phrase]]:
        """Read the fixed texts by locale and key."""
        found: dict[str, Mapping[str, Phrase]] = {}
        for locale in LOCALES:
            file = f"messages/{locale}.yaml"
            source = self._source(file)
            if source is not None:
                found[locale] = self._texts(file, source, locale)
        return found

    def keywords(self) -> dict[str, KeywordSpec] | None:
        """Read the phrases that ask for a human, by locale."""
        read = self.yaml("handoff/keywords.yaml", KeywordsFile)
        if read is None:
            return None
        return {locale: _spec(one) for locale, one in read.items()}

    def lexicons(self) -> Lexicons | None:
        """Read how words are spelt and what they mean, by locale."""
        read = self.yaml("handoff/lexicon.yaml", LexiconFile)
        return None if read is None else read.lexicons()

    def smalltalk(self) -> Smalltalk | None:
        """Read the courtesies of all languages."""
        read = self.yaml("smalltalk.yaml", SmalltalkFile)
        if read is None:
            return None
        every = [one for _, one in read.items()]
        return compile_smalltalk({k: [p for one in every for p in getattr(one, k)] for k in COURTESIES})

    def opt_out(self) -> OptOut | None:
        """Read the words that stop our messages and that ask for them again."""
        read = self.yaml("opt_out.yaml", OptOutFile)
        if read is None:
            return None
        opt_out = compile_opt_out({locale: (one.out, one.back) for locale, one in read.items()})
        for word in opt_out.contradictions():
            self._problem("opt_out.yaml", None, f"{word!r} is both under out and under back; keep one.")
        return opt_out

    def examples(self) -> tuple[Example, ...]:
        """Read all of ``handoff/examples/*.tsv``."""
        found: list[Example] = []
        for file in self.named("handoff/examples", ".tsv"):
            source = self._source(file)
            if source is not None:
                found += self._rows(file, source)
        if {e.wants_human for e in found} != {True, False}:
            self._problem("handoff/examples", None, "write examples of both labels, human and bot.")
        return tuple(found)

    def knowledge(self) -> tuple[Section, ...]:
        """Read all sections of ``knowledge/*.md``."""
        found: list[Section] = []
        for file in self.named("knowledge", ".md"):
            parsed = self._front(file, KnowledgeHead)
            if parsed is None:
                continue
            head, body, _ = parsed
            sections = sections_of(body, lang=head.lang, source=PurePosixPath(file).name)
            if not sections:
                self._problem(
                    file, None, "has no section; write a heading like `## Prices` and text under it."
                )
            found += sections
        return tuple(found)

    def named(self, folder: str, ending: str) -> Iterator[str]:
        """Yield the paths of the files right in ``folder`` whose names end in ``ending``."""
        for file in sorted(self.files):
            if file.endswith(ending) and file.rpartition("/")[0] == folder:
                yield file

    def _texts(self, file: str, source: str, locale: str) -> dict[str, Phrase]:
        data = self._data(file, source)
        if not isinstance(data, dict):
            if not any(problem.file == file for problem in self.problems):
                self._problem(file, None, "must hold texts by key, as `handoff:` with `transfer:` below.")
            return {}
        flat = dict(_flatten(data))
        for key in sorted(set(MESSAGES) - set(flat)):
            self._problem(file, None, f"the text {key!r} is missing; add it.")
        texts: dict[str, Phrase] = {}
        for key, value in flat.items():
            line = line_of_key(source, key)
            if key not in MESSAGES:
                near = difflib.get_close_matches(key, MESSAGES, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "remove it."
                self._problem(file, line, f"the text {key!r} is not known; {hint}")
            elif (phrase := self._phrase(file, key, value, line, locale)) is not None:
                texts[key] = phrase
        return texts

    def _phrase(self, file: str, key: str, value: object, line: int | None, locale: str) -> Phrase | None:
        """Read one text, or its forms by number."""
        if not isinstance(value, dict):
            if key in CHOICES:
                self._problem(file, line, f"the text {key!r} needs `text:` and `choices:` below it.")
                return None
            return self._words(file, key, value, line, locale)
        if "choices" in value:
            return self._offer(file, key, value, line, locale)
        if key not in COUNTED:
            self._problem(file, line, f"the text {key!r} has no number to choose forms by; write one text.")
            return None
        wanted = forms_of(locale)
        for name in sorted(map(str, set(value) ^ set(wanted))):
            mend = "add it" if name in wanted else f"there are {', '.join(wanted)}; remove it"
            said = "is missing" if name in wanted else f"is not used in {locale}"
            self._problem(file, line, f"the form {name!r} of {key!r} {said}; {mend}.")
        texts = {
            str(name): text
            for name, one in value.items()
            if (text := self._words(file, key, one, line, locale)) is not None
        }
        return Forms(COUNTED[key], locale, texts) if set(texts) == set(wanted) else None

    def _offer(
        self, file: str, key: str, value: dict[str, object], line: int | None, locale: str
    ) -> Text | None:
        """Read a text that offers answers to tap."""
        offer = self._model(file, "", value, ChoiceText)
        if offer is None:
            return None
        choices = choices_of(offer.choices)
        if (ids := CHOICES.get(key)) and ids != tuple(choice.id for choice in choices):
            self._problem(file, line, f"the choices of {key!r} must be, in order: {', '.join(ids)}.")
        text = self._words(file, key, offer.text, line, locale)
        return None if text is None else replace(text, choices=choices)

    def _words(self, file: str, key: str, value: object, line: int | None, locale: str) -> Text | None:
        if not isinstance(value, str) or not value.strip():
            self._problem(file, line, f"the text {key!r} must be words; put it in quotes.")
            return None
        return self._text(file, value.strip(), line, MESSAGES[key], locale)

    def _text(
        self, file: str, source: str, line: int | None, allowed: frozenset[str], locale: str = "en"
    ) -> Text | None:
        try:
            text = compile_text(source, file, line, locale)
        except PromptError as error:
            place, _, message = str(error).partition(": ")
            found = re.search(r"line (\d+)$", place)
            self._problem(file, int(found[1]) if found else None, message)
            return None
        for name in sorted(text.variables - allowed):
            offer = ", ".join(sorted(allowed)) or "none"
            self._problem(file, line, f"the variable {name!r} is not known here; there are: {offer}.")
        return text

    def _rows(self, file: str, source: str) -> list[Example]:
        lines = source.splitlines()
        if not lines or lines[0].split("\t") != _COLUMNS:
            self._problem(file, 1, "the first line must be lang, label, kind and text, with tabs between.")
            return []
        found: list[Example] = []
        for number, line in enumerate(lines[1:], start=2):
            cells = line.split("\t")
            if not line.strip():
                continue
            if len(cells) != len(_COLUMNS) or not cells[3].strip():
                self._problem(file, number, "write four cells with tabs between: lang, label, kind, text.")
            elif cells[0] not in LOCALES or cells[1] not in _LABELS:
                self._problem(file, number, f"lang is one of {', '.join(LOCALES)}; label is human or bot.")
            else:
                found.append(Example(cells[0], _LABELS[cells[1]], cells[2], cells[3]))
        return found

    def _front(self, file: str, model: type[M]) -> tuple[M, str, int] | None:
        """Read a file with front matter: its head, its body and the line where the body begins."""
        source = self._source(file)
        if source is None:
            return None
        parts = re.match(r"---\r?\n(.*?)^---\s*$\r?\n?", source, re.DOTALL | re.MULTILINE)
        if parts is None:
            self._problem(file, 1, "must begin with front matter between two lines of `---`.")
            return None
        head = self._model(file, source, self._data(file, parts[1], offset=1), model)
        body = source[parts.end() :]
        line = source[: parts.end()].count("\n") + 1 + (len(body) - len(body.lstrip("\n")))
        return None if head is None else (head, body.strip(), line)

    def _source(self, file: str) -> str | None:
        content = self.files.get(file)
        if content is None:
            if not any(problem.file == file for problem in self.problems):
                self._problem(file, None, "is missing; add it.")
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            self._problem(file, None, "is not UTF-8; save it as UTF-8.")
        return None

    def _data(self, file: str, source: str, offset: int = 0) -> object:
        try:
            return yaml.load(source, Loader=_YAML)  # noqa: S506 - one of the two safe loaders
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 + offset if error.problem_mark else None
            self._problem(file, line, f"is not valid YAML: {error.problem}. Mend the quotes or the indent.")
        except yaml.YAMLError:
            self._problem(file, None, "is not valid YAML; mend it.")
        return None

    def _model(self, file: str, source: str, data: object, model: type[M]) -> M | None:
        if data is None and any(p.file == file for p in self.problems):
            return None
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for wrong in error.errors():
                names = [str(part) for part in wrong["loc"]]
                keys = [n for n in names if not n.isdigit()]
                line = _line_of(source, keys[-1]) if keys else None
                said = wrong["msg"].removeprefix("Value error, ")
                if wrong["type"] == "string_type":
                    said = "must be words; put it in quotes (YAML reads yes, no, on and off as no words)"
                self._problem(file, line, f"{'.'.join(names) or 'the file'}: {said}.")
            return None

    def _problem(self, file: str, line: int | None, message: str) -> None:
        self.problems.append(Problem(file, line, message))


def _spec(read: KeywordsOf) -> KeywordSpec:
    return KeywordSpec(
        read.phrases, read.alone, read.courtesies, read.negations, read.other_senses, read.unless
    )


def _flatten(data: object, prefix: str = "") -> list[tuple[str, object]]:
    """Return the leaves by dotted key; a text's forms by number are one leaf."""
    if not isinstance(data, dict) or (prefix in MESSAGES and data):
        return [(prefix, data)] if prefix else []
    return [pair for k, v in data.items() for pair in _flatten(v, f"{prefix}.{k}" if prefix else str(k))]


def _line_of(source: str, key: str) -> int | None:
    """Return the line on which a YAML key stands; None when it does not, or stands on several."""
    lines = [
        n for n, line in enumerate(source.splitlines(), 1) if re.match(rf"\s*{re.escape(key)}\s*:", line)
    ]
    return lines[0] if len(lines) == 1 else None


def line_of_key(source: str, dotted: str) -> int | None:
    """Return the line of a dotted YAML key; None when it is not found by its indent."""
    wanted = dotted.split(".")
    open_keys: list[tuple[int, str]] = []
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"( *)[\"']?([\w-]+)[\"']?\s*:", line)
        if found is None:
            continue
        indent = len(found[1])
        open_keys = [(i, key) for i, key in open_keys if i < indent]
        open_keys.append((indent, found[2]))
        if [key for _, key in open_keys] == wanted:
            return number
    return None
