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
from ponte.domain.choices import from_details
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


OFFER = "Não encontrei essa informação. Quer que eu chame um atendente?"


@pytest.mark.parametrize(
    "said",
    [
        "O polo custa R$ 999 por hora",
        "Temos polo às terças e quintas. Quer marcar?",
        "Sim. [[sources: none]]",
    ],
    ids=["a price", "a claim", "a claim that names no source"],
)
async def test_what_a_model_says_without_a_source_is_no_answer(
    base: GraphContext, tmp_path: Path, said: str
) -> None:
    """To a question in which no section has a word, a human is offered instead, with answers to tap."""
    (sent,) = await answers(base, tmp_path, "vcs têm polo aquático?", said)
    assert said.partition(" [[")[0] not in sent.body
    assert "Quer que eu chame um atendente?" in sent.body
    assert [choice.id for choice in from_details(sent.details)] == ["human", "stay"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("você é um robô?", "Sim, sou a assistente virtual da hípica."),
        ("vcs têm polo aquático?", "O que é polo aquático, para você?"),
        ("meu nome é Zoroastro", "Muito prazer, Zoroastro! Fico à disposição por aqui."),
    ],
    ids=["about the bot", "asks back", "nothing was asked"],
)
async def test_talk_needs_no_source(base: GraphContext, tmp_path: Path, question: str, said: str) -> None:
    """What is no question to the company, or no statement of it, goes out as it is."""
    (sent,) = await answers(base, tmp_path, question, said)
    assert (sent.body, sent.details) == (said, ())


async def test_an_answer_that_says_that_it_is_none_offers_a_human(base: GraphContext, tmp_path: Path) -> None:
    """In a second message, with answers to tap; an offer in the model's own words is left out."""
    said = "Não sei nada sobre camelos. Quer que eu chame alguém da equipe?\n[[unanswered]]"
    first, second = await answers(base, tmp_path, "posso levar um camelo na aula?", said)
    assert (first.body, first.details) == ("Não sei nada sobre camelos.", ())
    assert second.body == OFFER
    assert [choice.id for choice in from_details(second.details)] == ["human", "stay"]


async def test_a_price_that_nobody_named_is_not_sent(base: GraphContext, tmp_path: Path) -> None:
    """Also where the files hold other prices; the message tells agents why."""
    (sent,) = await answers(base, tmp_path, "quanto custa a aula?", "Custa R$ 95.\n[[sources: 1]]")
    assert sent.body == "Desculpe, não consigo responder isso por aqui. Quer que eu chame um atendente?"
    assert dict(sent.details)["withheld"] == "price"
