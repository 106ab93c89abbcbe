"""``reply``: the bot's answer, from the model, or from the knowledge files where there is none."""

from __future__ import annotations

import asyncio

import structlog
from langgraph.runtime import Runtime

from graph.asking import ask_judge, ask_model
from graph.context import GraphContext, ModelFailed, Reply, Responder
from graph.decisions import decide
from graph.local_answer import local_answer
from graph.memory import with_turn
from graph.state import DecisionRecord, State, clean
from ponte.domain.conversation import Trigger
from ponte.domain.message import Author, Kind

log = structlog.get_logger(__name__)


async def reply(state: State, runtime: Runtime[GraphContext]) -> State:
    """Answer, or decide that a human has to."""
    context = runtime.context
    if fixed := _fixed(state):
        return _said(state, context, context.prompts.text(fixed, state["language"]))
    if context.responder is None:
        return _from_knowledge(state, context)
    try:
        answer, judged = await _ask(state, context, context.responder)
    except ModelFailed as failure:
        log.warning("model_failed", turn_id=state["turn_id"], reason=str(failure))
        return _without_model(state, context)
    band = context.prompts.handoff.classifier
    if judged is not None and judged >= band.judge:
        return {"decision": decide(Trigger.CLASSIFIER, judged, context)}
    if answer.transfer_reason is not None:
        decision = decide(Trigger.MODEL, 1.0, context, why=clean(answer.transfer_reason)[:300])
        return {"decision": decision}
    return _said(state, context, clean(answer.text))


async def _ask(state: State, context: GraphContext, responder: Responder) -> tuple[Reply, float | None]:
    """Ask for the answer and, where detection was unsure, for a judgement beside it.

    The judgement never adds its time to the answer's, a short grace apart; one that fails or is late
    leaves the local decision standing. Raises ModelFailed.
    """
    limits = context.limits
    judging = asyncio.ensure_future(ask_judge(state, context, responder)) if state.get("unsure") else None
    try:
        async with asyncio.timeout(limits.model_deadline_ms / 1000):
            answer = await ask_model(state, context, responder)
    except TimeoutError:
        raise ModelFailed(f"no answer within {limits.model_deadline_ms} ms, all tries together") from None
    else:
        return answer, await _judgement(judging, limits.judge_grace_ms)
    finally:
        if judging is not None:
            judging.cancel()


async def _judgement(judging: asyncio.Future[float] | None, grace_ms: int) -> float | None:
    if judging is None:
        return None
    try:
        return await asyncio.wait_for(judging, grace_ms / 1000)
    except (ModelFailed, TimeoutError) as failure:
        log.info("judge_failed", reason=str(failure) or "late")
        return None


def _from_knowledge(state: State, context: GraphContext) -> State:
    """Answer without any model configured; a human where the files say nothing."""
    text = _local(state, context, context.prompts.policy.knowledge.answer)
    if text is not None:
        return _said(state, context, text)
    return _given_up(state, context, "bot.nothing_found", decide(Trigger.NO_ANSWER, 1.0, context))


def _without_model(state: State, context: GraphContext) -> State:
    """The model is down: answer from the files only what they clearly answer; else a human."""
    text = _local(state, context, context.prompts.policy.knowledge.fallback)
    if text is not None:
        return {**_said(state, context, text), "model_failed": True}
    change = _given_up(state, context, "bot.unavailable", decide(Trigger.BOT_FAILED, 1.0, context))
    return {**change, "model_failed": True}


def _local(state: State, context: GraphContext, threshold: float) -> str | None:
    """Answer from the files; what came without words needs a model or a human."""
    return local_answer(state, context, threshold) if state.get("text", "").strip() else None


def _fixed(state: State) -> str | None:
    """Return the key of the text that answers a turn in which nothing was said; None for all others."""
    if state.get("ask_repeat"):
        return "media.repeat"
    stickers = all(item["kind"] == Kind.STICKER.value for item in state.get("inbound", []))
    silent = not state.get("text", "").strip()
    return "media.sticker" if silent and (stickers or not state.get("attachments")) else None


def _said(state: State, context: GraphContext, text: str) -> State:
    return {
        **with_turn(state, text, context.limits),
        "outgoing": [{"body": text, "author": Author.BOT.value}],
        "unanswered": 0,
    }


def _given_up(state: State, context: GraphContext, key: str, decision: DecisionRecord) -> State:
    """Say so; ``hand_over`` closes the turn."""
    body = context.prompts.text(key, state["language"])
    return {
        "outgoing": [{"body": body, "author": Author.BOT.value}],
        "unanswered": state.get("unanswered", 0) + 1,
        "decision": decision,
    }
