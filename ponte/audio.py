"""Recordings of any common kind, as samples and as WhatsApp's voice notes: Opus in Ogg, mono, 48 kHz.

WhatsApp shows an audio file as a voice note only in this form
(https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types).

A recording is what its first bytes say, never what its name or its header says, and only containers that hold
their own sound are opened: a playlist could name files and addresses. It is decoded in a process of its own;
``ponte.audio_reader`` says why.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ponte.errors import InvalidInput

VOICE_NOTE: Final = "audio/ogg; codecs=opus"
MAX_MS: Final = 10 * 60 * 1000
# What WhatsApp takes of an audio file.
MAX_BYTES: Final = 16 * 1024 * 1024

_READER: Final = Path(__file__).with_name("audio_reader.py")
_MEMORY: Final = 1024 * 1024 * 1024
_WITHIN_MS: Final = 60_000
_RATE: Final = 48_000
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
_KINDS: Final = "Ogg, WebM, MP4, MP3, AAC or WAV"


class NoRecording(InvalidInput):
    """A recording cannot be used: it is none, damaged, too long, or takes too long.

    Args:
        message: what it is and what to do.
        too_long: it is a recording, but a longer one than is taken.
    """

    def __init__(self, message: str, *, too_long: bool = False) -> None:
        super().__init__(message)
        self.too_long = too_long


@dataclass(frozen=True, slots=True)
class VoiceNote:
    """A recording as WhatsApp plays it.

    Args:
        content: the file.
        duration_ms: how long it is.
    """

    content: bytes
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Samples:
    """A recording, decoded.

    Args:
        content: mono, 16 bits, little-endian.
        container: libav's name of what it came in.
        pictures: there were pictures beside it.
    """

    content: bytes
    container: str
    pictures: bool


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

    What a recorder wrote into the file beside the sound is left out.

    Args:
        data: Ogg, WebM, MP4, MP3, AAC, AMR, WAV, FLAC or CAF; or bare samples.
        max_ms: the most to take.
        pcm_rate: the samples per second of bare samples (16 bit, mono, little-endian); None: a container.
        keep: return what is a voice note already as it is, once it has been decoded without an error.

    Raises:
        NoRecording: it is no recording, it is damaged or too long.
    """
    form = "s16le" if pcm_rate else _form(data)
    options = {"sample_rate": str(pcm_rate)} if pcm_rate else {}
    found, content = _read(data, form, max_ms, _WITHIN_MS, options=options, keep=keep)
    return VoiceNote(data if found["kept"] else content, round(found["samples"] * 1000 / _RATE))


def to_samples(data: bytes, rate: int, *, max_ms: int, within_ms: int) -> Samples:
    """Decode a recording; a frame that is broken ends it, and what came before counts. Run it in a thread.

    Args:
        data: as for ``to_voice_note``.
        rate: samples a second.
        max_ms: the most to take.
        within_ms: decoding that takes longer is given up.

    Raises:
        NoRecording: as there, or it takes too long.
    """
    form = _form(data)
    found, content = _read(data, form, max_ms, within_ms, rate=rate)
    return Samples(content, form, bool(found["pictures"]))


def _form(data: bytes) -> str:
    form = container_of(data)
    if form is None:
        raise NoRecording(f"This is not a recording that can be read. Send {_KINDS}.")
    return form


def _read(
    data: bytes,
    form: str,
    max_ms: int,
    within_ms: int,
    *,
    rate: int | None = None,
    keep: bool = False,
    options: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, int], bytes]:
    """Return what ``ponte.audio_reader`` finds in a recording. Raises NoRecording."""
    asked = {"form": form, "options": dict(options), "rate": rate, "max_ms": max_ms, "keep": keep}
    bounds = {"memory": _MEMORY, "seconds": within_ms // 1000 + 1}
    try:
        # Isolated (-I): neither the reader's folder nor the user's own modules can stand in for a library.
        done = subprocess.run(  # noqa: S603 - our own program, and nothing of the file in its arguments
            [sys.executable, "-I", str(_READER), json.dumps(asked | bounds)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=within_ms / 1000,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise NoRecording("The recording takes too long to decode. Record it again.") from None
    line, _, content = done.stdout.partition(b"\n")
    # Nothing, when it crashed or the system ended it at one of its bounds.
    found = json.loads(line or b'{"error": "damaged"}')
    if error := found.get("error"):
        raise _refused(error, max_ms)
    return found, content


def _refused(error: str, max_ms: int) -> NoRecording:
    if error == "long":
        seconds = max_ms // 1000
        return NoRecording(
            f"The recording is longer than {seconds} seconds. Send a shorter one.", too_long=True
        )
    if error == "none":
        return NoRecording(f"There is no sound in this file that can be read. Send {_KINDS}.")
    return NoRecording("The recording is damaged or of an unknown kind. Record it again.")
