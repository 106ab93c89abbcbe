"""What Twilio does not take for hours, or not as it is: tried on, written instead, and a human in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from structlog.testing import capture_logs

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.prompt_schema import VoicePolicy
from graph.testing import FakeResponder, fake_context
from graph.voice_answers import VoiceAnswers
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status, Trigger
from ponte.domain.decision import Mark, Outcome
from ponte.domain.message import SPOKEN, WRITTEN, Author, Kind, Media, Message, MessageStatus
from ponte.errors import Conflict, MessengerError, SendRefused, SendRetryable, SendUnknown
from ponte.ports import Commit, Outbound
from ponte.testing import FakeMessenger, ManualClock

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
PRICE = "Custa 120 reais."
HOUR_MS = 60 * 60 * 1000


class Speaking:
    """Speaks whatever it is given, at once."""

    async def speak(self, text: str, language: str) -> Media | None:
        """Return a voice note."""
        del text, language
        return Media("", "audio/ogg; codecs=opus", key="ab" * 32, size=7)

    async def run(self) -> None:
        """Do nothing."""


class Outage(FakeMessenger):
    """A Twilio that takes nothing while it is out; sends may be looked up all the same."""

    out: MessengerError | None = None
    tries: int = 0

    async def send(self, outbound: Outbound) -> str:
        """Accept a message, or fail as set."""
        self.tries += 1
        if self.out is not None:
            raise self.out
        return await super().send(outbound)


@pytest.fixture
def twilio(manual_clock: ManualClock) -> Outage:
    """Return a Twilio that works."""
    return Outage(manual_clock)


async def opened(
    tmp_path: Path, clock: ManualClock, twilio: Outage, policy: VoicePolicy | None
) -> AsyncIterator[Pipeline]:
    """Open a pipeline over an empty store; with a policy, it speaks."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)
        context = fake_context(PROMPTS, responder=FakeResponder(answers=[PRICE]), clock=clock)
        voice = None if policy is None else VoiceAnswers(Speaking(), policy)
        yield Pipeline(
            store, build_graph(InMemorySaver()), context, clock=clock, messenger=twilio, voice=voice
        )


@pytest.fixture
async def pipeline(tmp_path: Path, manual_clock: ManualClock, twilio: Outage) -> AsyncIterator[Pipeline]:
    """Return a pipeline that writes."""
    async for made in opened(tmp_path, manual_clock, twilio, None):
        yield made


@pytest.fixture(params=[False])
async def speaking(
    tmp_path: Path, manual_clock: ManualClock, twilio: Outage, request: pytest.FixtureRequest
) -> AsyncIterator[Pipeline]:
    """Return a pipeline that speaks; with the parameter True, the text follows."""
    policy = VoicePolicy(mode="always", text_beside=request.param)
    async for made in opened(tmp_path, manual_clock, twilio, policy):
        yield made


async def answered(pipeline: Pipeline) -> Message:
    """Let Maria ask and the bot answer; returns the answer's first message, which is not sent yet."""
    await pipeline.customer_says(MARIA, "quanto custa?", "SM" + "1" * 32)
    await pipeline.work()
    return next(m for m in await pipeline.transcript(MARIA) if m.author is Author.BOT)


