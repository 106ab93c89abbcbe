"""Reports for supervisors: read the facts of a range a page at a time, and count them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ponte.domain.agent import Agent, Permission
from ponte.domain.report import Hours, Report, ReportQuery, Tally
from ponte.errors import Forbidden, InvalidInput
from ponte.office_policy import OfficePolicies, OfficePolicy
from ponte.ports import Clock, Page, ReportStore

T = TypeVar("T")

MOST_DAYS: Final = 366
_DAY_MS: Final = 24 * 60 * 60 * 1000
_PAGE: Final = 500
_MOST_ROWS: Final = 200_000

_ReadPage = Callable[[str | None], Awaitable[Page[T]]]


class Reports:
    """Counts what happened.

    Args:
        store: where the facts are.
        clock: the time.
        policies: the company's time zone and hours.
        idle_ms: a conversation silent with the bot this long is over.
        most_rows: a range with more conversations or human stretches than this is refused.
    """

    def __init__(
        self,
        store: ReportStore,
        clock: Clock,
        policies: OfficePolicies,
        *,
        idle_ms: int,
        most_rows: int = _MOST_ROWS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policies = policies
        self._idle_ms = idle_ms
        self._most_rows = most_rows

    async def policy(self) -> OfficePolicy:
        """Return the company's time zone, hours and targets."""
        return await self._policies.current()

    async def report(self, agent: Agent, query: ReportQuery) -> Report:
        """Count what began in a range.

        Raises:
            Forbidden: the agent's role may not see reports.
            InvalidInput: the range is empty or too long, there is too much in it, or human hours are asked
                for and ``policy.yaml`` names none.
        """
        if agent.disabled or not agent.may(Permission.SUPERVISE):
            raise Forbidden(f"The role {agent.role} may not {Permission.SUPERVISE}.")
        policy = await self._policies.current()
        _check(query, policy)
        tally = Tally(
            query,
            timezone=policy.timezone,
            hours=policy.hours,
            now=self._clock.now(),
            idle_ms=self._idle_ms,
        )
        store, since, until = self._store, query.since, query.until
        await self._count(
            lambda after: store.conversations_opened(since, until, after=after, limit=_PAGE),
            lambda page: tally.add_conversations(page.items),
        )
        await self._count(
            lambda after: store.stretches_asked(since, until, after=after, limit=_PAGE),
            lambda page: tally.add_stretches(page.items),
        )
        # Sorting many durations takes a moment, in which others are served.
        return await asyncio.to_thread(tally.report)

    async def _count(self, read: _ReadPage[T], count: Callable[[Page[T]], None]) -> None:
        rows, after = 0, None
        while True:
            page = await read(after)
            rows += len(page.items)
            if rows > self._most_rows:
                raise InvalidInput(
                    f"There is too much in this range: over {self._most_rows:,} conversations or handoffs. "
                    "Choose a shorter one."
                )
            count(page)
            after = page.next
            if after is None:
                return


def _check(query: ReportQuery, policy: OfficePolicy) -> None:
    if query.until <= query.since:
        raise InvalidInput("The range ends before it begins.")
    if query.until - query.since > (MOST_DAYS + 1) * _DAY_MS:
        raise InvalidInput(f"A report covers at most {MOST_DAYS} days. Choose a shorter range.")
    if query.hours is Hours.HUMAN and policy.hours is None:
        raise InvalidInput("prompts/policy.yaml names no human_hours, so there are none to count in.")
