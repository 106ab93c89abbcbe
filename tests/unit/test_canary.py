"""Who takes part in a trial of a prompt version, and when a trial is past its bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.canary import CanaryBounds, VersionFigures, bounds_from, past_bounds
from ponte.domain.conversation import Conversation
from ponte.domain.prompt_version import CanaryEnd, PromptCanary, PromptServing

TRIAL = PromptCanary("ff00", 10.0, 1_000)
BOUNDS = CanaryBounds()


def conversation(n: int, served: str | None = None, opened_at: int = 1_000) -> Conversation:
    """Return the n-th conversation."""
    return Conversation(f"cv_{n}", "ct", f"th_{n}", opened_at, opened_at, prompt_version=served)


@pytest.mark.parametrize("percent", [1.0, 10.0, 50.0, 90.0])
def test_the_share_of_conversations_is_as_stated(percent: float) -> None:
    """Of 2,000 conversations as many take part as 2,000 fair draws would give, within four deviations."""
    trial = replace(TRIAL, percent=percent)
    share = percent / 100
    taken = sum(trial.takes(conversation(n)) for n in range(2_000))
    assert abs(taken - 2_000 * share) < 4 * (2_000 * share * (1 - share)) ** 0.5


def test_none_and_all_of_them() -> None:
    """0 percent takes nobody, 100 percent everybody."""
    new = [conversation(n) for n in range(500)]
    assert not any(replace(TRIAL, percent=0).takes(one) for one in new)
    assert all(replace(TRIAL, percent=100).takes(one) for one in new)


def test_a_change_of_percent_moves_no_conversation_that_was_served() -> None:
    """What a conversation was served once decides, whether the share grows or shrinks."""
    mine = [conversation(n, TRIAL.version) for n in range(200)]
    others = [conversation(n, "0abc") for n in range(200)]
    for percent in (0.0, 10.0, 100.0):
        trial = replace(TRIAL, percent=percent)
        assert all(trial.takes(one) for one in mine)
        assert not any(trial.takes(one) for one in others)


def test_a_larger_share_adds_to_the_smaller_one() -> None:
    """Who is drawn at 10 percent is drawn at 20, too."""
    wider = replace(TRIAL, percent=20)
    assert all(wider.takes(one) for n in range(500) if TRIAL.takes(one := conversation(n)))


def test_older_conversations_take_no_part() -> None:
    """Neither a conversation opened before the trial, nor one that had the version in an earlier life."""
    trial = replace(TRIAL, percent=100)
    assert not trial.takes(conversation(1, opened_at=999))
    assert not trial.takes(conversation(1, TRIAL.version, opened_at=999))


def test_two_trials_draw_differently() -> None:
    """The same conversations are not the ones that every trial is tried on."""
    other = replace(TRIAL, version="ff01")
    both = sum(TRIAL.takes(one) and other.takes(one) for one in map(conversation, range(2_000)))
    assert both < 50


@pytest.mark.parametrize(
    ("trial", "others", "past"),
    [
        (VersionFigures(30, 10), VersionFigures(100, 20), "33.3 % of 30 conversations needed a human"),
        (VersionFigures(30, 9), VersionFigures(100, 20), None),
        (VersionFigures(29, 29), VersionFigures(100, 20), None),
        (VersionFigures(30, 30), VersionFigures(29, 0), None),
        (VersionFigures(turns=30, failures=2), VersionFigures(), "2 of 30 turns failed (6.7 %)"),
        (VersionFigures(turns=40, failures=2), VersionFigures(), None),
        (VersionFigures(turns=29, failures=29), VersionFigures(), None),
        (VersionFigures(), VersionFigures(), None),
    ],
)
def test_a_trial_is_past_its_bounds_only_beyond_them(
    trial: VersionFigures, others: VersionFigures, past: str | None
) -> None:
    """At a bound a trial goes on, beyond it it does not; and too few conversations prove nothing."""
    found = past_bounds(trial, others, BOUNDS)
    assert found is None if past is None else found is not None and past in found


def test_bounds_come_back_by_name() -> None:
    """What is not named has its default."""
    bounds = CanaryBounds(12.5, 1.0, 7)
    assert bounds_from(bounds.as_pairs()) == bounds
    assert bounds_from((("failure_rate", 2.0),)) == CanaryBounds(failure_rate=2.0)


def test_an_ended_trial_is_remembered() -> None:
    """What it was and how it ended stays, also through changes that have nothing to do with it."""
    serving = PromptServing(3, latest="aaaa", canary=TRIAL)
    over = serving.without_canary(2_000, "worker", CanaryEnd.ROLLED_BACK, "too many handoffs")
    assert (over.revision, over.canary, over.served) == (4, None, "aaaa")
    again = over.without_canary(3_000, "operator", CanaryEnd.STOPPED, pinned="bbbb")
    assert again.served == "bbbb"
    assert again.ended == over.ended
    assert over.ended is not None
    assert (over.ended.version, over.ended.how, over.ended.why) == (
        "ff00",
        "rolled_back",
        "too many handoffs",
    )
