"""Spoken answers: the real openai client against the stand-in, the cache, the policy, and a turn's replay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import openai
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from starlette.applications import Starlette

from graph.builder import build_graph
from graph.context import Limits
from graph.harness import Pipeline
from graph.prompt_schema import SpeechCachePolicy, SpeechFormat, VoicePolicy
from graph.speech import OpenAISpeaker, SpeechFailed, open_speaker
from graph.speech_cache import SpeechCache
from graph.testing import FakeResponder, fake_context
from graph.voice_answers import VoiceAnswers
from graph.voice_notes import VoiceNotes, open_voice
from ponte.adapters.sqlite import FileMedia, SqliteStore, open_sqlite
from ponte.audio import VoiceNote
from ponte.domain.agent import Agent, Role
from ponte.domain.message import SPOKEN, Author, Kind, Message, MessageStatus
from ponte.errors import Conflict, InvalidInput
from ponte.metrics import Metrics
from ponte.ports import Commit
from ponte.settings import load_settings
from ponte.testing import FakeMessenger, ManualClock
from simulator.openai_stub import create_stub_app
from simulator.serving import Served
from tests.support.sounds import heard, recording

MARIA = "whatsapp:+5511900000001"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
VOICES = {"pt-BR": "luzia", "en": "bella"}
DAY_MS = 24 * 60 * 60 * 1000
QUICK = Limits(model_tries=2, model_backoff_ms=10, retry_after_ms=50)

ServeApp = Callable[[Starlette], Awaitable[Served]]


@dataclass
class Stub:
    """The stand-in for a speech server."""

    url: str

    async def mode(self, **mode: object) -> None:
        """Answer so from now on."""
        async with aiohttp.ClientSession() as http, http.post(f"{self.url}/stub/mode", json=mode) as answer:
            assert answer.status == 200

    async def requests(self) -> list[dict[str, object]]:
        """Return the bodies it got."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/stub/requests") as answer:
            return [item["body"] for item in (await answer.json())["items"]]

    @asynccontextmanager
    async def speaker(
        self, form: SpeechFormat = "opus", timeout_ms: int = 2_000
    ) -> AsyncIterator[OpenAISpeaker]:
        """Open a speaker on it."""
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{self.url}/v1", max_retries=0) as client:
            yield OpenAISpeaker(client, "kokoro", VOICES, form=form, timeout_ms=timeout_ms, limits=QUICK)


@pytest.fixture
async def stub(serve_app: ServeApp) -> Stub:
    """Return a running stand-in."""
    return Stub((await serve_app(create_stub_app())).url)


@pytest.mark.parametrize("form", ["opus", "wav", "mp3", "pcm"])
async def test_every_format_of_a_server_becomes_a_voice_note(stub: Stub, form: SpeechFormat) -> None:
    """Whatever a server can answer with, WhatsApp gets Ogg/Opus in mono; model, voice and text are sent."""
    async with stub.speaker(form) as speaker:
        note = await speaker.speak("Custa 120 reais.", "pt-BR")
        await speaker.speak("It costs 120.", "en")
        await speaker.speak("Cuesta 120.", "es")
    found = heard(note.content)
    assert (found.container, found.codec, found.channels) == ("ogg", "opus", 1)
    assert note.duration_ms == pytest.approx(500, rel=0.4)
    asked = await stub.requests()
    assert asked[0] == {
        "model": "kokoro",
        "voice": "luzia",
        "input": "Custa 120 reais.",
        "response_format": form,
    }
    assert [body["voice"] for body in asked] == ["luzia", "bella", "luzia"]


@pytest.mark.parametrize(
    ("status", "calls"),
    [(400, 2), (401, 1), (429, 2), (500, 2), ("hang", 2), ("empty", 1), ("garbage", 1)],
)
async def test_a_server_that_fails_is_a_failure_in_time(stub: Stub, status: object, calls: int) -> None:
    """Failures of every kind end as SpeechFailed, after no more tries than may help, and quote nothing."""
    await stub.mode(status=status)
    async with stub.speaker(timeout_ms=200) as speaker, asyncio.timeout(5):
        with pytest.raises(SpeechFailed) as failure:
            await speaker.speak("segredo", "pt-BR")
    assert len(await stub.requests()) == calls
    assert "segredo" not in str(failure.value)


