"""Cutting long sections into pieces that a search can weigh against each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from graph.sections import Section

# A piece is about one thing and fits many times into what the model reads; an answer is rarely longer.
MOST_CHARS: Final = 1_000
# What the end of a piece shares with the beginning of the next one, so that "it" still has its noun.
OVERLAP_CHARS: Final = 200

_SENTENCE: Final = re.compile(r"(?<=[.!?\u2026])\s+(?=[^\s\d])|\n+")


def chunks_of(section: Section, most: int = MOST_CHARS, overlap: int = OVERLAP_CHARS) -> list[Section]:
    """Return the section itself, or its pieces where it is long.

    Pieces end at the ends of sentences and lines. Each begins with the last sentences of the one before.

    Args:
        section: as written.
        most: characters of a piece; a longer sentence is cut at a word.
        overlap: characters that two neighbours share at most; less than half of ``most``.
    """
    if len(section.text) <= most:
        return [section]
    sentences = [part for one in _sentences(section.text) for part in _cut(one, most - overlap)]
    pieces: list[list[str]] = [[]]
    for sentence in sentences:
        if pieces[-1] and _size([*pieces[-1], sentence]) > most:
            pieces.append(_tail(pieces[-1], overlap))
        pieces[-1].append(sentence)
    texts = ("".join(piece).strip() for piece in pieces)
    return [replace(section, text=text, part=number) for number, text in enumerate(texts, start=1)]


def _sentences(text: str) -> Iterable[str]:
    """Yield sentences and lines, each with the white space behind it."""
    ends = [0, *(found.end() for found in _SENTENCE.finditer(text)), len(text)]
    return (text[begin:end] for begin, end in pairwise(ends) if end > begin)


def _cut(sentence: str, most: int) -> Iterable[str]:
    while len(sentence) > most:
        end = sentence.rfind(" ", 1, most) + 1 or most
        yield sentence[:end]
        sentence = sentence[end:]
    yield sentence


def _tail(sentences: Sequence[str], room: int) -> list[str]:
    """Return the last whole sentences that fit."""
    kept: list[str] = []
    for sentence in reversed(sentences):
        if _size([sentence, *kept]) > room:
            break
        kept.insert(0, sentence)
    return kept


def _size(sentences: Sequence[str]) -> int:
    return sum(map(len, sentences))
