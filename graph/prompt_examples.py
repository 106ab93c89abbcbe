"""Labelled examples that say the opposite of each other, or of the phrases in ``handoff/keywords.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.classifier import Example
from graph.classifier_training import reader_of
from graph.keywords import Keywords, KeywordSpec
from graph.lexicon_spec import Lexicons
from graph.prompt_phrases import KEYWORDS
from graph.prompt_problem import Problem
from graph.prompt_source import Files
from graph.text import words


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    lang: str
    human: bool
    text: str


def example_problems(
    files: Files,
    examples: tuple[Example, ...],
    lexicons: Lexicons | None,
    keywords: Mapping[str, KeywordSpec] | None,
) -> Iterator[Problem]:
    """Yield what examples contradict.

    Args:
        files: with the examples.
        examples: those that can be used.
        lexicons: how words are spelt; None where that cannot be used: then words are compared as written.
        keywords: the phrases; None where they cannot be used.
    """
    rows = tuple(_rows(files))
    yield from _same_words(rows)
    if lexicons is None:
        return
    reader = reader_of(examples, lexicons)
    read = {row: reader.read(row.text) for row in rows}
    yield from _read_alike(rows, {row: (row.lang, *one.words) for row, one in read.items()})
    if keywords is None:
        return
    known = Keywords(keywords)
    for row, one in read.items():
        if not row.human and (phrase := known.find_read(" ".join(one.words), one.lang)):
            message = (
                f"{phrase!r} of {KEYWORDS} fires on {row.text!r}, an example labelled bot; narrow the "
                "phrase, or add an other_sense."
            )
            yield Problem(row.file, row.line, message, advice=True)


def _rows(files: Files) -> Iterator[_Row]:
    """Yield the labelled examples with where they stand."""
    for file in sorted(files):
        if file.startswith("handoff/examples/") and file.endswith(".tsv"):
            text = files[file].decode("utf-8-sig", "replace")
            for number, line in enumerate(text.splitlines()[1:], start=2):
                cells = line.split("\t")
                if len(cells) == 4:  # noqa: PLR2004 - lang, label, kind, text
                    yield _Row(file, number, cells[0], cells[1] in {"human", "1"}, cells[3])


def _same_words(rows: tuple[_Row, ...]) -> Iterator[Problem]:
    """The same words labelled both ways teach nothing."""
    for row, first in _opposed(rows, {row: (row.lang, *words(row.text)) for row in rows}):
        message = f"{row.text!r} is labelled both human and bot (see {_where(first, row)}); keep one."
        yield Problem(row.file, row.line, message)


def _read_alike(rows: tuple[_Row, ...], read: Mapping[_Row, tuple[str, ...]]) -> Iterator[Problem]:
    """Different spellings of the same words, as the detection reads them."""
    for row, first in _opposed(rows, read):
        if words(row.text) != words(first.text):
            message = (
                f"{row.text!r} and {first.text!r} ({_where(first, row)}) are the same to the detection, and "
                "labelled human and bot; keep one."
            )
            yield Problem(row.file, row.line, message)


def _opposed(rows: tuple[_Row, ...], keys: Mapping[_Row, tuple[str, ...]]) -> Iterator[tuple[_Row, _Row]]:
    """Yield each row with an earlier one of the same key and the other label."""
    seen: dict[tuple[str, ...], _Row] = {}
    for row in rows:
        first = seen.setdefault(keys[row], row)
        if first.human != row.human:
            yield row, first


def _where(first: _Row, row: _Row) -> str:
    return f"line {first.line}" if first.file == row.file else f"{first.file}, line {first.line}"
