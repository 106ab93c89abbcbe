"""Finding by meaning and by words at once, and by words alone whenever that does not work or takes long."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from graph.context import Clock
from graph.knowledge import Hit, Knowledge
from graph.sections import Section
from ponte.domain.fusion import fused
from ponte.errors import PonteError
from ponte.ports import KnowledgeChunk, KnowledgeIndex

log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 1.5
_PAUSE_S: Final = 60.0
_POLL_S: Final = 2.0
_DAY_S: Final = 24 * 60 * 60.0
_KEPT_MS: Final = 7 * 24 * 60 * 60 * 1000
_AT_ONCE: Final = 64
_CANDIDATES: Final = 10


class EmbeddingFailed(PonteError):
    """The embedding model gave no vectors."""


class Embedder(Protocol):
    """An embedding model."""

    @property
    def model(self) -> str:
        """The model's name: vectors of two models do not compare."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Return the vector of each text. Raises EmbeddingFailed."""
        ...


class IndexedRetriever:
    """A ``Retriever`` over an index that is filled in the background.

    Until it is filled, and for a minute after each failure, ``knowledge`` answers alone. What the index
    returns is a choice among the sections of the files: never a text of its own.

    Args:
        knowledge: the texts, searched by words.
        index: searches by both.
        embedder: the embedding model; None: the index searches by words alone, and its ranks are fused with
            those of ``knowledge``, which knows spellings.
        clock: for the note of when a set was last in use.
    """

    def __init__(
        self, knowledge: Knowledge, index: KnowledgeIndex, embedder: Embedder | None, clock: Clock
    ) -> None:
        self._knowledge = knowledge
        self._index = index
        self._embedder = embedder
        self._clock = clock
        self._chunks = {f"{number:05d}": chunk for number, chunk in enumerate(knowledge.chunks)}
        self._names = {chunk: name for name, chunk in self._chunks.items()}
        self.set_id = _set_id(knowledge.chunks, "" if embedder is None else embedder.model)
        self._ready = False
        self._paused_until = 0.0

    @property
    def ready(self) -> bool:
        """Whether the index can be searched."""
        return self._ready

    async def find(self, question: str, lang: str, limit: int = 3) -> Sequence[Hit]:
        """Return the best sections. Takes a second and a half at most; never raises."""
        loop = asyncio.get_running_loop()
        if self._ready and loop.time() >= self._paused_until:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    found = await self._search(question, lang, limit)
            except (PonteError, TimeoutError) as failure:
                self._paused_until = loop.time() + _PAUSE_S
                log.warning("knowledge_found_by_words", reason=str(failure) or "late", seconds=_PAUSE_S)
            else:
                if found:
                    return found
        return self._knowledge.search(question, lang, limit)

    async def _search(self, question: str, lang: str, limit: int) -> list[Hit]:
        ids = await self._ids(question, lang, limit)
        sections = [self._chunks[one] for one in ids if one in self._chunks]
        return [Hit(section, self._knowledge.covered(question, section)) for section in sections]

    async def _ids(self, question: str, lang: str, limit: int) -> list[str]:
        if self._embedder is not None:
            (vector,) = await self._embedder.embed([question])
            return await self._index.search(self.set_id, lang, question, vector, limit)
        ids = await self._index.search(self.set_id, lang, question, (), _CANDIDATES)
        worded = [self._names[hit.section] for hit in self._knowledge.search(question, lang, _CANDIDATES)]
        return fused((ids, worded), limit)

    async def prepare(self) -> None:
        """Fill the index, make it searchable, and note once a day that it is in use. Ends when cancelled."""
        while True:
            try:
                dimensions = await self._filled()
                while not await self._index.prepare(dimensions):  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(_POLL_S)
                if not self._ready:
                    log.info("knowledge_indexed", set=self.set_id, chunks=len(self._chunks))
                self._ready = True
                await self._index.forget(self._clock.now() - _KEPT_MS)
            except PonteError as failure:
                log.warning("knowledge_not_indexed", set=self.set_id, reason=str(failure), seconds=_PAUSE_S)
                await asyncio.sleep(_PAUSE_S)
            else:
                await asyncio.sleep(_DAY_S)

    async def _filled(self) -> int:
        """Store the set unless it is there; returns its vectors' dimensions, 0 where it has none."""
        now = self._clock.now()
        if dimensions := await self._index.touch(self.set_id, len(self._chunks), now):
            return dimensions
        texts = [_searched(chunk) for chunk in self._chunks.values()]
        vectors = await self._embedded(texts)
        rows = [
            KnowledgeChunk(name, chunk.lang, text, vector)
            for (name, chunk), text, vector in zip(self._chunks.items(), texts, vectors, strict=True)
        ]
        await self._index.put(self.set_id, rows, now)
        return len(vectors[0]) if vectors else 0

    async def _embedded(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        if self._embedder is None:
            return [()] * len(texts)
        vectors: list[tuple[float, ...]] = []
        for begin in range(0, len(texts), _AT_ONCE):
            vectors += await self._embedder.embed(texts[begin : begin + _AT_ONCE])
        return vectors


def _searched(chunk: Section) -> str:
    return "\n".join(filter(None, [chunk.title, chunk.asked_as, chunk.text]))


def _set_id(chunks: Sequence[Section], model: str) -> str:
    """Return the name of a content under a model: the same files give the same name on every machine."""
    digest = hashlib.sha256(model.encode())
    for chunk in chunks:
        digest.update("\0".join((chunk.lang, chunk.reference, str(chunk.part), _searched(chunk))).encode())
        digest.update(b"\1")
    return digest.hexdigest()[:16]
