"""The pipeline, step by step, under a clock that the tests move: SQLite, the real graph, fakes outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import ModelFailed, Reply
from graph.harness import Pipeline
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.choices import Choice
from ponte.domain.conversation import Status, Trigger
from ponte.domain.message import Author, Kind, Media, MessageStatus
from ponte.errors import SendRefused, SendRetryable, SendUnknown
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511900000001"
JOAO = "whatsapp:+5511900000002"
TRANSFER = "Ok, vou te transferir para um de nossos atendentes."
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"


@pytest.fixture
async def responder() -> FakeResponder:
    """Return the model that tests script."""
    return FakeResponder(answers=["Custa 120 reais."])


@pytest.fixture
async def pipeline(
    tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger, responder: FakeResponder
) -> AsyncIterator[Pipeline]:
    """Return a pipeline with an empty store."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)
        context = fake_context(PROMPTS, responder=responder, clock=manual_clock)
        yield Pipeline(store, build_graph(InMemorySaver()), context, clock=manual_clock, messenger=messenger)


def sid(n: int) -> str:
    """Return the n-th MessageSid."""
    return f"SM{n:032d}"


async def handed_over(pipeline: Pipeline) -> str:
    """Bring Maria into the queue; return her conversation's id."""
    await pipeline.customer_says(MARIA, "quero falar com atendente", sid(1))
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    return current.id


async def test_a_question_is_answered_once_and_in_the_transcript(pipeline: Pipeline) -> None:
    """A message and its answer reach WhatsApp and the transcript, once each."""
    await pipeline.customer_says(MARIA, "Quanto custa a aula?", sid(1))
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == ["Custa 120 reais."]
    assert [(m.author, m.status) for m in await pipeline.transcript(MARIA)] == [
        (Author.CUSTOMER, MessageStatus.RECEIVED),
        (Author.BOT, MessageStatus.SENT),
    ]


async def test_a_redelivered_message_changes_nothing(pipeline: Pipeline) -> None:
    """Twilio may deliver a MessageSid twice; it is answered once."""
    assert await pipeline.customer_says(MARIA, "Quanto custa?", sid(1))
    await pipeline.settle()
    assert not await pipeline.customer_says(MARIA, "Quanto custa?", sid(1))
    await pipeline.settle()
    assert len(pipeline.messenger.sent) == 1
    assert len(await pipeline.transcript(MARIA)) == 2


async def test_a_burst_gets_one_answer(pipeline: Pipeline, responder: FakeResponder) -> None:
    """Messages that wait together are one turn."""
    for n, text in enumerate(["oi", "queria saber", "quanto custa a aula?"]):
        await pipeline.customer_says(MARIA, text, sid(n))
    await pipeline.settle()
    assert len(pipeline.messenger.sent) == 1
    assert len(responder.asked) == 1
    assert [m.author for m in await pipeline.transcript(MARIA)] == [Author.CUSTOMER] * 3 + [Author.BOT]


async def test_the_debounce_waits_for_the_rest_of_a_burst_but_not_for_ever(pipeline: Pipeline) -> None:
    """The answer comes after a pause of the customer's, or after five pauses' time."""
    slow = Pipeline(
        pipeline.store,
        build_graph(InMemorySaver()),
        pipeline.context,
        clock=pipeline.clock,
        messenger=pipeline.messenger,
        debounce_ms=1000,
    )
    began = slow.clock.now()
    await slow.customer_says(MARIA, "oi", sid(1))
    await slow.work()
    assert slow.clock.now() - began == 1000


async def test_whoever_asks_for_a_person_is_put_into_the_queue(pipeline: Pipeline) -> None:
    """The customer reads the promise, and the agent sees why."""
    await handed_over(pipeline)
    current = await pipeline.current(MARIA)
    assert pipeline.messenger.sent[-1].body == TRANSFER
    assert current.handoff is not None
    assert (current.handoff.trigger, current.waiting_since) == (Trigger.KEYWORD, pipeline.clock.now())


