"""Reading the files under ``prompts/``, each as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from graph.classifier import Example
from graph.keywords import KeywordSpec
from graph.knowledge import Section
from graph.knowledge_files import attachment_faults, sections_of
from graph.lexicon_spec import LexiconFile, Lexicons
from graph.opt_out import OptOut, compile_opt_out
from graph.prompt_messages import read_messages
from graph.prompt_problem import Problem
from graph.prompt_reader import FileReader
from graph.prompt_schema import (
    TEMPLATES,
    KeywordsFile,
    KeywordsOf,
    KnowledgeHead,
    OptOutFile,
    OptOutOf,
    SmalltalkFile,
    TemplateHead,
)
from graph.prompt_yaml import Document
from graph.smalltalk import COURTESIES, Smalltalk, compile_smalltalk
from graph.templates import Phrase, Text, line_naming
from graph.text import words
from ponte.locales import LOCALES, Locale

__all__ = ["Problem", "Reader"]

_OPT_OUT = "opt_out.yaml"
_COLUMNS = ["lang", "label", "kind", "text"]
_LABELS = {"human": True, "bot": False, "1": True, "0": False}


class Reader(FileReader):
    """Reads one set of files. What cannot be used is in ``problems``."""

    def templates(self) -> dict[str, tuple[TemplateHead, Text]]:
        """Read the templates by file name, with their front matter."""
        found = {file: self._template(file, allowed) for file, allowed in TEMPLATES.items()}
        return {file: one for file, one in found.items() if one is not None}

    def messages(self) -> dict[str, Mapping[str, Phrase]]:
        """Read the fixed texts by locale and key."""
        return {locale: texts for locale in LOCALES if (texts := read_messages(self, locale))}

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
        document = self.document(_OPT_OUT)
        if document is None:
            return None
        read = self.model(_OPT_OUT, document, document.data, OptOutFile)
        if read is None:
            return None
        languages = dict(read.items())
        opt_out = compile_opt_out({locale: (one.out, one.back) for locale, one in languages.items()})
        for phrase in opt_out.contradictions():
            line = _line_of_back(document, languages, phrase)
            self.problem(_OPT_OUT, line, f"{phrase!r} is both under out and under back; keep one.")
        return opt_out

    def examples(self) -> tuple[Example, ...]:
        """Read all of ``handoff/examples/*.tsv``."""
        found: list[Example] = []
        for file in self.named("handoff/examples", ".tsv"):
            source = self.source(file)
            if source is not None:
                found += self._rows(file, source)
        if {e.wants_human for e in found} != {True, False}:
            self.problem("handoff/examples", None, "write examples of both labels, human and bot.")
        return tuple(found)

    def knowledge(self) -> tuple[Section, ...]:
        """Read all sections of ``knowledge/*.md``."""
        found: list[Section] = []
        for file in self.named("knowledge", ".md"):
            parsed = self.front(file, KnowledgeHead)
            if parsed is None:
                continue
            head, body, line, _ = parsed
            for below, message in attachment_faults(body, self.files):
                self.problem(file, line + below, message)
            name = PurePosixPath(file).name
            sections = sections_of(body, lang=head.lang, source=name, files=self.files)
            if not sections:
                self.problem(
                    file, line, "has no section; write a heading like `## Prices` and text under it."
                )
            found += sections
        return tuple(found)

    def named(self, folder: str, ending: str) -> Iterator[str]:
        """Yield the paths of the files right in ``folder`` whose names end in ``ending``."""
        for file in sorted(self.files):
            if file.endswith(ending) and file.rpartition("/")[0] == folder:
                yield file

    def _template(self, file: str, allowed: frozenset[str]) -> tuple[TemplateHead, Text] | None:
        parsed = self.front(file, TemplateHead)
        if parsed is None:
            return None
        head, text, line, document = parsed
        body = self.text(file, text, line, allowed)
        if body is None:
            return None
        for name in sorted(body.variables - set(head.variables)):
            self.problem(
                file,
                line_naming(body, name),
                f"the variable {name!r} is used but not declared; add it to `variables:`, or mend the text.",
            )
        for name in sorted(set(head.variables) - body.variables):
            self.problem(
                file,
                document.line(("variables",)),
                f"the variable {name!r} is declared but never used; mend `variables:` or the text.",
            )
        return head, body

    def _rows(self, file: str, source: str) -> list[Example]:
        lines = source.splitlines()
        if not lines or lines[0].split("\t") != _COLUMNS:
            self.problem(file, 1, "the first line must be lang, label, kind and text, with tabs between.")
            return []
        found: list[Example] = []
        for number, line in enumerate(lines[1:], start=2):
            cells = line.split("\t")
            if not line.strip():
                continue
            if len(cells) != len(_COLUMNS) or not cells[3].strip():
                self.problem(file, number, "write four cells with tabs between: lang, label, kind, text.")
            elif cells[0] not in LOCALES or cells[1] not in _LABELS:
                self.problem(file, number, f"lang is one of {', '.join(LOCALES)}; label is human or bot.")
            else:
                found.append(Example(cells[0], _LABELS[cells[1]], cells[2], cells[3]))
        return found


def _spec(read: KeywordsOf) -> KeywordSpec:
    return KeywordSpec(
        read.phrases, read.alone, read.courtesies, read.negations, read.other_senses, read.unless
    )


def _line_of_back(document: Document, languages: Mapping[Locale, OptOutOf], phrase: str) -> int | None:
    """Return the line on which ``phrase`` stands under ``back``, whose place is the more surprising one."""
    for locale, one in languages.items():
        for number, written in enumerate(one.back):
            if " ".join(words(written)) == phrase:
                return document.line((locale, "back", number))
    return None
