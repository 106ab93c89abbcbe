"""What a voice turn costs beside a text turn: the same question and answer, written and spoken.

In one process, as in ``conversation_length``, but for the decoding of recordings: the real store,
checkpoints, media store, worker, graph, model client, speech client, recogniser's client and codecs. Twilio
is a fake; the model, the speech server and the recogniser answer inside the clients' transports, at once,
so that none's time is in the figures. The speech server answers with tones in speech's rhythm, in the
format that is named; the customer's voice notes are such tones too, in Ogg/Opus as WhatsApp sends them,
each another one, and fetched before the turn.
"""

from __future__ import annotations

import asyncio
import io
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import av
import httpx2
import numpy as np
import openai
from av.audio.stream import AudioStream

from benchmarks.figures import table
from benchmarks.stub_model import always_answers
from benchmarks.world import QUESTIONS
from graph.builder import build_graph
from graph.chat_client import open_chat
from graph.harness import Pipeline
from graph.model import ChatResponder
from graph.prompt_schema import SpeechFormat, VoicePolicy
from graph.speech import OpenAISpeaker
from graph.speech_cache import SpeechCache
from graph.testing import fake_context
from graph.transcriber import OpenAITranscriber
from graph.voice_answers import VoiceAnswers
from graph.voice_notes import VoiceNotes
from ponte.adapters.sqlite import FileMedia, open_sqlite, open_sqlite_checkpoints
from ponte.domain.message import Author, Inbound, Kind, Media
from ponte.logs import configure_logging
from ponte.metrics import Metrics
from ponte.testing import FakeMessenger, ManualClock

_ROOT = Path(__file__).resolve().parent.parent
_TURNS = 60
_QUESTION_S = 5.0
_WARM_UP = 5
_CONTAINERS = {
    "opus": ("ogg", "libopus", 48_000),
    "mp3": ("mp3", "libmp3lame", 24_000),
    "wav": ("wav", "pcm_s16le", 24_000),
}
_ANSWER = "Sim! Aos sábados abrimos das 8h às 18h. A aula custa R$ 120. Posso ajudar com mais alguma coisa?"


@dataclass(frozen=True, slots=True)
class VoiceFigures:
    """The medians of one kind of turn. Times in ms.

    Args:
        turn: which.
        heard_s: the length of the question, spoken; 0 when it was written.
        audio_s: the length of the answer, spoken.
        turns: how many were measured.
        cpu_ms: of this process, and of those that decode recordings for it.
        wall_ms: from the message's acceptance to the commit.
        wall_p95_ms: the same, of the slowest twentieth.
        calls: of the speech server.
        audio_kb: of the answer's file.
    """

    turn: str
    heard_s: float
    audio_s: float
    turns: int
    cpu_ms: float
    wall_ms: float
    wall_p95_ms: float
    calls: int
    audio_kb: float

    def row(self) -> dict[str, object]:
        """Return the columns of the table."""
        return {
            "turn": self.turn,
            "question s": self.heard_s,
            "answer s": self.audio_s,
            "turns": self.turns,
            "CPU ms": self.cpu_ms,
            "wall ms": self.wall_ms,
            "p95": self.wall_p95_ms,
            "speech calls": self.calls,
            "file KB": self.audio_kb,
        }

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


async def measure(audio_s: float = 8.0, turns: int = _TURNS) -> list[VoiceFigures]:
    """Measure each kind of turn on an empty folder.

    Args:
        audio_s: how long the spoken answer is; 8 s are about 120 characters.
        turns: how many of each.
    """
    found = [await _measure("text", None, audio_s, turns)]
    forms: tuple[SpeechFormat, ...] = ("opus", "mp3", "wav")
    found += [await _measure(f"voice, server sends {form}", form, audio_s, turns) for form in forms]
    found.append(await _measure("voice, spoken before", "opus", audio_s, turns, same=True))
    found.append(await _measure("voice note heard, text", None, audio_s, turns, heard_s=_QUESTION_S))
    found.append(await _measure("voice note heard, voice", "opus", audio_s, turns, heard_s=_QUESTION_S))
    return found


