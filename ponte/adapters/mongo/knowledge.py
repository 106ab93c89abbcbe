"""``ponte.ports.KnowledgeIndex`` on MongoDB's own search: Atlas, or MongoDB Community with mongot.

The question is put to a vector index and to a full-text index, by ``langchain-mongodb``'s retrievers, and
their rankings are fused as ``graph.vector_memory`` fuses them. It blocks, so it runs in threads. See
https://www.mongodb.com/docs/atlas/atlas-vector-search/hybrid-search/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pymongo
import structlog
from langchain_core.embeddings import Embeddings
from pymongo import MongoClient, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.operations import SearchIndexModel

from ponte.adapters.codec import Plain
from ponte.adapters.mongo.store_client import client_options, settings_checked, translated
from ponte.domain.fusion import fused
from ponte.errors import StoreUnavailable
from ponte.ports import KnowledgeChunk

log = structlog.get_logger(__name__)

_COLLECTION: Final = "knowledge_chunks"
_TEXT_INDEX: Final = "knowledge_text"
_SEARCH_SECONDS: Final = 2.0
_QUESTION_CHARS: Final = 500
_CANDIDATES: Final = 8


class SearchIndexes:
    """The search indexes of a collection.

    Args:
        collection: where they are.
    """

    def __init__(self, collection: Collection[Plain]) -> None:
        self._collection = collection

    def queryable(self) -> dict[str, bool]:
        """Return for each index, by name, whether it can be searched yet.

        Raises OperationFailure on a deployment without search.
        """
        return {
            index["name"]: bool(index.get("queryable")) for index in self._collection.list_search_indexes()
        }

    def create(self, model: SearchIndexModel) -> None:
        """Begin to make an index."""
        self._collection.create_search_index(model)


class MongoKnowledge:
    """The index.

    Args:
        collection: where the chunks are.
        indexes: its search indexes.
    """

    def __init__(self, collection: Collection[Plain], indexes: SearchIndexes) -> None:
        self._collection = collection
        self._indexes = indexes

    async def touch(self, set_id: str, count: int, now: int) -> int:
        """Note that a set is in use; returns its dimensions, 0 unless all ``count`` chunks are there."""
        return await asyncio.to_thread(self._touch, set_id, count, now)

    async def put(self, set_id: str, chunks: Sequence[KnowledgeChunk], now: int) -> None:
        """Store a set; what is there already is replaced."""
        await asyncio.to_thread(self._put, set_id, chunks, now)

    async def prepare(self, dimensions: int) -> bool:
        """Make the search indexes where they are missing; tells whether they can be searched yet."""
        return await asyncio.to_thread(self._prepare, dimensions)

    async def search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        """Return the ids of the best chunks of a set in a language, the best first."""
        return await asyncio.to_thread(self._search, set_id, lang, question, vector, limit)

    async def forget(self, before: int) -> int:
        """Delete the chunks of sets that were not touched since ``before``; returns how many went."""
        return await asyncio.to_thread(self._forget, before)

    def _touch(self, set_id: str, count: int, now: int) -> int:
        with translated():
            done = self._collection.update_many({"set": set_id}, {"$set": {"seen_at": now}})
            if done.matched_count != count:
                return 0
            first = self._collection.find_one({"set": set_id}, projection=["embedding"])
        return len(first.get("embedding", ())) if first else 0

    def _put(self, set_id: str, chunks: Sequence[KnowledgeChunk], now: int) -> None:
        rows = [
            {
                "_id": f"{set_id}:{chunk.id}",
                "set": set_id,
                "chunk": chunk.id,
                "lang": chunk.lang,
                "text": chunk.text,
                "seen_at": now,
                **({"embedding": list(chunk.vector)} if chunk.vector else {}),
            }
            for chunk in chunks
        ]
        with translated():
            if rows:
                self._collection.bulk_write(
                    [ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows]
                )

    def _prepare(self, dimensions: int) -> bool:
        wanted = {_TEXT_INDEX: _text_model()}
        if dimensions:
            wanted[_vector_index(dimensions)] = _vector_model(dimensions)
        with translated():
            there = self._indexes.queryable()
            for name, model in wanted.items():
                if name not in there:
                    self._create(model)
        return all(there.get(name, False) for name in wanted)

    def _create(self, model: SearchIndexModel) -> None:
        try:
            self._indexes.create(model)
        except OperationFailure as error:
            # Another process was first.
            if "exist" not in str(error).lower() and "duplicate" not in str(error).lower():
                raise

    def _search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        # Two seconds of imports that only a deployment with search needs.
        from langchain_mongodb import MongoDBAtlasVectorSearch  # noqa: PLC0415 - see above
        from langchain_mongodb.retrievers import MongoDBAtlasFullTextSearchRetriever  # noqa: PLC0415 - see above

        where: Plain = {"set": set_id, "lang": lang}
        by_words = MongoDBAtlasFullTextSearchRetriever(
            collection=self._collection,
            search_index_name=_TEXT_INDEX,
            search_field="text",
            k=_CANDIDATES,
            filter=where,
            include_scores=False,
            auto_create_index=False,
        )
        with translated(), pymongo.timeout(_SEARCH_SECONDS):
            found = [by_words.invoke(question[:_QUESTION_CHARS])]
            if vector:
                by_meaning = MongoDBAtlasVectorSearch(
                    self._collection,
                    _Elsewhere(),
                    index_name=_vector_index(len(vector)),
                    text_key="text",
                    embedding_key="embedding",
                    auto_create_index=False,
                )
                near = by_meaning.similarity_search_by_vector(list(vector), k=_CANDIDATES, pre_filter=where)
                found.insert(0, near)
        return fused([[str(one.metadata["chunk"]) for one in ranked] for ranked in found], limit)

    def _forget(self, before: int) -> int:
        with translated():
            return self._collection.delete_many({"seen_at": {"$lt": before}}).deleted_count


class _Elsewhere(Embeddings):
    """Stands where the library wants an embedding model: questions come embedded, without blocking."""

    def embed_query(self, text: str) -> list[float]:
        """Not used."""
        raise NotImplementedError

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Not used."""
        raise NotImplementedError


