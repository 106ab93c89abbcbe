"""``ponte.ports.KnowledgeIndex`` in memory, for deployments whose database does not search.

A company's texts are some hundred chunks: comparing a question with all of them takes well under a
millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.knowledge import Knowledge
from ponte.domain.fusion import fused
from ponte.ports import KnowledgeChunk

_CANDIDATES: Final = 10


class VectorMemory:
    """Vectors of one set, fused with the ranks that ``knowledge`` gives.

    Args:
        knowledge: the texts, searched by words.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._names: list[tuple[str, str]] = []
        self._vectors: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    async def touch(self, set_id: str, count: int, now: int) -> int:
        """Return the vectors' dimensions, once they are there."""
        del set_id, now
        return int(self._vectors.shape[1]) if len(self._names) == count else 0

    async def put(self, set_id: str, chunks: Sequence[KnowledgeChunk], now: int) -> None:
        """Keep the chunks, their vectors brought to length 1."""
        del set_id, now
        self._names = [(chunk.id, chunk.lang) for chunk in chunks]
        vectors = np.array([chunk.vector for chunk in chunks], np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self._vectors = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)

    async def prepare(self, dimensions: int) -> bool:
        """Nothing is to be made."""
        del dimensions
        return True

    async def search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        """Return the ids of the best chunks in a language, the best first."""
        del set_id
        likeness = self._vectors @ np.array(vector, np.float32)
        own = [n for n, (_, spoken) in enumerate(self._names) if spoken == lang]
        near = [self._names[n][0] for n in sorted(own, key=lambda n: -likeness[n])[:_CANDIDATES]]
        numbers = {chunk: f"{n:05d}" for n, chunk in enumerate(self._knowledge.chunks)}
        worded = [numbers[hit.section] for hit in self._knowledge.search(question, lang, _CANDIDATES)]
        return fused((near, worded), limit)

    async def forget(self, before: int) -> int:
        """Nothing is kept beyond its use."""
        del before
        return 0
