"""What a turn says, as changes of the state: an answer, or that there is none and a human is offered."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from graph.attachments import Attachment
from graph.citing import cited, sources_detail
from graph.context import GraphContext
from graph.grounding import unfounded, without_offer
from graph.knowledge import Hit
from graph.media_records import media_record
from graph.memory import with_turn
from graph.output_check import WITHHELD
from graph.state import OutgoingRecord, State
from ponte.domain.choices import to_details
from ponte.domain.message import Author, Details, Media

log = structlog.get_logger(__name__)

NOTHING_FOUND = "bot.offer_human"
NOT_SENT = "bot.withheld"


def said(
    state: State,
    context: GraphContext,
    text: str,
    details: Details = (),
    *,
    answered: bool = True,
    attached: Sequence[Attachment] = (),
) -> State:
    """Return the change that says ``text`` and closes the turn.

    Args:
        state: the turn.
        context: the run's context.
        text: for the customer.
        details: the message's, for agents: what it rests on.
        answered: whether it answers what was asked.
        attached: files that go with it; each goes out once in a conversation.
    """
    unanswered = 0 if answered else state.get("unanswered", 0) + 1
    told: OutgoingRecord = {"body": text, "author": Author.BOT.value}
    if details:
        told["details"] = [list(pair) for pair in details]
    change: State = {
        **with_turn(state, text, context.limits),
        "outgoing": [told],
        "answered": answered,
        "unanswered": unanswered,
    }
    if files := _new_files(state, attached):
        change["outgoing"] += [
            {"body": "", "author": Author.BOT.value, "file": media_record(one)} for one in files.values()
        ]
        change["attached"] = [*state.get("attached", []), *files]
    return change


def _new_files(state: State, attached: Sequence[Attachment]) -> dict[str, Media]:
    """Return those of the files that did not go out in this conversation yet, by key."""
    before = state.get("attached", [])
    files = [one.media for one in attached]
    return {one.key: one for one in files if one.key is not None and one.key not in before}


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

    Where it says that it has no answer, or could only have invented one, a human is offered.

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
    if unfounded(state, context, answer, excerpts):
        log.info("reply_without_source", turn_id=state["turn_id"])
        return offered(state, context)
    if not answer.answered:
        return _with_offer(state, context, without_offer(answer.text))
    attached = [
        file for hit in excerpts if hit.section.reference in answer.sources for file in hit.section.attached
    ]
    return said(state, context, answer.text, sources_detail(answer.sources), attached=attached)


def _with_offer(state: State, context: GraphContext, text: str) -> State:
    """Return the change that says ``text`` and then offers a human, in a message of its own.

    The offer's words stay the same from turn to turn: buttons are made once for each text.
    """
    change = offered(state, context)
    if not text:
        return change
    offer = change["outgoing"]
    told = "\n".join([text, *(one["body"] for one in offer)])
    return {
        **change,
        **with_turn(state, told, context.limits),
        "outgoing": [{"body": text, "author": Author.BOT.value}, *offer],
    }


def _own_words(state: State) -> str:
    """Return what this customer wrote, and what agents told them: contacts in it may be named to them.

    What files, quotes and forwarded messages hold is left out: others wrote it.
    """
    lines = [line for turn in state.get("window", []) for line in turn["customer"].splitlines()]
    typed = [line for line in lines if not line.startswith('{"')]
    return "\n".join([*typed, state.get("text", ""), state.get("brief", ""), state.get("memory", "")])
