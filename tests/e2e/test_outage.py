"""The model or Twilio is out for 20 s while customers write: nobody is left without a word."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ponte.domain.message import Author, Message
from simulator.faults import FaultKind
from tests.support.customers import QUESTIONS, carried, kept, text_with_token, tokens
from tests.support.processes import Nursery
from tests.support.stack import Stack, open_stack, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_OUTAGE_S = 20
_PATIENCE_S = 30
_CUSTOMERS = 8
_MESSAGES = 5
_HELD_MS = 60_000
_TWILIO = {500: FaultKind.OUTBOUND_500, 429: FaultKind.OUTBOUND_429, "hang": FaultKind.OUTBOUND_HANG}
# Some questions are in the files that answer in the model's place, and this one is not.
_ASKED = (*QUESTIONS, "Qual o nome do cavalo mais velho?")


@dataclass
class Outage:
    """One outage, and what came of it."""

    name: str
    ways: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    rest_s: float = 0.0
    looked_up: int = 0
    retried: int = 0

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"{self.name}: {dict(self.ways)}, at rest {self.rest_s:.1f} s after it; "
            f"{self.retried} sends retried, {self.looked_up} found by looking up"
        )


async def test_nobody_is_left_without_a_word_in_an_outage(nursery: Nursery, tmp_path: Path) -> None:
    """Each customer is answered, told or handed over soon, nothing is sent twice, nothing stays unsent."""
    cases: list[tuple[str, int | str]] = [(w, s) for w in ("model", "twilio") for s in (500, 429, "hang")]
    outages = await asyncio.gather(*(run_outage(nursery, tmp_path, what, how) for what, how in cases))
    print(*outages, sep="\n")  # noqa: T201 - pytest shows it when the test fails
    faults = [f"{outage.name}: {fault}" for outage in outages for fault in outage.faults]
    assert not faults, "\n".join(faults[:30])


async def run_outage(nursery: Nursery, folder: Path, what: str, how: int | str) -> Outage:
    """Run one outage from its beginning to the rest after it."""
    outage = Outage(f"{what}-{how}")
    rng = random.Random(outage.name)  # noqa: S311 - repeatable chance, not a secret
    commands = {"api-1": {"RUN_WORKER": "true"}}
    async with open_stack(nursery, folder / outage.name, commands=commands) as stack:
        await stack.start()
        writing = [asyncio.create_task(_write(stack, f"55219{n:08d}", rng)) for n in range(1, _CUSTOMERS + 1)]
        # Some write before it. It begins and ends by the clock, whatever goes on.
        await asyncio.sleep(1)
        await _be_out(stack, what, how)
        ended = time.monotonic()
        await asyncio.gather(*writing)
        # From here: the last messages are written a little after the outage.
        await until(stack.resting, _PATIENCE_S, stack.log_ends)
        outage.rest_s = time.monotonic() - ended
        outage.looked_up = len(stack.events("send_found"))
        outage.retried = len(stack.events("send_retried_later"))
        await _judge(stack, outage)
    return outage


async def _write(stack: Stack, wa_id: str, rng: random.Random) -> None:
    for n in range(_MESSAGES):
        # A pace from before the outage to a little after it; nothing is waited for.
        await asyncio.sleep(rng.uniform(0, 0.8) if n == 0 else rng.uniform(4, 6))
        message = await stack.network.customer_says(wa_id, text_with_token(rng, rng.choice(_ASKED)))
        assert message.accepted, f"the webhook did not take a message: {message.outcomes}"


async def _be_out(stack: Stack, what: str, how: int | str) -> None:
    if what == "model":
        await stack.model(how)
        await asyncio.sleep(_OUTAGE_S)
        await stack.model(200)
        return
    faults = stack.network.faults
    # Reading Twilio's list fails half of the time; sending fails always, but some of it was accepted.
    faults.add(_TWILIO[how], scope="all", probability=0.5)
    if how == 429:
        faults.add(_TWILIO[how])
    else:
        faults.add(FaultKind.OUTBOUND_LOST_ANSWER, delay_ms=_HELD_MS if how == "hang" else 1)
        # Else the callback would tell what the answer did not.
        faults.add(FaultKind.STATUS_LOST)
    await asyncio.sleep(_OUTAGE_S)
    faults.clear()


async def _judge(stack: Stack, outage: Outage) -> None:
    """Look at each message and each answer, now that nothing is left to do."""
    human = {c.id for c in await stack.conversations() if c.human}
    transcripts = await stack.transcripts()
    accepted = {message.sid for message in stack.sent()}
    for wa_id in {message.wa_id for message in stack.written()}:
        rows = transcripts.get(wa_id, [])
        outage.faults += kept(wa_id, [m for m in stack.written() if m.wa_id == wa_id], rows)
        outage.faults += carried(wa_id, rows, [m for m in stack.sent() if m.wa_id == wa_id])
        for n, row in enumerate(rows):
            if row.author is Author.CUSTOMER:
                way = _way(row, rows[n + 1 :], accepted, human)
                outage.ways[way] += 1
                if way == "nothing":
                    outage.faults.append(f"{row.id} got nothing")


def _way(row: Message, later: list[Message], accepted: set[str], human: set[str]) -> str:
    """Return what became of a customer's message. What a turn says follows its messages in the transcript."""
    said = [m for m in later if m.author is not Author.CUSTOMER and m.sid in accepted]
    if any(tokens(row.body)[0] in tokens(m.body) for m in said):
        return "answered"
    if said and row.conversation_id not in human:
        return "told"
    return "handed over" if row.conversation_id in human else "nothing"