async def test_messages_while_waiting_reach_the_agent_and_not_the_bot(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """The bot is silent from the promise on; what the customer adds counts as unread."""
    await handed_over(pipeline)
    await pipeline.customer_says(MARIA, "é sobre a aula de sábado", sid(2))
    await pipeline.settle()
    assert responder.asked == []
    assert (await pipeline.current(MARIA)).unread == 1
    assert len(pipeline.messenger.sent) == 1


async def test_claim_reply_and_return_with_a_brief(pipeline: Pipeline, responder: FakeResponder) -> None:
    """After a human stretch the bot goes on, knowing what was said and what the agent noted."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.desk.reply(ANA, conversation_id, "Oi Maria, remarquei para domingo.")
    await pipeline.settle()
    await pipeline.customer_says(MARIA, "obrigada!", sid(2))
    await pipeline.settle()
    await pipeline.desk.seen(ANA, conversation_id, (await pipeline.current(MARIA)).last_seq)
    await pipeline.desk.return_to_bot(ANA, conversation_id, "aula remarcada para domingo 10h")
    await pipeline.settle()
    assert responder.asked == []
    await pipeline.customer_says(MARIA, "que horas mesmo?", sid(3))
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == [
        TRANSFER,
        "Oi Maria, remarquei para domingo.",
        "Custa 120 reais.",
    ]
    told = "\n".join(m.content for m in responder.asked[0])
    assert "domingo 10h" in told
    assert "remarquei para domingo" in told


async def test_what_no_agent_had_seen_is_answered_by_the_bot(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """A message that came in just before the return is not lost between two chairs."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.customer_says(MARIA, "e quanto custa?", sid(2))
    await pipeline.settle()
    await pipeline.desk.return_to_bot(ANA, conversation_id)
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == [TRANSFER, "Custa 120 reais."]
    assert "e quanto custa?" in responder.asked[0][-1].content


async def test_after_a_resolve_the_next_message_opens_a_new_thread(pipeline: Pipeline) -> None:
    """Context does not leak from one matter into the next."""
    first = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, first)
    await pipeline.desk.resolve(ANA, first, "answered")
    await pipeline.settle()
    old = await pipeline.store.conversation(first)
    assert (old.status, old.resume) == (Status.RESOLVED, None)
    await pipeline.customer_says(MARIA, "oi de novo, quanto custa?", sid(2))
    await pipeline.settle()
    new = await pipeline.current(MARIA)
    assert new.id != old.id
    assert new.thread_id != old.thread_id
    assert new.status is Status.BOT_ACTIVE
    assert pipeline.messenger.sent[-1].body == "Custa 120 reais."


async def test_an_idle_conversation_is_over(pipeline: Pipeline) -> None:
    """After the idle time a message opens a new conversation, with the bot."""
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.settle()
    old = await pipeline.current(MARIA)
    pipeline.clock.advance(25 * 60 * 60 * 1000)
    await pipeline.customer_says(MARIA, "e para crianças?", sid(2))
    await pipeline.settle()
    assert (await pipeline.store.conversation(old.id)).status is Status.RESOLVED
    assert (await pipeline.current(MARIA)).id != old.id


async def test_a_claim_withdraws_what_the_bot_has_not_sent(pipeline: Pipeline) -> None:
    """Once a human owns the conversation, an answer of the bot that is still unsent never goes out."""
    pipeline.messenger.failures.extend([SendRetryable("busy")] * 2)
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.work()
    await pipeline.deliver()
    await pipeline.customer_says(MARIA, "falar com atendente", sid(2))
    await pipeline.work()
    conversation_id = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.desk.reply(ANA, conversation_id, "Oi!")
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == [TRANSFER, "Oi!"]
    cancelled = [m for m in await pipeline.transcript(MARIA) if m.status is MessageStatus.CANCELLED]
    assert [m.author for m in cancelled] == [Author.BOT]


async def test_a_bot_message_whose_sender_died_is_withdrawn_after_a_claim(pipeline: Pipeline) -> None:
    """A message that died on its way to Twilio neither speaks over the agent nor blocks their words."""
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.work()
    head = await pipeline.store.outbox_head((await pipeline.contact(MARIA)).id)
    assert head is not None
    now = pipeline.clock.now()
    assert await pipeline.store.take(head, now, now + 1000) is not None
    await pipeline.customer_says(MARIA, "falar com atendente", sid(2))
    await pipeline.work()
    conversation_id = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.desk.reply(ANA, conversation_id, "Oi!")
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == [TRANSFER, "Oi!"]
    assert (await pipeline.store.message(head.id)).status is MessageStatus.CANCELLED


