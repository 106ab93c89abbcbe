"""The whole path under load: signed webhook, worker, graph, model, outbox, Twilio.

Each set-up is a new ``ponte`` on an empty SQLite folder, with 200 customers:

- *fixed rate*: messages come at random moments (Poisson, seeded), one customer after another, whether or not
  the earlier ones were answered; latencies count from the planned moment, so that a server which stalls does
  not hide it (no coordinated omission).
- *capacity*: each customer writes again as soon as the answer is there.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import Spread, spread
from benchmarks.processes import Process, cpu_seconds, free_port, running, until_ready
from benchmarks.world import ACCOUNT, BUSINESS, TOKEN, Sent, World

_RAMP_S = 2.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured.

    Args:
        model_ms: how long the model thinks.
        worker_inside: whether ``ponte api`` runs a worker.
        workers: ``ponte worker`` processes beside it.
    """

    model_ms: int
    worker_inside: bool = True
    workers: int = 0

    @property
    def name(self) -> str:
        """A name for the table."""
        inside = "api" if self.worker_inside else "api without worker"
        return inside + (f" + {self.workers} worker" + "s" * (self.workers > 1) if self.workers else "")


@dataclass(frozen=True, slots=True)
class Load:
    """How it is loaded.

    Args:
        customers: how many write.
        rate: messages a second of the fixed rate; 0 leaves that phase out.
        even: whether they come at equal intervals rather than at random moments.
        seconds: the length of each phase.
        seed: of the plan.
        statuses: status callbacks for each answer, as Twilio sends them: each name and its delay in ms.
    """

    customers: int = 200
    rate: float = 40.0
    even: bool = False
    seconds: float = 20.0
    seed: int = 1
    statuses: tuple[tuple[str, int], ...] = (("sent", 30), ("delivered", 100), ("read", 300))


@dataclass(frozen=True, slots=True)
class PathFigures:
    """What came of one phase. Times in ms; CPU in ms a turn and in shares of a core."""

    setup: str
    model_ms: int
    phase: str
    messages: int
    acknowledged_per_s: float
    turns_per_s: float
    acknowledge: Spread
    path: Spread
    api_cpu_ms_per_turn: float
    all_cpu_ms_per_turn: float
    api_cpu_share: float
    load_cpu_share: float
    late_p99_ms: float
    unanswered: int
    doubled: int
    errors: dict[str, int]
    logged_problems: int

    def row(self) -> dict[str, object]:
        """Return the columns of the table."""
        return {
            "set-up": self.setup,
            "model ms": self.model_ms,
            "load": self.phase,
            "ack/s": self.acknowledged_per_s,
            "turns/s": self.turns_per_s,
            "ack p50": self.acknowledge.p50,
            "p95": self.acknowledge.p95,
            "p99": self.acknowledge.p99,
            "path p50": self.path.p50,
            "p95 ": self.path.p95,
            "p99 ": self.path.p99,
            "CPU ms/turn": self.all_cpu_ms_per_turn,
            "api CPU %": round(100 * self.api_cpu_share),
            "load CPU %": round(100 * self.load_cpu_share),
            "lost": self.unanswered,
            "doubled": self.doubled,
            "errors": sum(self.errors.values()) + self.logged_problems,
        }

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


async def measure(setup: Setup, load: Load) -> list[PathFigures]:
    """Start a set-up on an empty folder, load it, and return the figures of each phase."""
    world = World(model_ms=setup.model_ms, statuses=load.statuses)
    with tempfile.TemporaryDirectory(prefix="ponte-benchmark-") as folder, ExitStack() as stack:
        async with world.open():
            port = free_port()
            world.api_url = f"http://127.0.0.1:{port}"
            environment = _environment(setup, Path(folder), world.url, port)
            api = stack.enter_context(running("api", Path(folder) / "api.log", environment))
            await until_ready(f"{world.api_url}/readyz", api)
            workers = [
                stack.enter_context(running("worker", Path(folder) / f"worker-{n}.log", environment))
                for n in range(setup.workers)
            ]
            for worker in workers:
                await _started(worker)
            run = _Run(setup, load, world, [api, *workers])
            await run.warm_up()
            figures = [await run.fixed_rate()] if load.rate else []
            figures.append(await run.capacity())
            return figures


