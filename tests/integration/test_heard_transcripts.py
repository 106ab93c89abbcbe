"""Voice notes through the whole pipeline: what the transcript, and with it the agent, gets of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.audio import AudioFile
from graph.builder import build_graph
from graph.context import GraphContext, Limits
from graph.harness import Pipeline
from graph.hearing import Hints, Transcript
from graph.testing import FakeResponder, FakeTranscriber, fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Status
from ponte.domain.message import Inbound, Kind, Media
from ponte.testing import FakeMessenger, ManualClock, MemoryMediaStore
from tests.support.spoken import Spoken, encoded

MARIA = "whatsapp:+5511900000001"
PROMPTS = Path(__file__).parents[2] / "prompts"

Open = Callable[[GraphContext], Pipeline]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return an empty store."""
    async with open_sqlite(tmp_path) as opened:
        await opened.migrate()
        yield opened


@pytest.fixture
def ears() -> FakeTranscriber:
    """Return the recogniser that tests script."""
    return FakeTranscriber()


@pytest.fixture
def files() -> MemoryMediaStore:
    """Return the customers' files."""
    return MemoryMediaStore()


@pytest.fixture
def context(manual_clock: ManualClock, files: MemoryMediaStore, ears: FakeTranscriber) -> GraphContext:
    """Return a context with scripted models."""
    model = FakeResponder(answers=["Custa 120 reais."])
    return fake_context(PROMPTS, responder=model, clock=manual_clock, media=files, transcriber=ears)


@pytest.fixture
def opened(store: SqliteStore, manual_clock: ManualClock, messenger: FakeMessenger) -> Open:
    """Return what opens a pipeline on a context."""

    def open_(context: GraphContext) -> Pipeline:
        graph = build_graph(InMemorySaver())
        return Pipeline(store, graph, context, clock=manual_clock, messenger=messenger)

    return open_


@pytest.fixture
def note(files: MemoryMediaStore, spoken: Spoken) -> Media:
    """Return a voice note that was fetched."""
    stored = files.keep(encoded(spoken.question, "ogg"), "audio/ogg")
    return Media("https://api.twilio.com/m", "audio/ogg", key=stored.key, size=stored.size)


def model_of(context: GraphContext) -> FakeResponder:
    """Return the scripted model."""
    assert isinstance(context.responder, FakeResponder)
    return context.responder


async def speaks(pipeline: Pipeline, sid: str, media: Media) -> None:
    """Accept a voice note of Maria's and let all come to rest."""
    inbound = Inbound(sid, MARIA, "whatsapp:+1415", "", Kind.AUDIO, pipeline.clock.now(), media=(media,))
    await pipeline.intake.accept(inbound)
    await pipeline.settle()


async def test_the_transcript_shows_what_was_said(opened: Open, context: GraphContext, note: Media) -> None:
    """The row of the voice note has its words, language, confidence and length; the bot answered them."""
    pipeline = opened(context)
    await speaks(pipeline, "SM1", note)
    row, answer = await pipeline.transcript(MARIA)
    (media,) = row.media
    assert (row.kind, row.body, answer.body) == (Kind.AUDIO, "", "Custa 120 reais.")
    assert (media.text, media.language, media.confidence) == ("quanto custa a aula?", "pt", 0.9)
    assert (media.url, media.key, media.error) == (note.url, note.key, None)
    assert media.duration_ms is not None
    assert media.duration_ms > 3_000


async def test_an_agent_reads_what_is_said_while_they_own_the_conversation(
    opened: Open, context: GraphContext, note: Media, ears: FakeTranscriber
) -> None:
    """The bot is silent, and the voice note comes with its words all the same."""
    pipeline = opened(context)
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    await speaks(pipeline, "SM2", note)
    assert (await pipeline.current(MARIA)).status is Status.AWAITING_AGENT
    last = (await pipeline.transcript(MARIA))[-1]
    assert last.media[0].text == "quanto custa a aula?"
    assert len(ears.heard) == 1


class Hanging:
    """A recogniser that never answers."""

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Wait for ever."""
        del audio, hints
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_slow_model_does_not_keep_a_message_from_the_agent(
    opened: Open, context: GraphContext, note: Media
) -> None:
    """It is shown without its words; the file can be played."""
    pipeline = opened(replace(context, transcriber=Hanging(), limits=Limits(agent_media_ms=50)))
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    await speaks(pipeline, "SM2", note)
    (media,) = (await pipeline.transcript(MARIA))[-1].media
    assert (media.key, media.text, media.error) == (note.key, None, None)


@dataclass
class Slow:
    """A recogniser that answers when the test lets it."""

    words: str = "quanto custa a aula?"
    free: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Wait for the test, and answer."""
        del audio, hints
        self.asked += 1
        await self.free.wait()
        return Transcript(self.words, "pt", 0.9)


