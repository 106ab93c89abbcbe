"""Trying prompt files out: what a draft said to an invented customer, without any real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ponte.domain.conversation import Trigger
from ponte.domain.decision import HandoffDecision
from ponte.domain.prompt_version import PromptFault


@dataclass(frozen=True, slots=True)
class PromptFolder:
    """The prompt files as they stand in the folder.

    Args:
        version: the hash of their contents.
        files: the contents by path.
        faults: what keeps them from being served.
    """

    version: str
    files: Mapping[str, bytes]
    faults: tuple[PromptFault, ...] = ()


@dataclass(frozen=True, slots=True)
class TriedTurn:
    """What came of one message.

    Args:
        customer: what the invented customer wrote.
        answers: what the bot and the system said.
        handed_over: a human would have the conversation now.
        decision: what detection made of it; None when the conversation was a human's already.
        sources: references of the company's texts that the answer rests on.
    """

    customer: str
    answers: tuple[str, ...]
    handed_over: bool
    decision: HandoffDecision | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """A conversation with a draft.

    Args:
        version: of the files that spoke.
        turns: message by message, as far as it came.
        model: the language model took part; else the knowledge files answered alone.
        error: what kept it from going on; None when nothing did.
        took_ms: for all of it.
    """

    version: str
    turns: tuple[TriedTurn, ...] = field(default=())
    model: bool = False
    error: str | None = None
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class RecentTalk:
    """A stored conversation that a draft can be tried against.

    Args:
        id: the conversation's.
        updated_at: ms UTC.
        language: the customer's, as a BCP 47 tag.
        preview: what was said last, masked.
    """

    id: str
    updated_at: int
    language: str
    preview: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of what a customer said.

    Args:
        said: what the bot and the system answered, masked.
        trigger: what brought a human in; None when the bot went on.
    """

    said: tuple[str, ...]
    trigger: Trigger | None


@dataclass(frozen=True, slots=True)
class ComparedTurn:
    """One turn of a stored conversation, as it was and with a draft.

    Args:
        customer: what the customer said, masked.
        left_out: files without words among it, which the draft is not shown.
        before: as it was.
        now: with the draft.
        model_failed: why the model did not answer the draft; None when it did, or was not asked.
    """

    customer: tuple[str, ...]
    left_out: int
    before: Answered
    now: Answered
    model_failed: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A stored conversation beside what a draft makes of it.

    Args:
        version: of the files that spoke now.
        turns: as far as it came.
        cut: there were more.
        model: the language model took part; else the knowledge files answered alone.
        error: what kept it from going on; None when nothing did.
        took_ms: for all of it.
    """

    version: str
    turns: tuple[ComparedTurn, ...] = field(default=())
    cut: bool = False
    model: bool = False
    error: str | None = None
    took_ms: int = 0
