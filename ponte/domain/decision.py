"""The decision ledger: why a human came, or why the bot went on, and what agents say of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ponte.domain.conversation import Trigger

Figures = tuple[tuple[str, float], ...]


class Outcome(StrEnum):
    """What a turn's detection came to."""

    HUMAN = "human"
    BOT = "bot"


class Mark(StrEnum):
    """What an agent says of a handoff."""

    NOT_NEEDED = "not_needed"
    LATE = "late"
    NONE = "none"


MARKS: Final = (Mark.NOT_NEEDED, Mark.LATE)


@dataclass(frozen=True, slots=True)
class HandoffDecision:
    """One decision on one turn of a customer. It holds figures and our own words, never the customer's.

    Args:
        id: follows from the turn, so that a replay writes the same one; see ``decision_id``.
        conversation_id: where.
        contact_id: whose turn it was.
        at: ms UTC.
        first_seq: the turn's messages of the customer begin with this seq.
        seq: the seq of the customer's last message in the turn.
        outcome: whether a human was brought in.
        language: the customer's, as a BCP 47 tag.
        prompt_version: the prompt files that decided.
        trigger: what brought the human in; None when the bot went on.
        scores: what was measured, by name, 0 to 1 where it is a score: ``classifier``, ``judge`` ...
        thresholds: what the scores were held against, by name; ``local.<language>`` also tells in which
            language the message was read. Empty where nothing was said in words.
        phrase: the phrase of our own lists that was found; None when none decided.
    """

    id: str
    conversation_id: str
    contact_id: str
    at: int
    first_seq: int
    seq: int
    outcome: Outcome
    language: str
    prompt_version: str
    trigger: Trigger | None = None
    scores: Figures = ()
    thresholds: Figures = ()
    phrase: str | None = None


@dataclass(frozen=True, slots=True)
class HandoffMark:
    """What one agent says of one handoff; there is one for each pair, the newest word counts.

    Args:
        id: see ``mark_id``.
        decision_id: the decision.
        conversation_id: where.
        contact_id: whose conversation it is.
        agent_id: who says so.
        mark: what; ``NONE`` takes the mark back.
        at: ms UTC.
        trigger: the decision's.
        prompt_version: the decision's.
        at_seq: the customer's message at which a human should have come, for ``LATE``.
    """

    id: str
    decision_id: str
    conversation_id: str
    contact_id: str
    agent_id: str
    mark: Mark
    at: int
    trigger: Trigger
    prompt_version: str
    at_seq: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions are asked for; None lets all pass."""

    outcome: Outcome | None = None
    trigger: Trigger | None = None
    prompt_version: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """How many decisions were alike: ``trigger`` is None where the bot went on."""

    prompt_version: str
    outcome: Outcome
    trigger: Trigger | None
    count: int


@dataclass(frozen=True, slots=True)
class MarkCount:
    """How many marks were alike."""

    prompt_version: str
    trigger: Trigger
    mark: Mark
    count: int


def decision_id(turn_id: str) -> str:
    """Return the id of a turn's decision."""
    return f"{turn_id}:decision"


def mark_id(decision: str, agent_id: str) -> str:
    """Return the id of an agent's mark on a decision."""
    return f"{decision}:{agent_id}"
