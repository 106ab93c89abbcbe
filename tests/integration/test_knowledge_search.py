"""Knowledge found by meaning and words: in MongoDB's own search, in memory, and by words when that fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest

from graph.embeddings import OpenAIEmbedder, Retrieval
from graph.knowledge import Knowledge
from graph.knowledge_files import sections_of
from graph.retrieval import EmbeddingFailed, IndexedRetriever
from graph.testing import FixedClock
from graph.vector_memory import VectorMemory
from ponte.adapters.mongo.knowledge import MongoKnowledge, open_mongo_knowledge
from ponte.errors import StoreUnavailable
from ponte.ports import KnowledgeIndex
from simulator.openai_stub import create_stub_app
from simulator.serving import serve
from tests.fixtures.mongo_server import MONGO_TESTED, MONGO_URI, mongo_server
from tests.fixtures.search_server import EngineIndexes, search_server

KNOWLEDGE = Path(__file__).parents[2] / "prompts" / "knowledge"
needs_search = pytest.mark.skipif(
    sys.version_info < (3, 13) or bool(MONGO_URI), reason="the test's own search server needs Python 3.13"
)


def texts() -> Knowledge:
    """Return the sample company's texts."""
    sections = [
        section
        for path in sorted(KNOWLEDGE.glob("*.md"))
        for section in sections_of(
            path.read_text().split("---", 2)[2], lang=path.name.split(".")[1], source=path.name
        )
    ]
    return Knowledge(sections)


@asynccontextmanager
async def embedder() -> AsyncIterator[tuple[OpenAIEmbedder, str]]:
    """Yield an embedder over the simulator's server, and that server's address."""
    async with (
        serve(create_stub_app()) as served,
        openai.AsyncOpenAI(api_key="x", base_url=f"{served.url}/v1", max_retries=0) as client,
    ):
        yield OpenAIEmbedder(client, "stub-embedding"), served.url


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - another thread or process makes it hold
            await asyncio.sleep(0.01)


@asynccontextmanager
async def prepared(retriever: IndexedRetriever) -> AsyncIterator[IndexedRetriever]:
    """Fill the retriever's index in the background, as a worker does."""
    task = asyncio.create_task(retriever.prepare())
    try:
        await until(lambda: retriever.ready)
        yield retriever
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@needs_search
async def test_mongodb_finds_sections_of_the_language_that_was_asked_for() -> None:
    """The retriever's pipeline, over the wire: hits are our sections, of the customer's language only."""
    knowledge = texts()
    with search_server() as (server, collection):
        index = MongoKnowledge(collection, EngineIndexes(server, collection))
        async with embedder() as (model, _):
            retriever = IndexedRetriever(knowledge, index, model, FixedClock())
            async with prepared(retriever):
                (vector,) = await model.embed(["hospedagem"])
                direct = await index.search(retriever.set_id, "pt-BR", "hospedagem", vector, 2)
                assert [knowledge.chunks[int(one)].title for one in direct][:1] == ["Pensão de cavalos"]
                hits = await retriever.find("quanto custa a hospedagem do meu cavalo", "pt-BR")
                assert "Pensão de cavalos" in [hit.section.title for hit in hits]
                assert {hit.section.lang for hit in hits} == {"pt-BR"}
                assert all(hit.section in knowledge.chunks for hit in hits)
                assert len(hits) == 3
                assert await index.search("another", "pt-BR", "hospedagem", vector, 2) == []


@needs_search
async def test_without_an_embedding_model_mongodb_searches_by_full_text() -> None:
    """What its words find goes together with what ours find; no vector is stored, no vector index made."""
    knowledge = texts()
    with search_server() as (server, collection):
        indexes = EngineIndexes(server, collection)
        index = MongoKnowledge(collection, indexes)
        async with prepared(IndexedRetriever(knowledge, index, None, FixedClock())) as retriever:
            hits = await retriever.find("quanto custa a hospedagem do meu cavalo", "pt-BR")
            direct = await index.search(retriever.set_id, "pt-BR", "hospedagem", (), 2)
            misspelt = await retriever.find("hospedajem", "pt-BR", 1)
        assert [one["name"] for one in indexes.made] == ["knowledge_text"]
        assert collection.count_documents({"embedding": {"$exists": True}}) == 0
    assert "Pensão de cavalos" in [hit.section.title for hit in hits]
    assert knowledge.chunks[int(direct[0])].title == "Pensão de cavalos"
    assert [hit.section.title for hit in misspelt] == ["Pensão de cavalos"]


