"""Speech to text: any server that speaks OpenAI's ``/audio/transcriptions``, or faster-whisper here."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt
import openai

from graph.audio import RATE, AudioFile
from graph.context import Limits, ModelFailed
from graph.hearing import Hints, Transcript
from graph.model_calls import trying
from ponte.errors import SettingsError

# What whisper answers under "language": https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
_NAMES: Final = {
    "portuguese": "pt",
    "spanish": "es",
    "castilian": "es",
    "galician": "gl",
    "english": "en",
    "italian": "it",
    "french": "fr",
    "german": "de",
}
_CODE_LENGTH: Final = 3


class OpenAITranscriber:
    """A ``Transcriber`` over the OpenAI client.

    What may be asked follows from the model's name (https://platform.openai.com/docs/guides/speech-to-text).
    ``gpt-4o-...`` take a prompt and tell how sure they are of each token; other ``gpt-...`` take languages
    and keywords; names with ``whisper`` take a prompt and tell more in ``verbose_json``; any other model
    takes a prompt.

    Args:
        client: the client; its own retries must be off.
        model: the model's name on that server.
        limits: times and tries.
    """

    def __init__(self, client: openai.AsyncOpenAI, model: str, limits: Limits) -> None:
        self._client = client
        self._model = model
        self._limits = limits

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Return what is said in ``audio``. Raises ModelFailed."""
        duration_ms = len(audio.samples) * 1000 // RATE
        timeout_ms = self._limits.transcribe_timeout_ms + duration_ms // 10
        return await trying(lambda: self._ask(audio, hints), self._limits, timeout_ms)

    async def _ask(self, audio: AudioFile, hints: Hints) -> Transcript:
        answer = await self._client.audio.transcriptions.with_raw_response.create(
            file=(audio.name, audio.data, audio.content_type),
            model=self._model,
            # The client's deadline is the try's, above.
            timeout=None,
            # Typed by the SDK for each model apart; here the model decides what is there.
            extra_body=request_options(self._model, hints),
        )
        return read_answer(answer.http_response.json())


def request_options(model: str, hints: Hints) -> dict[str, object]:
    """Return what is asked of a model beside the audio, by its name."""
    name = model.rpartition("/")[2].lower()
    if name.startswith("gpt-") and not name.startswith("gpt-4o"):
        asked: dict[str, object] = {"response_format": "json"}
        if hints.languages:
            asked["languages"] = list(hints.languages)
        if hints.keywords:
            asked["keywords"] = list(hints.keywords)
        return asked
    asked = {"response_format": "verbose_json" if "whisper" in name else "json"}
    if len(hints.languages) == 1:
        # These take one, and then hear nothing else.
        asked["language"] = hints.languages[0]
    if hints.keywords and "diarize" not in name:
        asked["prompt"] = ", ".join(hints.keywords)
    if name.startswith("gpt-4o") and "diarize" not in name:
        asked["include"] = ["logprobs"]
    return asked


def read_answer(answer: object) -> Transcript:
    """Return the transcript in a server's answer, in any of the forms of ``request_options``.

    Raises:
        ModelFailed: there is none.
    """
    fields = answer if isinstance(answer, Mapping) else {}
    text = fields.get("text")
    if not isinstance(text, str):
        raise ModelFailed("an answer without a transcript")
    return Transcript(text.strip(), _language(fields), _confidence(fields))


def _language(fields: Mapping[str, object]) -> str | None:
    listed = fields.get("languages")
    first = listed[0] if isinstance(listed, list) and listed else fields.get("language")
    name = first.get("code") if isinstance(first, Mapping) else first
    if not isinstance(name, str) or not name:
        return None
    code = _NAMES.get(name.lower(), name.lower().partition("-")[0])
    return code if len(code) <= _CODE_LENGTH else None


