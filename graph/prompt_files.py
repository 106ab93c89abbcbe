"""Reading the files under ``prompts/``, collecting everything that is wrong instead of the first thing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from graph.classifier import Example
from graph.keywords import KeywordSpec
from graph.knowledge import Section
from graph.knowledge_files import sections_of
from graph.opt_out import OptOut, compile_opt_out
from graph.prompt_schema import (
    LOCALES,
    MESSAGES,
    TEMPLATES,
    KeywordsFile,
    KeywordsOf,
    KnowledgeHead,
    OptOutFile,
    SmalltalkFile,
    TemplateHead,
)
from graph.smalltalk import COURTESIES, Smalltalk, compile_smalltalk
from graph.templates import Text, compile_text
from ponte.errors import PromptError

M = TypeVar("M", bound=BaseModel)

_COLUMNS = ["lang", "label", "kind", "text"]
_LABELS = {"human": True, "bot": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a prompt file.

    Args:
        file: relative to the prompts' directory.
        line: where; None when it is not known.
        message: what is wrong, and the mend.
    """

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.message}"


class Reader:
    """Reads the files of one directory. What cannot be used is in ``problems``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.problems: list[Problem] = []

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

    def messages(self) -> dict[str, Mapping[str, Text]]:
        """Read the fixed texts by locale and key."""
        found: dict[str, Mapping[str, Text]] = {}
        for locale in LOCALES:
            file = f"messages/{locale}.yaml"
            source = self._source(file)
            if source is not None:
                found[locale] = self._texts(file, source)
        return found

    def keywords(self) -> dict[str, KeywordSpec] | None:
        """Read the phrases that ask for a human, by locale."""
        read = self.yaml("handoff/keywords.yaml", KeywordsFile)
        if read is None:
            return None
        return {"pt-BR": _spec(read.pt_br), "es": _spec(read.es), "en": _spec(read.en)}

    def smalltalk(self) -> Smalltalk | None:
        """Read the courtesies of all languages."""
        read = self.yaml("smalltalk.yaml", SmalltalkFile)
        if read is None:
            return None
        languages = (read.pt_br, read.es, read.en)
        return compile_smalltalk({k: [p for one in languages for p in getattr(one, k)] for k in COURTESIES})

    def opt_out(self) -> OptOut | None:
        """Read the words that stop our messages and that ask for them again."""
        read = self.yaml("opt_out.yaml", OptOutFile)
        if read is None:
            return None
        languages = {"pt-BR": read.pt_br, "es": read.es, "en": read.en}
        opt_out = compile_opt_out({locale: (one.out, one.back) for locale, one in languages.items()})
        for word in opt_out.contradictions():
            self._problem("opt_out.yaml", None, f"{word!r} is both under out and under back; keep one.")
        return opt_out

    def examples(self) -> tuple[Example, ...]:
        """Read all of ``handoff/examples/*.tsv``."""
        found: list[Example] = []
        for path in sorted((self.directory / "handoff" / "examples").glob("*.tsv")):
            file = path.relative_to(self.directory).as_posix()
            source = self._source(file)
            if source is not None:
                found += self._rows(file, source)
        if {e.wants_human for e in found} != {True, False}:
            self._problem("handoff/examples", None, "write examples of both labels, human and bot.")
        return tuple(found)

    def knowledge(self) -> tuple[Section, ...]:
        """Read all sections of ``knowledge/*.md``."""
        found: list[Section] = []
        for path in sorted((self.directory / "knowledge").glob("*.md")):
            file = path.relative_to(self.directory).as_posix()
            parsed = self._front(file, KnowledgeHead)
            if parsed is None:
                continue
            head, body, _ = parsed
            sections = sections_of(body, lang=head.lang, source=path.name)
            if not sections:
                self._problem(
                    file, None, "has no section; write a heading like `## Prices` and text under it."
                )
            found += sections
        return tuple(found)

    def _texts(self, file: str, source: str) -> dict[str, Text]:
        flat = dict(_flatten(self._data(file, source)))
        for key in sorted(set(MESSAGES) - set(flat)):
            self._problem(file, None, f"the text {key!r} is missing; add it.")
        texts: dict[str, Text] = {}
        for key, value in flat.items():
            line = _line_of(source, key.rpartition(".")[2])
            if key not in MESSAGES:
                near = difflib.get_close_matches(key, MESSAGES, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "remove it."
                self._problem(file, line, f"the text {key!r} is not known; {hint}")
            elif not isinstance(value, str) or not value.strip():
                self._problem(file, line, f"the text {key!r} must be words; put it in quotes.")
            elif (text := self._text(file, value.strip(), line, MESSAGES[key])) is not None:
                texts[key] = text
        return texts

    def _text(self, file: str, source: str, line: int | None, allowed: frozenset[str]) -> Text | None:
        try:
            text = compile_text(source, file, line)
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
        try:
            return (self.directory / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            self._problem(file, None, f"is missing; add it under {self.directory}.")
        except UnicodeDecodeError:
            self._problem(file, None, "is not UTF-8; save it as UTF-8.")
        except OSError as error:
            self._problem(file, None, f"cannot be read ({error.strerror}).")
        return None

    def _data(self, file: str, source: str, offset: int = 0) -> object:
        try:
            return yaml.safe_load(source)
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
    return KeywordSpec(read.phrases, read.alone, read.courtesies, read.negations, read.other_senses)


def _flatten(data: object, prefix: str = "") -> list[tuple[str, object]]:
    if not isinstance(data, dict):
        return [(prefix, data)] if prefix else []
    return [pair for k, v in data.items() for pair in _flatten(v, f"{prefix}.{k}" if prefix else str(k))]


def _line_of(source: str, key: str) -> int | None:
    """Return the line on which a YAML key stands; None when it does not, or stands on several."""
    lines = [
        n for n, line in enumerate(source.splitlines(), 1) if re.match(rf"\s*{re.escape(key)}\s*:", line)
    ]
    return lines[0] if len(lines) == 1 else None
