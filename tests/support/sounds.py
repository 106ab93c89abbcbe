"""Recordings for tests: a voice-like sound in any container, and what is in a file."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer

CONTAINERS = {
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "m4a": ("mp4", "aac", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "wav": ("wav", "pcm_s16le", 16_000),
    "flac": ("flac", "flac", 16_000),
    "aac": ("adts", "aac", 16_000),
}


@dataclass(frozen=True, slots=True)
class Sound:
    """What a decoder finds in a file."""

    container: str
    codec: str
    rate: int
    channels: int
    ms: float
    loudest: int
    tags: dict[str, str]


def samples(ms: int, rate: int = 48_000) -> npt.NDArray[np.int16]:
    """A tone of 220 Hz with overtones that swells four times a second, as 16-bit samples."""
    t = np.arange(ms * rate // 1000) / rate
    wave = sum(np.sin(2 * np.pi * 220 * n * t) / n for n in (1, 2, 3)) * (0.6 + 0.4 * np.sin(8 * np.pi * t))
    found: npt.NDArray[np.int16] = (wave / np.abs(wave).max() * 20_000).astype(np.int16)
    return found


def recording(form: str, ms: int = 1_500, *, channels: int = 1, **tags: str) -> bytes:
    """Return the sound in one of ``CONTAINERS``."""
    container, codec, rate = CONTAINERS[form]
    layout = "mono" if channels == 1 else "stereo"
    out = io.BytesIO()
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        target.metadata.update(tags)
        mono = samples(ms, rate)
        data = np.repeat(mono, channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=layout)
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.frame_size or 1_024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


def wav(*, tag: int = 1, rate: int = 16_000, channels: int = 1, chunk: bytes = b"") -> bytes:
    """Return 3 KB of WAV whose header says what it is told to, with a chunk of its own before the samples."""
    kind = struct.pack("<HHIIHH", tag, channels, rate, rate * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    parts = b"WAVEfmt " + struct.pack("<I", len(kind)) + kind + chunk
    parts += b"data" + struct.pack("<I", 3_000) + bytes(range(250)) * 12
    return b"RIFF" + struct.pack("<I", len(parts)) + parts


# What ended the process, or took gigabytes or minutes of it, when libav decoded it there.
HOSTILE = {
    "unknown codec": wav(tag=0x9999),
    "a title of 2 GB": wav(chunk=b"LIST\0\0\0\x80INFOINAM\0\0\0\x7e"),
    "a sample a second": wav(rate=1),
    "a billion samples a second": wav(rate=1_459_633_792),
}


def heard(data: bytes) -> Sound:
    """Decode a file to its end."""
    with av.open(io.BytesIO(data)) as source:
        assert isinstance(source, InputContainer)
        stream = source.streams.audio[0]
        frames = [frame.to_ndarray() for frame in source.decode(stream)]
        context = stream.codec_context
        loudest = max((float(np.abs(frame).max()) for frame in frames), default=0.0)
        scale = 1 if frames and frames[0].dtype == np.int16 else 32_767
        channels = context.layout.nb_channels
        count = sum(frame.size for frame in frames) / channels
        tags = {**source.metadata, **stream.metadata}
        return Sound(
            source.format.name,
            context.name,
            context.sample_rate,
            channels,
            count * 1000 / context.sample_rate,
            int(loudest * scale),
            tags,
        )