def _text_model() -> SearchIndexModel:
    mappings = {"dynamic": False, "fields": {"text": {"type": "string"}}}
    return SearchIndexModel({"mappings": mappings}, name=_TEXT_INDEX, type="search")


def _vector_model(dimensions: int) -> SearchIndexModel:
    vector = {"type": "vector", "path": "embedding", "numDimensions": dimensions, "similarity": "cosine"}
    filters = [{"type": "filter", "path": path} for path in ("set", "lang")]
    return SearchIndexModel(
        {"fields": [vector, *filters]}, name=_vector_index(dimensions), type="vectorSearch"
    )


def _vector_index(dimensions: int) -> str:
    return f"knowledge_vector_{dimensions}"


@asynccontextmanager
async def open_mongo_knowledge(uri: str, db_name: str) -> AsyncIterator[MongoKnowledge | None]:
    """Open the index in a database; None, and a line in the log, where the deployment does not search.

    Raises:
        SettingsError: the connection string is malformed.
    """
    with settings_checked():
        client: MongoClient[Plain] = MongoClient(uri, **client_options(uri))
    try:
        yield await asyncio.to_thread(_probed, client[db_name][_COLLECTION])
    finally:
        await asyncio.to_thread(client.close)


def _probed(collection: Collection[Plain]) -> MongoKnowledge | None:
    """Return the index if the deployment answers to search commands.

    One without mongot refuses them: https://www.mongodb.com/docs/manual/reference/command/listSearchIndexes/
    """
    indexes = SearchIndexes(collection)
    try:
        with translated():
            collection.create_index("set")
            collection.create_index("seen_at")
            try:
                indexes.queryable()
            except OperationFailure as error:
                log.info("mongo_has_no_search", code=error.code, found_by="this process")
                return None
    except StoreUnavailable as error:
        log.warning("mongo_search_unknown", error=str(error), found_by="this process")
        return None
    return MongoKnowledge(collection, indexes)
