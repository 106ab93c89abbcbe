"""Recordings of people, as well as espeak-ng plays them, and of what is not speech."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE: Final = 16_000
QUESTION: Final = "Olá, quanto custa a aula de equitação para crianças?"

_FORMS: Final = {
    "ogg": ("ogg", "libopus", RATE),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "mp3": ("mp3", "libmp3lame", RATE),
    "aac": ("adts", "aac", RATE),
    "m4a": ("mp4", "aac", RATE),
    "wav": ("wav", "pcm_s16le", RATE),
    "telephone": ("wav", "pcm_alaw", 8_000),
    "flac": ("flac", "flac", RATE),
    "webm": ("webm", "libopus", RATE),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """The recordings that tests share, made once a session: 16 kHz, mono.

    Args:
        question: ``QUESTION`` in Brazilian Portuguese.
        spanish: a question in Spanish.
        english: a question in English.
        short: one short word, "sim".
    """

    question: Samples
    spanish: Samples
    english: Samples
    short: Samples


def record() -> Spoken:
    """Let espeak-ng speak. It must be installed: ``.ci/run`` does."""
    return Spoken(
        question=say(QUESTION, "pt-br"),
        spanish=say("Hola, quiero saber el precio de las clases para niños.", "es"),
        english=say("Hello, what are the opening hours on Saturday?", "en"),
        short=say("sim", "pt-br"),
    )


def say(text: str, voice: str) -> Samples:
    """Return a text, spoken."""
    program = shutil.which("espeak-ng")
    assert program, "No espeak-ng: apt-get install espeak-ng, or brew install espeak-ng."
    made = subprocess.run(  # noqa: S603 - the program just found, and a text of the tests
        [program, "-v", voice, "--stdout", text], capture_output=True, check=True, timeout=60
    )
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(io.BytesIO(made.stdout), mode="r", format="wav") as file:
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    parts = [part.to_ndarray().reshape(-1) for part in [*frames, *resampler.resample(None)]]
    return np.concatenate(parts).astype(np.int16)


def encoded(samples: Samples, form: str) -> bytes:
    """Return the recording as a file, by its usual extension."""
    container, codec, rate = _FORMS[form]
    target = io.BytesIO()
    with av.open(target, mode="w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(format=stream.format or "s16", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return target.getvalue()


def silence(seconds: float) -> Samples:
    """Return digital silence."""
    return np.zeros(int(seconds * RATE), np.int16)


def noise(seconds: float, color: str = "white", level: float = 3_000, seed: int = 7) -> Samples:
    """Return white, pink or brown noise."""
    count = int(seconds * RATE)
    sound = np.random.default_rng(seed).standard_normal(count)
    if color != "white":
        pitch = np.fft.rfftfreq(count)
        pitch[0] = 1
        sound = np.fft.irfft(np.fft.rfft(sound) / pitch ** (0.5 if color == "pink" else 1.0), count)
        sound -= sound.mean()
    return np.clip(sound / sound.std() * level, -32_768, 32_767).astype(np.int16)


def lasting(samples: Samples, seconds: int) -> Samples:
    """Return the recording again and again, with a second of silence between."""
    once = np.concatenate([samples, silence(1)])
    return np.tile(once, seconds * RATE // len(once) + 1)[: seconds * RATE]


def video(sound: Samples | None) -> bytes:
    """Return a film of a second of black pictures with this sound, or with none, as an MP4 file."""
    target = io.BytesIO()
    with av.open(target, mode="w", format="mp4") as file:
        pictures = file.add_stream("mpeg4", rate=5)
        assert isinstance(pictures, av.VideoStream)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        track = file.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for _ in range(5):
            black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            file.mux(pictures.encode(black))
        file.mux(pictures.encode(None))
        if sound is not None and isinstance(track, av.AudioStream):
            resampler = av.AudioResampler(format=track.format or "s16", layout="mono", rate=RATE)
            frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = RATE
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(track.encode(part))
            file.mux(track.encode(None))
    return target.getvalue()
