"""Does anybody speak in this audio? Asked before a transcription model is: on silence and noise those invent.

The measure, on frames of 32 ms every 16 ms, after pre-emphasis (which takes rumble and hum down and turns
brown noise nearly white). A frame is voiced when it is

- loud: above -70 dBFS, and 4 dB above the audio's own floor, the level that a tenth of its frames stay
  under; a steady sound, a hum or a tone or noise, is its own floor;
- periodic: its normalised autocorrelation has a peak of 0.45 or more at a pitch that people speak at, 70 to
  400 Hz; white noise stays around 0.2;
- coloured: its spectral flatness is below 0.45; that of white noise is around 0.56.

Only runs of three voiced frames or more count, and there is speech from 96 ms of them on, in all: a short
"sim" has 140. Whispering has no pitch and counts as silence: the customer is asked to repeat. Wind that
overloads the microphone can pass for a voice; ``graph.invention`` is there for what a model hears in that.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from graph.audio import RATE, Samples

_WINDOW: Final = 512
_HOP: Final = 256
_BLOCK: Final = 1_024
_FLOOR_DB: Final = -70.0
_ABOVE_FLOOR_DB: Final = 4.0
_PERIODIC: Final = 0.45
_FLAT: Final = 0.45
_RUN: Final = 3
_PITCH: Final = (RATE // 400, RATE // 70)
_SPEECH_MS: Final = 96
_EPSILON: Final = 1e-12

Floats = npt.NDArray[np.float64]


def has_speech(voiced_ms: int) -> bool:
    """Return whether so much voice is speech."""
    return voiced_ms >= _SPEECH_MS


def voiced_ms(samples: Samples) -> int:
    """Return for how many ms somebody speaks, or sings. Blocks: call it in a thread for long audio."""
    if len(samples) < _WINDOW:
        return 0
    starts = np.arange(0, len(samples) - _WINDOW + 1, _HOP)
    parts = [_measure(samples, starts[n : n + _BLOCK]) for n in range(0, len(starts), _BLOCK)]
    loudness, voiced = (np.concatenate(column) for column in zip(*parts, strict=True))
    audible = loudness[loudness > _FLOOR_DB]
    if not audible.size:
        return 0
    # Digital silence around speech, as a noise gate leaves it, says nothing of the floor.
    floor = float(np.percentile(audible, 10))
    spoken = voiced & (loudness > max(_FLOOR_DB, floor + _ABOVE_FLOOR_DB))
    return _in_runs(spoken) * _HOP * 1000 // RATE


def _measure(samples: Samples, starts: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return for each frame its loudness in dBFS, and whether it is periodic and coloured."""
    frames = samples[starts[:, None] + np.arange(_WINDOW)].astype(np.float64) / 32_768
    loudness = 10 * np.log10((frames**2).mean(axis=1) + _EPSILON)
    frames[:, 1:] -= 0.97 * frames[:, :-1]
    frames[:, 0] = 0
    frames *= np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, 2 * _WINDOW, axis=1)) ** 2
    echo = np.fft.irfft(power, axis=1)[:, :_WINDOW]
    low, high = _PITCH
    # The window makes late echoes weaker than they are.
    weight = _window_echo()
    peak = (echo[:, low:high] / weight[low:high]).max(axis=1)
    whole = echo[:, 0] / weight[0] + _EPSILON
    band = power[:, 8 : 2 * _WINDOW // 4] + _EPSILON  # 125 Hz to 4 kHz
    flatness = np.exp(np.log(band).mean(axis=1)) / band.mean(axis=1)
    return loudness, (peak / whole >= _PERIODIC) & (flatness < _FLAT)


def _window_echo() -> Floats:
    spectrum = np.abs(np.fft.rfft(np.hanning(_WINDOW), 2 * _WINDOW)) ** 2
    echo = np.asarray(np.fft.irfft(spectrum)[:_WINDOW], dtype=np.float64)
    weight: Floats = echo / echo[0]
    return weight


def _in_runs(spoken: npt.NDArray[np.bool_]) -> int:
    """Return how many frames are in runs of at least ``_RUN``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], spoken.astype(np.int8), [0]))))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= _RUN].sum())
