"""The decision ledger: kept with the turn, marked by agents, counted, erased."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ponte.domain.conversation import Conversation, Trigger
from ponte.domain.decision import (
    DecisionCount,
    DecisionFilter,
    HandoffDecision,
    HandoffMark,
    Mark,
    MarkCount,
    Outcome,
    decision_id,
    mark_id,
)
from ponte.errors import InvalidInput, NotFound
from ponte.ports import Commit, Store
from tests.contract.builders import NOW, Crash, CrashAfter, OpenStore, bumped, opened, stored

MANY = 30


def human(conversation: Conversation, seq: int, *, at: int = NOW, version: str = "v1") -> HandoffDecision:
    """Return a decision for a human at ``seq``, with all there can be."""
    return HandoffDecision(
        id=decision_id(f"t-{conversation.id}-{seq}"),
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        at=at,
        first_seq=seq,
        seq=seq,
        outcome=Outcome.HUMAN,
        language="pt-BR",
        prompt_version=version,
        trigger=Trigger.KEYWORD,
        scores=(("keyword", 1.0), ("classifier", 0.71)),
        thresholds=(("sure", 0.8),),
        phrase="falar com (atendente|humano)",
    )


def bot(conversation: Conversation, seq: int, *, at: int = NOW, version: str = "v1") -> HandoffDecision:
    """Return a decision for the bot at ``seq``: lean."""
    return replace(
        human(conversation, seq, at=at, version=version),
        outcome=Outcome.BOT,
        trigger=None,
        scores=(("classifier", 0.04),),
        thresholds=(),
        phrase=None,
    )


def marked(decision: HandoffDecision, agent_id: str, mark: Mark, at: int = NOW) -> HandoffMark:
    """Return an agent's mark on a decision."""
    return HandoffMark(
        id=mark_id(decision.id, agent_id),
        decision_id=decision.id,
        conversation_id=decision.conversation_id,
        contact_id=decision.contact_id,
        agent_id=agent_id,
        mark=mark,
        at=at,
        trigger=decision.trigger or Trigger.KEYWORD,
        prompt_version=decision.prompt_version,
        at_seq=1 if mark is Mark.LATE else None,
    )


async def ledger(store: Store, *decisions: HandoffDecision) -> Conversation:
    """Store a conversation with these decisions, one commit each."""
    current = await stored(store, opened())
    for decision in decisions:
        current = bumped(current)
        await store.commit(Commit(current, decisions=(decision,)))
    return current


async def test_decisions_come_back_as_they_were_in_order(store: Store) -> None:
    """What was decided is read back unchanged, in order of seq, by outcome and page by page."""
    new = opened()
    all_of_it = [bot(new, 1), human(new, 3), bot(new, 5), human(new, 8)]
    await ledger(store, *all_of_it)
    assert await store.decisions("cv1") == all_of_it
    assert await store.decisions("cv1", outcome=Outcome.HUMAN) == [all_of_it[1], all_of_it[3]]
    assert await store.decisions("cv1", outcome=Outcome.BOT, limit=1) == [all_of_it[0]]
    assert await store.decisions("cv1", after=3, limit=1) == [all_of_it[2]]
    assert await store.decision(all_of_it[0].id) == all_of_it[0]
    assert await store.last_handoff("cv1") == all_of_it[3]
    assert await store.decisions("cv2") == []
    assert await store.last_handoff("cv2") is None
    with pytest.raises(NotFound):
        await store.decision("none")


async def test_a_decision_is_written_once(store: Store) -> None:
    """A replay that writes the turn's decision again leaves the first one."""
    new = opened()
    current = await ledger(store, human(new, 1))
    await store.commit(Commit(bumped(current), decisions=(bot(new, 1),)))
    assert await store.decisions("cv1") == [human(new, 1)]


async def test_an_agents_newest_mark_counts(store: Store) -> None:
    """Each agent has one mark on a decision; the next one replaces it, also to take it back."""
    decision = human(opened(), 1)
    current = await ledger(store, decision)
    for at, (agent_id, mark) in enumerate(
        [("ana", Mark.NOT_NEEDED), ("rui", Mark.LATE), ("ana", Mark.LATE), ("rui", Mark.NONE)]
    ):
        current = bumped(current)
        await store.commit(Commit(current, marks=(marked(decision, agent_id, mark, NOW + at),)))
    assert await store.marks("cv1") == [
        marked(decision, "ana", Mark.LATE, NOW + 2),
        marked(decision, "rui", Mark.NONE, NOW + 3),
    ]
    assert await store.mark_counts(0) == [MarkCount("v1", Trigger.KEYWORD, Mark.LATE, 1)]


