"""``reply``: the bot's answer, from the model, or from the knowledge files where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from langgraph.runtime import Runtime

from graph.asking import ask_judge, ask_model, excerpts_for, judged_text
from graph.context import GraphContext, ModelFailed, Reply, Responder
from graph.decisions import decide
from graph.dictating import outweighs
from graph.escalating import escalated, failed, given_up, not_opened
from graph.knowledge import Hit
from graph.local_answer import LocalAnswer, local_answer
from graph.saying import model_said, offered, said
from graph.state import OutgoingRecord, State, clean
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author, Kind

log = structlog.get_logger(__name__)


async def reply(state: State, runtime: Runtime[GraphContext]) -> State:
    """Answer, or decide that a human has to."""
    context = runtime.context
    if fixed := _fixed(state):
        return said(state, context, context.prompts.text(fixed, state["language"]))
    silent = not state.get("text", "").strip()
    if state.get("cannot_open") and silent:
        return said(state, context, not_opened(state, context))
    change = escalated(state, await _answer(state, context), context)
    if state.get("cannot_open"):
        told: OutgoingRecord = {"body": not_opened(state, context), "author": Author.BOT.value}
        change["outgoing"] = [told, *change.get("outgoing", [])]
    return change


async def _answer(state: State, context: GraphContext) -> State:
    if context.responder is None:
        return _from_knowledge(state, context)
    try:
        answer, judged, excerpts = await _ask(state, context, context.responder)
    except ModelFailed as failure:
        log.warning("model_failed", turn_id=state["turn_id"], reason=str(failure))
        leant = _leaning(state, context)
        return {**leant, "model_failed": True} if leant else _without_model(state, context)
    return {**_answered(state, context, answer, judged, excerpts), "judged": judged}


def _answered(
    state: State, context: GraphContext, answer: Reply, judged: float | None, excerpts: Sequence[Hit]
) -> State:
    """Return what the model's answer, and the judgement beside it, come to."""
    band = context.prompts.handoff.classifier
    if judged is not None and judged >= band.judge:
        return {"decision": decide(Trigger.CLASSIFIER, judged, context)}
    weighed = judged is not None and outweighs(judged, band.judge, judged_text(state))
    if not weighed and (change := _leaning(state, context)):
        return change
    if answer.transfer_reason is not None:
        if not context.prompts.handoff.triggers.model.enabled:
            return offered(state, context)
        decision = decide(Trigger.MODEL, 1.0, context, why=clean(answer.transfer_reason)[:300])
        return {"decision": decision}
    return model_said(state, context, clean(answer.text), excerpts)


def _leaning(state: State, context: GraphContext) -> State | None:
    """Return the decision to which the local judgement leant, where nobody else has judged."""
    if not (state.get("unsure") and state.get("leaning")):
        return None
    return {"decision": decide(Trigger.CLASSIFIER, state.get("unsure_score") or 0.0, context)}


async def _ask(
    state: State, context: GraphContext, responder: Responder
) -> tuple[Reply, float | None, Sequence[Hit]]:
    """Look up what the files say and ask for the answer; where detection was unsure, a judgement beside both.

    The answer never waits for the judgement: one that fails, or is not there when the answer is, leaves the
    local decision standing. Raises ModelFailed.
    """
    limits = context.limits
    judging = asyncio.ensure_future(ask_judge(state, context, responder)) if state.get("unsure") else None
    try:
        excerpts = await excerpts_for(state, context)
        async with asyncio.timeout(limits.model_deadline_ms / 1000):
            answer = await ask_model(state, context, responder, excerpts)
        # A turn of the loop, not a wait: what has come by now is taken in.
        await asyncio.sleep(0)
    except TimeoutError:
        raise ModelFailed(f"no answer within {limits.model_deadline_ms} ms, all tries together") from None
    else:
        return answer, _judgement(judging), excerpts
    finally:
        if judging is not None:
            judging.cancel()


def _judgement(judging: asyncio.Future[float] | None) -> float | None:
    """Return the judgement that is there; None where there is none."""
    if judging is None:
        return None
    if not judging.done():
        log.info("judge_failed", reason="late")
        return None
    try:
        return judging.result()
    except ModelFailed as failure:
        log.info("judge_failed", reason=str(failure))
        return None


def _from_knowledge(state: State, context: GraphContext) -> State:
    """Answer without any model configured; a human where the files say nothing."""
    found = _local(state, context, context.prompts.policy.knowledge.answer)
    if found is not None:
        return said(state, context, found.text, found.details, attached=found.attached)
    at_once = context.prompts.policy.knowledge.nothing_found == "hand_over"
    if not at_once or not context.prompts.handoff.triggers.no_answer.enabled:
        return offered(state, context)
    return given_up(state, context, "bot.nothing_found", decide(Trigger.NO_ANSWER, 1.0, context))


def _without_model(state: State, context: GraphContext) -> State:
    """The model is down: answer from the files only what they clearly answer; else a human."""
    found = _local(state, context, context.prompts.policy.knowledge.fallback)
    if found is not None:
        return {
            **said(state, context, found.text, found.details, attached=found.attached),
            "model_failed": True,
        }
    return {**failed(state, context), "model_failed": True}


def _local(state: State, context: GraphContext, threshold: float) -> LocalAnswer | None:
    """Answer from the files; what came without words needs a model or a human."""
    return local_answer(state, context, threshold) if state.get("text", "").strip() else None


def _fixed(state: State) -> str | None:
    """Return the key of the text that answers a turn in which nothing was said; None for all others."""
    if state.get("ask_repeat"):
        return "media.repeat"
    stickers = all(item["kind"] == Kind.STICKER.value for item in state.get("inbound", []))
    silent = not state.get("text", "").strip()
    return "media.sticker" if silent and (stickers or not state.get("attachments")) else None
