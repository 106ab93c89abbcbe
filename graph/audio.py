"""Audio files to 16 kHz mono, and back to small files in pieces; no program beside PyAV is needed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from graph.unusable import Unusable
from ponte.audio import NoRecording, to_samples
from ponte.domain.message import MediaError

Samples = npt.NDArray[np.int16]

RATE: Final = 16_000
_FRAME: Final = 320  # 20 ms
_BITRATE: Final = 24_000
_VIDEO: Final = "video"
# What may be uploaded as it is, by container: https://platform.openai.com/docs/guides/speech-to-text
_UPLOADS: Final = {
    "ogg": ("ogg", "audio/ogg"),
    "mp3": ("mp3", "audio/mpeg"),
    "mov": ("m4a", "audio/mp4"),
    "wav": ("wav", "audio/wav"),
    "flac": ("flac", "audio/flac"),
    "matroska": ("webm", "audio/webm"),
}


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """Bounds of what is decoded and sent. Times in ms, sizes in bytes.

    Args:
        file_bytes: a larger file is refused.
        duration_ms: longer audio is refused: a cut voice note would be misread.
        decode_ms: a file that takes longer to decode is given up.
        piece_ms: the longest piece of audio sent at once.
        piece_bytes: the largest file sent at once; OpenAI takes 25 MB.
    """

    file_bytes: int = 32 * 1024 * 1024
    duration_ms: int = 15 * 60_000
    decode_ms: int = 60_000
    piece_ms: int = 10 * 60_000
    piece_bytes: int = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded audio: 16 kHz, mono, 16 bits.

    Args:
        samples: the audio.
        container: libav's name of the container it came in; ``video`` when there were pictures beside it.
    """

    samples: Samples
    container: str

    @property
    def duration_ms(self) -> int:
        """How long it is."""
        return len(self.samples) * 1000 // RATE


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file to upload.

    Args:
        name: with the extension by which servers tell the format.
        content_type: its MIME type.
        data: its bytes.
        samples: the same audio, decoded.
    """

    name: str
    content_type: str
    data: bytes
    samples: Samples


def decode(data: bytes, limits: AudioLimits) -> Sound:
    """Decode a file. Blocks: call it in a thread.

    Raises:
        Unusable: UNREADABLE, for what is no audio or is broken; TOO_LARGE, above a limit.
    """
    if len(data) > limits.file_bytes:
        raise Unusable(MediaError.TOO_LARGE, f"{len(data)} bytes")
    try:
        found = to_samples(data, RATE, max_ms=limits.duration_ms, within_ms=limits.decode_ms)
    except NoRecording as error:
        kind = MediaError.TOO_LARGE if error.too_long else MediaError.UNREADABLE
        raise Unusable(kind, str(error)) from error
    return Sound(np.frombuffer(found.content, np.dtype("<i2")), _VIDEO if found.pictures else found.container)


def encode(samples: Samples) -> bytes:
    """Return audio as OGG/Opus of 24 kbit/s: 10 minutes are 1.8 MB. Blocks: call it in a thread."""
    target = io.BytesIO()
    with av.open(target, mode="w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono", options={"application": "voip"})
        stream.bit_rate = _BITRATE
        for start in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(
                samples[start : start + RATE].reshape(1, -1), format="s16", layout="mono"
            )
            frame.sample_rate = RATE
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def uploads(data: bytes, sound: Sound, limits: AudioLimits) -> list[AudioFile]:
    """Return what to send for a decoded file: itself where a server can read it, else its sound in pieces.

    Long audio is split where it is quietest, so that no word is cut. Blocks: call it in a thread.
    """
    whole = sound.duration_ms <= limits.piece_ms and len(data) <= limits.piece_bytes
    if whole and sound.container in _UPLOADS:
        extension, content_type = _UPLOADS[sound.container]
        return [AudioFile(f"audio.{extension}", content_type, data, sound.samples)]
    return [
        AudioFile(f"audio-{n}.ogg", "audio/ogg", encode(piece), piece)
        for n, piece in enumerate(split_at_pauses(sound.samples, limits.piece_ms), start=1)
    ]


def split_at_pauses(samples: Samples, piece_ms: int) -> list[Samples]:
    """Return the audio in as few pieces of at most ``piece_ms`` as there can be, cut where it is quietest.

    Each cut is in the last tenth of what a piece may hold, in the middle of the quietest 300 ms there.
    """
    longest = piece_ms * RATE // 1000
    pieces: list[Samples] = []
    while len(samples) > longest:
        begin = longest - longest // 10
        window = samples[begin:longest]
        frames = window[: len(window) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
        width = min(15, len(frames))
        quiet = np.argmin(np.convolve((frames**2).mean(axis=1), np.ones(width), mode="valid"))
        cut = begin + (int(quiet) + width // 2) * _FRAME
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]
