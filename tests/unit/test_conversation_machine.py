"""The conversation's state machine: every state meets every event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ponte.domain import conversation as machine
from ponte.domain.conversation import Conversation, Handoff, ResumeAction, Status, Trigger
from ponte.errors import AlreadyClaimed, WrongState

NOW = 1_000_000
REASON = Handoff("asked for a person", Trigger.KEYWORD, 1.0, "wants a lesson", NOW)

BOT = Conversation(id="c", contact_id="p", thread_id="t", opened_at=1, updated_at=1, last_seq=4)
WAITING = machine.hand_over(BOT, REASON)
HELD = machine.claim(WAITING, "ana", NOW)
RESOLVED = machine.resolve(HELD, "sold", NOW)
STATES = {s.status: s for s in (BOT, WAITING, HELD, RESOLVED)}

Event = Callable[[Conversation], Conversation]
EVENTS: dict[str, Event] = {
    "hand_over": lambda c: machine.hand_over(c, REASON),
    "claim by ana": lambda c: machine.claim(c, "ana", NOW),
    "claim by rui": lambda c: machine.claim(c, "rui", NOW),
    "assign to rui": lambda c: machine.assign(c, "rui", NOW),
    "assign to ana": lambda c: machine.assign(c, "ana", NOW),
    "release": lambda c: machine.release(c, NOW),
    "return": lambda c: machine.return_to_bot(c, " pays on friday ", NOW),
    "resolve": lambda c: machine.resolve(c, None, NOW),
    "expire": lambda c: machine.expire(c, NOW),
    "reopen by ana": lambda c: machine.reopen(c, "ana", NOW),
    "reopen by rui": lambda c: machine.reopen(c, "rui", NOW),
    "snooze": lambda c: machine.snooze(c, NOW + 9, NOW),
    "wake": lambda c: machine.wake(c, NOW),
    "the customer writes": lambda c: machine.heard(c, NOW),
}
_SAME = ("wake", "the customer writes")
# What each event leads to from each state: a status, or the error it raises. HELD is held by ana.
TABLE: dict[Status, dict[str, Status | type[Exception]]] = {
    Status.BOT_ACTIVE: {
        "hand_over": Status.AWAITING_AGENT,
        "claim by ana": WrongState,
        "claim by rui": WrongState,
        "assign to rui": WrongState,
        "assign to ana": WrongState,
        "release": WrongState,
        "return": WrongState,
        "resolve": WrongState,
        "expire": Status.RESOLVED,
        "reopen by ana": WrongState,
        "reopen by rui": WrongState,
        "snooze": WrongState,
        **dict.fromkeys(_SAME, Status.BOT_ACTIVE),
    },
    Status.AWAITING_AGENT: {
        "hand_over": WrongState,
        "claim by ana": Status.AGENT_ACTIVE,
        "claim by rui": Status.AGENT_ACTIVE,
        "assign to rui": Status.AGENT_ACTIVE,
        "assign to ana": Status.AGENT_ACTIVE,
        "release": WrongState,
        "return": Status.BOT_ACTIVE,
        "resolve": Status.RESOLVED,
        "expire": WrongState,
        "reopen by ana": WrongState,
        "reopen by rui": WrongState,
        "snooze": WrongState,
        **dict.fromkeys(_SAME, Status.AWAITING_AGENT),
    },
    Status.AGENT_ACTIVE: {
        "hand_over": WrongState,
        "claim by ana": Status.AGENT_ACTIVE,
        "claim by rui": AlreadyClaimed,
        "assign to rui": Status.AGENT_ACTIVE,
        "assign to ana": Status.AGENT_ACTIVE,
        "release": Status.AWAITING_AGENT,
        "return": Status.BOT_ACTIVE,
        "resolve": Status.RESOLVED,
        "expire": WrongState,
        "reopen by ana": Status.AGENT_ACTIVE,
        "reopen by rui": AlreadyClaimed,
        "snooze": Status.AGENT_ACTIVE,
        **dict.fromkeys(_SAME, Status.AGENT_ACTIVE),
    },
    Status.RESOLVED: {
        **dict.fromkeys(EVENTS, WrongState),
        "reopen by ana": Status.AGENT_ACTIVE,
        "reopen by rui": Status.AGENT_ACTIVE,
        **dict.fromkeys(_SAME, Status.RESOLVED),
    },
}


def test_the_table_names_every_state_and_every_event() -> None:
    """No pair of state and event is left undefined."""
    assert set(TABLE) == set(Status) == set(STATES)
    assert all(set(row) == set(EVENTS) for row in TABLE.values())


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("event", EVENTS)
def test_each_event_has_its_result_or_its_error_in_each_state(status: Status, event: str) -> None:
    """A state meets an event with the defined status or the defined error, and nothing else."""
    expected = TABLE[status][event]
    if isinstance(expected, Status):
        assert EVENTS[event](STATES[status]).status is expected
    else:
        with pytest.raises(expected):
            EVENTS[event](STATES[status])


def test_the_owner_changes_with_every_new_epoch_and_only_then() -> None:
    """An epoch ends exactly when another voice may speak."""
    for status, row in TABLE.items():
        for event, expected in row.items():
            if not isinstance(expected, Status):
                continue
            before, after = STATES[status], EVENTS[event](STATES[status])
            assert (after.epoch != before.epoch) == (after.agent_id != before.agent_id), (status, event)


def test_a_repeated_claim_by_the_holder_changes_nothing() -> None:
    """A double click is harmless."""
    assert machine.claim(HELD, "ana", NOW + 5) is HELD


def test_a_lost_claim_says_who_won() -> None:
    """The loser learns who holds the conversation."""
    with pytest.raises(AlreadyClaimed) as lost:
        machine.claim(HELD, "rui", NOW)
    assert lost.value.holder_id == "ana"


def test_a_return_leaves_a_resume_with_the_brief_and_what_nobody_saw() -> None:
    """The paused thread learns what the agent wrote and which messages are the bot's to answer."""
    talked = replace(HELD, last_seq=9, seen_seq=7)
    resume = machine.return_to_bot(talked, " pays on friday ", NOW).resume
    assert resume is not None
    assert (resume.action, resume.brief, resume.stretch_from, resume.unseen_from) == (
        ResumeAction.RETURNED,
        "pays on friday",
        4,
        7,
    )


