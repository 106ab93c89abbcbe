"""What the page does for an agent: one coroutine an action, and every failure in the agent's words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from agent_console.i18n import Catalogue
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.errors import (
    AlreadyClaimed,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    NotHolder,
    PonteError,
    StoreUnavailable,
    Unauthenticated,
    WrongState,
)

DISPOSITIONS: Final = ("solved", "informed", "forwarded", "no_reply", "spam")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action: ``text`` is for the agent."""

    ok: bool
    text: str


class Actions:
    """Runs actions for the owner of a session token; asks who that is on every call.

    Every method returns an ``Outcome``; none raises a ``PonteError``.
    """

    def __init__(self, ponte: Ponte, token: str, say: Catalogue) -> None:
        self._ponte = ponte
        self._token = token
        self._say = say

    async def claim(self, conversation_id: str) -> Outcome:
        """Take a waiting conversation."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.claim(agent, conversation_id)
            return self._say("done.claim")

        return await self._try(work)

    async def reply(self, conversation_id: str, body: str, key: str) -> Outcome:
        """Answer the customer; a second call with the same ``key`` sends nothing."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.reply(agent, conversation_id, body, key=key)
            return ""

        return await self._try(work)

    async def note(self, conversation_id: str, body: str) -> Outcome:
        """Leave a note for colleagues."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.note(agent, conversation_id, body)
            return ""

        return await self._try(work)

    async def give_back(self, conversation_id: str, brief: str) -> Outcome:
        """Let the bot go on."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.return_to_bot(agent, conversation_id, brief)
            return self._say("done.return")

        return await self._try(work)

    async def resolve(self, conversation_id: str, disposition: str) -> Outcome:
        """Close the matter. ``disposition`` is one of ``DISPOSITIONS``."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.resolve(agent, conversation_id, disposition)
            return self._say("done.resolve")

        return await self._try(work)

    async def transfer(self, conversation_id: str, to_agent_id: str | None, note: str) -> Outcome:
        """Give the conversation to a colleague, or to the queue with None."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.transfer(agent, conversation_id, to_agent_id=to_agent_id, note=note)
            if to_agent_id is None:
                return self._say("done.release")
            return self._say("done.transfer", name=await self._name(to_agent_id))

        return await self._try(work, bad_input="fail.target")

    async def retry(self, message_id: str) -> Outcome:
        """Send a failed message once more."""

        async def work(agent: Agent) -> str:
            again = await self._ponte.desk.retry(agent, message_id)
            return self._say("done.retry") if again else ""

        return await self._try(work)

    async def _try(
        self, work: Callable[[Agent], Awaitable[str]], *, bad_input: str = "fail.input"
    ) -> Outcome:
        try:
            agent = await self._ponte.accounts.who(self._token)
            return Outcome(ok=True, text=await work(agent))
        except PonteError as error:
            return Outcome(ok=False, text=await self._words(error, bad_input))

    async def _words(self, error: PonteError, bad_input: str) -> str:
        if isinstance(error, AlreadyClaimed):
            return self._say("fail.lost", name=await self._name(error.holder_id))
        if isinstance(error, NotHolder) and error.holder_id is not None:
            return self._say("fail.held", name=await self._name(error.holder_id))
        key = next((key for kind, key in _WORDS if isinstance(error, kind)), None)
        if key is None:
            raise error
        return self._say(bad_input if key == "fail.input" else key)

    async def _name(self, agent_id: str) -> str:
        try:
            return (await self._ponte.store.agent(agent_id)).name
        except (NotFound, StoreUnavailable):
            return self._say("author.former")


_WORDS: Final[tuple[tuple[type[PonteError], str], ...]] = (
    (WrongState, "fail.state"),
    (Forbidden, "fail.role"),
    (InvalidInput, "fail.input"),
    (Conflict, "fail.conflict"),
    (StoreUnavailable, "fail.unavailable"),
    (NotFound, "fail.not_found"),
    (Unauthenticated, "fail.session"),
)
