"""A section of a knowledge file: what an answer rests on."""

from __future__ import annotations

from dataclasses import dataclass

from graph.attachments import Attachment
from graph.text import words


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a knowledge file, or a piece of a long one.

    Args:
        lang: the file's locale.
        source: the file's name.
        title: the heading.
        text: the body as WhatsApp shows it, without headings.
        asked_as: other words that customers use for it; searched, never shown.
        attached: files that go out with it.
        part: 1, 2, 3 ... of a long section's pieces; 0 for a whole section.
    """

    lang: str
    source: str
    title: str
    text: str
    asked_as: str = ""
    attached: tuple[Attachment, ...] = ()
    part: int = 0

    @property
    def reference(self) -> str:
        """The file and the heading, as a link names them: ``prices.en.md#lesson-prices``."""
        return f"{self.source}#{'-'.join(words(self.title))}"
