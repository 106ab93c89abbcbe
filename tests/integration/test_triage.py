"""Agents keep their queue in order: labels, priority, snooze, reopen, next one; over the real graph."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph.builder import build_graph
from graph.harness import Pipeline
from graph.testing import FakeResponder, fake_context
from ponte.adapters.sqlite import open_sqlite
from ponte.domain.agent import Agent, Role
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Author
from ponte.errors import AlreadyClaimed, Conflict, Forbidden, InvalidInput, NotHolder, WrongState
from ponte.presence import PresenceBoard
from ponte.testing import FakeMessenger, ManualClock
from ponte.triage import MOST_LABELS, Triage
from ponte.wakes import Wakes

MARIA = "whatsapp:+5511900000001"
JOAO = "whatsapp:+5511900000002"
PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
ANA = Agent("ag_ana", "ana@example.com", "Ana", Role.AGENT, "x", 0)
RUI = Agent("ag_rui", "rui@example.com", "Rui", Role.AGENT, "x", 0)
EVA = Agent("ag_eva", "eva@example.com", "Eva", Role.PROMPT_ENGINEER, "x", 0)
CARLA = Agent("ag_carla", "carla@example.com", "Carla", Role.SUPERVISOR, "x", 0)
_HOUR = 3_600_000


class Shop:
    """A pipeline with agents who work its queue."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.store, self.clock, self.desk = pipeline.store, pipeline.clock, pipeline.desk
        self.triage = Triage(pipeline.store, pipeline.clock, pipeline.signals, pipeline.desk)
        self.wakes = Wakes(pipeline.store, pipeline.clock, pipeline.signals)
        self._n = 0

    async def says(self, body: str, address: str = MARIA) -> None:
        """Let a customer write, and all come to rest."""
        self._n += 1
        await self.pipeline.customer_says(address, body, f"SM{self._n:032d}")
        await self.pipeline.settle()

    async def waiting(self, address: str = MARIA) -> str:
        """Let a customer wait for an agent; returns the conversation's id."""
        await self.says("quero falar com atendente", address)
        return (await self.pipeline.current(address)).id

    async def held(self, agent: Agent = ANA) -> str:
        """Let an agent hold Maria's conversation; returns its id."""
        conversation_id = await self.waiting()
        await self.desk.claim(agent, conversation_id)
        return conversation_id

    async def resolved(self) -> str:
        """Let Ana resolve Maria's matter, thread and all; returns the conversation's id."""
        conversation_id = await self.held()
        await self.desk.resolve(ANA, conversation_id)
        await self.pipeline.settle()
        return conversation_id

    async def now(self, conversation_id: str) -> Conversation:
        """Return a conversation as it is stored."""
        return await self.store.conversation(conversation_id)


@pytest.fixture
async def shop(tmp_path: Path, manual_clock: ManualClock, messenger: FakeMessenger) -> AsyncIterator[Shop]:
    """Return a shop with an empty store."""
    async with open_sqlite(tmp_path) as store:
        await store.migrate()
        for agent in (ANA, RUI, EVA, CARLA):
            await store.add_agent(agent)
        context = fake_context(PROMPTS, responder=FakeResponder(answers=["Pois não."]), clock=manual_clock)
        graph = build_graph(InMemorySaver())
        yield Shop(Pipeline(store, graph, context, clock=manual_clock, messenger=messenger))


async def test_labels_are_put_on_and_taken_off(shop: Shop) -> None:
    """A label is there once, whatever its case; whoever works may label, and it is in the audit log."""
    conversation_id = await shop.held()
    await shop.triage.label(RUI, conversation_id, add=["VIP", " Reclamação  de nota ", "vip"])
    assert (await shop.now(conversation_id)).labels == ("Reclamação de nota", "VIP")
    same = await shop.triage.label(RUI, conversation_id, add=["Vip"])
    assert same == await shop.now(conversation_id)
    await shop.triage.label(ANA, conversation_id, add=["aula"], remove=["reclamacao de nota", "nope"])
    assert (await shop.now(conversation_id)).labels == ("aula", "VIP")
    newest = (await shop.store.audit_log(conversation_id=conversation_id))[0]
    assert (newest.actor, newest.action) == (ANA.id, "label")
    assert newest.detail.startswith("+aula")


async def test_bad_labels_are_refused(shop: Shop) -> None:
    """Empty or endless labels, and too many of them, change nothing."""
    conversation_id = await shop.held()
    for add in (["  "], ["x" * 41], [str(n) for n in range(MOST_LABELS + 1)]):
        with pytest.raises(InvalidInput):
            await shop.triage.label(ANA, conversation_id, add=add)
    assert (await shop.now(conversation_id)).labels == ()


