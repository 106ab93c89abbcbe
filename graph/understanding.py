"""A customer's file to words: what is said in a voice note, written in a document, seen in a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import structlog

from graph.audio import RATE, AudioFile, AudioLimits, Sound, decode, uploads
from graph.context import GraphContext, ModelFailed
from graph.documents import document_text, is_document
from graph.hearing import Hints, MediaSource, Transcriber, Transcript
from graph.images import small_jpeg
from graph.invention import invented
from graph.state import clean
from graph.unusable import Unusable
from graph.voice_activity import has_speech, voiced_ms
from ponte.domain.message import Media, MediaError
from ponte.errors import NotFound, PonteError

log = structlog.get_logger(__name__)

Sort = Literal["audio", "video", "image", "document"]

# Servers of one's own hear one piece at a time anyway.
_PIECES_AT_ONCE: Final = 3


def sort_of(media: Media) -> Sort | None:
    """Return how a file can be understood, of a video its sound; None when it cannot."""
    top = media.content_type.partition("/")[0].strip().lower()
    if top == "audio" or media.content_type.partition(";")[0].strip().lower() == "application/ogg":
        return "audio"
    if top == "video":
        return "video"
    if top == "image":
        return "image"
    return "document" if is_document(media.content_type) else None


async def understand(media: Media, context: GraphContext, language: str) -> Media:
    """Return a file with its words, or with why there are none; without either when nothing here can tell.

    A file is understood once: what is known of it, from the transcript's row or from this process, stays. A
    model that is down leaves the file as it was, so that a later try may do better. Whatever else goes wrong
    with one makes it unreadable, and nothing more.

    Args:
        media: the file, fetched; one that was not, or that has its words or an error, comes back as it is.
        context: the models and the files.
        language: the customer's locale.

    Raises:
        StoreUnavailable: the files cannot be read now.
    """
    if media.key is None or media.text is not None or media.error is not None or context.media is None:
        return media
    found = context.understood.get(media.key)
    if found is None:
        found = await _tried(media, media.key, context.media, context, language)
    return replace(
        media,
        text=found.text,
        language=found.language,
        confidence=found.confidence,
        duration_ms=found.duration_ms or media.duration_ms,
        error=found.error,
    )


async def _tried(media: Media, key: str, source: MediaSource, context: GraphContext, language: str) -> Media:
    """Return the file with what was found out, which is remembered where another try would find the same."""
    try:
        found = await _understood(media, await source.read(key), context, language)
    except NotFound:
        return replace(media, error=MediaError.UNAVAILABLE)
    except Unusable as refused:
        log.info("media_unusable", key=key, content_type=media.content_type, reason=str(refused))
        found = replace(media, error=refused.error)
    except ModelFailed as failure:
        log.warning("media_not_understood", key=key, reason=str(failure))
        return media
    except PonteError:
        raise
    except Exception as error:  # noqa: BLE001 - one odd file must not keep the others from being answered
        # The error's own text may quote the file.
        log.warning("media_broke", key=key, content_type=media.content_type, error=type(error).__name__)
        return replace(media, error=MediaError.UNREADABLE)
    if found.text is not None or found.error is not None:
        context.understood.put(key, found)
    return found


async def understand_all(
    files: Sequence[Media], context: GraphContext, language: str, within_ms: int
) -> list[Media]:
    """Understand several files at once; what is late stays as it was.

    Args:
        files: the files, fetched.
        context: the models and the files.
        language: the customer's locale.
        within_ms: for all of them together.

    Raises:
        StoreUnavailable: the files cannot be read now.
    """
    tasks = [asyncio.ensure_future(understand(one, context, language)) for one in files]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=within_ms / 1000)
        return [task.result() if task.done() else media for task, media in zip(tasks, files, strict=True)]
    finally:
        for task in tasks:
            task.cancel()


async def _understood(media: Media, data: bytes, context: GraphContext, language: str) -> Media:
    """Return the file with its words, or as it is where no model for it is set. Raises as named above."""
    sort = sort_of(media)
    if sort == "audio":
        return await _heard(media, data, context, language)
    if sort == "video" and context.transcriber is not None:
        return await _heard_in_video(media, data, context, language)
    if sort == "document":
        async with context.understood.gate:
            text = await document_text(data, media.content_type, context.limits.documents)
        return replace(media, text=clean(text))
    if sort == "image" and context.describer is not None:
        async with context.understood.gate:
            jpeg = await asyncio.to_thread(small_jpeg, data)
        return replace(media, text=clean(await context.describer.describe(jpeg, language)), language=language)
    return media


async def _heard(media: Media, data: bytes, context: GraphContext, language: str) -> Media:
    limits = context.limits.audio
    async with context.understood.gate:
        sound, pieces = await asyncio.to_thread(_listened, data, limits)
    heard = replace(media, duration_ms=sound.duration_ms)
    if not any(has_speech(voiced) for _, voiced in pieces):
        return replace(heard, error=MediaError.SILENT)
    if context.transcriber is None:
        return heard
    policy = context.prompts.policy.transcription
    code = language.partition("-")[0]
    # The customer's own language first: some models weigh them.
    languages = tuple(sorted(policy.languages, key=lambda known: known != code))
    hints = Hints(languages, policy.keywords)
    said = await _transcribed(context.transcriber, pieces, hints)
    if not said:
        return replace(heard, error=MediaError.SILENT)
    sure = [one.confidence for one in said if one.confidence is not None]
    return replace(
        heard,
        text=clean(" ".join(one.text for one in said)),
        language=next((one.language for one in said if one.language), None),
        confidence=min(sure) if sure else None,
    )


async def _heard_in_video(media: Media, data: bytes, context: GraphContext, language: str) -> Media:
    """Return a video with what is said in it. One without a voice is still a video for somebody to watch."""
    try:
        heard = await _heard(media, data, context, language)
    except Unusable as refused:
        log.info("video_without_sound", key=media.key, reason=str(refused))
        return media
    return replace(heard, error=None)


def _listened(data: bytes, limits: AudioLimits) -> tuple[Sound, list[tuple[AudioFile, int]]]:
    """Decode a file and return what to send of it, with the length of the voice in each piece."""
    sound = decode(data, limits)
    whole = voiced_ms(sound.samples)
    if not has_speech(whole):
        return sound, []
    pieces = uploads(data, sound, limits)
    if len(pieces) == 1:
        return sound, [(pieces[0], whole)]
    return sound, [(piece, voiced_ms(piece.samples)) for piece in pieces]


async def _transcribed(
    transcriber: Transcriber, pieces: list[tuple[AudioFile, int]], hints: Hints
) -> list[Transcript]:
    """Return what is said in each piece with a voice in it, inventions left out. Raises ModelFailed."""
    gate = asyncio.Semaphore(_PIECES_AT_ONCE)

    async def one(audio: AudioFile, voiced: int) -> Transcript | None:
        async with gate:
            said = await transcriber.transcribe(audio, hints)
        if invented(said.text, voiced, len(audio.samples) * 1000 // RATE):
            log.info("transcript_dropped", voiced_ms=voiced, characters=len(said.text))
            return None
        return said

    # A piece that fails fails the file: with a part missing, the rest could be misread.
    tasks = [asyncio.ensure_future(one(audio, voiced)) for audio, voiced in pieces if has_speech(voiced)]
    try:
        return [said for said in await asyncio.gather(*tasks) if said is not None]
    finally:
        for task in tasks:
            task.cancel()
