"""Voice notes heard on this machine: faster-whisper behind the interface of every recogniser."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from graph.audio import AudioFile, AudioLimits, decode, uploads
from graph.context import Limits, ModelFailed
from graph.hearing import Hints
from graph.transcriber import LocalSegment, LocalTranscriber, open_local
from ponte.errors import SettingsError
from tests.support.spoken import Samples, Spoken, encoded

HINTS = Hints(("pt", "es"), ("Hípica", "baia"))
FAST = Limits(transcribe_timeout_ms=2_000)


@dataclass
class Local:
    """A faster-whisper model: its segments are heard as they are read, each in its time; or it fails."""

    wait_s: float = 0.0
    failure: Exception | None = None
    language: str = "pt"
    given: dict[str, object] | None = None
    segments: int = 2
    heard: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def transcribe(
        self, audio: npt.NDArray[np.float32], **options: object
    ) -> tuple[Iterator[LocalSegment], Local]:
        """Answer as faster-whisper does."""
        self.given = {"seconds": len(audio) / 16_000, "loudest": float(np.max(np.abs(audio))), **options}
        return self._heard(), self

    def _heard(self) -> Iterator[LocalSegment]:
        if self.failure:
            raise self.failure
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for n in range(self.segments):
                time.sleep(self.wait_s)
                self.heard += 1
                yield LocalSegment(" tudo bem?" if n else " Olá,", n, n + 1, -0.3 if n else -0.1)
        finally:
            self.at_once -= 1


def note(samples: Samples) -> AudioFile:
    """Return a recording ready for a recogniser."""
    data = encoded(samples, "ogg")
    return uploads(data, decode(data, AudioLimits()), AudioLimits())[0]


async def test_a_local_engine_stands_behind_the_same_interface(spoken: Spoken) -> None:
    """It gets samples from -1 to 1 and the company's words, and never leans on its own last sentence."""
    model = Local()
    said = await LocalTranscriber(model, FAST).transcribe(note(spoken.question), HINTS)
    assert (said.text, said.language, said.confidence) == ("Olá, tudo bem?", "pt", 0.8187)
    assert model.given is not None
    assert 0.05 < float(str(model.given["loudest"])) <= 1
    assert model.given["hotwords"] == "Hípica, baia"
    assert (model.given["language"], model.given["condition_on_previous_text"]) == (None, False)


@pytest.mark.parametrize(
    "model", [Local(failure=RuntimeError("cuda")), Local(wait_s=1.5)], ids=["error", "late"]
)
async def test_a_local_engine_that_fails_is_a_failure_like_any_other(spoken: Spoken, model: Local) -> None:
    """Errors and slowness alike."""
    engine = LocalTranscriber(model, Limits(transcribe_timeout_ms=50))
    with pytest.raises(ModelFailed):
        await engine.transcribe(note(spoken.short), HINTS)


async def test_slow_recordings_hold_up_nothing_but_the_local_engine(spoken: Spoken) -> None:
    """What is given up ends with its segment, never two are heard at once, and no other thread waits."""
    model = Local(wait_s=0.2, segments=50)
    engine = LocalTranscriber(model, Limits(transcribe_timeout_ms=10))
    brief = replace(note(spoken.short), samples=spoken.short[:1_000])
    for _ in range(40):
        with pytest.raises(ModelFailed):
            await engine.transcribe(brief, HINTS)
    begin = time.monotonic()
    await asyncio.to_thread(int)
    assert time.monotonic() - begin < 1
    model.wait_s, model.segments = 0, 2
    await asyncio.sleep(0.5)
    assert (await engine.transcribe(brief, HINTS)).text == "Olá, tudo bem?"
    assert (model.most_at_once, model.heard < 50) == (1, True)


async def test_a_model_in_a_folder_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: Spoken
) -> None:
    """faster-whisper gets the folder's path, and what it hears comes back; here a module like it."""
    (tmp_path / "model.bin").touch()
    (tmp_path / "faster_whisper.py").write_text(
        "from types import SimpleNamespace as Named\n"
        "class WhisperModel:\n"
        "    def __init__(self, path): self.path = path\n"
        "    def transcribe(self, audio, *, language, hotwords, condition_on_previous_text):\n"
        "        said = Named(text=f' {self.path} {hotwords}', start=0.0, end=1.0, avg_logprob=0.0)\n"
        "        return iter([said]), Named(language='pt')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        engine = await asyncio.to_thread(open_local, tmp_path, FAST)
        said = await engine.transcribe(note(spoken.short), HINTS)
    finally:
        sys.modules.pop("faster_whisper", None)
    assert (said.text, said.language, said.confidence) == (f"{tmp_path} Hípica, baia", "pt", 1.0)


async def test_a_local_model_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    """The message names the setting and the mend."""
    with pytest.raises(SettingsError, match="TRANSCRIBE_LOCAL_MODEL"):
        await asyncio.to_thread(open_local, tmp_path / "nothing", FAST)