async def test_a_priority_moves_a_conversation_up(shop: Shop) -> None:
    """What is raised is next, though others wait longer; there are three priorities."""
    first = await shop.waiting(MARIA)
    shop.clock.advance(60_000)
    second = await shop.waiting(JOAO)
    await shop.triage.prioritise(RUI, second, 2)
    taken = await shop.triage.claim_next(ANA)
    assert taken is not None
    assert (taken.id, taken.agent_id) == (second, ANA.id)
    following = await shop.triage.claim_next(RUI)
    assert following is not None
    assert following.id == first
    assert await shop.triage.claim_next(RUI) is None
    with pytest.raises(InvalidInput):
        await shop.triage.prioritise(RUI, first, 3)


async def test_many_agents_take_the_next_at_once(shop: Shop) -> None:
    """Each waiting customer gets one agent; who comes too late gets nobody."""
    ids = {await shop.waiting(f"whatsapp:+55119000000{n:02d}") for n in range(8)}
    agents = [replace(ANA, id=f"ag_{n}") for n in range(11)]
    taken = await asyncio.gather(*(shop.triage.claim_next(agent) for agent in agents))
    won = [c for c in taken if c is not None]
    assert {c.id for c in won} == ids
    assert len(won) == len(ids)
    assert len({c.agent_id for c in won}) == len(ids)


async def test_a_snoozed_conversation_wakes_by_itself(shop: Shop) -> None:
    """It is out of the queue until its time, comes back once, and the feed hears of it."""
    conversation_id = await shop.held()
    until = shop.clock.now() + _HOUR
    await shop.triage.snooze(ANA, conversation_id, until)
    assert (await shop.store.count_held())[ANA.id].snoozed == 1
    shop.clock.advance(_HOUR - 1)
    assert await shop.wakes.run_once() == 0
    shop.clock.advance(1)
    assert await shop.wakes.run_once() == 1
    assert await shop.wakes.run_once() == 0
    awake = await shop.now(conversation_id)
    assert (awake.snoozed_until, awake.agent_id, awake.updated_at) == (None, ANA.id, until)


async def test_the_customer_wakes_a_snoozed_conversation(shop: Shop) -> None:
    """What the customer writes brings it back at once."""
    conversation_id = await shop.held()
    await shop.triage.snooze(ANA, conversation_id, shop.clock.now() + _HOUR)
    await shop.says("ainda está aí?")
    awake = await shop.now(conversation_id)
    assert (awake.snoozed_until, awake.unread) == (None, 1)


async def test_only_what_one_holds_is_put_off(shop: Shop) -> None:
    """Nobody who waits disappears; a colleague may not, a supervisor may; times have bounds."""
    waiting = await shop.waiting()
    later = shop.clock.now() + _HOUR
    with pytest.raises(WrongState):
        await shop.triage.snooze(ANA, waiting, later)
    await shop.desk.claim(ANA, waiting)
    with pytest.raises(NotHolder):
        await shop.triage.snooze(RUI, waiting, later)
    for until in (shop.clock.now(), shop.clock.now() + 91 * 24 * _HOUR):
        with pytest.raises(InvalidInput):
            await shop.triage.snooze(ANA, waiting, until)
    await shop.triage.snooze(CARLA, waiting, later)
    await shop.triage.snooze(ANA, waiting, None)
    assert (await shop.now(waiting)).snoozed_until is None


async def test_a_reopened_matter_goes_on_and_ends_again(shop: Shop) -> None:
    """The agent holds it and talks; the customer answers there; then the bot goes on, told of the stretch."""
    conversation_id = await shop.resolved()
    reopened = await shop.triage.reopen(RUI, conversation_id)
    assert (reopened.status, reopened.agent_id, reopened.reopened) == (Status.AGENT_ACTIVE, RUI.id, 1)
    await shop.desk.reply(RUI, conversation_id, "Faltou confirmar o horário: 10h.")
    await shop.says("perfeito")
    assert (await shop.pipeline.current(MARIA)).id == conversation_id
    assert (await shop.now(conversation_id)).unread == 1
    sent = len(shop.pipeline.messenger.sent)
    await shop.desk.return_to_bot(RUI, conversation_id, "Aula às 10h.")
    await shop.pipeline.settle()
    after = await shop.now(conversation_id)
    assert (after.status, after.resume) == (Status.BOT_ACTIVE, None)
    answers = shop.pipeline.messenger.sent[sent:]
    assert [answer.body for answer in answers] == ["Pois não."]
    await shop.says("quero falar com atendente")
    assert (await shop.now(conversation_id)).status is Status.AWAITING_AGENT
    stretch = (await shop.now(conversation_id)).stretch
    assert stretch is not None
    assert stretch.number == 3


