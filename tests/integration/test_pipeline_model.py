"""The pipeline against chance: arrivals, redeliveries, crashes between any two writes, failures, agents.

``make soak`` runs it for 100,000 steps and prints the seed.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.context import ChatMessage, GraphContext, ModelFailed, Reply
from graph.harness import Pipeline
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import SqliteStore, open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Author, Message, MessageStatus
from ponte.errors import Conflict, MessengerError, SendRefused, SendRetryable, SendUnknown, WrongState
from ponte.ports import Outbound
from ponte.testing import FakeMessenger, ManualClock

T = TypeVar("T")
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
AGENTS = [Agent(f"ag_{n}", f"{n}@example.com", n, Role.AGENT, "x", 0) for n in ("ana", "rui")]
CUSTOMERS = [f"whatsapp:+55119000000{n:02d}" for n in range(3)]
STEPS = int(os.environ.get("PIPELINE_STEPS", "1500"))
STEPS_PER_EXAMPLE = 50


class Killed(BaseException):
    """The process died here."""


class Observer:
    """Kills the process at the n-th write from now."""

    def __init__(self) -> None:
        self.countdown: int | None = None

    def __call__(self, point: str) -> None:
        """Count down."""
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown <= 0:
                self.countdown = None
                raise Killed(point)


class EchoModel(FakeResponder):
    """Answers with the names of the questions it was asked last."""

    down = False

    async def reply(self, messages: Sequence[ChatMessage]) -> Reply:
        """Name the questions of the newest user message."""
        if self.down:
            raise ModelFailed("down")
        return Reply("resposta " + " ".join(re.findall(r"q\d+q", messages[-1].content)))


class WatchedMessenger(FakeMessenger):
    """A Twilio that looks who owns the conversation at each send."""

    store: SqliteStore

    async def send(self, outbound: Outbound) -> str:
        """Refuse to be the bot's voice while an agent owns the conversation."""
        message = await self.store.message(outbound.reference)
        if message.author is Author.BOT:
            owner = await self.store.conversation(message.conversation_id)
            assert owner.status is not Status.AGENT_ACTIVE, "the bot spoke over a human"
        return await super().send(outbound)


@cache
def shared_context() -> GraphContext:
    """The prompt files and the classifier, loaded once."""
    return fake_context(PROMPTS)


