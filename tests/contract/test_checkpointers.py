"""Both savers keep LangGraph's contract, and prune in the same way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks

from ponte.ports import Checkpoints
from tests.contract.builders import OpenCheckpoints


async def test_the_saver_conforms(open_checkpoints: OpenCheckpoints) -> None:
    """Every capability that the saver declares passes LangGraph's conformance suite."""

    @checkpointer_test(name="ponte")
    async def checkpointer() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        async with open_checkpoints() as checkpoints:
            yield checkpoints.saver

    report = await validate(checkpointer, progress=ProgressCallbacks.quiet())
    failures = {name: result.failures for name, result in report.results.items() if result.passed is False}
    assert failures == {}
    passed = {name for name, result in report.results.items() if result.passed}
    assert passed >= {"put", "put_writes", "get_tuple", "list", "delete_thread"}


def at(thread_id: str, namespace: str = "") -> RunnableConfig:
    """Return the address of a thread."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace}}


async def filled(checkpoints: Checkpoints, thread_id: str, count: int, namespace: str = "") -> list[str]:
    """Write checkpoints with pending writes; return their ids, oldest first."""
    config = at(thread_id, namespace)
    ids = []
    for step in range(count):
        checkpoint = {**empty_checkpoint(), "id": str(uuid6(clock_seq=step)), "channel_values": {"n": step}}
        metadata: Any = {"source": "loop", "step": step, "parents": {}}
        config = await checkpoints.saver.aput(config, checkpoint, metadata, {})  # type: ignore[arg-type]  # a TypedDict
        await checkpoints.saver.aput_writes(config, [("n", step)], f"task{step}")
        ids.append(str(checkpoint["id"]))
    return ids


async def kept(checkpoints: Checkpoints, thread_id: str, namespace: str = "") -> list[str]:
    """Return the ids of a thread's checkpoints, newest first."""
    found = checkpoints.saver.alist(at(thread_id, namespace))
    return [checkpoint.checkpoint["id"] async for checkpoint in found]


async def test_only_the_newest_checkpoint_is_kept(open_checkpoints: OpenCheckpoints) -> None:
    """Pruning leaves the newest checkpoint with its pending writes, and other threads alone."""
    async with open_checkpoints() as checkpoints:
        ids = await filled(checkpoints, "th1", 5)
        others = await filled(checkpoints, "th2", 2)
        assert await checkpoints.keep_newest("th1") == 4
        assert await checkpoints.keep_newest("th1") == 0
        assert await checkpoints.keep_newest("unknown") == 0
        assert await kept(checkpoints, "th1") == [ids[-1]]
        newest = await checkpoints.saver.aget_tuple(at("th1"))
        assert newest is not None
        assert newest.checkpoint["channel_values"] == {"n": 4}
        assert newest.pending_writes == [("task4", "n", 4)]
        assert await kept(checkpoints, "th2") == others[::-1]


async def test_a_subgraphs_newest_checkpoint_is_kept_too(open_checkpoints: OpenCheckpoints) -> None:
    """Each namespace of a thread keeps its newest: a paused subgraph resumes from it."""
    async with open_checkpoints() as checkpoints:
        outer = await filled(checkpoints, "th1", 3)
        inner = await filled(checkpoints, "th1", 2, "sub:1")
        assert await checkpoints.keep_newest("th1") == 3
        assert await kept(checkpoints, "th1") == [outer[-1]]
        assert await kept(checkpoints, "th1", "sub:1") == [inner[-1]]


async def test_a_deleted_thread_is_gone(open_checkpoints: OpenCheckpoints) -> None:
    """Deleting a thread removes all of it and nothing else; an unknown one changes nothing."""
    async with open_checkpoints() as checkpoints:
        await filled(checkpoints, "th1", 3)
        others = await filled(checkpoints, "th2", 1)
        await checkpoints.delete_thread("th1")
        await checkpoints.delete_thread("th1")
        assert await kept(checkpoints, "th1") == []
        assert await checkpoints.saver.aget_tuple(at("th1")) is None
        assert await kept(checkpoints, "th2") == others


async def test_writing_nothing_is_allowed(open_checkpoints: OpenCheckpoints) -> None:
    """A task that wrote nothing can be recorded."""
    async with open_checkpoints() as checkpoints:
        await filled(checkpoints, "th1", 1)
        found = await checkpoints.saver.aget_tuple(at("th1"))
        assert found is not None
        await checkpoints.saver.aput_writes(found.config, [], "task9")
