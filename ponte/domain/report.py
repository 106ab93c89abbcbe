"""The supervisors' numbers, counted from facts: pure.

A report is about what *began* in its range: conversations opened, and agents asked for, from ``since`` up to
``until``. How these went on is counted whenever it happened. Times of day are the company's.

In human hours (``Hours.HUMAN``) only what began while agents were there counts, and every clock stops while
they are not: a customer who asks at night neither lengthens nor flatters the wait.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from ponte.domain.conversation import ResumeAction
from ponte.domain.facts import ConversationFact, StretchFact
from ponte.domain.office_hours import OfficeHours, local

_CONTENT_FROM: Final = 4
_HOURS_A_DAY: Final = 24


class Hours(StrEnum):
    """Which hours count."""

    ALL = "all"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What a report is about.

    Args:
        since: ms UTC.
        until: ms UTC, not included.
        hours: which hours count.
        agent_id: only what this agent had last; None: all, the bot's too.
        language: only customers who speak it, as a BCP 47 tag.
        prompt_version: only conversations that these prompt files served last.
    """

    since: int
    until: int
    hours: Hours = Hours.ALL
    agent_id: str | None = None
    language: str | None = None
    prompt_version: str | None = None

    def wants(self, fact: ConversationFact | StretchFact) -> bool:
        """Tell whether a fact passes the filters."""
        return (
            self.agent_id in {None, fact.agent_id}
            and self.language in {None, fact.language}
            and self.prompt_version in {None, fact.prompt_version}
        )


@dataclass(frozen=True, slots=True)
class Durations:
    """How some durations are spread, in ms by nearest rank; None where there are none."""

    count: int
    median: int | None
    p90: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of one group.

    Args:
        opened: conversations opened.
        bot: of these, those that are over without an agent having been asked for.
        human: of these, those that are over and an agent was asked for.
        settled: conversations that are over, of those that began long enough ago for the bot's to be, too.
        settled_bot: of these, those for which no agent was ever asked for.
        handoffs: how often an agent was asked for.
        untaken: of these, those that nobody took, or has taken yet.
        wait: from then until one took the conversation.
        first_reply: from then until one answered the customer.
        resolution: from then until one resolved it.
        resolved: conversations that an agent's stretch ended, over or opened again since.
        reopened: of these, those that an agent opened again.
        csat_asked: conversations whose customer was asked how content they were.
        csat_answers: how many said it.
        csat_mean: their mean, 1 to 5; None without answers.
        csat_content: how many said 4 or 5.
    """

    opened: int
    bot: int
    human: int
    settled: int
    settled_bot: int
    handoffs: int
    untaken: int
    wait: Durations
    first_reply: Durations
    resolution: Durations
    resolved: int
    reopened: int
    csat_asked: int
    csat_answers: int
    csat_mean: float | None
    csat_content: int

    @property
    def open(self) -> int:
        """Of what was opened, what is not over."""
        return self.opened - self.bot - self.human

    @property
    def bot_share(self) -> float | None:
        """The share of what is settled that the bot solved alone, 0 to 1; None while nothing is."""
        return _share(self.settled_bot, self.settled)

    @property
    def reopen_rate(self) -> float | None:
        """The share of what agents closed that was opened again, 0 to 1."""
        return _share(self.reopened, self.resolved)


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers, whole and by group.

    Args:
        query: what was asked for.
        timezone: in which days and hours are counted.
        total: of everything.
        days: by day of the range, as ``2026-11-22``; days without anything are there.
        hours: by hour of the day, 0 to 23.
        triggers: handoffs by what brought the human in, the most frequent first.
        agents: by agent's id.
        languages: by the customer's language.
        versions: by prompt version; the key of those unknown is empty.
    """

    query: ReportQuery
    timezone: str
    total: Figures
    days: dict[str, Figures]
    hours: dict[int, Figures]
    triggers: dict[str, int]
    agents: dict[str, Figures]
    languages: dict[str, Figures]
    versions: dict[str, Figures]

    @property
    def empty(self) -> bool:
        """True when nothing began in the range."""
        return self.total.opened == 0 and self.total.handoffs == 0


@dataclass(slots=True)
class _Group:
    """What is counted of a group so far."""

    opened: int = 0
    bot: int = 0
    human: int = 0
    settled: int = 0
    settled_bot: int = 0
    handoffs: int = 0
    untaken: int = 0
    resolved: int = 0
    reopened: int = 0
    csat_asked: int = 0
    scores: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    resolutions: list[int] = field(default_factory=list)

    def figures(self) -> Figures:
        answers = len(self.scores)
        return Figures(
            opened=self.opened,
            bot=self.bot,
            human=self.human,
            settled=self.settled,
            settled_bot=self.settled_bot,
            handoffs=self.handoffs,
            untaken=self.untaken,
            wait=_durations(self.waits),
            first_reply=_durations(self.replies),
            resolution=_durations(self.resolutions),
            resolved=self.resolved,
            reopened=self.reopened,
            csat_asked=self.csat_asked,
            csat_answers=answers,
            csat_mean=sum(self.scores) / answers if answers else None,
            csat_content=sum(score >= _CONTENT_FROM for score in self.scores),
        )


