"""The company's texts, searchable: BM25 over the sections of ``prompts/knowledge/*.md``.

A section is what stands under one ``##`` heading. Its score is the share of the question's words that it
covers, each weighed by how rare it is; BM25 decides among sections. So the score means the same for
every question: 1.0 is every telling word of it, 0.5 half of their weight.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from graph.lexicon import STOPWORDS
from graph.text import words

_PLURALS = (
    ("oes", "ao"),
    ("aes", "ao"),
    ("res", "r"),
    ("zes", "z"),
    ("ies", "y"),
    ("am", "a"),
    ("an", "a"),
)


def terms(text: str) -> list[str]:
    """Return the telling words of ``text``, folded, plurals taken back."""
    return [_singular(w) for w in words(text) if w not in STOPWORDS and (len(w) > 1 or w.isdigit())]


def _singular(word: str) -> str:
    """Take back the commonest plurals of the three languages; only has to treat equals equally."""
    if len(word) <= 3 or not word.isalpha():  # noqa: PLR2004 - "gas", "mes", "bus" are no plurals
        return word
    for plural, singular in _PLURALS:
        if word.endswith(plural):
            return word[: -len(plural)] + singular
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a knowledge file.

    Args:
        lang: the file's locale.
        source: the file's name.
        title: the heading.
        text: the body as WhatsApp shows it, without headings.
        asked_as: other words that customers use for it; searched, never shown.
    """

    lang: str
    source: str
    title: str
    text: str
    asked_as: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A section found for a question, with the share of the question it covers, 0 to 1."""

    section: Section
    score: float


class Knowledge:
    """An index a language, built once."""

    def __init__(self, sections: Sequence[Section]) -> None:
        by_lang: dict[str, list[Section]] = {}
        for section in sections:
            by_lang.setdefault(section.lang, []).append(section)
        self._indexes = {lang: _Index(group) for lang, group in by_lang.items()}

    def search(self, question: str, lang: str, limit: int = 3) -> list[Hit]:
        """Return the best sections for ``question`` in the language ``lang``, the best first.

        A question without a telling word finds nothing.
        """
        index = self._indexes.get(lang)
        return index.search(terms(question), limit) if index else []


class _Index:
    def __init__(self, sections: list[Section]) -> None:
        import bm25s  # noqa: PLC0415 # type: ignore[import-untyped] # numpy: only where knowledge is searched

        # It sets its logger to DEBUG by itself and would fill ours with each index it builds.
        logging.getLogger("bm25s").setLevel(logging.WARNING)
        self._sections = sections
        # Heading and synonyms say what a section is about: they count twice.
        documents = [terms(f"{s.title} {s.title} {s.asked_as} {s.asked_as} {s.text}") for s in sections]
        self._terms = [frozenset(d) for d in documents]
        self._rare = {t: self._idf(t) for t in frozenset().union(*self._terms)}
        self._unknown = math.log(1 + len(sections))
        self._bm25 = bm25s.BM25(k1=1.2, b=0.6)
        self._bm25.index(documents, show_progress=False)

    def _idf(self, term: str) -> float:
        having = sum(term in t for t in self._terms)
        return math.log(1 + len(self._sections) / having)

    def search(self, asked: list[str], limit: int) -> list[Hit]:
        known = [t for t in asked if t in self._rare]
        if not known:
            return []
        ranks = self._bm25.get_scores(known)
        best = sorted(range(len(self._sections)), key=lambda i: -ranks[i])[:limit]
        wanted = {t: self._rare.get(t, self._unknown) for t in asked}
        mass = sum(wanted.values())
        hits = [
            Hit(self._sections[i], sum(m for t, m in wanted.items() if t in self._terms[i]) / mass)
            for i in best
            if ranks[i] > 0
        ]
        return sorted(hits, key=lambda h: -h.score)