async def test_marks_are_listed_page_by_page(store: Store) -> None:
    """All marks since a time come once each, oldest first; a foreign cursor is refused."""
    decision = human(opened(), 1)
    current = await ledger(store, decision)
    for n in range(5):
        current = bumped(current)
        mark = marked(decision, f"ag{n}", Mark.NOT_NEEDED, NOW + n // 2)
        await store.commit(Commit(current, marks=(mark,)))
    found, cursor = [], None
    while True:
        page = await store.marks_made(NOW + 1, after=cursor, limit=2)
        found += [mark.agent_id for mark in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == ["ag2", "ag3", "ag4"]
    with pytest.raises(InvalidInput):
        await store.marks_made(0, after="elsewhere", limit=1)


async def test_decisions_and_marks_are_counted_by_version(store: Store) -> None:
    """Counts tell prompt versions, outcomes and triggers apart, and leave out what is older."""
    new = opened()
    late = human(new, 4, at=NOW + 1, version="v2")
    current = await ledger(
        store,
        bot(new, 1, at=NOW - 1),
        bot(new, 2),
        bot(new, 3),
        late,
        replace(human(new, 5), trigger=Trigger.TOPIC),
    )
    await store.commit(Commit(bumped(current), marks=(marked(late, "ana", Mark.NOT_NEEDED),)))
    assert set(await store.decision_counts(NOW)) == {
        DecisionCount("v1", Outcome.BOT, None, 2),
        DecisionCount("v2", Outcome.HUMAN, Trigger.KEYWORD, 1),
        DecisionCount("v1", Outcome.HUMAN, Trigger.TOPIC, 1),
    }
    assert await store.mark_counts(NOW) == [MarkCount("v2", Trigger.KEYWORD, Mark.NOT_NEEDED, 1)]
    assert await store.mark_counts(NOW + 1) == []


async def test_the_ledger_goes_with_its_customer(store: Store) -> None:
    """Erasing a customer takes their decisions and marks, and nobody else's."""
    other = opened(2, contact_id="c2")
    decision = human(opened(), 1)
    current = await ledger(store, decision, bot(opened(), 2))
    await store.commit(Commit(bumped(current), marks=(marked(decision, "ana", Mark.LATE),)))
    await store.commit(Commit(bumped(other), decisions=(human(other, 1),)))
    counts = await store.erase_contact("c1")
    assert (counts["decisions"], counts["marks"]) == (2, 1)
    assert await store.decisions("cv1") == []
    assert await store.marks("cv1") == []
    assert await store.decisions("cv2") == [human(other, 1)]


async def test_a_crash_leaves_decision_and_mark_whole_or_absent(open_store: OpenStore) -> None:
    """Wherever a commit is cut short, its decision and mark are there exactly when the rest of it is."""
    crash = CrashAfter()
    outcomes = []
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, MANY):
            new = opened(n, contact_id=f"c{n}")
            decision = human(new, 1)
            current = await stored(other, new)
            crash.arm(n - 1)
            commit = Commit(
                bumped(current),
                decisions=(decision,),
                marks=(marked(decision, "ana", Mark.NOT_NEEDED),),
            )
            try:
                await dying.commit(commit)
            except Crash:
                crash.arm(None)
            else:
                break
            happened = (await other.conversation(new.id)).version == 2
            assert (await other.decisions(new.id) == [decision]) is happened
            assert (await other.marks(new.id) == list(commit.marks)) is happened
            outcomes.append(happened)
        else:
            pytest.fail("The commit never ended.")
    assert outcomes == sorted(outcomes)


async def test_an_overtaken_mark_does_not_come_back(open_store: OpenStore) -> None:
    """A commit that was cut short and is completed late does not undo what its agent said since."""
    crash = CrashAfter()
    async with open_store(crash) as dying, open_store() as other:
        await other.migrate()
        for n in range(1, MANY):
            new = opened(n, contact_id=f"c{n}")
            decision = human(new, 1)
            current = await stored(other, new)
            first = Commit(bumped(current), marks=(marked(decision, "ana", Mark.NOT_NEEDED),))
            crash.arm(n - 1)
            try:
                await dying.commit(first)
            except Crash:
                crash.arm(None)
            else:
                break
            current = await other.conversation(new.id)
            newest = marked(decision, "ana", Mark.LATE, NOW + 1)
            await other.commit(Commit(bumped(current), marks=(newest,)))
            await other.recover()
            assert await other.marks(new.id) == [newest]
        else:
            pytest.fail("The commit never ended.")


async def test_decisions_of_all_conversations_are_listed(store: Store) -> None:
    """Whatever the filter, pages follow each other newest first without gaps."""
    made: list[HandoffDecision] = []
    for n in range(1, 9):
        new = opened(n, contact_id=f"c{n}")
        decision = (human, bot)[n % 2](new, 1, at=NOW + n // 2, version=("v1", "v2")[n // 2 % 2])
        if n % 4 == 0:
            decision = replace(decision, trigger=Trigger.KEYWORD if n % 8 else Trigger.MODEL)
        current = await stored(store, new)
        mark = (Mark.LATE, Mark.NOT_NEEDED)[n // 4 % 2]
        await store.commit(
            Commit(bumped(current), decisions=(decision,), marks=(marked(decision, "ana", mark, NOW + n),))
        )
        made.append(decision)
    newest = sorted(made, key=lambda d: (d.at, d.id), reverse=True)
    for wanted in (
        DecisionFilter(),
        DecisionFilter(outcome=Outcome.HUMAN),
        DecisionFilter(outcome=Outcome.BOT, prompt_version="v2"),
        DecisionFilter(prompt_version="v1"),
        DecisionFilter(trigger=Trigger.KEYWORD),
        DecisionFilter(trigger=Trigger.KEYWORD, prompt_version="v2"),
    ):
        expected = [
            d
            for d in newest
            if wanted.outcome in {None, d.outcome}
            and wanted.trigger in {None, d.trigger}
            and wanted.prompt_version in {None, d.prompt_version}
        ]
        found: list[HandoffDecision] = []
        cursor: str | None = None
        while True:
            page = await store.decisions_made(wanted, after=cursor, limit=2)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        assert found == expected
    first = await store.marks_of(Mark.LATE, after=None, limit=2)
    rest = await store.marks_of(Mark.LATE, after=first.next, limit=9)
    times = [mark.at - NOW for mark in (*first.items, *rest.items)]
    assert times == sorted(times, reverse=True)
    assert {mark.mark for mark in (*first.items, *rest.items)} == {Mark.LATE}
    of_version = await store.marks_of(Mark.LATE, prompt_version="v2", after=None, limit=9)
    assert {mark.prompt_version for mark in of_version.items} == {"v2"}
    assert not (await store.marks_of(Mark.NONE, trigger=Trigger.MODEL, after=None, limit=9)).items
