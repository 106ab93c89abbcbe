"""Text to speech: any server that speaks OpenAI's ``/audio/speech``.

OpenAI shuts its own speech models down on 2027-01-06 (https://platform.openai.com/docs/deprecations), so the
server has an address of its own, and nothing here relies on more than what self-hosted ones offer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import openai

from graph.context import Limits, ModelFailed
from graph.model_calls import trying
from graph.prompt_schema import SpeechFormat, VoicePolicy
from ponte.audio import MAX_BYTES, VoiceNote, to_voice_note
from ponte.errors import InvalidInput, PonteError
from ponte.settings import Settings

# A try that takes longer comes too late for its answer, but not for the next time the sentence is said.
TRY_MS: Final = 8_000
_LIMITS: Final = Limits(model_tries=2, model_backoff_ms=400, retry_after_ms=1_500)
# OpenAI's and Kokoro's bare samples: 16 bit, mono, little-endian.
_PCM_RATE: Final = 24_000
# Decoding and encoding hold a core each.
_CONVERSIONS: Final = 2


class SpeechFailed(PonteError):
    """The text could not be spoken. Another sentence, or a later try, may work."""


class Speaker(Protocol):
    """A text-to-speech model. Implementations retry by themselves; nobody else does."""

    def name(self, language: str) -> str:
        """Return what decides how a text of this language sounds: server, model and voice."""
        ...

    async def speak(self, text: str, language: str) -> VoiceNote:
        """Return the text, spoken, in Ogg/Opus. Raises SpeechFailed."""
        ...


class OpenAISpeaker:
    """A ``Speaker`` over the OpenAI client, for OpenAI's server and for those that imitate it.

    What the server answers is told by its content, not by what was asked for: servers differ in that.

    Args:
        client: the client; its own retries must be off.
        model: the model's name on that server.
        voices: the voice for each language; the first one speaks languages that are not named.
        form: the format to ask for. A server that refuses ``opus`` is asked for ``wav`` from then on.
        timeout_ms: for one try.
        limits: tries and waits.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        model: str,
        voices: Mapping[str, str],
        *,
        form: SpeechFormat = "opus",
        timeout_ms: int = TRY_MS,
        limits: Limits = _LIMITS,
    ) -> None:
        self._client = client
        self._model = model
        self._voices = dict(voices)
        self._form: SpeechFormat = form
        self._timeout_ms = timeout_ms
        self._limits = limits
        self._converting = asyncio.Semaphore(_CONVERSIONS)

    def use(self, voices: Mapping[str, str], form: SpeechFormat) -> None:
        """Speak with other voices, and ask for another format, from the next text on."""
        self._voices, self._form = dict(voices), form

    def name(self, language: str) -> str:
        """Return server, model and voice."""
        return f"{self._client.base_url}|{self._model}|{self._voice(language)}"

    async def speak(self, text: str, language: str) -> VoiceNote:
        """Return the text, spoken. Raises SpeechFailed."""
        voice = self._voice(language)
        try:
            data, form = await trying(lambda: self._request(text, voice), self._limits, self._timeout_ms)
        except ModelFailed as failure:
            raise SpeechFailed(str(failure)) from failure
        try:
            async with self._converting:
                return await asyncio.to_thread(_voice_note, data, form)
        except InvalidInput as error:
            raise SpeechFailed(f"the server's answer is no recording ({len(data)} bytes)") from error

    def _voice(self, language: str) -> str:
        return self._voices.get(language) or next(iter(self._voices.values()))

    async def _request(self, text: str, voice: str) -> tuple[bytes, SpeechFormat]:
        form = self._form
        try:
            return await self._fetch(text, voice, form), form
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if form != "opus":
                raise
        data = await self._fetch(text, voice, "wav")
        self._form = "wav"
        return data, "wav"

    async def _fetch(self, text: str, voice: str, form: SpeechFormat) -> bytes:
        """Read the answer, at most as large as WhatsApp takes: a broken server may never end it."""
        data = bytearray()
        async with self._client.audio.speech.with_streaming_response.create(
            model=self._model, voice=voice, input=text, response_format=form
        ) as response:
            async for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_BYTES:
                    raise ModelFailed(f"the answer is larger than {MAX_BYTES} bytes")
        if not data:
            raise ModelFailed("an empty answer")
        return bytes(data)


def _voice_note(data: bytes, form: SpeechFormat) -> VoiceNote:
    """Convert what a server answered; without a container it can only be the bare samples asked for."""
    try:
        return to_voice_note(data, keep=True)
    except InvalidInput:
        if form != "pcm":
            raise
        return to_voice_note(data, pcm_rate=_PCM_RATE)


@asynccontextmanager
async def open_speaker(settings: Settings, policy: VoicePolicy) -> AsyncIterator[Speaker | None]:
    """Yield what the settings name; None when no speech model is set.

    A server of its own gets a key of its own: the one for OpenAI is not sent there.
    """
    if not settings.openai_speech_model:
        yield None
        return
    own = settings.openai_speech_base_url
    key = settings.openai_speech_api_key.get_secret_value()
    if not own:
        key = key or settings.openai_api_key.get_secret_value()
    async with openai.DefaultAioHttpClient(timeout=TRY_MS / 1000) as http:
        client = openai.AsyncOpenAI(
            # A server of one's own often wants no key, but the SDK insists on one.
            api_key=key or "none",
            base_url=own or settings.openai_base_url or "https://api.openai.com/v1",
            http_client=http,
            max_retries=0,
            timeout=TRY_MS / 1000,
        )
        yield OpenAISpeaker(
            client,
            settings.openai_speech_model,
            {str(locale): voice for locale, voice in policy.voices.items()},
            form=policy.format,
        )
