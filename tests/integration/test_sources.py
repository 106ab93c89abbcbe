"""What an answer rests on, from the excerpts to the transcript that agents see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import GraphContext
from graph.harness import Pipeline
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.message import Author, Message
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511911110000"


@pytest.fixture(scope="module")
def base() -> GraphContext:
    """The sample company's files, without a model."""
    return fake_context(Path(__file__).parents[2] / "prompts")


async def answers(base: GraphContext, folder: Path, question: str, said: str | None = None) -> list[Message]:
    """Return what the bot sends to one question; ``said`` is what a model answers, if there is one."""
    responder = None if said is None else FakeResponder(answers=[said])
    async with open_sqlite(folder) as store:
        await store.migrate()
        clock = ManualClock()
        pipeline = Pipeline(
            store,
            build_graph(InMemorySaver()),
            replace(base, responder=responder),
            clock=clock,
            messenger=FakeMessenger(clock),
        )
        await pipeline.customer_says(MARIA, question, "SM1")
        await pipeline.settle()
        return [m for m in await pipeline.transcript(MARIA) if m.author is Author.BOT]


async def test_without_a_model_the_section_that_was_sent(base: GraphContext, tmp_path: Path) -> None:
    """By its file and heading."""
    (sent,) = await answers(base, tmp_path, "vocês aceitam pix?")
    assert dict(sent.details)["sources"] == "hipica.pt-BR.md#formas-de-pagamento"


async def test_with_a_model_the_excerpts_that_it_names(base: GraphContext, tmp_path: Path) -> None:
    """The mark is not sent; numbers that name nothing are dropped."""
    (sent,) = await answers(base, tmp_path, "vocês aceitam pix?", "Sim, aceitamos Pix.\n[[sources: 1, 77]]")
    assert sent.body == "Sim, aceitamos Pix."
    assert dict(sent.details) == {"sources": "hipica.pt-BR.md#formas-de-pagamento"}


async def test_smalltalk_rests_on_nothing(base: GraphContext, tmp_path: Path) -> None:
    """No sources are made up."""
    (sent,) = await answers(base, tmp_path, "oi")
    assert sent.details == ()


async def test_nothing_found_is_said_and_a_human_offered(base: GraphContext, tmp_path: Path) -> None:
    """Nothing is invented, and no section is named."""
    (sent,) = await answers(base, tmp_path, "vocês vendem pizza?")
    assert sent.body == "Não encontrei essa informação. Quer que eu chame um atendente?"
    assert "sources" not in dict(sent.details)
