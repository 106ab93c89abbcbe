"""Customers who want no messages, and who come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.opt_out import wishes_of
from graph.prompts import load_prompts
from graph.state import InboundItem
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status, Trigger
from ponte.domain.message import Author, Kind, MessageStatus
from ponte.errors import SendRefused, WrongState
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
CONFIRMED = "Pronto, você não vai mais receber nossas mensagens. Se mudar de ideia, é só escrever VOLTAR."


@pytest.fixture
async def responder() -> FakeResponder:
    """Return the model that tests script."""
    return FakeResponder(answers=["Custa 120 reais."])


@pytest.fixture
async def pipeline(
    tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger, responder: FakeResponder
) -> AsyncIterator[Pipeline]:
    """Return a pipeline with an empty store and one agent."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)
        context = fake_context(PROMPTS, responder=responder, clock=manual_clock)
        yield Pipeline(store, build_graph(InMemorySaver()), context, clock=manual_clock, messenger=messenger)


async def says(pipeline: Pipeline, *bodies: str) -> None:
    """Let Maria write, all in one burst."""
    for body in bodies:
        n = len(pipeline.messenger.inbound)
        pipeline.messenger.inbound.append(None)  # type: ignore[arg-type]  # only counts here
        await pipeline.customer_says(MARIA, body, f"SM{n:032d}")
    await pipeline.settle()


def heard(pipeline: Pipeline) -> list[str]:
    """Return what reached Maria."""
    return [sent.body for sent in pipeline.messenger.sent]


@pytest.mark.parametrize(
    ("locale", "leaving", "returning"),
    [
        ("pt-BR", "PARAR", "voltar"),
        ("pt-BR", "  Sair! ", "Iniciar."),
        ("es", "BAJA", "ALTA"),
        ("es", "Dar de baja", "dar de alta"),
        ("en", "Unsubscribe", "Subscribe"),
        ("en", "stop all", "unstop"),
    ],
)
async def test_a_customer_leaves_and_comes_back_in_three_languages(
    pipeline: Pipeline, responder: FakeResponder, locale: str, leaving: str, returning: str
) -> None:
    """One confirmation, then silence, then a welcome, and the bot answers again."""
    await says(pipeline, "Quanto custa?")
    text = pipeline.context.prompts.text
    await says(pipeline, leaving)
    assert heard(pipeline)[1:] == [text("opt_out.confirmed", locale)]
    assert (await pipeline.contact(MARIA)).opted_out_at is not None
    await says(pipeline, leaving)
    await says(pipeline, "obrigado")
    assert len(heard(pipeline)) == 2
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE
    await says(pipeline, returning)
    assert heard(pipeline)[2:] == [text("opt_out.welcome_back", locale)]
    assert (await pipeline.contact(MARIA)).opted_out_at is None
    assert len(responder.asked) == 1
    await says(pipeline, "E a aula em grupo?")
    assert heard(pipeline)[-1] == "Custa 120 reais."


@pytest.mark.parametrize(
    "body",
    ["quero parar a aula", "não quero sair sem pagar", "cancelar", "como dar de alta meu filho?", "para"],
)
async def test_only_the_whole_message_counts(pipeline: Pipeline, body: str) -> None:
    """A word inside a sentence, or one of another sense, stops nothing."""
    await says(pipeline, body)
    assert (await pipeline.contact(MARIA)).opted_out_at is None
    assert heard(pipeline)[0] != CONFIRMED


