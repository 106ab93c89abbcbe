"""The same question again: how often a customer asked it in the last turns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from rapidfuzz import fuzz, process

from graph.lexicon import STOPWORDS
from graph.smalltalk import Smalltalk
from graph.state import AskedRecord
from graph.text import words
from graph.trigger_policy import Repeated

_LONGEST: Final = 300
_SHORTEST_WORD: Final = 3


def question_of(text: str, smalltalk: Smalltalk) -> str | None:
    """Return what a text asks, for comparison: its telling words, folded and in order.

    None for what may well be said again: courtesies, a number, a single letter.
    """
    said = words(text[: 4 * _LONGEST])
    telling = sorted(word for word in said if word not in STOPWORDS)
    if not any(len(w) >= _SHORTEST_WORD and not w.isdigit() for w in telling):
        return None
    return None if smalltalk.kind_of(said) is not None else " ".join(telling)[:_LONGEST]


def times_asked(question: str, before: Sequence[AskedRecord], policy: Repeated) -> tuple[int, float]:
    """Return how often the question was asked, this time included, and how alike the least alike was.

    Args:
        question: from ``question_of``.
        before: the questions of the turns before.
        policy: what counts as the same.
    """
    recent = before[-(policy.within - 1) :]
    scores = [_similarity(question, record["question"], policy.similarity) for record in recent]
    same = [score for score in scores if score]
    return 1 + len(same), min(same, default=0.0)


def _similarity(one: str, other: str, least: float) -> float:
    """Return how alike the least alike word of either question is to one of the other; 0 below ``least``.

    By the words, not by the whole: one word more or another one, "sábado" for "domingo", is another question.
    """
    if one == other:
        return 1.0
    first, second = one.split(), other.split()
    # Days, prices and numbers of people are the same or are not.
    if _numbers(first) != _numbers(second):
        return 0.0
    pairs = ((w, second) for w in first), ((w, first) for w in second)
    found = 1.0
    for word, others in itertools.chain(*pairs):
        best = process.extractOne(word, others, scorer=fuzz.ratio, score_cutoff=100 * least)
        if best is None:
            return 0.0
        found = min(found, best[1] / 100)
    return found


def _numbers(question: list[str]) -> list[str]:
    return [word for word in question if any(c.isdigit() for c in word)]
