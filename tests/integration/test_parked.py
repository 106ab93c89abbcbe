"""What waits for WhatsApp's 24-hour window: the invitation to write, and that nothing waits for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.prompt_schema import TemplatesPolicy
from graph.testing import FakeResponder, fake_context
from graph.transcript import say
from ponte.adapters.sqlite import FileMedia, SqliteStore, open_sqlite
from ponte.delivery import DeliveryService
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status
from ponte.domain.message import SPOKEN, Author, Inbound, Kind, Media, Message, MessageStatus
from ponte.domain.templates import Template
from ponte.domain.twilio_errors import words_for
from ponte.domain.window import WINDOW_MS
from ponte.errors import SendRefused
from ponte.media_links import MediaLinks
from ponte.ports import Commit, Outbound
from ponte.testing import FakeMessenger, FakeTemplates, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
INVITE = Template(
    "HX" + "2" * 32, "volta_pt_br", "pt_BR", "Oi {{1}}, temos uma resposta. Podemos falar?", (), "approved"
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store with an agent."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        await opened.add_agent(ANA)
        yield opened


@pytest.fixture
def templates() -> FakeTemplates:
    """Return the account's templates."""
    return FakeTemplates([replace(INVITE, sid="HX" + "3" * 32, language="es", name="volta_es"), INVITE])


@pytest.fixture
async def pipeline(
    store: SqliteStore, manual_clock: ManualClock, messenger: FakeMessenger, templates: FakeTemplates
) -> Pipeline:
    """Return a pipeline in which Ana holds Maria's conversation."""
    context = fake_context(PROMPTS, responder=FakeResponder(answers=["Claro!"]), clock=manual_clock)
    change = {"templates": TemplatesPolicy(waiting_answer="volta")}
    policy = context.prompts.policy.model_copy(update=change)
    context = replace(context, prompts=replace(context.prompts, policy=policy))
    graph = build_graph(InMemorySaver())
    made = Pipeline(store, graph, context, clock=manual_clock, messenger=messenger, templates=templates)
    await writes(made, 1, "quero falar com um atendente")
    await made.settle()
    await made.desk.claim(ANA, (await made.current(MARIA)).id)
    return made


async def writes(pipeline: Pipeline, n: int, body: str) -> None:
    """Let Maria write."""
    now = pipeline.clock.now()
    await pipeline.intake.accept(
        Inbound(f"SM{n:032d}", MARIA, "whatsapp:+1", body, Kind.TEXT, now, profile_name="Maria")
    )


async def answers(pipeline: Pipeline, body: str) -> Message:
    """Let Ana answer."""
    (message,) = await pipeline.desk.reply(ANA, (await pipeline.current(MARIA)).id, body)
    return message


async def invitations(pipeline: Pipeline) -> list[Message]:
    """Return the templates that were sent by themselves."""
    return [m for m in await pipeline.transcript(MARIA) if dict(m.details).get("content_sid")]


async def test_a_waiting_answer_invites_the_customer_once(
    pipeline: Pipeline, messenger: FakeMessenger
) -> None:
    """One template for all that waits, in the customer's language; the answers leave when she writes."""
    pipeline.clock.advance(WINDOW_MS)
    first = await answers(pipeline, "Consegui o horário")
    await answers(pipeline, "Sábado, 10h")
    assert first.status is MessageStatus.PARKED
    assert await pipeline.invitations.run_once() == 1
    assert await pipeline.invitations.run_once() == 0
    pipeline.restart()
    assert await pipeline.invitations.run_once() == 0
    await pipeline.settle()
    (invitation,) = await invitations(pipeline)
    assert (invitation.author, invitation.status) == (Author.SYSTEM, MessageStatus.SENT)
    assert invitation.body == "Oi Maria, temos uma resposta. Podemos falar?"
    assert messenger.sent[-1].outbound.content_sid == INVITE.sid
    await writes(pipeline, 2, "pode sim")
    await pipeline.settle()
    assert [s.body for s in messenger.sent[-2:]] == ["Consegui o horário", "Sábado, 10h"]