async def test_the_word_to_come_back_is_a_word_like_any_other_before(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """Who never left and writes "voltar" gets an answer of the bot."""
    await says(pipeline, "voltar")
    assert heard(pipeline) == ["Custa 120 reais."]
    assert len(responder.asked) == 1


async def test_a_question_after_leaving_goes_to_a_human_in_silence(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """Nobody is lost: an agent sees it, and the bot neither speaks nor thinks."""
    await says(pipeline, "sair")
    await says(pipeline, "Meu filho caiu do cavalo, me liguem!")
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.OPTED_OUT
    assert "Meu filho caiu" in current.handoff.summary
    assert heard(pipeline) == [CONFIRMED]
    assert responder.asked == []


async def test_an_agent_cannot_write_to_a_customer_who_left(pipeline: Pipeline) -> None:
    """While a human owns, the customer leaves: it is confirmed, the agent is told why nothing goes out."""
    await says(pipeline, "quero falar com atendente")
    conversation_id = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ANA, conversation_id)
    await says(pipeline, "parar")
    assert heard(pipeline)[-1] == CONFIRMED
    shown = await pipeline.transcript(MARIA)
    assert (shown[-1].author, shown[-1].status) == (Author.SYSTEM, MessageStatus.SENT)
    with pytest.raises(WrongState, match="no more messages"):
        await pipeline.desk.reply(ANA, conversation_id, "Ainda está aí?")
    await says(pipeline, "voltar")
    await pipeline.desk.reply(ANA, conversation_id, "Que bom!")
    await pipeline.settle()
    assert heard(pipeline)[-1] == "Que bom!"
    assert (await pipeline.current(MARIA)).status is Status.AGENT_ACTIVE


async def test_what_was_queued_is_not_sent_to_a_customer_who_left(pipeline: Pipeline) -> None:
    """An agent's words that were still on their way fail with 21610; the confirmation goes out."""
    await says(pipeline, "quero falar com atendente")
    conversation_id = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.desk.reply(ANA, conversation_id, "Um instante.")
    await pipeline.customer_says(MARIA, "sair", "SM" + "f" * 32)
    await pipeline.work()
    await pipeline.settle()
    late = next(m for m in await pipeline.transcript(MARIA) if m.body == "Um instante.")
    assert (late.status, late.error_code) == (MessageStatus.FAILED, 21610)
    with pytest.raises(WrongState):
        await pipeline.desk.retry(ANA, late.id)
    assert heard(pipeline)[-1] == CONFIRMED
    assert "Um instante." not in heard(pipeline)


async def test_twilio_knows_of_an_opt_out_that_we_do_not(pipeline: Pipeline) -> None:
    """Twilio's refusal with 21610 ends all sending until the customer comes back."""
    pipeline.messenger.failures.append(SendRefused("opted out", 21610))
    await says(pipeline, "Quanto custa?")
    assert (await pipeline.contact(MARIA)).opted_out_at is not None
    await says(pipeline, "start")
    assert len(heard(pipeline)) == 1
    assert (await pipeline.contact(MARIA)).opted_out_at is None


async def test_a_status_with_21610_counts_too(pipeline: Pipeline) -> None:
    """The refusal may come later, as a status."""
    await says(pipeline, "Quanto custa?")
    sent = pipeline.messenger.sent[0]
    await pipeline.intake.status(
        sid=sent.sid, twilio_status="undelivered", error_code=21610, reference=sent.reference
    )
    assert (await pipeline.contact(MARIA)).opted_out_at is not None


async def test_a_waiting_customer_who_left_gets_no_reminder(pipeline: Pipeline) -> None:
    """The reminder of a long wait is a message, too."""
    await says(pipeline, "quero falar com atendente")
    await says(pipeline, "parar")
    pipeline.clock.advance(60 * 60_000)
    before = heard(pipeline)
    await pipeline.reminders.run_once()
    await pipeline.settle()
    assert heard(pipeline) == before
    assert await pipeline.reminders.run_once() == 0


async def test_returned_to_the_bot_while_away_nothing_is_said(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """The thread is told of the human stretch; the customer hears nothing until they come back."""
    await says(pipeline, "quero falar com atendente")
    conversation_id = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ANA, conversation_id)
    await says(pipeline, "parar")
    await pipeline.desk.return_to_bot(ANA, conversation_id, "Aula remarcada para sexta.")
    await pipeline.settle()
    assert heard(pipeline)[-1] == CONFIRMED
    await says(pipeline, "voltar", "quando é minha aula?")
    assert heard(pipeline)[-1] == "Custa 120 reais."
    assert "Aula remarcada para sexta." in str(responder.asked[-1])


async def test_leaving_and_coming_back_within_one_burst(pipeline: Pipeline) -> None:
    """The last word counts; what was asked beside it is answered."""
    await says(pipeline, "parar", "voltar", "quanto custa?")
    welcome = pipeline.context.prompts.text("opt_out.welcome_back", "pt-BR")
    assert heard(pipeline) == [welcome, "Custa 120 reais."]
    await says(pipeline, "quanto custa?", "parar")
    assert heard(pipeline)[2:] == [CONFIRMED]


def test_wishes_are_read_from_words_only() -> None:
    """A caption is none; a template's button is one."""
    prompts = load_prompts(PROMPTS)

    def out(kind: Kind) -> bool:
        item = InboundItem("x", kind, "Parar promoções")
        return wishes_of([item], prompts.opt_out, prompts.smalltalk, out=False).out

    assert [out(kind) for kind in (Kind.TEXT, Kind.CHOICE, Kind.IMAGE)] == [True, True, False]
