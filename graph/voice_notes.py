"""Answers as voice notes: a ``ponte.ports.Voice`` over a speech server and a cache.

Called between the run of the graph and the commit. The nodes stay free of files, and a turn that is replayed
finds its voice note in the cache, by content, where the first run left it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from graph.context import GraphContext
from graph.prompt_files import Reader
from graph.prompt_schema import Policy, VoicePolicy
from graph.prompt_source import Files
from graph.speech import OpenAISpeaker, Speaker, SpeechFailed, open_speaker
from graph.speech_cache import SpeechCache
from graph.spoken_text import spoken_text
from ponte.domain.message import Media
from ponte.errors import PonteError, PromptError
from ponte.metrics import Metrics
from ponte.ports import Clock, MediaStore, Store
from ponte.settings import Settings

log = structlog.get_logger(__name__)

# After a failure or a late answer: a server that is down must not delay every answer by the whole wait.
_PAUSE_MS: Final = 15_000
_FORGET_EVERY_MS: Final = 60 * 60 * 1000


class VoiceNotes:
    """Speaks texts, each sentence once.

    Args:
        speaker: the speech server.
        cache: what was spoken before.
        policy: voices and limits.
        clock: the time.
        metrics: counts what came of each text.
    """

    def __init__(
        self, speaker: Speaker, cache: SpeechCache, policy: VoicePolicy, clock: Clock, metrics: Metrics
    ) -> None:
        self._speaker = speaker
        self._cache = cache
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._speaking: dict[str, asyncio.Task[Media | None]] = {}
        self._paused_until = 0

    async def speak(self, text: str, language: str) -> Media | None:
        """Return the text as a voice note, or None within ``wait_ms``; see ``ponte.ports.Voice``.

        What comes too late for this answer is still kept: the next one that says the same has it at once.
        """
        spoken = spoken_text(text, language, self._policy.max_chars)
        if spoken is None:
            self._count("unfit")
            return None
        digest = self._digest(spoken, language)
        task = self._speaking.get(digest)
        if task is None:
            task = asyncio.create_task(self._note(digest, spoken, language), name="speech")
            self._speaking[digest] = task
            task.add_done_callback(lambda _: self._speaking.pop(digest, None))
        try:
            async with asyncio.timeout(self._policy.wait_ms / 1000):
                return await asyncio.shield(task)
        except TimeoutError:
            log.warning("speech_late", wait_ms=self._policy.wait_ms)
            self._count("late")
            self._pause()
            return None

    def follow(self, context: GraphContext) -> None:
        """Speak as the policy of these prompt files says from now on; the cache's bounds need a restart."""
        policy = context.prompts.policy.voice
        if policy == self._policy:
            return
        self._policy = policy
        if isinstance(self._speaker, OpenAISpeaker):
            self._speaker.use({str(locale): voice for locale, voice in policy.voices.items()}, policy.format)

    async def prune(self) -> int:
        """Forget what the policy says; returns how many sentences."""
        return await self._cache.prune()

    async def run(self) -> None:
        """Prune about every hour, until cancelled. Several processes may: there is nothing to agree on."""
        while True:
            await self._clock.sleep(round(_FORGET_EVERY_MS * random.uniform(0.5, 1.5)))  # noqa: S311 - spreads processes
            try:
                if gone := await self.prune():
                    log.debug("speech_forgotten", sentences=gone)
            except (PonteError, OSError) as error:
                log.warning("speech_not_forgotten", error=type(error).__name__)

    async def close(self) -> None:
        """Give up what is being spoken for later answers."""
        tasks = list(self._speaking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _note(self, digest: str, spoken: str, language: str) -> Media | None:
        """Find the voice note or have it made. Whatever fails, the text can go out instead."""
        try:
            if known := await self._cache.find(digest):
                self._count("cached")
                return known
            if self._clock.now() < self._paused_until:
                self._count("paused")
                return None
            media = await self._cache.keep(digest, await self._speaker.speak(spoken, language))
        except SpeechFailed as failure:
            log.warning("speech_failed", reason=str(failure))
            self._pause()
        except (PonteError, OSError) as error:
            log.warning("speech_not_kept", reason=type(error).__name__)
        else:
            self._count("spoken")
            return media
        self._count("failed")
        return None

    def _digest(self, spoken: str, language: str) -> str:
        made_of = [self._speaker.name(language), self._policy.format, language, spoken]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()

    def _pause(self) -> None:
        self._paused_until = self._clock.now() + _PAUSE_MS

    def _count(self, outcome: str) -> None:
        self._metrics.speech.labels(outcome).inc()


@asynccontextmanager
async def open_voice(
    settings: Settings, store: Store, media: MediaStore, clock: Clock, metrics: Metrics
) -> AsyncIterator[VoiceNotes | None]:
    """Yield what speaks; None where no speech model is set.

    Raises:
        PromptError: ``policy.yaml`` cannot be used, and no version was served before.
    """
    if not settings.openai_speech_model:
        yield None
        return
    policy = await _served_policy(settings, store)
    async with open_speaker(settings, policy) as speaker:
        if speaker is None:
            yield None
            return
        notes = VoiceNotes(speaker, SpeechCache(store, media, clock, policy.cache), policy, clock, metrics)
        try:
            yield notes
        finally:
            await notes.close()


async def _served_policy(settings: Settings, store: Store) -> VoicePolicy:
    """Return the policy of the version gone back to, of the files, or of what was served last."""
    serving = await store.prompt_serving()
    if serving.pinned is None:
        try:
            return await asyncio.to_thread(_policy, settings.prompts_dir)
        except PromptError:
            if serving.latest is None:
                raise
    return _policy(await store.prompt_files(serving.served or ""))


def _policy(source: Path | Files) -> VoicePolicy:
    reader = Reader(source)
    policy = reader.yaml("policy.yaml", Policy)
    if policy is None:
        raise PromptError("; ".join(str(problem) for problem in reader.problems))
    return policy.voice