async def test_each_silence_has_an_invitation_of_its_own(pipeline: Pipeline) -> None:
    """After the customer wrote and fell silent again, the next waiting answer invites her again."""
    for n in (2, 3):
        pipeline.clock.advance(WINDOW_MS)
        await answers(pipeline, f"Resposta {n}")
        assert await pipeline.invitations.run_once() == 1
        await pipeline.settle()
        await writes(pipeline, n, "oi")
        await pipeline.settle()
    assert len(await invitations(pipeline)) == 2


@pytest.mark.parametrize(
    ("leave", "status"),
    [
        ("stay", Status.AGENT_ACTIVE),
        ("transfer", Status.AWAITING_AGENT),
        ("return_to_bot", Status.BOT_ACTIVE),
        ("resolve", Status.RESOLVED),
    ],
)
async def test_whoever_has_it_by_now_the_customer_is_invited(
    pipeline: Pipeline, leave: str, status: Status
) -> None:
    """An agent answers and leaves the conversation at once: the answer waits, so its customer is invited."""
    pipeline.clock.advance(WINDOW_MS)
    answer = await answers(pipeline, "Consegui o horário")
    current = await pipeline.current(MARIA)
    if leave == "transfer":
        await pipeline.desk.transfer(ANA, current.id, to_agent_id=None)
    elif leave != "stay":
        await getattr(pipeline.desk, leave)(ANA, current.id)
    await pipeline.work()
    assert await pipeline.invitations.run_once() == 1
    assert await pipeline.invitations.run_once() == 0
    await pipeline.settle()
    assert [m.status for m in await invitations(pipeline)] == [MessageStatus.SENT]
    assert (await pipeline.current(MARIA)).status is status
    await writes(pipeline, 2, "pode sim")
    await pipeline.settle()
    assert (await pipeline.store.message(answer.id)).status is MessageStatus.SENT


async def test_whatsapps_clock_counts_for_the_invitation(
    pipeline: Pipeline, messenger: FakeMessenger
) -> None:
    """63016 parked an answer while the window is open by our clock: the customer is invited all the same."""
    pipeline.clock.advance(WINDOW_MS - 60_000)
    messenger.failures.append(SendRefused("outside the window", 63016))
    message = await answers(pipeline, "Consegui o horário")
    await pipeline.deliver()
    assert (await pipeline.store.message(message.id)).status is MessageStatus.PARKED
    assert await pipeline.invitations.run_once() == 1
    await pipeline.settle()
    assert [m.status for m in await invitations(pipeline)] == [MessageStatus.SENT]


async def test_without_a_fitting_template_nobody_is_invited(
    pipeline: Pipeline, templates: FakeTemplates
) -> None:
    """An account that cannot be read, a family not approved, too long a value: the answer just waits."""
    pipeline.clock.advance(WINDOW_MS)
    await answers(pipeline, "Consegui o horário")
    templates.failure = SendRefused("no", 20003)
    assert await pipeline.invitations.run_once() == 0
    templates.failure, templates.listed = None, [replace(INVITE, approval="rejected")]
    assert await pipeline.invitations.run_once() == 0
    assert await invitations(pipeline) == []
    pipeline.clock.advance(11 * 60_000)
    templates.listed = [INVITE]
    assert await pipeline.invitations.run_once() == 1


class Overtaken(FakeMessenger):
    """A Twilio that says 63016 while the customer writes: their message is taken in and worked on first."""

    pipeline: Pipeline | None = None

    async def send(self, outbound: Outbound) -> str:
        """Let the customer write, and then refuse the message."""
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is None:
            return await super().send(outbound)
        await writes(pipeline, 9, "oi?")
        await pipeline.work()
        raise SendRefused("outside the window", 63016)


async def test_what_is_parked_while_the_customer_writes_is_sent(
    pipeline: Pipeline, store: SqliteStore, manual_clock: ManualClock
) -> None:
    """WhatsApp refuses an answer, and the customer writes before it is parked: it does not wait for more."""
    twilio = Overtaken(manual_clock)
    delivery = DeliveryService(store, twilio, manual_clock, pipeline.signals, pipeline.metrics)
    pipeline.clock.advance(WINDOW_MS - 1_000)
    message = await answers(pipeline, "Consegui o horário")
    twilio.pipeline = pipeline
    await delivery.deliver(message.contact_id)
    manual_clock.advance(5_000)
    await delivery.deliver(message.contact_id)
    assert (await store.message(message.id)).status is MessageStatus.SENT
    assert [s.body for s in twilio.sent] == ["Consegui o horário"]


