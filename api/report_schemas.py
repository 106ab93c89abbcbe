"""The JSON of reports and of the floor."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas import AgentOut, ContactOut, Moment
from ponte.domain.conversation import Trigger
from ponte.domain.report import Hours

_SHARE = "0 to 1; null when there is nothing to share."


class DurationsOut(BaseModel):
    """How some durations are spread."""

    count: int = Field(description="How many there are.")
    median_s: int | None = Field(description="The middle one, in seconds; null when there are none.")
    p90_s: int | None = Field(description="What nine of ten do not exceed, in seconds.")


class FiguresOut(BaseModel):
    """The numbers of a group."""

    opened: int = Field(description="Conversations opened.")
    bot: int = Field(description="Of these, over without an agent having been asked for.")
    human: int = Field(description="Of these, over, and an agent was asked for.")
    open: int = Field(description="Of these, not over.")
    settled: int = Field(
        description="Of those opened at least `IDLE_HOURS` ago, those that are over. Of younger ones only "
        "an agent's can be."
    )
    settled_bot: int = Field(description="Of the settled, those for which no agent was asked for.")
    bot_share: float | None = Field(description=f"`settled_bot` of `settled`; {_SHARE}")
    handoffs: int = Field(description="How often an agent was asked for.")
    untaken: int = Field(description="Of these, those that no agent took, or has taken yet.")
    wait: DurationsOut = Field(description="From asking for an agent until one took the conversation.")
    first_reply: DurationsOut = Field(description="From asking for an agent until one answered.")
    resolution: DurationsOut = Field(description="From asking for an agent until one resolved it.")
    resolved: int = Field(description="Conversations that agents closed.")
    reopened: int = Field(description="Of these, those that an agent opened again.")
    reopen_rate: float | None = Field(description=f"`reopened` of `resolved`; {_SHARE}")
    csat_asked: int = Field(description="Conversations whose customer was asked how content they were.")
    csat_answers: int = Field(description="How many said it.")
    csat_mean: float | None = Field(description="The mean, 1 to 5; null without answers.")
    csat_content: int = Field(description="How many said 4 or 5.")


class DayOut(FiguresOut):
    """The numbers of a day."""

    day: str = Field(description="The day, in the report's time zone.", examples=["2026-11-22"])


class HourOut(FiguresOut):
    """The numbers of an hour of the day, over all days."""

    hour: int = Field(ge=0, le=23, description="It begins at this hour, in the report's time zone.")


class TriggerOut(BaseModel):
    """What brought humans in."""

    trigger: Trigger = Field(description="What decided it.")
    handoffs: int = Field(description="How often.")


class AgentFiguresOut(FiguresOut):
    """The numbers of an agent: of what they had last."""

    agent_id: str = Field(description="Who.")
    name: str | None = Field(description="Their name; null for one who is not known any more.")


class LanguageFiguresOut(FiguresOut):
    """The numbers of a language."""

    language: str = Field(description="The customer's, as a BCP 47 tag.", examples=["pt-BR"])


class VersionFiguresOut(FiguresOut):
    """The numbers of a version of the prompt files."""

    prompt_version: str | None = Field(description="Which served the conversation last; null: not known.")


class ReportOut(BaseModel):
    """What happened in a range: what began in it, and how that went on."""

    since: Moment = Field(description="The range's beginning.")
    until: Moment = Field(description="Its end, not included.")
    timezone: str = Field(description="In which days and hours are counted.", examples=["America/Sao_Paulo"])
    hours: Hours = Field(description="All hours, or only those when agents are there.")
    total: FiguresOut = Field(description="Everything.")
    days: list[DayOut] = Field(description="Each day of the range.")
    by_hour: list[HourOut] = Field(description="The 24 hours of the day.")
    triggers: list[TriggerOut] = Field(description="What brought humans in, the most frequent first.")
    agents: list[AgentFiguresOut] = Field(description="By agent.")
    languages: list[LanguageFiguresOut] = Field(description="By language.")
    prompt_versions: list[VersionFiguresOut] = Field(description="By version of the prompt files.")


class CaseOut(BaseModel):
    """A conversation in human hands, with its clock."""

    id: str = Field(description="The conversation's.", examples=["cv_0a1b"])
    contact: ContactOut | None = Field(description="Whose it is; null when they were erased just now.")
    trigger: Trigger | None = Field(description="What brought the human in.")
    priority: int = Field(description="0 normal, 1 high, 2 urgent.")
    language: str = Field(description="The customer's, as a BCP 47 tag.")
    asked_at: Moment | None = Field(description="When an agent was asked for.")
    waiting_since: Moment | None = Field(
        description="Since when it waits to be taken; null: an agent has it."
    )
    due_at: Moment | None = Field(
        description="When its target is missed: to be taken, then to be answered. Null: none, or met."
    )


class DeskOut(BaseModel):
    """An agent on the floor."""

    agent: AgentOut = Field(description="Who.")
    online_since: Moment | None = Field(description="Since when their console is open; null: it is not.")
    looking_at: list[str] = Field(description="The conversations that they have before their eyes.")
    held: int = Field(description="How many conversations they hold, snoozed ones too.")
    snoozed: int = Field(description="Of these, those that are put off.")
    cases: list[CaseOut] = Field(description="What they hold, without the snoozed.")


class FloorOut(BaseModel):
    """The floor as it is now."""

    at: Moment = Field(description="When.")
    human_hours: bool | None = Field(description="Whether agents should be there; null: no hours are set.")
    waiting_count: int = Field(description="How many customers wait for an agent.")
    held_count: int = Field(description="How many conversations agents hold.")
    late_count: int = Field(description="How many of all these have missed their target.")
    waiting: list[CaseOut] = Field(description="Who waits, the most urgent first, at most 50.")
    desks: list[DeskOut] = Field(description="The agents, those who are here first.")