async def test_a_passing_failure_is_tried_again(stub: Stub) -> None:
    """A busy server is asked once more."""
    await stub.mode(status=500, count=1)
    async with stub.speaker() as speaker:
        assert (await speaker.speak("Oi.", "pt-BR")).duration_ms > 0


async def test_a_server_without_opus_is_asked_for_wav(stub: Stub) -> None:
    """A server that refuses the format once is asked for WAV from then on."""
    await stub.mode(status=400, count=1)
    async with stub.speaker() as speaker:
        await speaker.speak("Oi.", "pt-BR")
        await speaker.speak("Olá.", "pt-BR")
    assert [body["response_format"] for body in await stub.requests()] == ["opus", "wav", "wav"]


async def test_openais_key_stays_with_openai(stub: Stub) -> None:
    """A speech server of one's own gets its own key or none; without one, speech uses the model's server."""

    async def key_and_url(**settings: str) -> tuple[str, str]:
        chosen = load_settings(openai_api_key="sk-openai", openai_speech_model="m", **settings)
        async with open_speaker(chosen, VoicePolicy()) as speaker:
            assert isinstance(speaker, OpenAISpeaker)
            return speaker._client.api_key, str(speaker._client.base_url)  # noqa: SLF001 - what would be sent

    own = f"{stub.url}/v1"
    assert await key_and_url(openai_speech_base_url=own) == ("none", f"{own}/")
    assert await key_and_url(openai_speech_base_url=own, openai_speech_api_key="k2") == ("k2", f"{own}/")
    assert await key_and_url(openai_base_url=own) == ("sk-openai", f"{own}/")
    assert await key_and_url() == ("sk-openai", "https://api.openai.com/v1/")
    async with open_speaker(load_settings(openai_api_key="sk"), VoicePolicy()) as none:
        assert none is None


@dataclass
class FakeSpeaker:
    """Speaks a tone, or what tests say; counts."""

    said: list[str] = field(default_factory=list)
    failure: Exception | None = None
    hold: asyncio.Event | None = None

    def name(self, language: str) -> str:
        """Name the voice."""
        return f"fake|{language}"

    async def speak(self, text: str, language: str) -> VoiceNote:
        """Return a tone as long as the text."""
        del language
        self.said.append(text)
        if self.hold is not None:
            await self.hold.wait()
        if self.failure is not None:
            raise self.failure
        return VoiceNote(recording("ogg", 20 * len(text)), 20 * len(text))


@dataclass
class Place:
    """A store, a media store and what speaks into them."""

    store: SqliteStore
    media: FileMedia
    clock: ManualClock
    speaker: FakeSpeaker = field(default_factory=FakeSpeaker)
    metrics: Metrics = field(default_factory=Metrics)

    def notes(self, **policy: object) -> VoiceNotes:
        """Return a new process's voice."""
        chosen = VoicePolicy.model_validate({"wait_ms": 500, **policy})
        cache = SpeechCache(self.store, self.media, self.clock, chosen.cache)
        return VoiceNotes(self.speaker, cache, chosen, self.clock, self.metrics)

    def counted(self, outcome: str) -> float:
        """Return how many texts came to this."""
        return self.metrics.registry.get_sample_value("ponte_speech_total", {"outcome": outcome}) or 0

    async def content(self, key: str | None) -> bytes:
        """Return a file."""
        assert key is not None
        return b"".join([block async for block in self.media.read(key)])


