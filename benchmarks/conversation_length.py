"""What one turn costs at message n of one conversation: it must not grow with n.

In one process: the real store and checkpoints on SQLite, pruned by the janitor as in production, the real
worker, graph, model client and delivery. Only sockets are missing: Twilio is a fake, and the model answers
inside the client's transport.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx2
from langchain_core.runnables import RunnableConfig

from benchmarks.stub_model import always_answers
from benchmarks.world import QUESTIONS
from graph.builder import build_graph
from graph.chat_client import open_chat
from graph.harness import Pipeline
from graph.model import ChatResponder
from graph.testing import fake_context
from ponte.adapters.sqlite import open_sqlite, open_sqlite_checkpoints
from ponte.janitor import Janitor
from ponte.logs import configure_logging
from ponte.testing import FakeMessenger, ManualClock

LENGTHS = (10, 100, 1_000, 5_000)

_ROOT = Path(__file__).resolve().parent.parent
_SAMPLES = 40
_PRUNE_EVERY = 50
_ANSWER = "Sim! Aos sábados abrimos das 8h às 18h. Posso ajudar com mais alguma coisa?"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one turn took: CPU and wall in ms, bytes by the system calls of this process."""

    cpu_ms: float
    wall_ms: float
    read: int
    written: int


@dataclass(frozen=True, slots=True)
class LengthFigures:
    """The medians over the turns just up to message ``length``."""

    length: int
    samples: int
    cpu_ms: float
    wall_ms: float
    read_kb: float
    written_kb: float
    checkpoint_kb: float
    cpu_of_first: float

    def row(self) -> dict[str, object]:
        """Return the columns of the table."""
        return {
            "message": self.length,
            "turns": self.samples,
            "CPU ms": self.cpu_ms,
            "of the first": f"{self.cpu_of_first:.2f}x",
            "wall ms": self.wall_ms,
            "KB read": self.read_kb,
            "KB written": self.written_kb,
            "checkpoint KB": self.checkpoint_kb,
        }

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


async def measure(lengths: Sequence[int] = LENGTHS) -> list[LengthFigures]:
    """Hold conversations up to each length, and return what the last turns of each cost.

    Args:
        lengths: the customer's messages so far, ascending. Short conversations are held several times, for as
            many samples as a long one gives.
    """
    with tempfile.TemporaryDirectory(prefix="ponte-benchmark-") as folder, ExitStack() as stack:
        log = stack.enter_context((Path(folder) / "log").open("w", encoding="utf-8"))
        configure_logging("INFO", "json", stream=log)
        async with open_sqlite(Path(folder)) as store, open_sqlite_checkpoints(store) as checkpoints:
            await store.migrate()
            client = httpx2.AsyncClient(transport=httpx2.MockTransport(always_answers(_ANSWER)))
            chat = open_chat(
                client=client, model="benchmark", api_key="", base_url="http://model/v1", timeout_ms=8_000
            )
            context = fake_context(_ROOT / "prompts")
            context = replace(context, responder=ChatResponder(chat, context.limits, {}, {}))
            clock = ManualClock()
            pipeline = Pipeline(
                store, build_graph(checkpoints.saver), context, clock=clock, messenger=FakeMessenger(clock)
            )
            janitor = Janitor(
                store, checkpoints, clock, retention_ms=30 * 86_400_000, idle_ms=86_400_000, owner="benchmark"
            )
            talks = _Talks(pipeline, janitor)
            plans = {length: await talks.prepare(length) for length in lengths}
            costs: dict[int, list[Cost]] = {length: [] for length in lengths}
            # In turns, so that a machine that gets slower or faster meanwhile does so for all alike.
            for n in range(_SAMPLES):
                for length, plan in plans.items():
                    costs[length].append(await talks.turn(plan[n]))
            first = statistics.median(cost.cpu_ms for cost in costs[lengths[0]])
            found = []
            for length, plan in plans.items():
                thread = (await pipeline.current(_address(plan[-1]))).thread_id
                config: RunnableConfig = {"configurable": {"thread_id": thread}}
                newest = await checkpoints.saver.aget_tuple(config)
                size = len(checkpoints.saver.serde.dumps_typed(newest.checkpoint)[1]) if newest else 0
                found.append(_figures(length, costs[length], first, size))
            await client.aclose()
            return found


class _Talks:
    """Conversations under way.

    Args:
        pipeline: what they go through.
        janitor: prunes now and then.
    """

    def __init__(self, pipeline: Pipeline, janitor: Janitor) -> None:
        self._pipeline = pipeline
        self._janitor = janitor
        self._total = 0

    async def prepare(self, length: int) -> list[str]:
        """Hold conversations up to shortly before ``length``; return whose turn it is from there on."""
        span = max(2, min(_SAMPLES, length // 5))
        plan = []
        for n in range(-(-_SAMPLES // span)):
            name = f"{length}.{n}"
            for _ in range(length - span):
                await self.turn(name)
            plan += [name] * span
        return plan

    async def turn(self, name: str) -> Cost:
        """Let a customer write once, and return what it cost until the answer was sent."""
        pipeline = self._pipeline
        pipeline.clock.advance(5_000)
        text = QUESTIONS[self._total % len(QUESTIONS)]
        before = _moved()
        wall, cpu = time.perf_counter(), time.process_time()
        await pipeline.customer_says(_address(name), text, f"SM{self._total:032x}")
        await pipeline.work()
        await pipeline.deliver()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        after = _moved()
        self._total += 1
        if len(pipeline.messenger.sent) != self._total:
            raise RuntimeError(f"Message {self._total} was not answered exactly once.")
        if self._total % _PRUNE_EVERY == 0:
            await self._janitor.run_once()
        return Cost(cpu * 1000, wall * 1000, after[0] - before[0], after[1] - before[1])


def _figures(length: int, costs: Sequence[Cost], first_ms: float, size: int) -> LengthFigures:
    cpu_ms = statistics.median(cost.cpu_ms for cost in costs)
    return LengthFigures(
        length=length,
        samples=len(costs),
        cpu_ms=round(cpu_ms, 2),
        wall_ms=round(statistics.median(cost.wall_ms for cost in costs), 2),
        read_kb=round(statistics.median(cost.read for cost in costs) / 1024, 1),
        written_kb=round(statistics.median(cost.written for cost in costs) / 1024, 1),
        checkpoint_kb=round(size / 1024, 1),
        cpu_of_first=round(cpu_ms / first_ms, 2),
    )


def _address(name: str) -> str:
    return f"whatsapp:benchmark.{name}"


def _moved() -> tuple[int, int]:
    """Return the bytes that this process has read and written so far; zeros where /proc does not tell."""
    path = Path("/proc/self/io")
    if not path.exists():
        return 0, 0
    fields = dict(line.split(": ") for line in path.read_text("ascii").splitlines())
    return int(fields["rchar"]), int(fields["wchar"])
