"""Past conversations through a draft: the whole pipeline in this process, with a store of its own.

Nothing leaves this machine but the calls of the configured model, and what they are given is masked.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import GraphContext
from graph.evals.running import Watched
from graph.harness import Pipeline
from graph.replay.past import PastConversation, PastTurn
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import HUMAN_STATUSES, Trigger
from ponte.domain.message import Author, Message
from ponte.errors import PonteError
from ponte.masking import masked
from ponte.testing import FakeMessenger, ManualClock

# Nobody's number, and nobody's agent.
_CUSTOMER: Final = "whatsapp:+5511900000001"
_AGENT: Final = Agent("ag_replay", "agent@example.com", "Ana", Role.AGENT, "x", 0)
# A longer pause would end the conversation; see ``graph.harness``.
_LONGEST_PAUSE_MS: Final = 12 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """One turn with the draft, beside what it was.

    Args:
        past: what it was.
        said: what the draft says, masked as the past is.
        trigger: what brings a human in with the draft; None when the bot goes on.
        model_failed: why the model did not answer; None when it did, or was not asked.
    """

    past: PastTurn
    said: tuple[str, ...]
    trigger: Trigger | None
    model_failed: str | None = None

    @property
    def handoff_differs(self) -> bool:
        """Whether a human is brought in with one and not with the other."""
        return (self.past.trigger is None) != (self.trigger is None)

    @property
    def says_the_same(self) -> bool:
        """Whether the answers are the same, word for word."""
        return self.past.said == self.said


@dataclass(frozen=True, slots=True)
class Replayed:
    """One conversation with the draft.

    Args:
        past: what it was.
        turns: as far as it came.
        error: why it could not be replayed to its end; None when it could.
    """

    past: PastConversation
    turns: tuple[ReplayedTurn, ...]
    error: str | None = None

    @property
    def handoff_differs(self) -> bool:
        """Whether the handoff of any turn differs."""
        return any(turn.handoff_differs for turn in self.turns)


async def replay(
    conversations: Sequence[PastConversation],
    context: GraphContext,
    *,
    model: bool,
    jobs: int = 4,
    on_done: Callable[[], None] = lambda: None,
) -> list[Replayed]:
    """Run conversations through a draft.

    What the draft brings a human in for goes back to the bot at once, so that each turn is compared. What
    agents said, and what customers wrote to them, is not replayed.

    Args:
        conversations: as they were, masked.
        context: of the draft.
        model: let the language model answer; else the knowledge files do.
        jobs: conversations at a time.
        on_done: called after each.
    """
    free = asyncio.Semaphore(jobs)

    async def one(past: PastConversation) -> Replayed:
        async with free:
            done = await _replayed(past, context, model=model)
        on_done()
        return done

    return list(await asyncio.gather(*map(one, conversations)))


async def _replayed(past: PastConversation, context: GraphContext, *, model: bool) -> Replayed:
    clock = ManualClock(past.turns[0].at)
    watched = Watched(context.responder) if model and context.responder is not None else None
    # What could be reached, or written to, beside the model is left out.
    own = replace(
        context, clock=clock, responder=watched, retriever=None, media=None, transcriber=None, describer=None
    )
    turns: list[ReplayedTurn] = []
    error: str | None = None
    try:
        with tempfile.TemporaryDirectory(prefix="ponte-replay-") as folder:
            async with open_sqlite(Path(folder)) as store:
                await store.migrate()
                await store.add_agent(_AGENT)
                graph, messenger = build_graph(InMemorySaver()), FakeMessenger(clock)
                talk = _Talk(Pipeline(store, graph, own, clock=clock, messenger=messenger), past, watched)
                for turn in past.turns:
                    turns.append(await talk.take(turn))  # noqa: PERF401 - what was done before an error counts
    except (PonteError, AssertionError) as failure:
        error = str(failure)
    except Exception as failure:  # noqa: BLE001 - the loop's edge: one conversation must not end the others
        error = type(failure).__name__
    return Replayed(past, tuple(turns), error)


class _Talk:
    """Plays the customer, and hears what the draft says."""

    def __init__(self, pipeline: Pipeline, past: PastConversation, watched: Watched | None) -> None:
        self._pipeline = pipeline
        self._past = past
        self._watched = watched
        self._sids = 0
        self._seen: set[str] = set()

    async def take(self, turn: PastTurn) -> ReplayedTurn:
        """Let the customer say what they said, and return what comes of it."""
        pause = turn.at - self._pipeline.clock.now()
        self._pipeline.clock.advance(min(max(0, pause), _LONGEST_PAUSE_MS))
        failed = len(self._watched.failures) if self._watched is not None else 0
        for said in turn.customer:
            self._sids += 1
            await self._pipeline.customer_says(_CUSTOMER, said, f"SM{self._sids:032x}")
        await self._pipeline.settle()
        said_now = await self._heard()
        current = await self._pipeline.current(_CUSTOMER)
        trigger = None
        if current.status in HUMAN_STATUSES:
            trigger = current.handoff.trigger if current.handoff is not None else None
            await self._pipeline.desk.return_to_bot(_AGENT, current.id, "")
            await self._pipeline.settle()
            await self._heard()
        failures = self._watched.failures[failed:] if self._watched is not None else []
        return ReplayedTurn(
            past=turn,
            said=tuple(masked(message.body, self._past.names) for message in said_now),
            trigger=trigger,
            model_failed=failures[0] if failures else None,
        )

    async def _heard(self) -> list[Message]:
        """Return what was said to the customer since the last look, by the bot and by the system."""
        found = [m for m in await self._pipeline.transcript(_CUSTOMER) if m.id not in self._seen]
        self._seen |= {message.id for message in found}
        return [m for m in found if m.author in {Author.BOT, Author.SYSTEM} and m.body]
