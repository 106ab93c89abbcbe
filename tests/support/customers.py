"""Customers who write, and a human who takes over, while processes are killed; and what came of it."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ponte.domain.message import Author, Message, MessageStatus
from simulator.network import Network
from simulator.records import Message as Carried
from tests.support.stack import ANSWER, Stack

QUESTIONS = (
    "Qual o preço da aula?",
    "Quanto custa a hospedagem do cavalo?",
    "Vocês têm aula para crianças?",
    "Quais são os horários de funcionamento?",
    "Onde fica a hípica?",
)
_WISH = "quero falar com atendente"
# Consonants only: a token is never a word, nor part of one.
_LETTERS = "bcdfghjklmnpqrstvwxz"
_TOKEN = re.compile(rf"código ([{_LETTERS}]{{10}})\b")
_NOT_SENT = {MessageStatus.CANCELLED, MessageStatus.FAILED}
_UNDER_WAY = {MessageStatus.QUEUED, MessageStatus.SENDING}
_ON_THE_WIRE_MS = 2_000
_HUMAN = "Aqui é a Ana: "


def tokens(text: str) -> list[str]:
    """Return the tokens that a text names, in order."""
    return _TOKEN.findall(text)


def text_with_token(rng: random.Random, question: str) -> str:
    """Return a text that no other message has."""
    return f"{question} código {''.join(rng.choices(_LETTERS, k=10))}"


@dataclass
class Customer:
    """Somebody who writes one message after the other, each once the webhook of the last is settled.

    Args:
        wa_id: their number.
        messages: how many they write.
        seconds: how long all of it takes, about.
        wants_human: one of the messages, but not the first, asks for a person.
    """

    wa_id: str
    messages: int
    seconds: float
    wants_human: bool = False

    async def write(self, network: Network, rng: random.Random) -> None:
        """Write everything."""
        wish = rng.randrange(1, self.messages) if self.wants_human else -1
        for n in range(self.messages):
            # A pace, with bursts: nothing is waited for.
            await asyncio.sleep(rng.choice((0.02, 1, 1, 1.5)) * self.seconds / self.messages)
            question = _WISH if n == wish else rng.choice(QUESTIONS)
            await network.customer_says(self.wa_id, text_with_token(rng, question))


def crowd(count: int, messages: int, seconds: float, humans: int) -> list[Customer]:
    """Return ``count`` customers, of whom ``humans`` ask for a person."""
    return [
        Customer(f"55119{n:08d}", messages, seconds, wants_human=n <= humans) for n in range(1, count + 1)
    ]


@dataclass
class Stretch:
    """A conversation in human hands: ms UTC of the claim's answer and of the wish to return it."""

    conversation_id: str
    claimed_at: int
    last_seq: int
    returned_at: int = 0


@dataclass
class Human:
    """An agent who takes whoever waits, answers what nobody answered, and gives the conversation back."""

    stack: Stack
    stretches: list[Stretch] = field(default_factory=list)
    replies: int = 0
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def work(self, over: asyncio.Event) -> None:
        """Work until it is over. Raises what goes wrong."""
        try:
            while not over.is_set():
                _, page = await self.stack.call("GET", "/v1/conversations?status=AWAITING_AGENT")
                for item in page["items"]:
                    if item["id"] not in self._tasks:
                        self._tasks[item["id"]] = asyncio.create_task(self._take(item["id"]))
                for conversation_id in [key for key, task in self._tasks.items() if task.done()]:
                    await self._tasks.pop(conversation_id)
                await asyncio.sleep(0.3)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @property
    def busy(self) -> bool:
        """True while a conversation is in hand."""
        return bool(self._tasks)

    async def _take(self, conversation_id: str) -> None:
        path = f"/v1/conversations/{conversation_id}"
        status, claimed = await self.stack.call("POST", f"{path}/claim")
        if status != 200:
            # The list was older than the return that ended the last stretch.
            assert claimed["error"]["code"] == "wrong_state", claimed
            return
        stretch = Stretch(conversation_id, _now(), claimed["last_seq"])
        self.stretches.append(stretch)
        while pending := await self._unanswered(path):
            if pending != ["wait"]:
                body = _HUMAN + " ".join(f"código {token}" for token in pending)
                key = f"reply-{len(self.stretches)}-{self.replies}"
                self.replies += 1
                # Twice, at two APIs, as after an answer that was lost.
                for first in (0, 1):
                    status, answer = await self.stack.call(
                        "POST", f"{path}/reply", {"body": body}, key=key, first=first
                    )
                    assert status == 201, answer
            await asyncio.sleep(0.2)
        stretch.returned_at = _now()
        status, answer = await self.stack.call("POST", f"{path}/return", {"brief": ""})
        # An earlier try may have been carried out although its answer was lost in a kill.
        assert status == 200 or answer["error"]["code"] == "wrong_state", answer

    async def _unanswered(self, path: str) -> list[str]:
        """Return the tokens that nobody answered; ``["wait"]`` while an answer is under way."""
        rows: list[dict[str, Any]] = []
        after = 0
        while True:
            _, page = await self.stack.call("GET", f"{path}/messages?after={after}&limit=200")
            rows += page["items"]
            if page["next"] is None:
                break
            after = int(page["next"])
        out = [r for r in rows if r["author"] != "customer"]
        if any(r["status"] in _UNDER_WAY for r in out):
            return ["wait"]
        answered = {token for r in out if r["status"] not in _NOT_SENT for token in tokens(r["body"])}
        asked = [token for r in rows if r["author"] == "customer" for token in tokens(r["body"])]
        return [token for token in asked if token not in answered]