@pytest.fixture
async def place(tmp_path: Path, manual_clock: ManualClock) -> AsyncIterator[Place]:
    """Return an empty place."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        await store.add_agent(ANA)
        yield Place(store, FileMedia(tmp_path), manual_clock)


async def test_a_sentence_is_spoken_once_across_processes(place: Place) -> None:
    """The second process finds what the first one spoke; another voice or language is another sentence."""
    first = await place.notes().speak("Custa R$ 120.", "pt-BR")
    again = await place.notes().speak("Custa *R$ 120*. 😀", "pt-BR")
    assert first is not None
    assert first == again
    assert place.speaker.said == ["Custa 120 reais."]
    assert (first.content_type, first.url) == ("audio/ogg", "")
    assert heard(await place.content(first.key)).codec == "opus"
    assert first.duration_ms == pytest.approx(320, rel=0.05)
    await place.notes().speak("Custa R$ 120.", "es")
    assert len(place.speaker.said) == 2
    assert (place.counted("spoken"), place.counted("cached")) == (2, 1)


async def test_the_same_sentence_at_once_is_one_call(place: Place) -> None:
    """Many customers are told the same at the same moment: it is spoken once."""
    notes = place.notes()
    found = await asyncio.gather(*(notes.speak("Bom dia!", "pt-BR") for _ in range(20)))
    assert len(set(found)) == 1
    assert place.speaker.said == ["Bom dia!"]


async def test_late_speech_is_kept_for_the_next_time(place: Place) -> None:
    """After the wait the text goes out; what is spoken then is there for the next one, and in a pause too."""
    place.speaker.hold = asyncio.Event()
    notes = place.notes()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await notes.speak("Bom dia!", "pt-BR") is None
    assert loop.time() - begun < 2
    place.speaker.hold.set()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "speech"))
    assert await notes.speak("Bom dia!", "pt-BR") is not None
    assert await notes.speak("Boa tarde!", "pt-BR") is None
    assert (place.counted("late"), place.counted("paused")) == (1, 1)
    place.clock.advance(15_000)
    assert await notes.speak("Boa tarde!", "pt-BR") is not None


async def test_a_failure_is_a_text_and_a_pause(place: Place) -> None:
    """A server that is down is not asked for every answer."""
    place.speaker.failure = SpeechFailed("down")
    notes = place.notes()
    assert await notes.speak("Bom dia!", "pt-BR") is None
    assert await notes.speak("Boa tarde!", "pt-BR") is None
    assert place.speaker.said == ["Bom dia!"]


async def test_what_is_not_used_is_forgotten(place: Place) -> None:
    """After its days an entry and its file go; one that is used stays, and its file counts as stored anew."""
    notes = place.notes(cache={"days": 3})
    used, unused = await notes.speak("Sim.", "pt-BR"), await notes.speak("Não sei.", "pt-BR")
    assert used is not None
    assert unused is not None
    place.clock.advance(2 * DAY_MS)
    assert await notes.speak("Sim.", "pt-BR") == used
    place.clock.advance(DAY_MS)
    assert await notes.prune() == 1
    assert await place.media.stat(unused.key or "") is None
    stored = await place.media.stat(used.key or "")
    assert stored is not None
    assert stored.stored_at == place.clock.now() - DAY_MS
    assert await notes.speak("Sim.", "pt-BR") == used
    assert len(place.speaker.said) == 2


async def test_above_its_size_the_longest_unused_goes(place: Place) -> None:
    """The cache shrinks to its size; what was used in the last day stays all the same."""
    cache = SpeechCache(place.store, place.media, place.clock, SpeechCachePolicy(megabytes=1))
    kept = []
    for n in range(3):
        kept.append(await cache.keep(f"{n:064x}", VoiceNote(bytes([n]) * 400_000, 1)))
        place.clock.advance(1_000)
    assert await cache.prune() == 0
    place.clock.advance(3 * DAY_MS)
    assert await cache.prune() == 1
    assert [await place.media.stat(media.key or "") is not None for media in kept] == [False, True, True]


async def test_a_file_that_is_gone_is_spoken_again(place: Place) -> None:
    """The index never promises a file that something else removed."""
    first = await place.notes().speak("Sim.", "pt-BR")
    assert first is not None
    await place.media.delete(first.key or "")
    again = await place.notes().speak("Sim.", "pt-BR")
    assert again is not None
    assert await place.media.stat(again.key or "") is not None
    assert len(place.speaker.said) == 2


def pipeline_of(place: Place, messenger: FakeMessenger, answers: list[str], **policy: object) -> Pipeline:
    """Return a pipeline that may speak."""
    context = fake_context(PROMPTS, responder=FakeResponder(answers=answers), clock=place.clock)
    chosen = VoicePolicy.model_validate({"wait_ms": 500, **policy})
    voice = VoiceAnswers(place.notes(**policy), chosen)
    graph = build_graph(InMemorySaver())
    return Pipeline(place.store, graph, context, clock=place.clock, messenger=messenger, voice=voice)


async def said(pipeline: Pipeline) -> list[Message]:
    """Return what Maria was told."""
    return [m for m in await pipeline.transcript(MARIA) if m.author is not Author.CUSTOMER]


@pytest.mark.parametrize(
    ("mode", "kind", "voiced"),
    [
        ("mirror", Kind.AUDIO, True),
        ("mirror", Kind.TEXT, False),
        ("always", Kind.TEXT, True),
        ("always", Kind.AUDIO, True),
        ("never", Kind.AUDIO, False),
    ],
)
async def test_the_policy_says_when_the_bot_speaks(
    place: Place, messenger: FakeMessenger, mode: str, kind: Kind, *, voiced: bool
) -> None:
    """Mirror answers a voice with a voice; always and never do what they say, for fixed texts too."""
    pipeline = pipeline_of(place, messenger, ["Claro!"], mode=mode)
    await pipeline.customer_says(MARIA, "Quero falar com um atendente", "SM1", kind=kind)
    await pipeline.work()
    rows = await said(pipeline)
    assert rows
    assert {m.kind for m in rows} == {Kind.AUDIO if voiced else Kind.TEXT}
    assert all(m.body for m in rows)
    assert all((m.details == SPOKEN) is voiced for m in rows)


async def test_a_spoken_answer_in_the_transcript(place: Place, messenger: FakeMessenger) -> None:
    """The row is an audio with its file and, for the eye, its text as it was written."""
    pipeline = pipeline_of(place, messenger, ["Custa *R$ 120*."], mode="always")
    await pipeline.customer_says(MARIA, "Quanto custa?", "SM1")
    await pipeline.work()
    (row,) = await said(pipeline)
    assert (row.kind, row.author, row.body, row.status) == (
        Kind.AUDIO,
        Author.BOT,
        "Custa *R$ 120*.",
        MessageStatus.QUEUED,
    )
    (media,) = row.media
    assert (media.url, media.content_type) == ("", "audio/ogg")
    assert heard(await place.content(media.key)).channels == 1
    assert (await pipeline.current(MARIA)).preview == "Custa *R$ 120*."


async def test_the_text_beside_follows_its_voice_note(place: Place, messenger: FakeMessenger) -> None:
    """With ``text_beside`` the text comes right after each voice note."""
    pipeline = pipeline_of(place, messenger, ["Custa R$ 120."], mode="always", text_beside=True)
    await pipeline.customer_says(MARIA, "Quanto custa?", "SM1")
    await pipeline.work()
    rows = await said(pipeline)
    assert [(m.kind, m.body) for m in rows] == [(Kind.AUDIO, "Custa R$ 120."), (Kind.TEXT, "Custa R$ 120.")]
    assert [m.seq for m in rows] == [2, 3]


@pytest.mark.parametrize("answer", ["Use o cupom AULAS2026XYZ.", "Sim. " * 200])
async def test_what_is_better_read_is_written(place: Place, messenger: FakeMessenger, answer: str) -> None:
    """A code to copy and a long text go out in writing, and cost no call."""
    pipeline = pipeline_of(place, messenger, [answer], mode="always")
    await pipeline.customer_says(MARIA, "Onde vejo os planos?", "SM1")
    await pipeline.work()
    assert {m.kind for m in await said(pipeline)} == {Kind.TEXT}
    assert place.speaker.said == []


@pytest.mark.parametrize("hang", [False, True])
async def test_without_speech_the_text_goes_out_in_time(
    place: Place, messenger: FakeMessenger, *, hang: bool
) -> None:
    """Speech that fails or hangs delays the text by the wait at most, and loses nothing."""
    place.speaker.failure = None if hang else SpeechFailed("down")
    place.speaker.hold = asyncio.Event() if hang else None
    pipeline = pipeline_of(place, messenger, ["Claro!"], mode="always")
    await pipeline.customer_says(MARIA, "Oi, tem vaga?", "SM1")
    async with asyncio.timeout(3):
        await pipeline.settle()
    assert [(m.kind, m.status) for m in await said(pipeline)] == [(Kind.TEXT, MessageStatus.SENT)]
    if place.speaker.hold:
        place.speaker.hold.set()


async def test_a_replayed_turn_says_the_same_without_a_second_call(
    place: Place, messenger: FakeMessenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn whose commit was lost runs again in another process: same row, same file, no second call."""
    pipeline = pipeline_of(place, messenger, ["Claro!"], mode="always")
    commit = place.store.commit
    lost: list[Commit] = []

    async def lose_the_first(given: Commit) -> None:
        if len(given.messages) > 1 and not lost:
            lost.append(given)
            raise Conflict("lost")
        await commit(given)

    monkeypatch.setattr(place.store, "commit", lose_the_first)
    await pipeline.customer_says(MARIA, "Tem vaga?", "SM1")
    await pipeline.work()
    (row,) = await said(pipeline)
    assert place.speaker.said == ["Claro!"]
    assert (row.id, row.media) == (lost[0].messages[-1].id, lost[0].messages[-1].media)


