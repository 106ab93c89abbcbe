"""What a turn says, as changes of the state: an answer, or that there is none and a human is offered."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from graph.citing import cited, sources_detail
from graph.context import GraphContext
from graph.knowledge import Hit
from graph.memory import with_turn
from graph.output_check import WITHHELD
from graph.state import State
from ponte.domain.choices import to_details
from ponte.domain.message import Author, Details

log = structlog.get_logger(__name__)

NOTHING_FOUND = "bot.offer_human"
NOT_SENT = "bot.withheld"


def said(
    state: State, context: GraphContext, text: str, details: Details = (), *, answered: bool = True
) -> State:
    """Return the change that says ``text`` and closes the turn.

    Args:
        state: the turn.
        context: the run's context.
        text: for the customer.
        details: the message's, for agents: what it rests on.
        answered: whether it answers what was asked.
    """
    unanswered = 0 if answered else state.get("unanswered", 0) + 1
    return {
        **with_turn(state, text, context.limits),
        "outgoing": [
            {"body": text, "author": Author.BOT.value, "details": [list(pair) for pair in details]}
            if details
            else {"body": text, "author": Author.BOT.value}
        ],
        "answered": answered,
        "unanswered": unanswered,
    }


def offered(state: State, context: GraphContext, key: str = NOTHING_FOUND, details: Details = ()) -> State:
    """Return the change that says that there is no answer and offers a human, to accept or not.

    Args:
        state: the turn.
        context: the run's context.
        key: of a text that offers a human.
        details: the message's, for agents, beside its choices.
    """
    language = state["language"]
    choices = to_details(context.prompts.choices(key, language))
    text = context.prompts.text(key, language)
    return said(state, context, text, (*details, *choices), answered=False)


def model_said(state: State, context: GraphContext, text: str, excerpts: Sequence[Hit]) -> State:
    """Return the change that says what the model wrote, or a fixed text where that must not be said.

    Args:
        state: the turn.
        context: the run's context.
        text: as the model wrote it.
        excerpts: what it was given, in the order of their numbers.
    """
    answer = cited(text, excerpts)
    if not answer.text:
        return offered(state, context)
    reason = context.output.reason(answer.text, _own_words(state))
    if reason is not None:
        log.warning("reply_withheld", turn_id=state["turn_id"], reason=reason.value)
        return offered(state, context, NOT_SENT, ((WITHHELD, reason.value),))
    return said(state, context, answer.text, sources_detail(answer.sources), answered=answer.answered)


def _own_words(state: State) -> str:
    """Return what this customer wrote, and what agents told them: contacts in it may be named to them.

    What files, quotes and forwarded messages hold is left out: others wrote it.
    """
    lines = [line for turn in state.get("window", []) for line in turn["customer"].splitlines()]
    typed = [line for line in lines if not line.startswith('{"')]
    return "\n".join([*typed, state.get("text", ""), state.get("brief", ""), state.get("memory", "")])
