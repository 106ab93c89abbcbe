"""What the graph needs of a speech recogniser, of a vision model and of the file store, as Protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from graph.audio import AudioFile


@dataclass(frozen=True, slots=True)
class Hints:
    """What helps a recogniser.

    Args:
        languages: those that may be spoken, as ISO 639-1 codes, the likeliest first.
        keywords: the company's own words: names, places, products.
    """

    languages: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said.

    Args:
        text: the words; empty when the recogniser heard none.
        language: as an ISO 639-1 code, where the recogniser tells.
        confidence: 0 to 1, where the recogniser tells.
    """

    text: str
    language: str | None = None
    confidence: float | None = None


class Transcriber(Protocol):
    """Speech to text. Implementations retry by themselves; nobody else does."""

    async def transcribe(self, audio: AudioFile, hints: Hints) -> Transcript:
        """Return what is said in ``audio``. Raises ModelFailed."""
        ...


class Describer(Protocol):
    """A model that sees. Implementations retry by themselves; nobody else does."""

    async def describe(self, jpeg: bytes, language: str) -> str:
        """Return what a picture shows, in the language of the locale. Raises ModelFailed."""
        ...


class MediaSource(Protocol):
    """Where the customers' files are."""

    async def read(self, key: str) -> bytes:
        """Return a file. Raises NotFound, or Unusable when it is larger than anything read here."""
        ...