async def test_an_agents_words_go_out_even_after_the_return(pipeline: Pipeline) -> None:
    """What a person wrote is not withdrawn when the conversation goes back to the bot."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    await pipeline.desk.reply(ANA, conversation_id, "Está resolvido.")
    await pipeline.desk.return_to_bot(ANA, conversation_id)
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == [TRANSFER, "Está resolvido."]


async def test_a_lost_answer_of_twilio_is_looked_up_before_a_resend(pipeline: Pipeline) -> None:
    """Accepted but unconfirmed is not sent twice."""
    pipeline.messenger.lost_answers = 1
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.settle()
    assert len(pipeline.messenger.sent) == 1
    answer = (await pipeline.transcript(MARIA))[-1]
    assert (answer.status, answer.sid) == (MessageStatus.SENT, pipeline.messenger.sent[0].sid)


async def test_an_unconfirmed_send_that_twilio_never_took_is_sent_again(pipeline: Pipeline) -> None:
    """The look-up finds nothing, so the message goes out."""
    pipeline.messenger.failures.append(SendUnknown("no answer"))
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent] == ["Custa 120 reais."]


async def test_a_refused_message_is_shown_as_failed_and_lets_the_next_one_pass(pipeline: Pipeline) -> None:
    """A permanent error is on the message, with Twilio's code; the queue goes on."""
    pipeline.messenger.failures.append(SendRefused("blocked", 63014))
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.settle()
    await pipeline.customer_says(MARIA, "alô?", sid(2))
    await pipeline.settle()
    failed = (await pipeline.transcript(MARIA))[1]
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 63014)
    assert len(pipeline.messenger.sent) == 1


async def test_a_dead_model_leads_to_a_fixed_text_and_a_human(
    pipeline: Pipeline, responder: FakeResponder
) -> None:
    """Nobody is left in silence when the model fails."""
    responder.answers = [ModelFailed("down")]
    await pipeline.customer_says(MARIA, "o arco-íris de ontem tinha quantas cores?", sid(1))
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.BOT_FAILED
    assert [s.body for s in pipeline.messenger.sent][-1] == TRANSFER
    assert len(pipeline.messenger.sent) == 2


async def test_a_turn_that_cannot_run_brings_a_human_in(pipeline: Pipeline, responder: FakeResponder) -> None:
    """After its attempts a turn is given up: a fixed text, and the queue."""
    responder.answers = [RuntimeError("a bug")]
    await pipeline.customer_says(MARIA, "quanto custa?", sid(1))
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.ERROR
    assert current.handoff.reason == "O bot teve um erro ao processar a mensagem."
    assert [s.body for s in pipeline.messenger.sent][-1] == TRANSFER


async def test_a_turn_begins_in_the_language_that_agents_set(pipeline: Pipeline) -> None:
    """What agents say of a customer's language holds while the customer's words do not tell another one."""
    await pipeline.customer_says(MARIA, "quanto custa a aula?", sid(1))
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    contact = await pipeline.store.contact(current.contact_id)
    assert await pipeline.store.amend_contact(contact, replace(contact, language="en"))
    await pipeline.customer_says(MARIA, "12345", sid(2))
    await pipeline.settle()
    assert (await pipeline.current(MARIA)).language == "en"


async def test_a_voice_note_is_shown_and_handed_over(pipeline: Pipeline) -> None:
    """What the bot cannot hear goes to a person."""
    await pipeline.customer_says(MARIA, "", sid(1), kind=Kind.AUDIO)
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    assert current.handoff is not None
    assert (current.status, current.handoff.trigger) == (Status.AWAITING_AGENT, Trigger.MEDIA)
    assert (await pipeline.transcript(MARIA))[0].kind is Kind.AUDIO


async def test_who_waits_long_is_told_once(pipeline: Pipeline) -> None:
    """A long wait is not a silent one."""
    await handed_over(pipeline)
    pipeline.clock.advance(11 * 60 * 1000)
    assert await pipeline.reminders.run_once() == 1
    assert await pipeline.reminders.run_once() == 0
    await pipeline.settle()
    assert "11 min" in pipeline.messenger.sent[-1].body


async def test_an_answer_after_24_hours_waits_for_the_customer(pipeline: Pipeline) -> None:
    """It is parked, holds nothing else up, and goes out when the customer writes again."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    pipeline.clock.advance(24 * 60 * 60 * 1000)
    said = len(pipeline.messenger.sent)
    (message,) = await pipeline.desk.reply(ANA, conversation_id, "Consegui o horário")
    await pipeline.settle()
    assert message.status is MessageStatus.PARKED
    assert len(pipeline.messenger.sent) == said
    await pipeline.customer_says(MARIA, "alguma novidade?", sid(2))
    await pipeline.settle()
    assert [s.body for s in pipeline.messenger.sent[said:]] == ["Consegui o horário"]
    assert (await pipeline.store.message(message.id)).status is MessageStatus.SENT


async def test_a_parked_answer_can_be_withdrawn(pipeline: Pipeline) -> None:
    """What its agent cancelled is not sent when the customer writes; it is cancelled once."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    pipeline.clock.advance(24 * 60 * 60 * 1000)
    said = len(pipeline.messenger.sent)
    (message,) = await pipeline.desk.reply(ANA, conversation_id, "Espera")
    assert await pipeline.desk.withdraw(ANA, message.id)
    assert not await pipeline.desk.withdraw(ANA, message.id)
    await pipeline.customer_says(MARIA, "oi?", sid(2))
    await pipeline.settle()
    assert len(pipeline.messenger.sent) == said