def test_a_claim_counts_what_waited_as_seen() -> None:
    """Who claims has the whole transcript on the screen."""
    waited = replace(WAITING, last_seq=8, unread=4)
    claimed = machine.claim(waited, "ana", NOW)
    assert (claimed.seen_seq, claimed.unread, claimed.waiting_since) == (8, 0, None)


def test_a_reopened_conversation_is_a_new_stretch() -> None:
    """It is the agent's, what came before counts as seen, and the thread is told nothing of the old end."""
    reopened = machine.reopen(replace(RESOLVED, last_seq=9, seen_seq=7), "rui", NOW + 5)
    assert (reopened.agent_id, reopened.reopened, reopened.handoff_seq, reopened.seen_seq) == ("rui", 1, 9, 9)
    assert (reopened.resume, reopened.resolved_at, reopened.disposition) == (None, None, None)
    assert reopened.epoch == RESOLVED.epoch + 1
    again = machine.resolve(reopened, "sold", NOW + 6)
    assert again.resume is not None
    assert again.resume.stretch_from == 9
    assert machine.reopen(again, "ana", NOW + 7).reopened == 2


def test_a_repeated_reopening_changes_nothing() -> None:
    """A double click is harmless, and who comes second is told who was first."""
    reopened = machine.reopen(RESOLVED, "rui", NOW)
    assert machine.reopen(reopened, "rui", NOW + 5) is reopened
    with pytest.raises(AlreadyClaimed) as lost:
        machine.reopen(reopened, "ana", NOW)
    assert lost.value.holder_id == "rui"


def test_a_snooze_ends_when_the_customer_writes_or_the_owner_changes() -> None:
    """Only its agent's own silence may put a conversation off."""
    asleep = machine.snooze(HELD, NOW + 100, NOW)
    assert asleep.snoozed_until == NOW + 100
    assert machine.snooze(asleep, NOW + 100, NOW + 5) is asleep
    assert machine.heard(asleep, NOW + 1).snoozed_until is None
    assert machine.wake(asleep, NOW + 1).snoozed_until is None
    assert machine.wake(HELD, NOW + 1) is HELD
    for event in ("assign to rui", "release", "return", "resolve"):
        assert EVENTS[event](asleep).snoozed_until is None, event
    assert EVENTS["assign to ana"](asleep) is asleep


def test_an_answer_is_owed_from_the_first_unanswered_word() -> None:
    """It is owed since the handoff or since the customer wrote, until an agent answers; the bot owes none."""
    assert WAITING.unanswered_since == NOW
    assert HELD.unanswered_since == NOW
    answered = machine.replied(HELD, NOW + 1)
    assert answered.unanswered_since is None
    wrote = machine.heard(machine.heard(answered, NOW + 5), NOW + 8)
    assert (wrote.unanswered_since, wrote.last_customer_at) == (NOW + 5, NOW + 8)
    assert machine.release(wrote, NOW + 9).unanswered_since == NOW + 5
    assert machine.return_to_bot(wrote, "", NOW + 9).unanswered_since is None
    assert machine.heard(BOT, NOW).unanswered_since is None


class AnyWalk(RuleBasedStateMachine):
    """Random walks over all events keep the record's parts in agreement."""

    def __init__(self) -> None:
        super().__init__()
        self.current = BOT

    @rule(event=st.sampled_from(sorted(EVENTS)))
    def happens(self, event: str) -> None:
        """Apply an event; a refused one changes nothing."""
        try:
            self.current = EVENTS[event](self.current)
        except WrongState:
            if self.current.status is Status.RESOLVED:
                self.current = replace(BOT, epoch=self.current.epoch)

    @invariant()
    def parts_agree(self) -> None:
        """Owner, waiting time and resume fit the status."""
        c = self.current
        assert (c.agent_id is not None) == (c.status is Status.AGENT_ACTIVE)
        assert (c.waiting_since is not None) == (c.status is Status.AWAITING_AGENT)
        assert (c.resolved_at is not None) == (c.status is Status.RESOLVED)
        assert c.snoozed_until is None or c.status is Status.AGENT_ACTIVE
        assert c.unanswered_since is None or c.human


TestAnyWalk = AnyWalk.TestCase
TestAnyWalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