async def passes(pipeline: Pipeline, ms: int, step_ms: int = 5 * 60_000) -> None:
    """Let time pass while messages are delivered."""
    for _ in range(ms // step_ms):
        await pipeline.deliver()
        pipeline.clock.advance(step_ms)


async def failed(pipeline: Pipeline, message: Message, code: int) -> Message:
    """Let Twilio tell that a message it took was not delivered; returns what became of it."""
    sid = (await pipeline.store.message(message.id)).sid
    assert sid is not None
    await pipeline.intake.status(sid=sid, twilio_status="undelivered", error_code=code, reference=message.id)
    return await pipeline.store.message(message.id)


@pytest.mark.parametrize(
    "error", [SendRetryable("wrong key", 20003), SendUnknown("no answer"), SendRetryable("not reached")]
)
async def test_an_outage_of_hours_loses_no_answer(
    pipeline: Pipeline, twilio: Outage, error: MessengerError
) -> None:
    """Credentials are wrong, or nobody answers, for three hours: then the answer leaves, once."""
    message = await answered(pipeline)
    twilio.out = error
    await passes(pipeline, 3 * HOUR_MS)
    assert twilio.tries > 30
    twilio.out = None
    await pipeline.settle()
    assert [s.body for s in twilio.sent] == [PRICE]
    assert (await pipeline.store.message(message.id)).status is MessageStatus.SENT
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE


async def test_what_is_given_up_brings_a_human(pipeline: Pipeline, twilio: Outage) -> None:
    """After four hours the answer fails, and its customer waits in the queue with what was to be said."""
    message = await answered(pipeline)
    twilio.out = SendRetryable("wrong key", 20003)
    await passes(pipeline, 5 * HOUR_MS)
    settled = await pipeline.store.message(message.id)
    assert (settled.status, settled.error_code) == (MessageStatus.FAILED, 20003)
    current = await pipeline.current(MARIA)
    assert current.status is Status.AWAITING_AGENT
    assert current.handoff is not None
    assert (current.handoff.trigger, current.handoff.summary) == (Trigger.ERROR, PRICE)
    assert current.handoff.reason == "A resposta do bot não chegou ao cliente."


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (63013, Status.AWAITING_AGENT),
        (63032, Status.AWAITING_AGENT),
        (63016, Status.AWAITING_AGENT),
        (63014, Status.BOT_ACTIVE),
        (21610, Status.BOT_ACTIVE),
    ],
)
@pytest.mark.parametrize("late", [False, True])
async def test_a_refused_answer_brings_a_human_who_can_reach_the_customer(
    pipeline: Pipeline, twilio: Outage, code: int, status: Status, *, late: bool
) -> None:
    """Told at once or by a callback; nobody is brought in for a customer who blocked us or opted out."""
    message = await answered(pipeline)
    pipeline.clock.advance(120_000)
    if not late:
        twilio.failures.append(SendRefused("no", code))
    await pipeline.deliver()
    if late:
        await failed(pipeline, message, code)
        await failed(pipeline, message, code)
    settled = await pipeline.store.message(message.id)
    assert (settled.status, settled.error_code) == (MessageStatus.FAILED, code)
    assert (await pipeline.current(MARIA)).status is status


async def test_the_handoff_is_in_the_ledger(pipeline: Pipeline) -> None:
    """Agents mark the handoff that brought them in, not an earlier one of the conversation."""
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM" + "0" * 32)
    await pipeline.settle()
    earlier = await pipeline.store.last_handoff((await pipeline.current(MARIA)).id)
    assert earlier is not None
    await pipeline.desk.claim(ANA, earlier.conversation_id)
    await pipeline.desk.return_to_bot(ANA, earlier.conversation_id)
    await pipeline.settle()
    await pipeline.customer_says(MARIA, "quanto custa?", "SM" + "1" * 32)
    await pipeline.work()
    message = next(m for m in await pipeline.transcript(MARIA) if m.body == PRICE)
    await pipeline.deliver()
    await failed(pipeline, message, 63013)
    current = await pipeline.desk.mark_handoff(ANA, earlier.conversation_id, Mark.NOT_NEEDED)
    newest = await pipeline.store.last_handoff(current.id)
    assert newest is not None
    assert (newest.id, newest.trigger) == (f"unsent-{message.id}:decision", Trigger.ERROR)
    assert (newest.outcome, newest.prompt_version) == (Outcome.HUMAN, message.prompt_version)
    assert (newest.first_seq, newest.seq) == (message.seq - 1, current.handoff_seq)
    (mark,) = await pipeline.store.marks(current.id)
    assert mark.decision_id == newest.id


