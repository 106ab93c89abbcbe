"""One turn of one thread: what the worker calls, under its lease.

A turn is a pure function of the thread and its input: run again after a crash it yields the same result,
from the checkpoint if that was written, without a second call of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from graph.builder import Graph
from graph.context import GraphContext
from graph.customer_text import beside_of, words_of
from graph.media_records import media_of, media_record, understood_media
from graph.nodes.take_back import stretch_ended
from graph.state import (
    InboundItem,
    InboundRecord,
    Outgoing,
    ResumeAnswer,
    State,
    StretchLine,
    TurnHandoff,
    clean,
)
from ponte.domain.conversation import Trigger
from ponte.domain.decision import Figures
from ponte.domain.message import Author, Media


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn came to.

    Args:
        outgoing: texts for the customer, in order.
        handoff: why a human is brought in; None when the bot goes on.
        language: the customer's locale after this turn.
        prompt_version: the prompt files that spoke.
        memory: the contact's new memory, when a human stretch ended resolved; None leaves it.
        model_failed: the model did not answer and something else did.
        media: by message id, the files of the customer's messages with what was understood of them.
        scores: what detection measured, by name, 0 to 1.
        thresholds: what a wish for a human was held against, by name; empty where nothing was said.
    """

    outgoing: tuple[Outgoing, ...]
    handoff: TurnHandoff | None
    language: str
    prompt_version: str
    memory: str | None
    model_failed: bool
    media: Mapping[str, tuple[Media, ...]] = field(default_factory=dict)
    scores: Figures = ()
    thresholds: Figures = ()


async def run_turn(
    graph: Graph,
    ctx: GraphContext,
    *,
    thread_id: str,
    turn_id: str,
    resume: ResumeAnswer | None,
    inbound: Sequence[InboundItem],
    memory: str,
    language: str,
    replay: bool,
) -> TurnResult:
    """Run a turn, or return the result of one that ran already.

    First the end of a human stretch, if ``resume`` tells of one; then the customer's messages, if any.

    The caller holds the contact's lease: LangGraph has no lock, and two runs would fork the thread.

    Args:
        graph: from ``graph.builder.build_graph``.
        ctx: what the nodes may use.
        thread_id: the LangGraph thread; opaque.
        turn_id: the turn's fixed id; the same for a replay.
        resume: how the human stretch ended; None when none did.
        inbound: the customer's messages, oldest first.
        memory: the contact's memory from earlier conversations.
        language: the customer's locale so far.
        replay: the turn was begun before. Kept for the record: the checkpoint is looked at in any case,
            since a paused thread must not get new input.

    Raises:
        PonteError: never for a model's failure, which is part of the result.
    """
    del replay
    config: RunnableConfig = {"configurable": {"thread_id": thread_id, "__pregel_strict_resume": True}}
    thread = await graph.aget_state(config)
    state = cast("State", thread.values)
    paused, ran = bool(thread.interrupts), _ran(thread, turn_id)
    if resume is not None and state.get("resumed_turn") != turn_id:
        state = await _end_stretch(graph, ctx, config, thread, _answer(resume, turn_id, memory))
        paused = ran = False
    if inbound and not ran:
        if paused:
            # The record says that the bot owns this conversation: the pause is a leftover of a turn that
            # was given up. New input would discard the interrupt silently; end the stretch instead.
            await _end_stretch(graph, ctx, config, thread, _answer(ResumeAnswer(), "", memory))
        state = await _advance(graph, ctx, config, _input(turn_id, inbound, memory, language))
    return _result(state, turn_id, ctx, language, inbound)


def _ran(thread: StateSnapshot, turn_id: str) -> bool:
    """True when the thread ran this turn to its end: to END, or to the pause.

    A run that failed midway also leaves the turn's id, with nodes still to run; it is run again.
    """
    ended = not thread.next or bool(thread.interrupts)
    return ended and cast("State", thread.values).get("turn_id") == turn_id


async def _end_stretch(
    graph: Graph, ctx: GraphContext, config: RunnableConfig, thread: StateSnapshot, answer: ResumeAnswer
) -> State:
    """Answer the pending interrupt, by its id. Without one, write what the answer says all the same."""
    if thread.interrupts:
        resume = {thread.interrupts[0].id: answer.model_dump(mode="json")}
        return await _advance(graph, ctx, config, Command(resume=resume))
    state = cast("State", thread.values)
    change = stretch_ended(state, answer, ctx)
    await graph.aupdate_state(config, change, as_node="take_back")
    return {**state, **change}


async def _advance(
    graph: Graph, ctx: GraphContext, config: RunnableConfig, given: State | Command[str]
) -> State:
    return cast("State", await graph.ainvoke(given, config, context=ctx, durability="exit"))


def _answer(resume: ResumeAnswer, turn_id: str, memory: str) -> ResumeAnswer:
    return ResumeAnswer(
        action=resume.action,
        brief=clean(resume.brief),
        stretch=tuple(StretchLine(author=line.author, text=clean(line.text)) for line in resume.stretch),
        turn_id=turn_id,
        memory=clean(memory),
    )


def _input(turn_id: str, inbound: Sequence[InboundItem], memory: str, language: str) -> State:
    records: list[InboundRecord] = [
        {
            "id": i.id,
            "kind": i.kind.value,
            "body": clean(words_of(i.kind, i.body, i.details)),
            "media": [media_record(m) for m in i.media],
            "beside": beside_of(i),
        }
        for i in inbound
    ]
    return {"turn_id": turn_id, "inbound": records, "memory": clean(memory), "language": language}


def _result(
    state: State, turn_id: str, ctx: GraphContext, language: str, inbound: Sequence[InboundItem]
) -> TurnResult:
    mine = bool(inbound) and state.get("turn_id") == turn_id
    resolved = state.get("resolved_memory") if state.get("resumed_turn") == turn_id else None
    decision = state.get("decision") if mine else None
    return TurnResult(
        outgoing=tuple(
            Outgoing(
                o["body"],
                Author.BOT if o["author"] == Author.BOT.value else Author.SYSTEM,
                tuple((name, value) for name, value in o.get("details", [])),
                media_of(o["file"]) if "file" in o else None,
            )
            for o in (state.get("outgoing", []) if mine else [])
        ),
        handoff=TurnHandoff(
            decision["reason"],
            Trigger(decision["trigger"]),
            decision["score"],
            decision["summary"],
            tuple(decision.get("thresholds", {}).items()),
            decision.get("phrase"),
        )
        if decision
        else None,
        language=state.get("language") or language,
        prompt_version=(state.get("prompt_version") if mine else None) or ctx.prompts.version,
        memory=resolved,
        model_failed=bool(mine and state.get("model_failed")),
        media=understood_media(inbound, state.get("understood", {})) if mine else {},
        scores=_scores(state) if mine else (),
        thresholds=tuple(state.get("thresholds", {}).items()) if mine else (),
    )


def _scores(state: State) -> Figures:
    """Return what detection measured in the turn; what was not measured has no score."""
    measured = {"classifier": state.get("unsure_score"), "judge": state.get("judged")}
    return tuple((name, round(score, 4)) for name, score in measured.items() if score is not None)