async def test_a_callback_that_comes_after_the_customer_wrote_parks_nothing(
    pipeline: Pipeline, store: SqliteStore
) -> None:
    """63016 is told when the customer has just written: the answer is tried again, and waits for nobody."""
    pipeline.clock.advance(WINDOW_MS - 1_000)
    message = await answers(pipeline, "Consegui o horário")
    await pipeline.deliver()
    sid = (await store.message(message.id)).sid
    assert sid is not None
    await writes(pipeline, 2, "oi?")
    await pipeline.work()
    await pipeline.intake.status(sid=sid, twilio_status="failed", error_code=63016, reference=message.id)
    assert (await store.message(message.id)).status is MessageStatus.QUEUED
    await pipeline.settle()
    assert (await store.message(message.id)).status is MessageStatus.SENT


async def test_a_clock_that_stays_apart_parks_in_the_end(
    pipeline: Pipeline, store: SqliteStore, messenger: FakeMessenger
) -> None:
    """Where WhatsApp goes on saying 63016, the answer is tried for a minute and parked."""
    await writes(pipeline, 2, "oi?")
    await pipeline.settle()
    messenger.failures.extend([SendRefused("outside the window", 63016)] * 20)
    message = await answers(pipeline, "Um momento")
    for _ in range(20):
        await pipeline.deliver()
        pipeline.clock.advance(10_000)
    assert (await store.message(message.id)).status is MessageStatus.PARKED
    assert 2 <= 20 - len(messenger.failures) <= 8


@pytest.fixture
def delivery(pipeline: Pipeline, messenger: FakeMessenger, tmp_path: Path) -> DeliveryService:
    """Return a sender that looks for files in an empty media store."""
    return DeliveryService(
        pipeline.store,
        messenger,
        pipeline.clock,
        pipeline.signals,
        pipeline.metrics,
        links=MediaLinks("a-secret-for-tests-of-32-characters", "https://ponte.example"),
        media=FileMedia(tmp_path / "files"),
    )


async def test_a_spoken_answer_whose_file_is_gone_is_written(
    pipeline: Pipeline, delivery: DeliveryService, messenger: FakeMessenger
) -> None:
    """What was spoken and waited until its file was pruned goes out as the text that it says."""
    media = Media("", "audio/ogg", key="ab" * 32, size=7)
    current = await pipeline.current(MARIA)
    contact = await pipeline.contact(MARIA)
    said = [(Author.SYSTEM, "Custa 120 reais.", None)]
    commit = say(Commit(current), contact, "late", said, pipeline.clock.now(), notes=[media])
    changed = replace(commit.conversation, version=current.version + 1)
    await pipeline.store.commit(replace(commit, conversation=changed))
    await delivery.deliver(contact.id)
    message = await pipeline.store.message("late:0")
    assert (message.kind, message.details, message.status) == (Kind.AUDIO, SPOKEN, MessageStatus.SENT)
    assert (messenger.sent[-1].body, messenger.sent[-1].outbound.media_url) == ("Custa 120 reais.", None)


async def test_a_picture_whose_file_is_gone_fails_with_a_reason(
    pipeline: Pipeline, delivery: DeliveryService, messenger: FakeMessenger
) -> None:
    """Nothing is sent, and the agent reads what to do; the next message is not held up."""
    media = Media("", "image/png", key="ab" * 32, size=7)
    current = await pipeline.current(MARIA)
    (message,) = await pipeline.desk.send_file(ANA, current.id, media, "veja")
    behind = await answers(pipeline, "Viu?")
    await delivery.deliver(message.contact_id)
    settled = await pipeline.store.message(message.id)
    assert (settled.status, settled.error_code) == (MessageStatus.FAILED, 63019)
    assert words_for(63019, "pt-BR") == "O arquivo não pôde ser baixado. Anexe-o e envie de novo."
    assert (await pipeline.store.message(behind.id)).status is MessageStatus.SENT
    assert [s.body for s in messenger.sent[-1:]] == ["Viu?"]