async def _measure(
    name: str,
    form: SpeechFormat | None,
    audio_s: float,
    turns: int,
    *,
    same: bool = False,
    heard_s: float = 0.0,
) -> VoiceFigures:
    calls = 0
    audio = _speech(form or "wav", audio_s)

    async def speech(_: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        return httpx2.Response(200, content=audio, headers={"Content-Type": "application/octet-stream"})

    heard = 0

    async def transcription(_: httpx2.Request) -> httpx2.Response:
        nonlocal heard
        heard += 1
        return httpx2.Response(200, json={"text": QUESTIONS[heard % len(QUESTIONS)]})

    with tempfile.TemporaryDirectory(prefix="ponte-benchmark-") as folder, ExitStack() as stack:
        log = stack.enter_context((Path(folder) / "log").open("w", encoding="utf-8"))
        configure_logging("INFO", "json", stream=log)
        async with (
            open_sqlite(Path(folder)) as store,
            open_sqlite_checkpoints(store) as checkpoints,
            httpx2.AsyncClient(transport=httpx2.MockTransport(always_answers(_ANSWER))) as model,
            httpx2.AsyncClient(transport=httpx2.MockTransport(speech)) as speaking,
            httpx2.AsyncClient(transport=httpx2.MockTransport(transcription)) as hearing,
        ):
            await store.migrate()
            clock, metrics = ManualClock(), Metrics()
            chat = open_chat(
                client=model, model="benchmark", api_key="", base_url="http://model/v1", timeout_ms=8_000
            )
            files = FileMedia(Path(folder))
            ears = openai.AsyncOpenAI(
                api_key="k", base_url="http://hearing/v1", http_client=hearing, max_retries=0
            )
            context = fake_context(_ROOT / "prompts", media=files)
            context = replace(
                context,
                responder=ChatResponder(chat, context.limits, {}, {}),
                transcriber=OpenAITranscriber(ears, "benchmark", context.limits),
            )
            policy = VoicePolicy(mode="always", format=form or "opus")
            client = openai.AsyncOpenAI(
                api_key="k", base_url="http://speech/v1", http_client=speaking, max_retries=0
            )
            speaker = _Renamed(client, "benchmark", {"pt-BR": "v"}, form=policy.format)
            cache = SpeechCache(store, files, clock, policy.cache)
            voice = VoiceAnswers(VoiceNotes(speaker, cache, policy, clock, metrics), policy)
            pipeline = Pipeline(
                store,
                build_graph(checkpoints.saver),
                context,
                clock=clock,
                messenger=FakeMessenger(clock),
                voice=voice if form else None,
            )
            cpu: list[float] = []
            wall: list[float] = []
            for number in range(_WARM_UP + turns):
                speaker.turn = 0 if same else number
                message = await _message(number, heard_s, files, clock.now())
                before = _processor_s(), time.perf_counter()
                await pipeline.intake.accept(message)
                await pipeline.work()
                if number >= _WARM_UP:
                    cpu.append((_processor_s() - before[0]) * 1000)
                    wall.append((time.perf_counter() - before[1]) * 1000)
                await pipeline.deliver()
                clock.advance(5_000)
            rows = await pipeline.transcript("whatsapp:benchmark")
            spoken = [
                row.media[0].size or 0
                for row in rows
                if row.kind is Kind.AUDIO and row.author is not Author.CUSTOMER
            ]
            unheard = [
                row for row in rows if row.author is Author.CUSTOMER and row.media and not row.media[0].text
            ]
            if unheard:
                raise RuntimeError(f"{len(unheard)} of {turns} voice notes were not heard.")
            if (await pipeline.current("whatsapp:benchmark")).human:
                raise RuntimeError("A human was brought in, so the bot did not answer.")
            if len(spoken) != (len(cpu) + _WARM_UP if form else 0):
                raise RuntimeError(f"{len(spoken)} of {turns} answers were spoken.")
    return VoiceFigures(
        turn=name,
        heard_s=heard_s,
        audio_s=audio_s if form else 0.0,
        turns=turns,
        cpu_ms=round(statistics.median(cpu), 2),
        wall_ms=round(statistics.median(wall), 2),
        wall_p95_ms=round(sorted(wall)[int(0.95 * len(wall))], 2),
        calls=calls,
        audio_kb=round(statistics.mean(spoken) / 1024, 1) if spoken else 0.0,
    )


def _processor_s() -> float:
    """Return the processor time so far, of this process and of those that it started and that ended."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


async def _message(number: int, heard_s: float, files: FileMedia, now: int) -> Inbound:
    """Return a question, written or as a voice note that no other one equals."""
    sid, sender = f"SM{number:032x}", "whatsapp:benchmark"
    if not heard_s:
        body = QUESTIONS[number % len(QUESTIONS)]
        return Inbound(sid, sender, "whatsapp:+1", body, Kind.TEXT, now)

    async def once() -> AsyncIterator[bytes]:
        yield _speech("opus", heard_s + number / 50)

    kept = await files.put(once(), "audio/ogg", now)
    media = Media("", "audio/ogg", key=kept.key, size=kept.size)
    return Inbound(sid, sender, "whatsapp:+1", "", Kind.AUDIO, now, media=(media,))


class _Renamed(OpenAISpeaker):
    """A speaker whose voice has another name each turn, so that the same answer is another sentence."""

    turn = 0

    def name(self, language: str) -> str:
        """Return the name that the cache knows it by."""
        return f"{super().name(language)}|{self.turn}"


def _speech(form: SpeechFormat, seconds: float) -> bytes:
    """Return tones in syllables of a quarter of a second."""
    container, codec, rate = _CONTAINERS[form]
    time_s = np.arange(int(seconds * rate)) / rate
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time_s)
    tone = sum(np.sin(2 * np.pi * n * np.cumsum(pitch) / rate) / n for n in range(1, 8))
    wave = (tone * np.abs(np.sin(4 * np.pi * time_s)) * 6_000).astype(np.int16)
    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=rate, layout="mono")
        if not isinstance(stream, AudioStream):
            raise TypeError(codec)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or 1_024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


def main() -> None:
    """Measure, and print the table."""
    rows = asyncio.run(measure())
    print(table([figures.row() for figures in rows]))


if __name__ == "__main__":
    main()
