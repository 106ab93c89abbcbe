"""Trying prompt files out: what a draft said to an invented customer, without any real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
