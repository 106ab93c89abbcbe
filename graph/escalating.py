"""When the bot cannot answer: say so and offer a human, and bring one in once it happened often enough."""

from __future__ import annotations

from graph.context import GraphContext
from graph.decisions import decide
from graph.saying import said
from graph.state import DecisionRecord, OutgoingRecord, State
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author

# What is said instead of an offer when the human comes anyway.
_OFFERS = {"bot.offer_human": "bot.nothing_found", "bot.withheld": "bot.nothing_found"}


def given_up(state: State, context: GraphContext, key: str, decision: DecisionRecord) -> State:
    """Return the change that says that the bot cannot answer; ``hand_over`` closes the turn.

    Args:
        state: the turn.
        context: the run's context.
        key: of the text that says so.
        decision: why a human comes.
    """
    body = context.prompts.text(key, state["language"])
    return _closing(state, [{"body": body, "author": Author.BOT.value}], decision)


def escalated(state: State, change: State, context: GraphContext) -> State:
    """Return ``change``, or one that brings a human in: the bot could not answer in so many turns running."""
    if change.get("decision") or change.get("answered", True):
        return change
    if not _no_answer_due(state, context):
        return change
    decision = decide(Trigger.NO_ANSWER, 1.0, context)
    return _closing(state, _without_offers(change["outgoing"], state["language"], context), decision)


def failed(state: State, context: GraphContext) -> State:
    """Return the change for a turn that neither the model nor the files answer."""
    policy = context.prompts.handoff.triggers.bot_failed
    if policy.enabled and state.get("unanswered", 0) + 1 >= policy.after:
        return given_up(state, context, "bot.unavailable", decide(Trigger.BOT_FAILED, 1.0, context))
    language = state["language"]
    text = context.prompts.text("bot.unavailable", language)
    if not _no_answer_due(state, context):
        text = f"{text}\n\n{context.prompts.text('handoff.offer', language)}"
    return said(state, context, text, answered=False)


def not_opened(state: State, context: GraphContext) -> str:
    """Return what is said of files that the bot cannot open where no human is brought in for them."""
    texts = [context.prompts.text(key, state["language"]) for key in ("media.cannot_open", "handoff.offer")]
    return "\n\n".join(texts)


def _no_answer_due(state: State, context: GraphContext) -> bool:
    policy = context.prompts.handoff.triggers.no_answer
    return policy.enabled and state.get("unanswered", 0) + 1 >= policy.after


def _closing(state: State, outgoing: list[OutgoingRecord], decision: DecisionRecord) -> State:
    return {
        "outgoing": outgoing,
        "answered": False,
        "unanswered": state.get("unanswered", 0) + 1,
        "decision": decision,
    }


def _without_offers(
    outgoing: list[OutgoingRecord], language: str, context: GraphContext
) -> list[OutgoingRecord]:
    """Return what was to be said without the question whether a human is wanted: one comes."""
    instead = {
        context.prompts.text(k, language): context.prompts.text(v, language) for k, v in _OFFERS.items()
    }
    other = [one for one in outgoing if one["body"] not in instead]
    return other or [{"body": instead[one["body"]], "author": one["author"]} for one in outgoing]