async def test_a_handoff_that_fails_is_tried_again(
    pipeline: Pipeline, twilio: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others keep changing the conversation the message stays as it is, and is tried again later."""
    message = await answered(pipeline)

    async def contested(commit: Commit) -> None:
        del commit
        raise Conflict("Somebody else was quicker.")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.store, "commit", contested)
        twilio.failures.append(SendRefused("no", 63013))
        with pytest.raises(Conflict):
            await pipeline.deliver()
    assert (await pipeline.store.message(message.id)).status is MessageStatus.SENDING
    pipeline.clock.advance(60_000)
    twilio.failures.append(SendRefused("no", 63013))
    await pipeline.deliver()
    assert (await pipeline.store.message(message.id)).status is MessageStatus.FAILED
    assert (await pipeline.current(MARIA)).status is Status.AWAITING_AGENT


async def test_a_callback_whose_handoff_fails_is_logged(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is seen as failed, and the operator reads that nobody was brought in."""
    message = await answered(pipeline)
    await pipeline.deliver()

    async def contested(commit: Commit) -> None:
        del commit
        raise Conflict("Somebody else was quicker.")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(pipeline.store, "commit", contested)
        assert (await failed(pipeline, message, 63013)).status is MessageStatus.FAILED
    assert [(e["event"], e["log_level"]) for e in logs if e["log_level"] == "error"] == [
        ("not_handed_over_unsent", "error")
    ]


async def test_a_failure_that_is_old_news_brings_nobody(pipeline: Pipeline) -> None:
    """What WhatsApp has delivered did not fail, whatever comes late."""
    message = await answered(pipeline)
    await pipeline.deliver()
    sid = (await pipeline.store.message(message.id)).sid or ""
    await pipeline.intake.status(sid=sid, twilio_status="delivered", error_code=None, reference=message.id)
    assert (await failed(pipeline, message, 30008)).status is MessageStatus.DELIVERED
    assert (await pipeline.current(MARIA)).status is Status.BOT_ACTIVE


@pytest.mark.parametrize("code", [12300, 21620, 63005, 63019, 63021, 63025])
async def test_a_voice_note_that_does_not_arrive_is_written_once(
    speaking: Pipeline, twilio: Outage, code: int
) -> None:
    """The text that it says goes out at once; when that fails too, a human comes."""
    message = await answered(speaking)
    assert (message.kind, message.details) == (Kind.AUDIO, SPOKEN)
    await speaking.deliver()
    again = await failed(speaking, message, code)
    assert (again.status, again.kind, again.media) == (MessageStatus.QUEUED, Kind.TEXT, ())
    assert again.details == WRITTEN
    assert await failed(speaking, message, code) == again
    await speaking.deliver()
    assert [(s.body, s.outbound.media_url is None) for s in twilio.sent] == [("", False), (PRICE, True)]
    assert (await failed(speaking, message, code)).status is MessageStatus.FAILED
    assert (await speaking.current(MARIA)).status is Status.AWAITING_AGENT


async def test_a_voice_note_that_is_refused_at_once_is_written(speaking: Pipeline, twilio: Outage) -> None:
    """Twilio does not take the file's address: the text leaves in the same breath."""
    message = await answered(speaking)
    twilio.failures.append(SendRefused("no such address", 21620))
    await speaking.deliver()
    sent = await speaking.store.message(message.id)
    assert (sent.status, sent.kind, sent.error_code) == (MessageStatus.SENT, Kind.TEXT, None)
    assert [s.body for s in twilio.sent] == [PRICE]


@pytest.mark.parametrize("speaking", [True], indirect=True)
async def test_what_is_written_beside_is_not_written_twice(speaking: Pipeline, twilio: Outage) -> None:
    """Where the text follows the voice note anyway, the note alone fails, and nobody is brought in."""
    message = await answered(speaking)
    await speaking.settle()
    assert (await failed(speaking, message, 63019)).status is MessageStatus.FAILED
    await speaking.settle()
    assert [s.body for s in twilio.sent] == ["", PRICE]
    assert (await speaking.current(MARIA)).status is Status.BOT_ACTIVE


async def test_an_agents_spoken_answer_is_written_too_and_a_recording_fails(speaking: Pipeline) -> None:
    """A typed answer has its words; what an agent recorded has none, and the agent reads why it failed."""
    await speaking.customer_says(MARIA, "quero falar com um atendente", "SM" + "1" * 32)
    await speaking.settle()
    current = await speaking.desk.claim(ANA, (await speaking.current(MARIA)).id)
    (typed,) = await speaking.desk.reply(ANA, current.id, "Um momento", voice=True)
    note = Media("", "audio/ogg; codecs=opus", key="cd" * 32, size=7)
    (recorded,) = await speaking.desk.reply_recorded(ANA, current.id, note)
    await speaking.settle()
    again = await failed(speaking, typed, 63019)
    assert (again.status, again.kind, again.body) == (MessageStatus.QUEUED, Kind.TEXT, "Um momento")
    lost = await failed(speaking, recorded, 63019)
    assert (lost.status, lost.error_code, lost.media) == (MessageStatus.FAILED, 63019, (note,))


async def test_what_waited_for_days_is_still_tried(pipeline: Pipeline, twilio: Outage) -> None:
    """An old message that Twilio does not take at first is not given up after one try."""
    message = await answered(pipeline)
    old = replace(message, id="old", seq=message.seq + 1, created_at=message.created_at - 48 * HOUR_MS)
    current = await pipeline.current(MARIA)

    changed = replace(current, last_seq=old.seq, version=current.version + 1)
    await pipeline.store.commit(Commit(changed, messages=(old,)))
    twilio.failures.extend([None, SendRetryable("busy"), SendUnknown("no answer")])
    await pipeline.settle()
    assert (await pipeline.store.message("old")).status is MessageStatus.SENT
