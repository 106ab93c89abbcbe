"""Ponte's processes are killed all the time, and nobody notices."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.faults import FaultKind
from tests.fixtures.mongo_server import MONGO_TESTED
from tests.support.customers import Customer, Human, crowd, echoes, judged
from tests.support.processes import Nursery
from tests.support.stack import Stack, open_mongo_process, open_stack, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# One API has a worker in it, one has none, and one worker is alone.
_COMMANDS = {"api-1": {"RUN_WORKER": "true"}, "api-2": {"RUN_WORKER": "false"}, "worker-1": {}}
_REST_S = 120
# What no kill excuses.
_WRONG = ("turn_failed", "turn_buried", "background_part_failed", "send_given_up", "send_refused")


@pytest.fixture
def rng() -> random.Random:
    """Return the test's chance. CRASH_SEED repeats the draws, though not the machine's timing."""
    seed = int(os.environ.get("CRASH_SEED") or secrets.randbits(32))
    print(f"CRASH_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)  # noqa: S311 - repeatable chance, not a secret


@dataclass
class Run:
    """What one run came to."""

    stack: Stack
    human: Human
    began: float
    calm: float = 0.0

    async def judge(self, title: str) -> None:
        """Print the figures. Raises AssertionError when something went wrong."""
        faults = await judged(self.stack, self.human.stretches)
        self._report(title)
        assert not faults, "\n".join(faults[:30])
        wrong = [trouble for trouble in self.troubles() if trouble.startswith(_WRONG)]
        assert not wrong, "\n".join(wrong[:30])

    def _report(self, title: str) -> None:
        found = {e["sid"] for e in self.stack.events("inbound_accepted") if e["source"] == "catch_up"}
        figures = {
            "messages": len(self.stack.written()),
            "customers": len(self.stack.network.ledger.customers()),
            "kills": {name: process.kills for name, process in self.stack.processes.items()},
            "redeliveries": len(self.stack.events("inbound_duplicate")),
            "webhooks given up": sum(not m.accepted for m in self.stack.written()),
            "found by catch-up": len(found),
            "bot answers": echoes(self.stack),
            "human stretches": len(self.human.stretches),
            "human replies": self.human.replies,
            "looked up at Twilio": len(self.stack.events("send_found")),
            "seconds until calm, at rest": (
                round(self.calm - self.began, 1),
                round(time.monotonic() - self.began, 1),
            ),
            "troubles": dict(Counter(self.troubles())),
        }
        print(title, *(f"  {name}: {value}" for name, value in figures.items()), sep="\n")  # noqa: T201 - as above

    def troubles(self) -> list[str]:
        """Return the names of all warnings and errors in the logs."""
        return [
            f"{event['event']} {event.get('error', '')}"[:90]
            for process in self.stack.processes.values()
            for event in process.events()
            if event["level"] in {"error", "warning", "critical"}
        ]


async def run_through_kills(
    stack: Stack, customers: list[Customer], rng: random.Random, *, every_s: float
) -> Run:
    """Let the customers write while a process is killed about every ``every_s``; then wait for the rest."""
    faults = stack.network.faults
    faults.add(FaultKind.INBOUND_DUPLICATE, probability=0.2)
    faults.add(FaultKind.STATUS_DUPLICATE, probability=0.1)
    faults.add(FaultKind.STATUS_LOST, probability=0.5)
    faults.add(FaultKind.OUTBOUND_LOST_ANSWER, probability=0.02, delay_ms=200)
    faults.add(FaultKind.OUTBOUND_429, probability=0.02)
    human = Human(stack)
    run = Run(stack, human, time.monotonic())
    calm, over = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(human.work(over))
        killing = group.create_task(kill_at_random(stack, rng, every_s, calm))
        paces = [random.Random(rng.random()) for _ in customers]  # noqa: S311 - paces, not secrets
        await asyncio.wait(
            [group.create_task(c.write(stack.network, p)) for c, p in zip(customers, paces, strict=True)]
        )
        calm.set()
        await killing
        faults.clear()
        run.calm = time.monotonic()
        # Whatever the webhook missed is found by the start of a worker.
        for name in ("api-1", "worker-1"):
            await stack.processes[name].kill()
            await stack.processes[name].start()
        await stack.answers()
        await until(lambda: _at_rest(stack, human), _REST_S, lambda: _unrest(stack))
        over.set()
    return run


async def _at_rest(stack: Stack, human: Human) -> bool:
    kept = {row.id for rows in (await stack.transcripts()).values() for row in rows}
    if human.busy or not all(message.sid in kept for message in stack.written()):
        return False
    return await stack.resting() and not any(c.human or c.resume for c in await stack.conversations())


def _unrest(stack: Stack) -> str:
    return f"{len(stack.sent())} answers to {len(stack.written())} messages\n{stack.log_ends()}"


async def kill_at_random(stack: Stack, rng: random.Random, every_s: float, calm: asyncio.Event) -> None:
    """Kill a random process again and again, and start it anew at once, until it is to be calm."""
    while not calm.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(calm.wait(), every_s * rng.uniform(0.5, 1.5))
        process = rng.choice(list(stack.processes.values()))
        await process.kill()
        await process.start()


async def test_a_thousand_messages_survive_kills_on_sqlite(
    nursery: Nursery, tmp_path: Path, rng: random.Random
) -> None:
    """No message is lost or answered twice, and each customer's order is kept, with webhooks tried again."""
    seed = rng.getrandbits(32)
    async with open_stack(nursery, tmp_path / "run", commands=_COMMANDS, seed=seed) as stack:
        await stack.start()
        run = await run_through_kills(stack, crowd(100, 10, seconds=40, humans=10), rng, every_s=1)
        await run.judge("1,000 messages on SQLite, #rc=5&rp=all")
        assert len(stack.written()) == 1_000


async def test_the_catch_up_finds_what_twilio_does_not_repeat(
    nursery: Nursery, tmp_path: Path, rng: random.Random
) -> None:
    """With Twilio's default of one retry, the same; even what came while everything was down, in order."""
    seed = rng.getrandbits(32)
    async with open_stack(
        nursery, tmp_path / "run", commands=_COMMANDS, seed=seed, overrides="", retry_pause_ms=250
    ) as stack:
        early = crowd(100, 3, seconds=0.2, humans=0)
        await asyncio.gather(*(c.write(stack.network, rng) for c in early[:20]))
        assert not any(message.accepted for message in stack.written())
        order = [m.sid for m in stack.written()]
        await stack.start()
        run = await run_through_kills(stack, crowd(60, 5, seconds=20, humans=6), rng, every_s=1)
        await run.judge("360 messages on SQLite, Twilio's default")
        for rows in (await stack.transcripts()).values():
            found = [row.id for row in rows if row.id in order]
            assert found == sorted(found, key=order.index), "the catch-up changed the order"


@pytest.mark.skipif(not MONGO_TESTED, reason="MongoDB's test server needs Python 3.13, or set TEST_MONGO_URI")
async def test_messages_survive_kills_on_mongodb(
    nursery: Nursery, tmp_path: Path, rng: random.Random
) -> None:
    """The same on MongoDB, where a commit is many writes and a kill may fall between any two of them."""
    seed = rng.getrandbits(32)
    async with (
        open_mongo_process() as uri,
        open_stack(nursery, tmp_path / "run", commands=_COMMANDS, seed=seed, mongo_uri=uri) as stack,
    ):
        await stack.start()
        run = await run_through_kills(stack, crowd(24, 5, seconds=18, humans=3), rng, every_s=1.5)
        await run.judge("120 messages on MongoDB's protocol")
        assert len(stack.written()) == 120