class Tally:
    """Counts facts, in any order and in any portions.

    Args:
        query: what is asked for.
        timezone: in which days and hours are counted.
        hours: when agents are there; needed for ``Hours.HUMAN``.
        now: ms UTC.
        idle_ms: a conversation silent with the bot this long is over.
    """

    def __init__(
        self, query: ReportQuery, *, timezone: str, hours: OfficeHours | None, now: int, idle_ms: int
    ) -> None:
        self._query = query
        self._timezone = timezone
        self._hours = hours if query.hours is Hours.HUMAN else None
        self._now = now
        self._idle_ms = idle_ms
        self._total = _Group()
        self._days: dict[str, _Group] = defaultdict(_Group)
        self._by_hour: dict[int, _Group] = defaultdict(_Group)
        self._agents: dict[str, _Group] = defaultdict(_Group)
        self._languages: dict[str, _Group] = defaultdict(_Group)
        self._versions: dict[str, _Group] = defaultdict(_Group)
        self._triggers: dict[str, int] = defaultdict(int)

    def add_conversations(self, facts: Iterable[ConversationFact]) -> None:
        """Count conversations."""
        for fact in facts:
            if not self._counts(fact, fact.opened_at):
                continue
            over = fact.over(self._now, self._idle_ms)
            closed = fact.human and (over or fact.reopened > 0)
            # An agent's conversation can be over at once, the bot's only when it was silent for long: of the
            # young ones all that are over are agents', which tells nothing of the bot.
            settled = over and self._now - fact.opened_at >= self._idle_ms
            for group in self._groups(fact, fact.opened_at):
                group.opened += 1
                group.bot += over and not fact.human
                group.human += over and fact.human
                group.settled += settled
                group.settled_bot += settled and not fact.human
                group.resolved += closed
                group.reopened += closed and fact.reopened > 0
                group.csat_asked += fact.csat_asked
                if fact.csat is not None:
                    group.scores.append(fact.csat)

    def add_stretches(self, facts: Iterable[StretchFact]) -> None:
        """Count human stretches. One that an agent began by reopening is no handoff."""
        for fact in facts:
            if fact.trigger is None or not self._counts(fact, fact.asked_at):
                continue
            self._triggers[fact.trigger.value] += 1
            wait = self._length(fact.asked_at, fact.claimed_at)
            reply = self._length(fact.asked_at, fact.first_reply_at)
            resolved = fact.how is ResumeAction.RESOLVED
            resolution = self._length(fact.asked_at, fact.ended_at) if resolved else None
            for group in self._groups(fact, fact.asked_at):
                group.handoffs += 1
                group.untaken += fact.claimed_at is None
                for lengths, length in (
                    (group.waits, wait),
                    (group.replies, reply),
                    (group.resolutions, resolution),
                ):
                    if length is not None:
                        lengths.append(length)

    def report(self) -> Report:
        """Return what was counted."""
        return Report(
            query=self._query,
            timezone=self._timezone,
            total=self._total.figures(),
            days={day: self._days[day].figures() for day in self._range()},
            hours={hour: self._by_hour[hour].figures() for hour in range(_HOURS_A_DAY)},
            triggers=dict(sorted(self._triggers.items(), key=lambda item: (-item[1], item[0]))),
            agents=_figures(self._agents),
            languages=_figures(self._languages),
            versions=_figures(self._versions),
        )

    def _counts(self, fact: ConversationFact | StretchFact, began_at: int) -> bool:
        return self._query.wants(fact) and (self._hours is None or self._hours.open_at(began_at))

    def _groups(self, fact: ConversationFact | StretchFact, began_at: int) -> list[_Group]:
        began = local(began_at, self._timezone)
        groups = [
            self._total,
            self._days[began.date().isoformat()],
            self._by_hour[began.hour],
            self._languages[fact.language],
            self._versions[fact.prompt_version or ""],
        ]
        return groups if fact.agent_id is None else [*groups, self._agents[fact.agent_id]]

    def _length(self, since: int, until: int | None) -> int | None:
        if until is None:
            return None
        return max(0, until - since) if self._hours is None else self._hours.open_ms(since, until)

    def _range(self) -> list[str]:
        first = local(self._query.since, self._timezone).date()
        last = local(max(self._query.since, self._query.until - 1), self._timezone).date()
        return [day.isoformat() for day in _dates(first, last)]


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _figures(groups: Mapping[str, _Group]) -> dict[str, Figures]:
    ordered = sorted(groups.items(), key=lambda item: (-item[1].opened - item[1].handoffs, item[0]))
    return {key: group.figures() for key, group in ordered}


def _durations(lengths: Sequence[int]) -> Durations:
    ranked = sorted(lengths)
    return Durations(len(ranked), _rank(ranked, 0.5), _rank(ranked, 0.9))


def _rank(ranked: Sequence[int], share: float) -> int | None:
    """Return the least value that at least this share of them does not exceed."""
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
