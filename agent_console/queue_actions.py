"""What the page does to keep the queue in order: one coroutine an action, as in ``agent_console.actions``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent_console.actions import Actions, Outcome
from agent_console.i18n import Catalogue
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent


@dataclass(slots=True)
class Taken:
    """Which conversation ``claim_next`` took; None while it took none."""

    conversation_id: str | None = None


class QueueActions(Actions):
    """Runs actions for the owner of a session token; asks who that is on every call."""

    def __init__(self, ponte: Ponte, token: str, say: Catalogue) -> None:
        super().__init__(ponte, token, say)
        self._triage = ponte.triage

    async def claim_next(self, taken: Taken) -> Outcome:
        """Take the most urgent conversation that waits; its id goes into ``taken``."""

        async def work(agent: Agent) -> str:
            conversation = await self._triage.claim_next(agent)
            if conversation is None:
                return self._say("queue.next_none")
            taken.conversation_id = conversation.id
            return self._say("done.next")

        return await self.attempt(work)

    async def label(self, conversation_id: str, add: Sequence[str], remove: Sequence[str]) -> Outcome:
        """Put labels on and take others off."""

        async def work(agent: Agent) -> str:
            await self._triage.label(agent, conversation_id, add=add, remove=remove)
            return ""

        return await self.attempt(work, bad_input="fail.label")

    async def prioritise(self, conversation_id: str, priority: int) -> Outcome:
        """Say how urgent it is."""

        async def work(agent: Agent) -> str:
            await self._triage.prioritise(agent, conversation_id, priority)
            return ""

        return await self.attempt(work)

    async def snooze(self, conversation_id: str, until: int | None) -> Outcome:
        """Put it off until a moment (ms UTC), or take it back at once with None."""

        async def work(agent: Agent) -> str:
            await self._triage.snooze(agent, conversation_id, until)
            return self._say("done.wake" if until is None else "done.snooze")

        return await self.attempt(work, bad_input="fail.snooze")

    async def reopen(self, conversation_id: str) -> Outcome:
        """Open a resolved one again."""

        async def work(agent: Agent) -> str:
            await self._triage.reopen(agent, conversation_id)
            return self._say("done.reopen")

        return await self.attempt(work, bad_state="fail.reopen")
