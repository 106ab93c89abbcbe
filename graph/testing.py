"""Fakes that ship: a scripted model, and a context for tests and benchmarks."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graph.audio import AudioFile
from graph.context import ChatMessage, Clock, GraphContext, Limits, ModelFailed, Reply, Responder
from graph.detection import build_detector
from graph.hearing import Describer, Hints, Transcriber, Transcript
from graph.knowledge import Knowledge
from graph.prompts import load_prompts
from graph.stored_files import StoredFiles
from ponte.ports import MediaStore

# Learning takes a second or two; what was learned is kept by a hash of what it was learned from.
_LEARNED = Path(tempfile.gettempdir()) / "ponte-learned"


@dataclass(slots=True)
class FakeResponder:
    """A model that says what it is told to, in order, and then always the last thing.

    Args:
        answers: texts, whole replies or failures. An Exception among them is raised.
        judgement: the answer to the judge's question; an Exception is raised.
        delay_s: how long an answer takes.
        judge_delay_s: how long a judgement takes.
        asked: the messages of each call of ``reply`` so far.
        judged: the messages of each call of ``judge`` so far.
    """

    answers: Sequence[str | Reply | Exception] = ("Claro!",)
    judgement: float | Exception = 0.0
    delay_s: float = 0.0
    judge_delay_s: float = 0.0
    asked: list[list[ChatMessage]] = field(default_factory=list)
    judged: list[list[ChatMessage]] = field(default_factory=list)

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return or raise the next scripted answer."""
        self.asked.append(list(messages))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer) if isinstance(answer, str) else answer

    async def judge(self, messages: Sequence[ChatMessage]) -> float:
        """Return or raise the scripted judgement."""
        self.judged.append(list(messages))
        if self.judge_delay_s:
            await asyncio.sleep(self.judge_delay_s)
        if isinstance(self.judgement, Exception):
            raise self.judgement
        return self.judgement


def failing_responder(reason: str = "scripted failure") -> FakeResponder:
    """Return a model that never answers anything."""
    return FakeResponder(answers=[ModelFailed(reason)], judgement=ModelFailed(reason))


@dataclass(slots=True)
class FakeTranscriber:
    """A recogniser that hears what it is told to, in order, and then always the last thing.

    Args:
        answers: words, whole transcripts or failures. An Exception among them is raised.
        heard: what was given to it so far.
    """

    answers: Sequence[str | Transcript | Exception] = ("quanto custa a aula?",)
    heard: list[tuple[AudioFile, Hints]] = field(default_factory=list)

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Return or raise the next scripted answer."""
        self.heard.append((audio, hints))
        answer = self.answers[min(len(self.heard), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return Transcript(answer, "pt", 0.9) if isinstance(answer, str) else answer


@dataclass(slots=True)
class FakeDescriber:
    """A model that sees what it is told to; an Exception is raised."""

    answer: str | Exception = "A foto mostra um cavalo."
    seen: list[bytes] = field(default_factory=list)

    async def describe(self, jpeg: bytes, language: str) -> str:
        """Return or raise the scripted answer."""
        del language
        self.seen.append(jpeg)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still at ``ms`` (since the epoch, UTC)."""

    ms: int = 1_780_000_000_000

    def now(self) -> int:
        """Return the fixed time."""
        return self.ms


def fake_context(
    prompts_dir: Path = Path("prompts"),
    *,
    responder: Responder | None = None,
    clock: Clock | None = None,
    limits: Limits | None = None,
    agent_locale: str = "pt-BR",
    media: MediaStore | None = None,
    transcriber: Transcriber | None = None,
    describer: Describer | None = None,
) -> GraphContext:
    """Return a context over real prompt files with the given models; no model by default."""
    prompts = load_prompts(prompts_dir)
    return GraphContext(
        prompts=prompts,
        detector=build_detector(prompts, _LEARNED),
        knowledge=Knowledge(prompts.knowledge),
        responder=responder,
        clock=clock or FixedClock(),
        agent_locale=agent_locale,
        limits=limits or Limits(),
        media=None if media is None else StoredFiles(media),
        transcriber=transcriber,
        describer=describer,
    )