@needs_search
async def test_indexing_again_stores_nothing_twice_and_what_is_unused_goes_away() -> None:
    """A set is stored once, is found again by another process, and is deleted a week after its last use."""
    knowledge = texts()
    with search_server() as (server, collection):
        indexes = EngineIndexes(server, collection)
        index = MongoKnowledge(collection, indexes)
        async with embedder() as (model, _):
            for _ in range(2):
                async with prepared(IndexedRetriever(knowledge, index, model, FixedClock(1_000))):
                    pass
            assert collection.count_documents({}) == len(knowledge.chunks)
            text, vector = sorted(indexes.made, key=lambda one: str(one["name"]))
            assert (text["name"], text["type"]) == ("knowledge_text", "search")
            assert (vector["name"], vector["type"]) == ("knowledge_vector_64", "vectorSearch")
            # Without their declaration MongoDB refuses to filter by these.
            assert [f["path"] for f in vector["definition"]["fields"] if f["type"] == "filter"] == [
                "set",
                "lang",
            ]
            later = FixedClock(1_000 + 8 * 24 * 60 * 60 * 1000)
            smaller = Knowledge(knowledge.chunks[:5])
            retriever = IndexedRetriever(smaller, index, model, later)
            async with prepared(retriever):
                await until(lambda: collection.count_documents({}) == 5)
                assert collection.distinct("set") == [retriever.set_id]


@pytest.mark.skipif(not MONGO_TESTED, reason="no MongoDB here")
async def test_a_mongodb_without_search_is_recognised() -> None:
    """The probe says so, and words alone find what there is."""
    with mongo_server() as uri:
        async with open_mongo_knowledge(uri, "ponte") as index:
            assert MONGO_URI or index is None


async def test_vectors_in_memory_find_what_words_do_not() -> None:
    """Without a database that searches, a misspelt question finds its section by its vector."""
    knowledge = texts()
    async with embedder() as (model, _):
        retriever = IndexedRetriever(knowledge, VectorMemory(knowledge), model, FixedClock())
        assert [h.section.title for h in await retriever.find("pix?", "pt-BR", 1)] == ["Formas de pagamento"]
        async with prepared(retriever):
            asked = "hippotherapyyy sesssion?"
            assert [h.section.title for h in await retriever.find(asked, "en", 1)] == ["Hippotherapy"]
            assert await retriever.find("x", "fr") == []


class Broken(VectorMemory):
    """An index that fails, or hangs, once it is filled."""

    failure: Exception | None = None
    asked = 0

    async def search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        """Fail."""
        self.asked += 1
        if self.failure is None:
            await asyncio.sleep(60)
        else:
            raise self.failure
        return await super().search(set_id, lang, question, vector, limit)


@pytest.mark.parametrize("failure", [StoreUnavailable("down"), None], ids=["down", "hangs"])
async def test_a_failing_index_costs_one_turn_a_moment_and_no_turn_its_answer(
    failure: Exception | None,
) -> None:
    """Words alone answer, and the index is left alone for a while."""
    knowledge = texts()
    index = Broken(knowledge)
    index.failure = failure
    async with (
        embedder() as (model, _),
        prepared(IndexedRetriever(knowledge, index, model, FixedClock())) as retriever,
    ):
        for _ in range(3):
            hits = await retriever.find("aceitam pix?", "pt-BR")
            assert hits[0].section.title == "Formas de pagamento"
        assert index.asked == 1


async def test_an_embedding_model_that_fails_is_an_error_of_ours() -> None:
    """With the kind of failure, and nothing of the question."""
    async with openai.AsyncOpenAI(api_key="x", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        with pytest.raises(EmbeddingFailed, match="APIConnectionError"):
            await OpenAIEmbedder(client, "m").embed(["segredo"])


async def test_retrievers_are_made_in_threads_and_filled_in_the_background() -> None:
    """As new versions of the prompt files are: off the loop, and searchable at once by words."""
    knowledge = texts()
    async with embedder() as (model, _):
        retrieval = Retrieval(model, None, FixedClock())
        retriever = await asyncio.to_thread(retrieval.of, knowledge)
        assert (await retriever.find("aceitam pix?", "pt-BR"))[0].section.title == "Formas de pagamento"
        assert isinstance(retriever, IndexedRetriever)
        await until(lambda: retriever.ready)
        await retrieval.close()


def _is_an_index(memory: VectorMemory, mongo: MongoKnowledge) -> Sequence[KnowledgeIndex]:
    return (memory, mongo)
