"""What speaks, writes, tries prompts out and finds knowledge: all of it lives in a layer above.

Times are ms since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ponte.domain.message import Media, Message
from ponte.domain.prompt_version import PromptFault
from ponte.domain.trial import Compared, PromptFolder, Tried
from ponte.ports.store import Store


class Voice(Protocol):
    """What turns a text into a voice note."""

    async def speak(self, text: str, language: str) -> Media | None:
        """Return the text as a voice note in the ``MediaStore``.

        None when it cannot be spoken well, the speech server fails, or it would take too long: then the text
        goes out as it is.
        """
        ...

    async def run(self) -> None:
        """Keep what was spoken within its bounds, until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that a language model proposes to an agent.

    Args:
        text: the answer, in the customer's language.
        sources: references of the company's texts that it rests on.
        prompt_version: the version of ``prompts/`` that made it.
    """

    text: str
    sources: tuple[str, ...] = ()
    prompt_version: str = ""


class WritingAid(Protocol):
    """A language model that helps an agent to write. Nothing that it makes is sent by itself.

    Every method raises AidFailed where the model does not answer, refuses, or gives an empty answer.
    """

    async def draft(self, messages: Sequence[Message], language: str) -> Draft:
        """Return an answer to what the customer said last, out of the company's texts.

        Args:
            messages: the end of the conversation, in order.
            language: the customer's, as a BCP 47 tag.
        """
        ...

    async def translate(self, text: str, language: str) -> str:
        """Return ``text`` in a language, given as a BCP 47 tag. The same text is translated once."""
        ...

    async def brief(self, messages: Sequence[Message], language: str) -> str:
        """Return what the bot should know of the part of a conversation that an agent had."""
        ...


class PromptLab(Protocol):
    """Reads the folder of the prompt files, and tries versions out on an invented customer."""

    async def folder(self) -> PromptFolder:
        """Return the files as they stand now, and what keeps them from being served."""
        ...

    async def faults(self, files: Mapping[str, bytes]) -> tuple[PromptFault, ...]:
        """Return what keeps a version from being served by this Ponte; empty when nothing does."""
        ...

    async def try_out(self, files: Mapping[str, bytes], texts: Sequence[str]) -> Tried:
        """Let an invented customer write to a version, in a store of its own that is thrown away.

        What keeps it from going on is in ``Tried.error``. Raises InvalidInput for files with faults.
        """
        ...

    async def try_past(
        self, files: Mapping[str, bytes], store: Store, conversation_id: str, most_turns: int
    ) -> Compared:
        """Let the customer of a stored conversation say it again to a version, masked, as ``try_out`` does.

        Args:
            files: the version's.
            store: where the conversation is; it is not written.
            conversation_id: which one.
            most_turns: the first of them that are said again.

        Raises:
            NotFound: there is no such conversation, or nothing in it that can be said again.
            InvalidInput: the files have faults.
        """
        ...


@dataclass(frozen=True, slots=True)
class KnowledgeChunk:
    """A piece of the company's texts, to be searched for.

    Args:
        id: names it within its set.
        lang: its locale.
        text: what full-text search reads.
        vector: its embedding.
    """

    id: str
    lang: str
    text: str
    vector: tuple[float, ...]


class KnowledgeIndex(Protocol):
    """Texts in a database that searches by words and by vectors at once.

    A set is one content under one embedding model; its name says so, and what is in it never changes.
    """

    async def touch(self, set_id: str, count: int, now: int) -> int:
        """Note that a set is in use; returns its dimensions, 0 unless all ``count`` chunks are there."""
        ...

    async def put(self, set_id: str, chunks: Sequence[KnowledgeChunk], now: int) -> None:
        """Store a set; what is there already is replaced."""
        ...

    async def prepare(self, dimensions: int) -> bool:
        """Make the search indexes where they are missing; tells whether they can be searched yet."""
        ...

    async def search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        """Return the ids of the best chunks of a set in a language, the best first.

        An empty ``vector``, for a set without any, searches by words alone.
        """
        ...

    async def forget(self, before: int) -> int:
        """Delete the chunks of sets that were not touched since ``before``; returns how many went."""
        ...
