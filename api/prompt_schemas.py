"""Versions of the prompt files, their differences, and the decision ledger, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Moment
from ponte.domain.conversation import Trigger
from ponte.domain.decision import Mark, Outcome


class RollbackIn(BaseModel):
    """The version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(
        description="The version, or its beginning.", min_length=1, max_length=64, examples=["3f9a1c0b27de"]
    )


class ServingOut(BaseModel):
    """What all processes serve."""

    served: str | None = Field(description="The version; null before any was.")
    pinned: str | None = Field(description="The version that was gone back to; null: the files are served.")


class DiffLineOut(BaseModel):
    """A line of a difference."""

    kind: str = Field(description="`same`, `old`, `new`, or `gap` for lines that are left out.")
    text: str = Field(description="The line.")


class FileDiffOut(BaseModel):
    """A file that differs."""

    path: str = Field(description="Relative to the folder.")
    state: str = Field(description="`added`, `removed`, `changed`, or `binary`.")
    lines: list[DiffLineOut] = Field(description="With three lines around each change.")
    cut: bool = Field(description="There are more lines.")


class DiffOut(BaseModel):
    """What changed between two versions."""

    files: list[FileDiffOut] = Field(description="Those that differ, by path.")


class FigureOut(BaseModel):
    """Something that was measured."""

    name: str = Field(description="What.")
    value: float = Field(description="0 to 1 where it is a score.")
    bound: float | None = Field(description="What it was held against.")


class LedgerMarkOut(BaseModel):
    """What an agent says of a decision."""

    agent_id: str = Field(description="Who.")
    mark: Mark = Field(description="What.")
    at: Moment = Field(description="When.")


class LedgerRowOut(BaseModel):
    """A decision, and what agents say of it."""

    id: str = Field(description="Opaque.")
    conversation_id: str = Field(description="Where.")
    at: Moment = Field(description="When.")
    outcome: Outcome = Field(description="Whether a human was brought in.")
    trigger: Trigger | None = Field(description="What brought the human in.")
    phrase: str | None = Field(description="The phrase of our own lists that was found.")
    language: str = Field(description="The customer's.")
    prompt_version: str = Field(description="The prompt files that decided.")
    figures: list[FigureOut] = Field(description="What was measured.")
    marks: list[LedgerMarkOut] = Field(description="What agents say.")


class LedgerOut(BaseModel):
    """A page of the ledger."""

    items: list[LedgerRowOut] = Field(description="The newest first.")
    next: str | None = Field(description="`after` of the next page; null on the last.")
