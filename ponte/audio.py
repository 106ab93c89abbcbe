"""Recordings of any common kind into WhatsApp's voice notes: Opus in Ogg, mono, 48 kHz.

WhatsApp shows an audio file as a voice note only in this form
(https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer

from ponte.errors import InvalidInput

VOICE_NOTE: Final = "audio/ogg; codecs=opus"
MAX_MS: Final = 10 * 60 * 1000
# What WhatsApp takes of an audio file.
MAX_BYTES: Final = 16 * 1024 * 1024

_RATE: Final = 48_000
_SPEECH_BITS: Final = 32_000
# Complexity 5 of 10 takes half the time; on speech at this rate nobody hears the difference.
_ENCODING: Final = {"application": "voip", "compression_level": "5"}
# Above this a voice note is larger than speech needs, and is encoded again.
_KEPT_BITS: Final = 128_000
_SIGNS: Final = (
    ("ogg", 0, b"OggS"),
    ("amr", 0, b"#!AMR"),
    ("wav", 0, b"RIFF"),
    ("flac", 0, b"fLaC"),
    ("mov", 4, b"ftyp"),
    ("matroska", 0, b"\x1a\x45\xdf\xa3"),
    ("caf", 0, b"caff"),
)
_SYNC: Final = b"\xff\xe0"
_LAYER: Final = 0x06


@dataclass(frozen=True, slots=True)
class VoiceNote:
    """A recording as WhatsApp plays it.

    Args:
        content: the file.
        duration_ms: how long it is.
    """

    content: bytes
    duration_ms: int


def container_of(data: bytes) -> str | None:
    """Return libav's name of the audio container that the first bytes show; None for anything else."""
    for container, at, sign in _SIGNS:
        if data.startswith(sign, at) and (container != "wav" or data.startswith(b"WAVE", 8)):
            return container
    return _after_id3(data) if data.startswith(b"ID3") else _raw_frames(data)


def _after_id3(data: bytes) -> str:
    """Tell MP3 from AAC behind an ID3 tag, whose size is four times seven bits."""
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return _raw_frames(data[10 + size : 12 + size]) or "mp3"


def _raw_frames(data: bytes) -> str | None:
    """Tell MP3 from AAC by the first frame's synchronisation word: 11 bits, and MPEG's layer, 0 in AAC."""
    if len(data) < len(_SYNC) or data[0] != _SYNC[0] or data[1] & _SYNC[1] != _SYNC[1]:
        return None
    return "mp3" if data[1] & _LAYER else "aac"


def to_voice_note(
    data: bytes, *, max_ms: int = MAX_MS, pcm_rate: int | None = None, keep: bool = False
) -> VoiceNote:
    """Convert a recording. Takes about 10 ms of one core for each second of it: run it in a thread.

    The kind is told by the content, and only containers that hold their own sound are opened: a playlist
    could name files and addresses. What a recorder wrote into the file beside the sound is left out.

    Args:
        data: Ogg, WebM, MP4, MP3, AAC, AMR, WAV, FLAC or CAF; or bare samples.
        max_ms: the most to take.
        pcm_rate: the samples per second of bare samples (16 bit, mono, little-endian); None: a container.
        keep: return what is a voice note already as it is, once it has been decoded without an error.

    Raises:
        InvalidInput: it is no recording, it is damaged or too long.
    """
    form = "s16le" if pcm_rate else container_of(data)
    if form is None:
        raise InvalidInput("This is not a recording that can be read. Send Ogg, WebM, MP4, MP3, AAC or WAV.")
    options = {"sample_rate": str(pcm_rate)} if pcm_rate else {}
    try:
        if keep and form == "ogg" and (kept := _kept(data, max_ms)):
            return kept
        with av.open(io.BytesIO(data), "r", format=form, options=options) as source:
            return _converted(source, max_ms)
    except (av.FFmpegError, ValueError) as error:
        raise InvalidInput("The recording is damaged or of an unknown kind. Record it again.") from error


def _kept(data: bytes, max_ms: int) -> VoiceNote | None:
    """Return the file as it is when it is a voice note of a sensible size already."""
    with av.open(io.BytesIO(data), "r", format="ogg") as source:
        codec = source.streams.audio[0].codec_context if source.streams.audio else None
        if codec is None or codec.name != "opus" or codec.layout.nb_channels != 1:
            return None
        samples = sum(frame.samples for frame in _sound(source, max_ms))
    if len(data) * 8 * _RATE > _KEPT_BITS * samples:
        return None
    return VoiceNote(data, round(samples * 1000 / _RATE))


def _converted(source: InputContainer, max_ms: int) -> VoiceNote:
    out = io.BytesIO()
    samples = 0
    # Without "bitexact" each encoding of the same sound would be another file.
    with av.open(out, "w", format="ogg", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream(
            "libopus", rate=_RATE, bit_rate=_SPEECH_BITS, layout="mono", options=_ENCODING
        )
        for frame in _sound(source, max_ms):
            samples += frame.samples
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return VoiceNote(out.getvalue(), round(samples * 1000 / _RATE))


def _sound(source: InputContainer, max_ms: int) -> Iterator[AudioFrame]:
    """Yield the sound as 48 kHz mono. Raises InvalidInput when there is none, or too much."""
    if not source.streams.audio:
        raise InvalidInput("There is no sound in this file.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
    samples = 0
    for frame in chain(source.decode(audio=0), (None,)):
        if frame is not None:
            # Gaps and jumps in a recorder's clock would otherwise become silence or errors.
            frame.pts = None
        for piece in resampler.resample(frame):
            samples += piece.samples
            if samples * 1000 > max_ms * _RATE:
                raise InvalidInput(
                    f"The recording is longer than {max_ms // 1000} seconds. Send a shorter one."
                )
            yield piece
    if not samples:
        raise InvalidInput("There is no sound in this file.")