def _now() -> int:
    return int(time.time() * 1000)


async def judged(stack: Stack, stretches: Sequence[Stretch]) -> list[str]:
    """Hold what the phones received against what was written and what the database tells.

    Returns:
        What went wrong, in words; nothing when all is well.
    """
    transcripts = await stack.transcripts()
    faults: list[str] = []
    sent: dict[str, list[Carried]] = defaultdict(list)
    written: dict[str, list[Carried]] = defaultdict(list)
    for message in stack.sent():
        sent[message.wa_id].append(message)
    for message in stack.written():
        written[message.wa_id].append(message)
    for wa_id, inbound in written.items():
        rows = transcripts.get(wa_id, [])
        faults += kept(wa_id, inbound, rows)
        faults += _answered(wa_id, rows, sent[wa_id])
        faults += carried(wa_id, rows, sent[wa_id])
    by_id = {row.conversation_id: rows for rows in transcripts.values() for row in rows}
    for stretch in stretches:
        faults += _one_voice(stretch, by_id[stretch.conversation_id], stack.sent())
    return faults


def kept(wa_id: str, inbound: list[Carried], rows: list[Message]) -> list[str]:
    """Every message is in the transcript once; what the webhook brought, in the order it was written."""
    seen = [row.id for row in rows if row.author is Author.CUSTOMER]
    faults = [f"{wa_id}: {sid} is {n} times in the transcript" for sid, n in Counter(seen).items() if n > 1]
    faults += [f"{wa_id}: {m.sid} is lost ({m.outcomes})" for m in inbound if m.sid not in seen]
    brought = [m.sid for m in inbound if m.accepted]
    if [sid for sid in seen if sid in brought] != [sid for sid in brought if sid in seen]:
        faults.append(f"{wa_id}: the transcript is not in the order of acceptance")
    for earlier, later in itertools.pairwise(rows):
        if later.conversation_id == earlier.conversation_id and later.seq != earlier.seq + 1:
            faults.append(f"{wa_id}: a gap in the transcript after {earlier.seq}")
    return faults


def _answered(wa_id: str, rows: list[Message], sent: list[Carried]) -> list[str]:
    """Every message is answered once, in order."""
    asked = [token for row in rows if row.author is Author.CUSTOMER for token in tokens(row.body)]
    told = [token for message in sent for token in tokens(message.body)]
    faults = [f"{wa_id}: {token} is answered {n} times" for token, n in Counter(told).items() if n > 1]
    faults += [f"{wa_id}: {token} is not answered" for token in asked if token not in told]
    if not faults and told != asked:
        faults.append(f"{wa_id}: asked {asked}, answered {told}")
    return faults


def carried(wa_id: str, rows: list[Message], sent: list[Carried]) -> list[str]:
    """Twilio accepted exactly the transcript's rows, each once, in their order."""
    ours = [
        row
        for row in rows
        if row.author is not Author.CUSTOMER and row.status not in {*_NOT_SENT, MessageStatus.INTERNAL}
    ]
    faults = [f"{wa_id}: {row.id} is {row.status}" for row in ours if row.status in _UNDER_WAY]
    faults += [f"{wa_id}: {row.id} {row.error_code}" for row in rows if row.status is MessageStatus.FAILED]
    if [row.sid for row in ours] != [message.sid for message in sent]:
        faults.append(
            f"{wa_id}: the transcript sent {[(r.id, r.sid, r.body) for r in ours]}, "
            f"Twilio accepted {[(m.sid, m.body) for m in sent]}"
        )
    return faults


def _one_voice(stretch: Stretch, rows: list[Message], sent: list[Carried]) -> list[str]:
    """The bot neither wrote nor sent while a human owned the conversation."""
    mine = {row.sid: row for row in rows if row.author is Author.BOT}
    wrote = [
        row
        for row in mine.values()
        if row.conversation_id == stretch.conversation_id
        and stretch.claimed_at < row.created_at < stretch.returned_at
    ]
    # What was on the wire at the claim counts as sent before it.
    spoke = [
        message
        for message in sent
        if message.sid in mine
        and stretch.claimed_at + _ON_THE_WIRE_MS < message.created_ms < stretch.returned_at
    ]
    faults = [f"{stretch}: the bot wrote {row.id}" for row in wrote]
    return faults + [f"{stretch}: the bot said {message.body!r}" for message in spoke]


def echoes(stack: Stack) -> int:
    """Return how many answers of the bot the phones received."""
    return sum(m.body.startswith(ANSWER) for m in stack.sent())