def _confidence(fields: Mapping[str, object]) -> float | None:
    """Return the mean probability of a token: from all tokens, or from the segments' means."""
    tokens, segments = fields.get("logprobs"), fields.get("segments")
    if isinstance(tokens, list):
        return _mean((_number(t, "logprob"), 1.0) for t in tokens if isinstance(t, Mapping))
    if isinstance(segments, list):
        return _mean(
            (_number(s, "avg_logprob"), (_number(s, "end") or 0) - (_number(s, "start") or 0))
            for s in segments
            if isinstance(s, Mapping)
        )
    return None


def _number(fields: Mapping[str, object], name: str) -> float | None:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) else None


def _mean(logarithms: Iterable[tuple[float | None, float]]) -> float | None:
    known = [(value, weight) for value, weight in logarithms if value is not None and weight > 0]
    whole = sum(weight for _, weight in known)
    if not whole:
        return None
    return round(min(1.0, math.exp(sum(value * weight for value, weight in known) / whole)), 4)


@dataclass(frozen=True, slots=True)
class LocalSegment:
    """The part of faster-whisper's ``Segment`` that is read."""

    text: str
    start: float
    end: float
    avg_logprob: float


class LocalInfo(Protocol):
    """The part of faster-whisper's ``TranscriptionInfo`` that is read."""

    language: str


class LocalModel(Protocol):
    """The part of faster-whisper's ``WhisperModel`` that is used."""

    def transcribe(
        self,
        audio: npt.NDArray[np.float32],
        *,
        language: str | None,
        hotwords: str | None,
        condition_on_previous_text: bool,
    ) -> tuple[Iterable[LocalSegment], LocalInfo]:
        """Return the segments, which are heard as they are read, and what else was found."""
        ...


class LocalTranscriber:
    """A ``Transcriber`` over faster-whisper, in this process: one recording at a time.

    It has a thread of its own, so that recordings that wait for it hold nobody else's. A recording that is
    given up ends with the segment that is being heard, and the next one begins only then.

    Args:
        model: loaded.
        limits: times.
    """

    def __init__(self, model: LocalModel, limits: Limits) -> None:
        self._model = model
        self._limits = limits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-transcriber")

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Return what is said in ``audio``. Raises ModelFailed."""
        duration_ms = len(audio.samples) * 1000 // RATE
        given_up = threading.Event()
        hearing = asyncio.get_running_loop().run_in_executor(self._thread, self._hear, audio, hints, given_up)
        try:
            async with asyncio.timeout((self._limits.transcribe_timeout_ms + duration_ms) / 1000):
                return await hearing
        except TimeoutError:
            raise ModelFailed("the local model took too long") from None
        except (RuntimeError, ValueError) as error:
            raise ModelFailed(f"the local model failed ({type(error).__name__})") from error
        finally:
            given_up.set()

    def _hear(self, audio: AudioFile, hints: Hints, given_up: threading.Event) -> Transcript:
        segments, info = self._model.transcribe(
            np.divide(audio.samples, 32_768, dtype=np.float32),
            language=hints.languages[0] if len(hints.languages) == 1 else None,
            hotwords=", ".join(hints.keywords) or None,
            # A sentence that was made up would otherwise lead to the next one.
            condition_on_previous_text=False,
        )
        heard = list(takewhile(lambda _: not given_up.is_set(), segments))
        confidence = _mean((s.avg_logprob, s.end - s.start) for s in heard)
        return Transcript(" ".join(s.text.strip() for s in heard).strip(), info.language, confidence)


def open_local(path: Path, limits: Limits) -> LocalTranscriber:
    """Load a faster-whisper model from a folder. Blocks for seconds: call it in a thread.

    Raises:
        SettingsError: faster-whisper is not installed, or there is no such model.
    """
    if find_spec("faster_whisper") is None:
        raise SettingsError(
            "TRANSCRIBE_LOCAL_MODEL is set, but faster-whisper is not installed: "
            "pip install --editable '.[local-transcription]'."
        )
    if not (path / "model.bin").is_file():
        raise SettingsError(f"TRANSCRIBE_LOCAL_MODEL: {path} holds no model.bin; name the model's folder.")
    whisper = import_module("faster_whisper")
    return LocalTranscriber(cast("LocalModel", whisper.WhisperModel(str(path))), limits)
