"""Whether a version of the prompt files on trial does worse than the others: the figures and the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CanaryBounds:
    """What ends a trial by itself.

    Args:
        handoff_rise: how many points the share of conversations that needed a human may be above that of
            the other versions.
        failure_rate: how many of its turns may fail, in percent.
        conversations: so many conversations each side must have before the first bound is looked at, and so
            many turns the version on trial before the second.
    """

    handoff_rise: float = 10.0
    failure_rate: float = 5.0
    conversations: int = 30

    def as_pairs(self) -> tuple[tuple[str, float], ...]:
        """Return the bounds by name, as ``PromptCanary.bounds`` keeps them."""
        return (
            ("handoff_rise", self.handoff_rise),
            ("failure_rate", self.failure_rate),
            ("conversations", float(self.conversations)),
        )


def bounds_from(pairs: tuple[tuple[str, float], ...]) -> CanaryBounds:
    """Return the bounds that ``pairs`` name; those that they do not name have their defaults."""
    named, default = dict(pairs), CanaryBounds()
    return CanaryBounds(
        handoff_rise=named.get("handoff_rise", default.handoff_rise),
        failure_rate=named.get("failure_rate", default.failure_rate),
        conversations=round(named.get("conversations", default.conversations)),
    )


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """How a version did since a trial began.

    Args:
        conversations: opened since then, and served by it.
        handed_over: those of them in which a human was brought in.
        turns: that it decided.
        failures: those of them that failed, so that a human had to take over.
        not_needed: agents' marks that say that no human was needed.
        late: those that say that one should have come sooner.
        csat_sum: of the scores that customers gave, 1 to 5.
        csat_count: how many gave one.
    """

    conversations: int = 0
    handed_over: int = 0
    turns: int = 0
    failures: int = 0
    not_needed: int = 0
    late: int = 0
    csat_sum: int = 0
    csat_count: int = 0

    @property
    def handoff_rate(self) -> float | None:
        """Of the conversations, in percent; None without any."""
        return self.handed_over * 100 / self.conversations if self.conversations else None

    @property
    def failure_rate(self) -> float | None:
        """Of the turns, in percent; None without any."""
        return self.failures * 100 / self.turns if self.turns else None

    @property
    def csat(self) -> float | None:
        """The mean score; None without any."""
        return self.csat_sum / self.csat_count if self.csat_count else None

    def plus(self, other: VersionFigures) -> VersionFigures:
        """Return the figures of both together."""
        return VersionFigures(
            conversations=self.conversations + other.conversations,
            handed_over=self.handed_over + other.handed_over,
            turns=self.turns + other.turns,
            failures=self.failures + other.failures,
            not_needed=self.not_needed + other.not_needed,
            late=self.late + other.late,
            csat_sum=self.csat_sum + other.csat_sum,
            csat_count=self.csat_count + other.csat_count,
        )


def past_bounds(trial: VersionFigures, others: VersionFigures, bounds: CanaryBounds) -> str | None:
    """Return which bound a trial is past, in a sentence; None while it is past none.

    Args:
        trial: the version on trial.
        others: all other versions since the trial began, together.
        bounds: what it is held against.
    """
    failures = trial.failure_rate
    if failures is not None and trial.turns >= bounds.conversations and failures > bounds.failure_rate:
        return (
            f"{trial.failures} of {trial.turns} turns failed ({failures:.1f} %), more than "
            f"{bounds.failure_rate:g} %."
        )
    rate, usual = trial.handoff_rate, others.handoff_rate
    if rate is None or usual is None or min(trial.conversations, others.conversations) < bounds.conversations:
        return None
    if rate - usual > bounds.handoff_rise:
        return (
            f"{rate:.1f} % of {trial.conversations} conversations needed a human, against {usual:.1f} % of "
            f"{others.conversations} with other versions: more than {bounds.handoff_rise:g} points above."
        )
    return None