async def test_an_agents_text_is_spoken_on_request(place: Place, messenger: FakeMessenger) -> None:
    """``voice=True`` sends a voice note with the text for colleagues' eyes; a failure sends the text."""
    pipeline = pipeline_of(place, messenger, ["Claro!"])
    await pipeline.customer_says(MARIA, "quero falar com atendente", "SM1")
    await pipeline.work()
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    (row,) = await pipeline.desk.reply(ANA, current.id, "Bom dia, Maria!", key="k1", voice=True)
    assert (row.kind, row.author, row.body, row.details) == (
        Kind.AUDIO,
        Author.AGENT,
        "Bom dia, Maria!",
        SPOKEN,
    )
    assert (await pipeline.desk.reply(ANA, current.id, "Bom dia, Maria!", key="k1", voice=True)) == [row]
    assert place.speaker.said == ["Bom dia, Maria!"]
    place.speaker.failure = SpeechFailed("down")
    (text,) = await pipeline.desk.reply(ANA, current.id, "Até logo!", voice=True)
    assert (text.kind, text.body, text.media) == (Kind.TEXT, "Até logo!", ())


async def test_without_a_speech_server_voice_is_refused_in_words(
    place: Place, messenger: FakeMessenger
) -> None:
    """An agent who asks for a voice that nobody set up is told so; nothing is sent."""
    context = fake_context(PROMPTS, clock=place.clock)
    pipeline = Pipeline(
        place.store, build_graph(InMemorySaver()), context, clock=place.clock, messenger=messenger
    )
    await pipeline.customer_says(MARIA, "quero falar com atendente", "SM1")
    await pipeline.work()
    current = await pipeline.current(MARIA)
    await pipeline.desk.claim(ANA, current.id)
    with pytest.raises(InvalidInput, match="OPENAI_SPEECH_MODEL"):
        await pipeline.desk.reply(ANA, current.id, "Oi", voice=True)


async def test_from_settings_to_a_file(stub: Stub, place: Place) -> None:
    """What is opened from settings and prompt files speaks over HTTP; without a model nothing does."""
    settings = load_settings(openai_speech_model="kokoro", openai_speech_base_url=f"{stub.url}/v1")
    parts = (place.store, place.media, place.clock, place.metrics)
    async with open_voice(settings, *parts) as voice:
        assert voice is not None
        media = await voice.speak("Custa R$ 120.", "pt-BR")
    assert media is not None
    assert heard(await place.content(media.key)).codec == "opus"
    (body,) = await stub.requests()
    assert body["input"] == "Custa 120 reais."
    async with open_voice(load_settings(), *parts) as none:
        assert none is None
