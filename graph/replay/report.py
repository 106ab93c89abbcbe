"""What a replay found, as one JSON object: differences in handoffs first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from graph.replay.running import Replayed, ReplayedTurn

Report = dict[str, object]


def report_of(found: Sequence[Replayed], about: Mapping[str, object]) -> Report:
    """Return the report.

    Args:
        found: the conversations.
        about: what else it tells: ``draft`` (label and version), ``model`` and ``at``.
    """
    turns = [turn for one in found for turn in one.turns]
    ordered = sorted(found, key=lambda one: not one.handoff_differs)
    return {
        **about,
        "conversations": len(found),
        "turns": len(turns),
        "handoffs": {
            "only_now": sum(turn.handoff_differs and turn.trigger is not None for turn in turns),
            "only_before": sum(turn.handoff_differs and turn.trigger is None for turn in turns),
            "both": sum(not turn.handoff_differs and turn.trigger is not None for turn in turns),
            "neither": sum(not turn.handoff_differs and turn.trigger is None for turn in turns),
        },
        "answers": {
            "same": sum(turn.says_the_same for turn in turns),
            "different": sum(not turn.says_the_same for turn in turns),
        },
        "model_failures": sum(turn.model_failed is not None for turn in turns),
        "errors": sum(one.error is not None for one in found),
        "items": [_conversation(one) for one in ordered],
    }


def html_of(report: Mapping[str, object]) -> str:
    """Return a report as one page that needs nothing else: no script, no address, every text escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["moment"] = _moment
    source = files("graph.replay").joinpath("replay.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(report=report)


def _conversation(one: Replayed) -> Report:
    return {
        "number": one.past.number,
        "language": one.past.language,
        "cut": one.past.cut,
        "handoff_differs": one.handoff_differs,
        "error": one.error,
        "turns": [_turn(turn) for turn in one.turns],
    }


def _turn(turn: ReplayedTurn) -> Report:
    return {
        "customer": list(turn.past.customer),
        "left_out": turn.past.left_out,
        "handoff_differs": turn.handoff_differs,
        "same_answer": turn.says_the_same,
        "old": {
            "said": list(turn.past.said),
            "trigger": turn.past.trigger.value if turn.past.trigger is not None else None,
            "prompt_version": turn.past.prompt_version,
        },
        "new": {
            "said": list(turn.said),
            "trigger": turn.trigger.value if turn.trigger is not None else None,
            "model_failed": turn.model_failed,
        },
    }


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
