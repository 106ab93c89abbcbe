"""What the page does for an agent: one coroutine an action, and every failure in the agent's words."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from agent_console.i18n import Catalogue
from ponte.adapters.content_type import content_type_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.domain.decision import Mark
from ponte.domain.media_rules import rule_for
from ponte.domain.message import Media
from ponte.errors import (
    AidFailed,
    AlreadyClaimed,
    Conflict,
    Forbidden,
    InvalidInput,
    MessengerError,
    NotFound,
    NotHolder,
    PonteError,
    StoreUnavailable,
    Unauthenticated,
    WrongState,
)

_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the agent chose; ``content_type`` is what the browser says."""

    name: str
    content_type: str
    content: bytes


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

        return await self.attempt(work)

    async def reply(
        self, conversation_id: str, body: str, key: str, *, voice: bool = False, original: str = ""
    ) -> Outcome:
        """Answer the customer; a second call with the same ``key`` sends nothing.

        Args:
            conversation_id: where.
            body: the text.
            key: the browser's own name for it.
            voice: speak it.
            original: the agent's words, where ``body`` is their translation.
        """

        async def work(agent: Agent) -> str:
            await self._ponte.desk.reply(
                agent, conversation_id, body, key=key, voice=voice, original=original
            )
            return ""

        return await self.attempt(work)

    async def note(self, conversation_id: str, body: str, key: str) -> Outcome:
        """Leave a note for colleagues; a second call with the same ``key`` leaves none."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.note(agent, conversation_id, body, key=key)
            return ""

        return await self.attempt(work)

    async def give_back(self, conversation_id: str, brief: str) -> Outcome:
        """Let the bot go on."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.return_to_bot(agent, conversation_id, brief)
            return self._say("done.return")

        return await self.attempt(work)

    async def brief(self, conversation_id: str) -> Outcome:
        """Propose what the bot should know; the outcome's text is the brief."""

        async def work(agent: Agent) -> str:
            return await self._ponte.writing.brief(agent, conversation_id, self._say.locale)

        return await self.attempt(work)

    async def resolve(self, conversation_id: str, disposition: str) -> Outcome:
        """Close the matter. ``disposition`` is the id of one of the office's."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.resolve(agent, conversation_id, disposition)
            return self._say("done.resolve")

        return await self.attempt(work)

    async def transfer(self, conversation_id: str, to_agent_id: str | None, note: str) -> Outcome:
        """Give the conversation to a colleague, or to the queue with None."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.transfer(agent, conversation_id, to_agent_id=to_agent_id, note=note)
            if to_agent_id is None:
                return self._say("done.release")
            return self._say("done.transfer", name=await self._name(to_agent_id))

        return await self.attempt(work, bad_input="fail.target")

    async def mark_handoff(self, conversation_id: str, mark: Mark, at_seq: int | None) -> Outcome:
        """Say whether the newest handoff was needed, and came in time."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.mark_handoff(agent, conversation_id, mark, at_seq=at_seq)
            return self._say("done.mark")

        return await self.attempt(work, bad_input="fail.mark")

    async def retry(self, message_id: str) -> Outcome:
        """Send a failed message once more."""

        async def work(agent: Agent) -> str:
            again = await self._ponte.desk.retry(agent, message_id)
            return self._say("done.retry") if again else ""

        return await self.attempt(work)

    async def withdraw(self, message_id: str) -> Outcome:
        """Cancel a message that waits for the customer to write."""

        async def work(agent: Agent) -> str:
            gone = await self._ponte.desk.withdraw(agent, message_id)
            return self._say("done.withdraw") if gone else ""

        return await self.attempt(work)

    async def send_file(
        self, conversation_id: str, upload: Upload, caption: str, key: str | None = None
    ) -> Outcome:
        """Send a file that the agent chose; a second call with the same ``key`` sends nothing."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.may_answer(agent, conversation_id, key)
            content_type = content_type_of(io.BytesIO(upload.content), upload.content_type)
            name = upload.name[:_MAX_NAME]
            media = Media(url="", content_type=content_type, size=len(upload.content), name=name)
            rule_for(media)
            stored = await self._ponte.media.put(_once(upload.content), content_type, self._ponte.clock.now())
            media = replace(media, key=stored.key)
            await self._ponte.desk.send_file(agent, conversation_id, media, caption, key=key)
            return self._say("done.file")

        return await self.attempt(work, bad_input="fail.file")

    async def send_template(
        self, conversation_id: str, content_sid: str, variables: Mapping[str, str], key: str | None = None
    ) -> Outcome:
        """Send a template with its variables; a second call with the same ``key`` sends nothing."""

        async def work(agent: Agent) -> str:
            await self._ponte.desk.send_template(agent, conversation_id, content_sid, variables, key=key)
            return self._say("done.template")

        return await self.attempt(work, bad_input="fail.template")

    async def attempt(
        self,
        work: Callable[[Agent], Awaitable[str]],
        *,
        bad_input: str = "fail.input",
        bad_state: str = "fail.state",
    ) -> Outcome:
        """Run ``work`` as whoever is logged in; the keys tell of wrong input and of a wrong state."""
        try:
            agent = await self._ponte.accounts.who(self._token)
            return Outcome(ok=True, text=await work(agent))
        except PonteError as error:
            return Outcome(ok=False, text=await self.words(error, bad_input, bad_state))

    async def words(self, error: PonteError, bad_input: str, bad_state: str = "fail.state") -> str:
        """Return what a failure is in the agent's words; raises one that no agent could do anything about."""
        if isinstance(error, AlreadyClaimed):
            return self._say("fail.lost", name=await self._name(error.holder_id))
        if isinstance(error, NotHolder) and error.holder_id is not None:
            return self._say("fail.held", name=await self._name(error.holder_id))
        key = next((key for kind, key in _WORDS if isinstance(error, kind)), None)
        if key is None:
            raise error
        return self._say({"fail.input": bad_input, "fail.state": bad_state}.get(key, key))

    async def _name(self, agent_id: str) -> str:
        try:
            return (await self._ponte.store.agent(agent_id)).name
        except (NotFound, StoreUnavailable):
            return self._say("author.former")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


_WORDS: Final[tuple[tuple[type[PonteError], str], ...]] = (
    (WrongState, "fail.state"),
    (Forbidden, "fail.role"),
    (InvalidInput, "fail.input"),
    (Conflict, "fail.conflict"),
    (StoreUnavailable, "fail.unavailable"),
    (NotFound, "fail.not_found"),
    (Unauthenticated, "fail.session"),
    (MessengerError, "fail.twilio"),
    (AidFailed, "fail.aid"),
)
