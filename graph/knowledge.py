"""The company's texts, searchable: BM25 over the sections of ``prompts/knowledge/*.md``.

A section is what stands under one ``##`` heading; a long one is searched in pieces. Its score is the share of
the question's words that it covers, each weighed by how rare it is; BM25 decides among sections. So the score
means the same for every question: 1.0 is every telling word of it, 0.5 half of their weight.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from graph.chunks import chunks_of
from graph.knowledge_terms import Vocabulary, terms
from graph.sections import Section

__all__ = ["Hit", "Knowledge", "Retriever", "Section", "terms"]

# What a word counts that stands in no file, but is nearly one that does.
_NEARLY: Final = 0.85


@dataclass(frozen=True, slots=True)
class Hit:
    """A section found for a question, with the share of the question it covers, 0 to 1."""

    section: Section
    score: float


class Retriever(Protocol):
    """Finds what the model reads beside a question. It never raises, and never takes long."""

    async def find(self, question: str, lang: str, limit: int = 3) -> Sequence[Hit]:
        """Return the best sections for ``question`` in the language ``lang``, the best first."""
        ...


class Knowledge:
    """An index a language, built once. It is a ``Retriever``, too: the one that needs nothing else."""

    def __init__(self, sections: Sequence[Section]) -> None:
        by_lang: dict[str, list[Section]] = {}
        for section in sections:
            by_lang.setdefault(section.lang, []).extend(chunks_of(section))
        self._indexes = {lang: _Index(group) for lang, group in by_lang.items()}
        self.chunks: tuple[Section, ...] = tuple(chunk for group in by_lang.values() for chunk in group)

    def search(self, question: str, lang: str, limit: int = 3) -> list[Hit]:
        """Return the best sections for ``question`` in the language ``lang``, the best first.

        A question without a telling word finds nothing.
        """
        index = self._indexes.get(lang)
        return index.search(terms(question), limit) if index else []

    async def find(self, question: str, lang: str, limit: int = 3) -> Sequence[Hit]:
        """Return what ``search`` does; it takes well under a millisecond."""
        return self.search(question, lang, limit)

    def covered(self, question: str, section: Section) -> float:
        """Return the share of ``question`` that one of the sections covers, 0 to 1."""
        index = self._indexes.get(section.lang)
        return index.covered(terms(question), section) if index else 0.0


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
        self._vocabulary = Vocabulary(self._rare)
        self._unknown = math.log(1 + len(sections))
        self._bm25 = bm25s.BM25(k1=1.2, b=0.6)
        self._bm25.index(documents, show_progress=False)

    def _idf(self, term: str) -> float:
        having = sum(term in t for t in self._terms)
        return math.log(1 + len(self._sections) / having)

    def search(self, asked: list[str], limit: int) -> list[Hit]:
        wanted = self._wanted(asked)
        known = [t for t in wanted if t in self._rare]
        if not known:
            return []
        ranks = self._bm25.get_scores(known)
        best = sorted(range(len(self._sections)), key=lambda i: -ranks[i])[:limit]
        hits = [Hit(self._sections[i], self._share(wanted, i)) for i in best if ranks[i] > 0]
        return sorted(hits, key=lambda h: -h.score)

    def covered(self, asked: list[str], section: Section) -> float:
        if section not in self._sections:
            return 0.0
        return self._share(self._wanted(asked), self._sections.index(section))

    def _wanted(self, asked: list[str]) -> dict[str, tuple[float, float]]:
        """Return the weight of each word, and of what a section gains that has it."""
        wanted: dict[str, tuple[float, float]] = {}
        for term in asked:
            if term in self._rare:
                wanted[term] = (self._rare[term], self._rare[term])
            elif (near := self._vocabulary.nearest(term)) is not None:
                wanted.setdefault(near, (self._rare[near], _NEARLY * self._rare[near]))
            else:
                wanted[term] = (self._unknown, 0.0)
        return wanted

    def _share(self, wanted: dict[str, tuple[float, float]], number: int) -> float:
        mass = sum(weight for weight, _ in wanted.values())
        has = self._terms[number]
        return sum(gain for term, (_, gain) in wanted.items() if term in has) / mass if mass else 0.0
