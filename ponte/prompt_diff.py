"""What changed between two versions of the prompt files, for people to read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_CONTEXT: Final = 3
_MOST_LINES: Final = 2_000
# Pairs of lines that are less alike than this have no words in common worth marking.
_ALIKE: Final = 0.4
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


class LineKind(StrEnum):
    """What became of a line."""

    SAME = "same"
    OLD = "old"
    NEW = "new"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line.

    Args:
        kind: what became of it; a ``GAP`` stands for lines that are the same on both sides.
        spans: its text in parts, each with whether it is what changed in the line.
    """

    kind: LineKind
    spans: tuple[tuple[str, bool], ...] = ()

    @property
    def text(self) -> str:
        """The line as a whole."""
        return "".join(text for text, _ in self.spans)


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file that differs.

    Args:
        path: relative to the folder.
        state: ``added``, ``removed``, ``changed``, or ``binary``: it is no text, and differs.
        lines: what to show; empty for ``binary``, and where only the ends of lines differ.
        cut: there are more lines than are worth showing.
    """

    path: str
    state: str
    lines: tuple[DiffLine, ...] = ()
    cut: bool = False

    def count(self, kind: LineKind) -> int:
        """Return how many lines are of a kind."""
        return sum(line.kind is kind for line in self.lines)


def compare(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[FileDiff]:
    """Return the files that differ, by path."""
    return [
        _file(path, old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def _file(path: str, old: bytes | None, new: bytes | None) -> FileDiff:
    state = "added" if old is None else "removed" if new is None else "changed"
    try:
        before, after = ((side or b"").decode("utf-8").splitlines() for side in (old, new))
    except UnicodeDecodeError:
        return FileDiff(path, "binary")
    lines = list(_lines(before, after))
    return FileDiff(path, state, tuple(lines[:_MOST_LINES]), len(lines) > _MOST_LINES)


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    shown = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if group[0][1] > shown:
            yield DiffLine(LineKind.GAP)
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (DiffLine(LineKind.SAME, ((text, False),)) for text in old[a:b])
            else:
                yield from _replaced(old[a:b], new[c:d])
        shown = group[-1][2]
    if 0 < shown < len(old):
        yield DiffLine(LineKind.GAP)


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    """Yield the old lines and then the new ones; what changed within a pair of them is marked."""
    pairs = [_words(before, after) for before, after in zip(old, new, strict=False)]
    for n, text in enumerate(old):
        yield DiffLine(LineKind.OLD, pairs[n][0] if n < len(pairs) else ((text, False),))
    for n, text in enumerate(new):
        yield DiffLine(LineKind.NEW, pairs[n][1] if n < len(pairs) else ((text, False),))


def _words(old: str, new: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return ((old, False),), ((new, False),)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        changed = tag != "equal"
        if b > a:
            left.append(("".join(before[a:b]), changed))
        if d > c:
            right.append(("".join(after[c:d]), changed))
    return tuple(left), tuple(right)