class PipelineModel(RuleBasedStateMachine):
    """Whatever happens in whatever order, the promises hold."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.observer = Observer()
        self.accepted: dict[str, tuple[str, str]] = {}
        self.refused = False
        self.number = 0

    def run(self, coroutine: Coroutine[object, object, T]) -> T | None:
        """Run a coroutine; a crash in it restarts the process."""
        try:
            return self.runner.run(coroutine)
        except Killed:
            self.pipeline.restart()
            return None

    @initialize()
    def open(self) -> None:
        """Begin with an empty store."""
        self.runner.run(self._open())

    async def _open(self) -> None:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        store = await self.stack.enter_async_context(open_sqlite(Path(folder), self.observer))
        await store.migrate()
        for agent in AGENTS:
            await store.add_agent(agent)
        clock = ManualClock()
        self.model = EchoModel()
        self.messenger = WatchedMessenger(clock)
        self.messenger.store = store
        context = replace(shared_context(), responder=self.model, clock=clock)
        self.pipeline = Pipeline(
            store, build_graph(InMemorySaver()), context, clock=clock, messenger=self.messenger
        )

    @rule(
        customer=st.sampled_from(CUSTOMERS),
        wants=st.sampled_from(["question", "question", "question", "human"]),
    )
    def customer_writes(self, customer: str, wants: str) -> None:
        """A new message; one that is not acknowledged is delivered again."""
        self.number += 1
        sid, name = f"SM{self.number:032d}", f"q{self.number}q"
        text = f"quanto custa a aula {name}?" if wants == "question" else f"falar com atendente {name}"
        if self.run(self.pipeline.customer_says(customer, text, sid)) is None:
            self.run(self.pipeline.customer_says(customer, text, sid))
        self.accepted[sid] = (customer, text)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def twilio_redelivers(self, data: st.DataObject) -> None:
        """An old MessageSid once more, long after or right away."""
        sid = data.draw(st.sampled_from(sorted(self.accepted)))
        customer, text = self.accepted[sid]
        assert not self.run(self.pipeline.customer_says(customer, text, sid))

    @rule(at=st.integers(1, 14))
    def crash_soon(self, at: int) -> None:
        """The process will die at one of its next writes, before or after that is durable."""
        self.observer.countdown = at

    @rule()
    def worker_works(self) -> None:
        """The worker does what is due."""
        self.run(self.pipeline.work())

    @rule()
    def outbox_is_delivered(self) -> None:
        """Delivery does what is due."""
        self.run(self.pipeline.deliver())

    @rule(ms=st.sampled_from([200, 2_000, 8_000, 40_000]))
    def time_passes(self, ms: int) -> None:
        """Back-offs and leases run out."""
        self.pipeline.clock.advance(ms)

    @rule(down=st.booleans())
    def model_changes(self, down: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The model goes down or comes back."""
        self.model.down = down

    @rule(failure=st.sampled_from(["429", "no answer", "accepted, answer lost", "refused"]))
    def twilio_fails(self, failure: str) -> None:
        """One of the next sends goes wrong."""
        self.refused |= failure == "refused"
        failures: dict[str, MessengerError] = {
            "429": SendRetryable("busy", 20429, 1000),
            "no answer": SendUnknown("no answer"),
            "refused": SendRefused("blocked", 63014),
        }
        if failure in failures:
            self.messenger.failures.append(failures[failure])
        else:
            self.messenger.lost_answers += 1

    @rule(
        customer=st.sampled_from(CUSTOMERS),
        agent=st.sampled_from(AGENTS),
        action=st.sampled_from(["claim", "claim", "reply", "seen", "release", "return", "resolve"]),
    )
    def agent_acts(self, customer: str, agent: Agent, action: str) -> None:
        """An agent does something; where the state forbids it, nothing changes."""
        self.run(self._agent_acts(customer, agent, action))

    async def _agent_acts(self, customer: str, agent: Agent, action: str) -> None:
        contact = await self.pipeline.store.find_contact(customer)
        current = await self.pipeline.store.current(contact.id) if contact else None
        if current is None:
            return
        desk, key = self.pipeline.desk, current.id
        try:
            match action:
                case "claim":
                    await desk.claim(agent, key)
                case "reply":
                    await desk.reply(agent, key, f"Oi, aqui é {agent.name}.")
                case "seen":
                    await desk.seen(agent, key, current.last_seq)
                case "release":
                    await desk.transfer(agent, key, to_agent_id=None)
                case "return":
                    await desk.return_to_bot(agent, key, "tudo certo")
                case _:
                    await desk.resolve(agent, key)
        except (WrongState, Conflict):
            return

    def teardown(self) -> None:
        """Heal everything, let the pipeline come to rest, and hold the promises against it."""
        self.observer.countdown = None
        try:
            if hasattr(self, "pipeline"):
                self.model.down = False
                self.messenger.failures.clear()
                self.messenger.lost_answers = 0
                self.pipeline.restart()
                self.runner.run(self.pipeline.settle())
                self.runner.run(self._check())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    async def _check(self) -> None:
        rows: list[tuple[Conversation, Message]] = []
        for customer in CUSTOMERS:
            found = await self._rows(customer)
            self._nothing_lost(customer, found)
            self._one_answer_each_in_order(found)
            self._sent_once_in_order(customer, found)
            rows += found
        self._every_message_has_an_end(rows)

    async def _rows(self, customer: str) -> list[tuple[Conversation, Message]]:
        store = self.pipeline.store
        contact = await store.find_contact(customer)
        if contact is None:
            return []
        page = await store.conversations(status=None, contact_id=contact.id, after=None, limit=200)
        rows: list[tuple[Conversation, Message]] = []
        for conversation in sorted(page.items, key=lambda c: (c.opened_at, c.version == 0)):
            messages = await store.messages(conversation.id, limit=1000)
            assert [m.seq for m in messages] == list(range(1, len(messages) + 1))
            rows += [(conversation, m) for m in messages]
        return rows

    def _nothing_lost(self, customer: str, rows: list[tuple[Conversation, Message]]) -> None:
        """Each MessageSid is in the transcripts once; what the bot did not answer, a human was shown."""
        said = [(c, m) for c, m in rows if m.author is Author.CUSTOMER]
        accepted = {sid for sid, (who, _) in self.accepted.items() if who == customer}
        assert len(said) == len(accepted)
        assert {m.id for _, m in said} == accepted
        spoken = " ".join(m.body for _, m in rows if m.author is Author.BOT)
        for conversation, message in said:
            name = re.findall(r"q\d+q", message.body)[0]
            assert name in spoken or conversation.handoff is not None, f"{name} was lost"

    @staticmethod
    def _one_answer_each_in_order(rows: list[tuple[Conversation, Message]]) -> None:
        answered = [int(n) for _, m in rows if m.author is Author.BOT for n in re.findall(r"q(\d+)q", m.body)]
        assert len(answered) == len(set(answered)), "answered twice"
        assert answered == sorted(answered), "answered out of order"

    def _sent_once_in_order(self, customer: str, rows: list[tuple[Conversation, Message]]) -> None:
        sent = [s.reference for s in self.messenger.sent if s.address == customer]
        assert len(sent) == len(set(sent)), "sent twice"
        order = [m.id for _, m in rows if m.id in set(sent)]
        assert sent == order, "sent out of order"

    def _every_message_has_an_end(self, rows: list[tuple[Conversation, Message]]) -> None:
        taken = {s.reference for s in self.messenger.sent}
        for _, message in rows:
            if message.author is Author.CUSTOMER:
                continue
            assert message.delivery is None
            assert (message.status is MessageStatus.SENT) == (message.id in taken), message.status
            if message.status is MessageStatus.CANCELLED:
                assert message.author is Author.BOT, "a person's words were withdrawn"
            if message.status is MessageStatus.FAILED:
                assert self.refused


TestPipelineModel = PipelineModel.TestCase
TestPipelineModel.settings = settings(
    max_examples=max(1, STEPS // STEPS_PER_EXAMPLE),
    stateful_step_count=STEPS_PER_EXAMPLE,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
