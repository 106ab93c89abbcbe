"""Embeddings from any server that speaks OpenAI's API, and the retriever that stands on them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import openai
import structlog

from graph.context import Clock
from graph.knowledge import Knowledge, Retriever
from graph.retrieval import EmbeddingFailed, IndexedRetriever
from graph.vector_memory import VectorMemory
from ponte.bootstrap import open_knowledge_index
from ponte.ports import KnowledgeIndex
from ponte.settings import Settings

log = structlog.get_logger(__name__)

_MODEL_CHARS: Final = 8_000
_VERSIONS: Final = 8


class OpenAIEmbedder:
    """An ``Embedder`` over ``/embeddings``.

    Args:
        client: its own retries must be off; the caller closes it.
        model: the model's name.
    """

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client
        self._model = model

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    async def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Return the vector of each text. Raises EmbeddingFailed."""
        given = [text[:_MODEL_CHARS] for text in texts]
        try:
            answer = await self._client.embeddings.create(
                model=self._model, input=given, encoding_format="float"
            )
        except openai.APIError as error:
            status = getattr(error, "status_code", None)
            raise EmbeddingFailed(f"the embedding model failed ({type(error).__name__}, {status})") from None
        vectors = [tuple(one.embedding) for one in sorted(answer.data, key=lambda one: one.index)]
        if len(vectors) != len(given) or len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
            raise EmbeddingFailed("the embedding model answered with other vectors than it was asked for")
        return vectors


class Retrieval:
    """Makes retrievers, and fills what they search in the background.

    Args:
        embedder: the embedding model; None where ``index`` is to search by words alone.
        index: the database's search; None where it has none: vectors are kept in memory.
        clock: the time.
    """

    def __init__(self, embedder: OpenAIEmbedder | None, index: KnowledgeIndex | None, clock: Clock) -> None:
        self._embedder = embedder
        self._index = index
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._tasks: deque[asyncio.Task[None]] = deque()

    def of(self, knowledge: Knowledge) -> Retriever:
        """Return the retriever of these texts. May be called in any thread."""
        index = self._index or VectorMemory(knowledge)
        retriever = IndexedRetriever(knowledge, index, self._embedder, self._clock)
        self._loop.call_soon_threadsafe(self._start, retriever)
        return retriever

    def _start(self, retriever: IndexedRetriever) -> None:
        self._tasks.append(asyncio.create_task(retriever.prepare(), name=f"knowledge-{retriever.set_id}"))
        # What an old version had indexed goes away a week later; it is found by words from then on.
        while len(self._tasks) > _VERSIONS:
            self._tasks.popleft().cancel()

    async def close(self) -> None:
        """End what runs in the background."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def open_retrieval(
    settings: Settings, client: openai.AsyncOpenAI, clock: Clock, *, serves: bool
) -> AsyncIterator[Retrieval | None]:
    """Yield what makes retrievers; None where texts are found in memory, by words alone.

    Args:
        settings: the settings.
        client: for the embedding model.
        clock: the time.
        serves: customers are answered here, so that the database's full-text search is worth filling where no
            embedding model is set.

    Raises:
        SettingsError: MONGO_URI is malformed.
    """
    model = settings.openai_embedding_model
    if not model and not serves:
        yield None
        return
    async with open_knowledge_index(settings) as index:
        if not model and index is None:
            yield None
            return
        if model:
            where = "memory" if index is None else "mongodb"
            log.info("knowledge_found_by_meaning", model=model, vectors_in=where)
        else:
            log.info("knowledge_found_by_full_text", words_in="mongodb")
        retrieval = Retrieval(OpenAIEmbedder(client, model) if model else None, index, clock)
        try:
            yield retrieval
        finally:
            await retrieval.close()