class _Run:
    """The phases against one running set-up."""

    def __init__(self, setup: Setup, load: Load, world: World, processes: Sequence[Process]) -> None:
        self._setup = setup
        self._load = load
        self._world = world
        self._processes = processes
        self._random = random.Random(load.seed)

    async def warm_up(self) -> None:
        """Let every customer write once, and the connections and caches fill."""
        for customer in range(self._load.customers):
            await self._world.write(customer)
            await asyncio.sleep(0.02)
        await self._world.at_rest(_PATIENCE_S)
        gc.collect()
        gc.freeze()

    async def fixed_rate(self) -> PathFigures:
        """Send at the fixed rate, whatever comes back."""
        first, meter = len(self._world.sent), _Meter(self._processes)
        begun = time.perf_counter()
        due, writing = begun, []
        customers = itertools.cycle(self._random.sample(range(self._load.customers), self._load.customers))
        while (due := due + self._pause()) < begun + self._load.seconds:
            customer = next(customers)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writing.append(asyncio.create_task(self._world.write(customer, due)))
        await asyncio.gather(*writing)
        await self._world.at_rest(_PATIENCE_S)
        meter.stop()
        records = list(self._world.sent.values())[first:]
        return self._figures(f"{self._load.rate:g}/s", records, records, meter, self._load.seconds)

    def _pause(self) -> float:
        return 1 / self._load.rate if self._load.even else self._random.expovariate(self._load.rate)

    async def capacity(self) -> PathFigures:
        """Let every customer write again once answered. The first two seconds do not count."""
        first = len(self._world.sent)
        end = time.perf_counter() + _RAMP_S + self._load.seconds
        talking = [asyncio.create_task(self._talk(n, end)) for n in range(self._load.customers)]
        await asyncio.sleep(_RAMP_S)
        begun, meter = time.perf_counter(), _Meter(self._processes)
        await asyncio.sleep(max(0.0, end - time.perf_counter()))
        meter.stop()
        ended = time.perf_counter()
        await asyncio.gather(*talking)
        await self._world.at_rest(_PATIENCE_S)
        records = list(self._world.sent.values())[first:]
        counted = [r for r in records if begun <= r.answered < ended]
        return self._figures("capacity", records, counted, meter, ended - begun)

    async def _talk(self, customer: int, end: float) -> None:
        await asyncio.sleep(self._random.random() * _RAMP_S / 2)
        while time.perf_counter() < end:
            record = await self._world.write(customer)
            if not record.acknowledged:
                await asyncio.sleep(0.5)
                continue
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await record.done.wait()
            except TimeoutError:
                return

    def _figures(
        self, phase: str, records: list[Sent], counted: list[Sent], meter: _Meter, seconds: float
    ) -> PathFigures:
        answered = [r for r in counted if r.answers]
        acknowledged = [r for r in counted if r.acknowledged]
        turns = max(1, len(answered))
        return PathFigures(
            setup=self._setup.name,
            model_ms=self._setup.model_ms,
            phase=phase,
            messages=len(records),
            acknowledged_per_s=round(len(acknowledged) / seconds, 1),
            turns_per_s=round(len(answered) / seconds, 1),
            acknowledge=spread([r.acknowledged - r.due for r in acknowledged]),
            path=spread([r.path_s for r in answered]),
            api_cpu_ms_per_turn=round(1000 * meter.cpu_s[0] / turns, 2),
            all_cpu_ms_per_turn=round(1000 * sum(meter.cpu_s) / turns, 2),
            api_cpu_share=round(meter.cpu_s[0] / meter.seconds, 3),
            load_cpu_share=round(meter.own_s / meter.seconds, 3),
            late_p99_ms=spread([r.begun - r.due for r in counted]).p99,
            unanswered=sum(1 for r in records if r.acknowledged and not r.answers),
            doubled=sum(1 for r in records if r.answers > 1),
            errors=dict(self._world.errors),
            logged_problems=sum(process.problems() for process in self._processes),
        )


class _Meter:
    """CPU of the processes and of this one, from its making to ``stop``."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._begun = time.perf_counter()
        self._before = [process.cpu_seconds() for process in processes]
        self._own_before = cpu_seconds(os.getpid())
        self.cpu_s: list[float] = []
        self.own_s = self.seconds = 0.0

    def stop(self) -> None:
        """Read the clocks again."""
        self.seconds = time.perf_counter() - self._begun
        self.cpu_s = [
            p.cpu_seconds() - before for p, before in zip(self._processes, self._before, strict=True)
        ]
        self.own_s = cpu_seconds(os.getpid()) - self._own_before


async def _started(worker: Process) -> None:
    """Wait for a worker's own word; it serves nothing that could be asked."""
    for _ in range(600):
        worker.cpu_seconds()
        if "service_started" in worker.last_lines():
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"A worker did not start:\n{worker.last_lines()}")


def _environment(setup: Setup, folder: Path, world_url: str, port: int) -> dict[str, str]:
    # Nothing of the caller's: a .env or a variable must not reach a real account.
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_WHATSAPP_NUMBER": BUSINESS,
        "TWILIO_API_BASE_URL": world_url,
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{world_url}/v1",
        "OPENAI_CHAT_MODEL": "benchmark",
        "MONGO_URI": "",
        "DATA_DIR": str(folder),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "DEBOUNCE_MS": "0",
        # The stub has no limit; Twilio's default would be the first thing measured.
        "TWILIO_MESSAGES_PER_SECOND": "1000",
        "RUN_WORKER": str(setup.worker_inside).lower(),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
    }