async def test_a_late_transcript_is_added_to_the_message(
    opened: Open, context: GraphContext, note: Media, store: SqliteStore
) -> None:
    """What is heard after the agent has the message comes behind: once asked, and consoles are told."""
    ears = Slow()
    pipeline = opened(replace(context, transcriber=ears, limits=Limits(agent_media_ms=50)))
    rung = asyncio.Event()
    pipeline.signals.on_change(rung.set)
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    await speaks(pipeline, "SM2", note)
    row = (await pipeline.transcript(MARIA))[-1]
    assert row.media[0].text is None
    before = await pipeline.current(MARIA)
    assert before.preview == "\N{MICROPHONE}"
    pipeline.clock.advance(9_000)
    rung.clear()
    ears.free.set()
    await asyncio.wait_for(rung.wait(), 10)
    (media,) = (await store.message(row.id)).media
    assert (media.text, media.language, media.key) == ("quanto custa a aula?", "pt", note.key)
    after = await pipeline.current(MARIA)
    assert (after.version, after.updated_at) == (before.version, pipeline.clock.now())
    assert ears.asked == 1


async def test_a_note_that_no_agent_saw_gets_its_words_when_the_bot_answers_it(
    opened: Open, context: GraphContext, note: Media, store: SqliteStore
) -> None:
    """Given back, the bot hears the note, answers it, and the row has its words from then on."""
    ana = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
    await store.add_agent(ana)
    ears = Slow()
    pipeline = opened(replace(context, transcriber=ears, limits=Limits(agent_media_ms=50)))
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    await speaks(pipeline, "SM2", note)
    pipeline.restart()
    ears.free.set()
    await store.set_media_text("SM2", [note], pipeline.clock.now())
    current = await pipeline.current(MARIA)
    await pipeline.desk.return_to_bot(ana, current.id)
    await pipeline.settle()
    row, answer = (await pipeline.transcript(MARIA))[-2:]
    assert (row.id, row.media[0].text) == ("SM2", "quanto custa a aula?")
    assert answer.body == "Custa 120 reais."


async def test_a_list_shows_a_voice_note_by_its_words(
    opened: Open, context: GraphContext, note: Media
) -> None:
    """A sign and the beginning of what is said stand for a voice note."""
    pipeline = opened(context)
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    await speaks(pipeline, "SM2", note)
    assert (await pipeline.current(MARIA)).preview == "\N{MICROPHONE} quanto custa a aula?"


async def test_what_is_said_while_a_human_answers_is_known_to_the_bot(
    opened: Open, context: GraphContext, note: Media, store: SqliteStore
) -> None:
    """Given back, the model is told the customer's spoken words, and that the agent sent a recording."""
    ana = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
    await store.add_agent(ana)
    pipeline = opened(context)
    await pipeline.customer_says(MARIA, "quero falar com um atendente", "SM1")
    await pipeline.settle()
    conversation = (await pipeline.current(MARIA)).id
    await pipeline.desk.claim(ana, conversation)
    await speaks(pipeline, "SM2", note)
    await pipeline.desk.reply(ana, conversation, "Custa 90 para grupos.")
    await pipeline.desk.reply_recorded(ana, conversation, replace(note, url=""))
    await pipeline.settle()
    await pipeline.desk.seen(ana, conversation, (await pipeline.current(MARIA)).last_seq)
    await pipeline.desk.return_to_bot(ana, conversation)
    await pipeline.settle()
    await pipeline.customer_says(MARIA, "e para duas pessoas?", "SM3")
    await pipeline.settle()
    told = "\n".join(message.content for message in model_of(context).asked[-1])
    assert "customer: quanto custa a aula?" in told
    assert "agent: (audio)" in told


async def test_a_quoted_voice_note_is_told_by_its_words(
    opened: Open, context: GraphContext, note: Media
) -> None:
    """Of a file that says nothing, the model learns what it was."""
    pipeline = opened(context)
    await speaks(pipeline, "SM1", note)
    await pipeline.customer_says(MARIA, "", "SM2", kind=Kind.LOCATION)
    await pipeline.settle()
    for sid, quoted, words in (("SM3", "SM1", "quanto custa a aula?"), ("SM4", "SM2", "(location)")):
        now = pipeline.clock.now()
        inbound = Inbound(sid, MARIA, "whatsapp:+1415", "isto", Kind.TEXT, now, reply_to=quoted)
        await pipeline.intake.accept(inbound)
        await pipeline.settle()
        told = "\n".join(message.content for message in model_of(context).asked[-1]).replace('\\"', '"')
        assert words in told.rpartition('"quoted_message": "')[2][:40]