async def test_reopening_before_the_thread_was_told_of_the_end(shop: Shop) -> None:
    """The end is not told any more; the matter is resolved a second time, and then the thread is."""
    conversation_id = await shop.held()
    await shop.desk.resolve(ANA, conversation_id)
    await shop.triage.reopen(ANA, conversation_id)
    await shop.pipeline.settle()
    assert (await shop.now(conversation_id)).status is Status.AGENT_ACTIVE
    await shop.desk.resolve(ANA, conversation_id, "solved")
    await shop.pipeline.settle()
    closed = await shop.now(conversation_id)
    assert (closed.status, closed.resume, closed.disposition) == (Status.RESOLVED, None, "solved")
    await shop.says("Quanto custa?")
    fresh = await shop.pipeline.current(MARIA)
    assert (fresh.id == conversation_id, fresh.status) == (False, Status.BOT_ACTIVE)


async def test_only_the_newest_conversation_is_reopened(shop: Shop) -> None:
    """With a newer one, the old one stays closed: a customer never has two at a time."""
    old = await shop.resolved()
    await shop.says("Quanto custa?")
    with pytest.raises(WrongState, match="newer"):
        await shop.triage.reopen(ANA, old)
    newest = (await shop.pipeline.current(MARIA)).id
    with pytest.raises(WrongState):
        await shop.triage.reopen(ANA, newest)


async def test_a_second_agent_learns_who_reopened_it(shop: Shop) -> None:
    """Of two who reopen at once one holds it, and the other is told who."""
    conversation_id = await shop.resolved()
    results = await asyncio.gather(
        shop.triage.reopen(ANA, conversation_id),
        shop.triage.reopen(RUI, conversation_id),
        return_exceptions=True,
    )
    (lost,) = [r for r in results if isinstance(r, BaseException)]
    assert isinstance(lost, AlreadyClaimed)
    assert lost.holder_id == (await shop.now(conversation_id)).agent_id


async def test_no_turn_runs_while_a_matter_is_reopened(shop: Shop) -> None:
    """While a worker has the customer's lease, reopening waits, and says so when that takes long."""
    conversation_id = await shop.resolved()
    contact_id = (await shop.now(conversation_id)).contact_id
    key = f"contact:{contact_id}"
    lease = await shop.store.acquire(key, "worker", shop.clock.now(), 24 * _HOUR)
    assert lease is not None
    with pytest.raises(Conflict):
        await shop.triage.reopen(ANA, conversation_id)
    await shop.store.release_lease(lease)
    assert (await shop.triage.reopen(ANA, conversation_id)).agent_id == ANA.id
    assert await shop.store.acquire(key, "worker", shop.clock.now(), 1) is not None


async def test_a_message_that_came_before_the_reopening_is_the_agents(shop: Shop) -> None:
    """What was accepted and not worked on yet belongs to the matter that is open again."""
    conversation_id = await shop.resolved()
    await shop.pipeline.customer_says(MARIA, "esqueci uma coisa", "SM" + "9" * 32)
    await shop.triage.reopen(ANA, conversation_id)
    await shop.pipeline.settle()
    last = (await shop.pipeline.transcript(MARIA))[-1]
    assert (last.author, last.body, last.conversation_id) == (
        Author.CUSTOMER,
        "esqueci uma coisa",
        conversation_id,
    )


async def test_a_role_that_may_not_work_may_not_sort(shop: Shop) -> None:
    """A prompt engineer changes nothing in the queue."""
    conversation_id = await shop.waiting()
    for act in (
        shop.triage.label(EVA, conversation_id, add=["x"]),
        shop.triage.prioritise(EVA, conversation_id, 1),
        shop.triage.snooze(EVA, conversation_id, None),
        shop.triage.reopen(EVA, conversation_id),
        shop.triage.claim_next(EVA),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_who_is_here_is_told_to_every_listener(shop: Shop) -> None:
    """A listener hears the state at once, then each change; two processes agree through the store."""
    here, there = (PresenceBoard(shop.store, shop.clock, poll_ms=20) for _ in range(2))
    stop = asyncio.Event()
    running = [asyncio.create_task(board.run(stop)) for board in (here, there)]
    try:
        async with there.listen() as changes, asyncio.timeout(10):
            await here.show(ANA, "t1", "cv1")
            async for present in changes:
                if present:
                    break
            assert [(p.name, p.looking) for p in present] == [("Ana", ("cv1",))]
            await here.show(ANA, "t1", "cv1", typing=True)
            present = await anext(changes)
            assert set(present[0].typing) == {"cv1"}
            await here.hide(ANA.id, "t1")
            assert await anext(changes) == []
            assert await here.present() == []
    finally:
        stop.set()
        for board in (here, there):
            board.ring()
        await asyncio.gather(*running)