async def test_a_number_answers_a_question_with_choices(pipeline: Pipeline, responder: FakeResponder) -> None:
    """Without Twilio's contents the choices are numbered, and the model reads what stands behind a number."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    choices = [Choice("sat", "Sábado"), Choice("sun", "Domingo")]
    await pipeline.desk.reply(ANA, conversation_id, "Qual dia?", choices=choices)
    await pipeline.settle()
    assert pipeline.messenger.sent[-1].body == "Qual dia?\n\n1. Sábado\n2. Domingo"
    await pipeline.desk.return_to_bot(ANA, conversation_id)
    await pipeline.settle()
    await pipeline.customer_says(MARIA, "2", sid(2))
    await pipeline.settle()
    assert "Domingo" in str(responder.asked[-1])


async def test_a_pause_that_twilio_asks_for_holds_the_whole_number(pipeline: Pipeline) -> None:
    """After a 429 nobody is sent anything until the pause that Twilio named is over."""
    pipeline.messenger.failures.append(SendRetryable("Slow down.", 20429, 30_000))
    await pipeline.customer_says(MARIA, "oi", sid(1))
    await pipeline.customer_says(JOAO, "oi", sid(2))
    await pipeline.work()
    began = pipeline.clock.now()
    await pipeline.deliver()
    await pipeline.deliver()
    assert pipeline.messenger.sent == []
    pipeline.clock.advance(30_000 - (pipeline.clock.now() - began) - 1)
    await pipeline.deliver()
    assert pipeline.messenger.sent == []
    await pipeline.settle()
    assert {s.address for s in pipeline.messenger.sent} == {MARIA, JOAO}


async def test_messages_leave_no_faster_than_the_rate(pipeline: Pipeline) -> None:
    """A hundred customers are answered at 80 messages a second, after a small burst."""
    for n in range(100):
        await pipeline.customer_says(f"whatsapp:+55119{n:08d}", "quanto custa?", sid(n))
    await pipeline.work()
    began = pipeline.clock.now()
    await pipeline.deliver()
    assert len(pipeline.messenger.sent) == 100
    assert 950 <= pipeline.clock.now() - began <= 1_000


async def test_a_text_waits_for_the_file_before_it(pipeline: Pipeline) -> None:
    """The text leaves once WhatsApp has the file; without a word from Twilio, after ten seconds."""
    conversation_id = await handed_over(pipeline)
    await pipeline.desk.claim(ANA, conversation_id)
    said = len(pipeline.messenger.sent)
    picture = Media("", "application/pdf", key="ab" * 32, size=10)
    for n in (1, 2):
        (file, _) = await pipeline.desk.send_file(ANA, conversation_id, picture, f"tabela {n}")
        began = pipeline.clock.now()
        await pipeline.deliver()
        await pipeline.deliver()
        assert pipeline.messenger.sent[-1].outbound.media_url is not None
        if n == 1:
            await pipeline.intake.status(
                sid=pipeline.messenger.sent[-1].sid, twilio_status="sent", error_code=None, reference=file.id
            )
        else:
            pipeline.clock.advance(10_000)
        await pipeline.deliver()
        assert pipeline.messenger.sent[-1].body == f"tabela {n}"
        assert (pipeline.clock.now() - began < 1_000) == (n == 1)
    assert len(pipeline.messenger.sent) == said + 4


async def test_the_models_wish_for_a_human_is_granted(pipeline: Pipeline, responder: FakeResponder) -> None:
    """The reply model may ask for a person by its tool."""
    responder.answers = [Reply("", transfer_reason="pedido de reembolso")]
    await pipeline.customer_says(MARIA, "posso remarcar a aula de sexta?", sid(1))
    await pipeline.settle()
    current = await pipeline.current(MARIA)
    assert current.handoff is not None
    assert current.handoff.trigger is Trigger.MODEL
    assert "reembolso" in current.handoff.reason


async def test_a_long_answer_goes_out_in_parts_in_order(pipeline: Pipeline, responder: FakeResponder) -> None:
    """WhatsApp takes 1600 characters a message."""
    responder.answers = ["Frase número um. " * 150]
    await pipeline.customer_says(MARIA, "me conta tudo", sid(1))
    await pipeline.settle()
    sent = [s.body for s in pipeline.messenger.sent]
    assert len(sent) == 2
    assert all(len(body) <= 1600 for body in sent)
