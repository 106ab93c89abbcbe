"""Decisions to bring a human in: worded for the agent, and with what the ledger keeps of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from babel import Locale, UnknownLocaleError

from graph.context import GraphContext
from graph.prompt_schema import Band, HandoffPolicy
from graph.state import DecisionRecord
from ponte.domain.conversation import Trigger
from ponte.domain.decision import Figures


def decide(trigger: Trigger, score: float, context: GraphContext, **variables: object) -> DecisionRecord:
    """Return a decision with its reason in the agents' language, from ``messages/<locale>.yaml``.

    Args:
        trigger: what decided it; the reason's key is ``reason.<trigger>``.
        score: the confidence, 0 to 1.
        context: the run's context.
        variables: what the reason names; ``phrase`` is kept in the ledger.
    """
    reason = context.prompts.text(f"reason.{trigger.value}", context.agent_locale, **variables)
    record: DecisionRecord = {
        "reason": reason,
        "trigger": trigger.value,
        "score": round(score, 4),
        "summary": "",
        "thresholds": dict(thresholds(trigger, context.prompts.handoff)),
    }
    if "phrase" in variables:
        record["phrase"] = str(variables["phrase"])
    return record


def thresholds(trigger: Trigger, policy: HandoffPolicy) -> Figures:
    """Return what the files hold a trigger's scores against, by name; none for a wish for a human.

    Those of the wish are each turn's: see ``classifier_thresholds``.
    """
    triggers = policy.triggers
    held = {
        Trigger.NO_ANSWER: triggers.no_answer,
        Trigger.BOT_FAILED: triggers.bot_failed,
        Trigger.MEDIA: triggers.media,
        Trigger.REPEATED: triggers.repeated,
        Trigger.LANGUAGE: triggers.language,
    }.get(trigger)
    if held is None:
        return ()
    return tuple(_figures(held.model_dump()))


def classifier_thresholds(band: Band, lang: str) -> Figures:
    """Return what a turn's wish for a human was held against; ``local.<lang>`` tells how it was read."""
    return (
        ("sure", band.sure),
        ("unsure", band.unsure),
        ("judge", band.judge),
        ("doubt", band.doubt),
        (f"local.{lang}", band.local_for(lang)),
    )


def _figures(held: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Yield the numbers; a switch is none."""
    for name, value in held.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def language_name(code: str, locale: str) -> str:
    """Return what a language (ISO 639) is called in ``locale``; the code where no name is known."""
    try:
        return str(Locale.parse(locale.replace("-", "_")).languages.get(code, code))
    except (UnknownLocaleError, ValueError):
        return code
