"""The floor as a supervisor sees it now: who waits since when, who is here, and what each agent holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.presence import EXPIRES_MS, Present, merged
from ponte.errors import Forbidden
from ponte.office_policy import OfficePolicies, OfficePolicy
from ponte.ports import Clock, HeldCount, Store

# What is shown; the counts beside it are of everything.
WAITING_SHOWN: Final = 50
HELD_SHOWN: Final = 200
# Of what is not shown, only this much is held against its targets: an office so far behind knows it.
MOST_COUNTED: Final = 2_000
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation in human hands, with its clock.

    Args:
        conversation: as it is.
        contact: whose it is; None when they were erased meanwhile.
        due_at: when its target is missed, ms UTC: to be taken while it waits, to be answered once it is
            taken. None without a target, or when it was answered.
    """

    conversation: Conversation
    contact: Contact | None
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Desk:
    """An agent.

    Args:
        agent: who.
        present: since when they are here and what they look at; None: they are not.
        held: how many conversations they hold, snoozed ones too.
        snoozed: of these, those that are put off.
        cases: what they hold, without the snoozed, as far as it is shown.
    """

    agent: Agent
    present: Present | None
    held: int
    snoozed: int
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Floor:
    """All of it.

    Args:
        now: ms UTC.
        policy: the company's clock and targets.
        waiting: who waits, the most urgent first, at most ``WAITING_SHOWN``.
        waiting_count: how many wait in all.
        held_count: how many conversations agents hold in all.
        desks: everybody who may take conversations and is not locked out: those who are here first.
        late_behind: how many that are not shown have missed their target, as far as they were counted.
        late_uncounted: there are still more that were not counted.
    """

    now: int
    policy: OfficePolicy
    waiting: tuple[Case, ...]
    waiting_count: int
    held_count: int
    desks: tuple[Desk, ...]
    late_behind: int = 0
    late_uncounted: bool = False

    @property
    def late(self) -> int:
        """How many have missed their target, whether they are shown or not."""
        shown = (*self.waiting, *(case for desk in self.desks for case in desk.cases))
        return self.late_behind + sum(case.due_at is not None and case.due_at < self.now for case in shown)


class FloorView:
    """Reads the floor, in a fixed number of queries while all of it can be shown.

    Args:
        store: where all is kept.
        clock: the time.
        policies: the company's clock and targets.
    """

    def __init__(self, store: Store, clock: Clock, policies: OfficePolicies) -> None:
        self._store = store
        self._clock = clock
        self._policies = policies

    async def look(self, agent: Agent) -> Floor:
        """Return the floor as it is now. Raises Forbidden for a role that may not see it."""
        if agent.disabled or not agent.may(Permission.SUPERVISE):
            raise Forbidden(f"The role {agent.role} may not {Permission.SUPERVISE}.")
        store, now = self._store, self._clock.now()
        policy, agents, tabs, loads = await asyncio.gather(
            self._policies.current(),
            store.agents(),
            store.presences(now - EXPIRES_MS),
            store.count_held(),
        )
        waiting, held, counts = await asyncio.gather(
            store.conversations(
                status=Status.AWAITING_AGENT, contact_id=None, after=None, limit=WAITING_SHOWN
            ),
            store.conversations(status=Status.AGENT_ACTIVE, contact_id=None, after=None, limit=HELD_SHOWN),
            store.count_by_status(),
        )
        behind = [
            await self._late_behind(Status.AWAITING_AGENT, waiting.next, policy, now),
            await self._late_behind(Status.AGENT_ACTIVE, held.next, policy, now),
        ]
        shown = [*waiting.items, *held.items]
        contacts = await store.contacts(sorted({c.contact_id for c in shown})) if shown else {}
        return Floor(
            now=now,
            policy=policy,
            waiting=tuple(_case(c, contacts, policy) for c in waiting.items),
            waiting_count=counts.get(Status.AWAITING_AGENT, 0),
            held_count=counts.get(Status.AGENT_ACTIVE, 0),
            desks=_desks(agents, merged(tabs, now), loads, [_case(c, contacts, policy) for c in held.items]),
            late_behind=sum(late for late, _ in behind),
            late_uncounted=any(more for _, more in behind),
        )

    async def _late_behind(
        self, status: Status, after: str | None, policy: OfficePolicy, now: int
    ) -> tuple[int, bool]:
        """Return how many of those that follow have missed their target, and whether there are still more."""
        late = read = 0
        while after is not None and read < MOST_COUNTED:
            page = await self._store.conversations(status=status, contact_id=None, after=after, limit=_PAGE)
            awake = [each for each in page.items if each.snoozed_until is None]
            late += sum((due := _due(each, policy)) is not None and due < now for each in awake)
            read, after = read + len(page.items), page.next
        return late, after is not None


def _desks(
    agents: Sequence[Agent], here: Sequence[Present], loads: Mapping[str, HeldCount], cases: Sequence[Case]
) -> tuple[Desk, ...]:
    present = {each.agent_id: each for each in here}
    of_agent: dict[str | None, list[Case]] = {}
    for case in cases:
        if case.conversation.snoozed_until is None:
            of_agent.setdefault(case.conversation.agent_id, []).append(case)
    desks = []
    for agent in agents:
        able = agent.may(Permission.WORK) and not agent.disabled
        if not able and agent.id not in loads:
            continue
        load = loads.get(agent.id, HeldCount(0, 0, 0))
        mine = tuple(sorted(of_agent.get(agent.id, ()), key=_longest_first))
        desks.append(Desk(agent, present.get(agent.id), load.awake + load.snoozed, load.snoozed, mine))
    desks.sort(key=lambda desk: (desk.present is None, desk.agent.name.casefold(), desk.agent.id))
    return tuple(desks)


def _case(conversation: Conversation, contacts: Mapping[str, Contact], policy: OfficePolicy) -> Case:
    return Case(conversation, contacts.get(conversation.contact_id), _due(conversation, policy))


def _due(conversation: Conversation, policy: OfficePolicy) -> int | None:
    if conversation.status is Status.AWAITING_AGENT:
        since, target = conversation.waiting_since, policy.wait_ms
    else:
        stretch = conversation.stretch
        answered = stretch is None or stretch.trigger is None or stretch.first_reply_at is not None
        since, target = (None if stretch is None or answered else stretch.asked_at), policy.first_reply_ms
    return None if since is None else policy.due(since, target)


def _longest_first(case: Case) -> tuple[int, str]:
    stretch = case.conversation.stretch
    return (stretch.asked_at if stretch else case.conversation.updated_at, case.conversation.id)
