"""Decodes one recording; run by ``ponte.audio`` as a process of its own, by its path.

libav believes what a file says of itself: a hostile one of a few KB can make it take gigabytes of memory,
compute for minutes, or crash. So it works where the operating system bounds it and where its end ends nothing
else, and in an environment without settings or secrets. Nothing of Ponte is imported here: the process starts
in a tenth of a second.

The recording comes on standard input, what to do as one JSON argument. On standard output comes one line of
JSON, ``{"error": "none" | "damaged" | "long"}`` or what ``_Result`` has, and behind it the result's bytes.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Final, TypedDict

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

_RATE: Final = 48_000
_SPEECH_BITS: Final = 32_000
# Complexity 5 of 10 takes half the time; on speech at this rate nobody hears the difference.
_ENCODING: Final = {"application": "voip", "compression_level": "5"}
# Above this a voice note is larger than speech needs, and is encoded again.
_KEPT_BITS: Final = 128_000
# Those that phones, browsers and speech servers use: libav has hundreds more, which nobody needs here.
_CODECS: Final = frozenset(
    {"opus", "vorbis", "speex", "mp3", "mp3float", "mp2", "aac", "alac", "flac", "amrnb", "amrwb"}
)
# A file that claims to have one sample a second would become 48,000 times its size.
_RATES: Final = range(4_000, 192_001)
_CHANNELS: Final = 8


class _Result(TypedDict):
    """What was found.

    Attributes:
        samples: how many there are, at the rate of what was asked for.
        pictures: whether the file holds pictures, too.
        kept: the recording is a voice note already; no bytes follow.
    """

    samples: int
    pictures: bool
    kept: bool


class _UnusableError(Exception):
    """The recording cannot be used; the argument is the error's name."""


def _stream_in(source: InputContainer) -> AudioStream:
    """Return the first audio stream. Raises _UnusableError when there is none that is decoded here."""
    if not source.streams.audio:
        raise _UnusableError("none")
    stream = source.streams.audio[0]
    # None for a codec that libav does not know, whatever PyAV's types say: to decode it would be a crash.
    codec: AudioCodecContext | None = stream.codec_context
    if codec is None or not (codec.name in _CODECS or codec.name.startswith("pcm_")):
        raise _UnusableError("none")
    if codec.sample_rate not in _RATES or codec.layout.nb_channels > _CHANNELS:
        raise _UnusableError("damaged")
    return stream


def _frames(source: InputContainer, *, lenient: bool) -> Iterator[AudioFrame]:
    """Yield what is decoded; where ``lenient``, a broken frame ends it, and what came before counts."""
    some = False
    try:
        for frame in source.decode(_stream_in(source)):
            # Gaps and jumps in a recorder's clock would otherwise become silence or errors.
            frame.pts = None
            yield frame
            some = True
    except av.error.InvalidDataError:
        if not (lenient and some):
            raise


def _sound(source: InputContainer, rate: int, max_ms: int, *, lenient: bool) -> Iterator[AudioFrame]:
    """Yield the sound as mono of 16 bits. Raises _UnusableError when there is none, or too much."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    samples = 0
    for frame in chain(_frames(source, lenient=lenient), (None,)):
        for piece in resampler.resample(frame):
            samples += piece.samples
            if samples * 1000 > max_ms * rate:
                raise _UnusableError("long")
            yield piece
    if not samples:
        raise _UnusableError("none")


def hear(source: InputContainer, *, rate: int, max_ms: int) -> tuple[_Result, bytes]:
    """Return the sound as samples."""
    pictures = bool(source.streams.video)
    # A plane may be longer than its samples.
    pieces = [
        bytes(piece.planes[0])[: piece.samples * 2] for piece in _sound(source, rate, max_ms, lenient=True)
    ]
    sound = b"".join(pieces)
    return {"samples": len(sound) // 2, "pictures": pictures, "kept": False}, sound


def note(source: InputContainer, *, max_ms: int) -> tuple[_Result, bytes]:
    """Return the sound as a voice note."""
    out = io.BytesIO()
    samples = 0
    # Without "bitexact" each encoding of the same sound would be another file.
    with av.open(out, "w", format="ogg", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream(
            "libopus", rate=_RATE, bit_rate=_SPEECH_BITS, layout="mono", options=_ENCODING
        )
        for piece in _sound(source, _RATE, max_ms, lenient=False):
            samples += piece.samples
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return {"samples": samples, "pictures": False, "kept": False}, out.getvalue()


def kept(source: InputContainer, *, size: int, max_ms: int) -> _Result | None:
    """Return what there is to say of a file that is a voice note of a sensible size already, or None."""
    codec = _stream_in(source).codec_context
    if codec.name != "opus" or codec.layout.nb_channels != 1:
        return None
    samples = sum(piece.samples for piece in _sound(source, _RATE, max_ms, lenient=False))
    if size * 8 * _RATE > _KEPT_BITS * samples:
        return None
    return {"samples": samples, "pictures": False, "kept": True}


def read(
    data: bytes, *, form: str, options: dict[str, str], rate: int | None, max_ms: int, keep: bool
) -> tuple[_Result, bytes]:
    """Return the recording as samples or as a voice note.

    Args:
        data: the recording.
        form: libav's name of the container.
        options: libav's, for the container.
        rate: of the samples wanted; None: a voice note is.
        max_ms: the most to take.
        keep: see ``ponte.audio.to_voice_note``.
    """
    if keep and form == "ogg":
        with av.open(io.BytesIO(data), "r", format=form) as source:
            if (found := kept(source, size=len(data), max_ms=max_ms)) is not None:
                return found, b""
    with av.open(io.BytesIO(data), "r", format=form, options=options) as source:
        return note(source, max_ms=max_ms) if rate is None else hear(source, rate=rate, max_ms=max_ms)


def _bound(memory: int, seconds: int) -> None:
    """Bound this process where the system can: memory in bytes, processor time in seconds."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    for name, value in (("RLIMIT_AS", memory), ("RLIMIT_CPU", seconds), ("RLIMIT_CORE", 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def main() -> None:
    """Decode one recording as the argument says."""
    asked = json.loads(sys.argv[1])
    _bound(asked.pop("memory"), asked.pop("seconds"))
    found: _Result | dict[str, str]
    content = b""
    try:
        found, content = read(sys.stdin.buffer.read(), **asked)
    except _UnusableError as error:
        found = {"error": str(error)}
    except Exception:  # noqa: BLE001 - decoders fail on broken files in any way; this process does nothing else
        found = {"error": "damaged"}
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n" + content)


if __name__ == "__main__":
    main()
