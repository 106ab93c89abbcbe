"""What the nodes need from outside, handed to them through LangGraph's ``Runtime`` context.

One ``GraphContext`` is one consistent set: the prompt files and all that is derived from them. To serve
other prompt files, give the next turn another context; a turn that runs keeps the one it began with.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from graph.audio import AudioLimits
from graph.detection import Detector
from graph.documents import DocumentLimits
from graph.hearing import Describer, MediaSource, Transcriber
from graph.knowledge import Knowledge, Retriever
from graph.output_check import OutputCheck
from graph.prompts import PromptSet
from ponte.domain.message import Media
from ponte.errors import PonteError

_UNDERSTOOD: Final = 500


class ModelFailed(PonteError):
    """The language model gave no usable answer, after its retries."""


class Clock(Protocol):
    """The part of ``ponte.ports.Clock`` that nodes use."""

    def now(self) -> int:
        """Return the time in ms since the epoch, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message to the model. What a customer wrote is only ever in one with the role ``user``."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's answer.

    Args:
        text: for the customer; empty when ``transfer_reason`` is set.
        transfer_reason: the model asks for a human, and why; None when it does not.
    """

    text: str
    transfer_reason: str | None = None


class Responder(Protocol):
    """A language model. Implementations retry by themselves; nobody else does."""

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Answer the customer. Raises ModelFailed; an empty answer is a failure."""
        ...

    async def judge(self, messages: Sequence[ChatMessage]) -> float:
        """Return how sure the model is that a human is wanted, 0 to 1. Raises ModelFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a turn. Times in ms, sizes in characters.

    The fallback's total time is ``model_deadline_ms`` at most, whatever the model does.

    Args:
        window_turns: turns kept word for word.
        text_chars: kept of one text in the window.
        summary_chars: kept of what went before the window.
        brief_chars: kept of a human stretch.
        model_timeout_ms: for one try of the model.
        model_tries: tries, the first included.
        model_backoff_ms: the longest wait before a second try, when the server names none.
        retry_after_ms: the longest wait that the server may ask for; a longer one is a failure at once.
        model_deadline_ms: for all tries together.
        transcribe_timeout_ms: for one try of the speech or the vision model; a tenth of the audio's length
            comes on top.
        media_deadline_ms: for all files of a turn together.
        agent_media_ms: for all files of a message that an agent waits for.
        audio: bounds of audio.
        documents: bounds of documents.
    """

    window_turns: int = 20
    text_chars: int = 1_600
    summary_chars: int = 1_200
    brief_chars: int = 2_000
    model_timeout_ms: int = 8_000
    model_tries: int = 2
    model_backoff_ms: int = 800
    retry_after_ms: int = 2_000
    model_deadline_ms: int = 18_000
    transcribe_timeout_ms: int = 15_000
    media_deadline_ms: int = 100_000
    agent_media_ms: int = 6_000
    audio: AudioLimits = field(default_factory=AudioLimits)
    documents: DocumentLimits = field(default_factory=DocumentLimits)


class Understood:
    """What was heard and read in files, by the files' keys: a voice note is paid for once.

    Bounded: the least lately used goes first.

    Args:
        at_once: how many files may be taken apart at a time; each may need some 100 MB and a processor.
    """

    def __init__(self, at_once: int = 3) -> None:
        self.gate = asyncio.Semaphore(at_once)
        self._found: OrderedDict[str, Media] = OrderedDict()

    def get(self, key: str) -> Media | None:
        """Return what is known of a file."""
        if key in self._found:
            self._found.move_to_end(key)
        return self._found.get(key)

    def put(self, key: str, media: Media) -> None:
        """Remember what was found out about a file."""
        self._found[key] = media
        if len(self._found) > _UNDERSTOOD:
            self._found.popitem(last=False)


@dataclass(frozen=True, slots=True)
class GraphContext:
    """What the nodes of a run may use.

    Args:
        prompts: the prompt files served.
        detector: tells whether a human is wanted, without a model.
        knowledge: the company's texts, searchable.
        responder: the language model; None when none is configured.
        clock: the time.
        agent_locale: the language of what agents read.
        limits: bounds of a turn.
        media: the customers' files; None: none can be read.
        transcriber: hears voice notes; None: a human does.
        describer: sees pictures; None: a human does.
        understood: what was found out about files in this process.
        retriever: a better search than ``knowledge`` for what the model reads; None: ``knowledge`` does.
        output: knows what the prompt files allow an answer to say.
    """

    prompts: PromptSet
    detector: Detector
    knowledge: Knowledge
    responder: Responder | None
    clock: Clock
    agent_locale: str = "pt-BR"
    limits: Limits = field(default_factory=Limits)
    media: MediaSource | None = None
    transcriber: Transcriber | None = None
    describer: Describer | None = None
    understood: Understood = field(default_factory=Understood)
    retriever: Retriever | None = None
    output: OutputCheck = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", OutputCheck(self.prompts))
