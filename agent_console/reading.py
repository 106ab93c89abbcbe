"""What the page reads beside its script: earlier messages, and how much waits for the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent_console.answering import Answer, answered, say_of
from agent_console.board import PAGE, quoted_by
from agent_console.transcript_view import Reader
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Status
from ponte.domain.message import Message
from ponte.errors import Forbidden, InvalidInput

PREFIX: Final = "/agent/read"
_LONGEST: Final = 12


class Reading:
    """The endpoints. The guard has checked that there is a session.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte

    def routes(self) -> list[Route]:
        """Return the routes, to be matched before the Streamlit mount."""
        posts = {"messages": self.messages, "count": self.count}
        return [Route(f"{PREFIX}/{name}", work, methods=["POST"]) for name, work in posts.items()]

    async def messages(self, request: Request) -> Response:
        """Return a page of ``conversation``: the last before ``before``, a seq, or after or around one."""
        ponte = self._ponte()

        async def work(agent: Agent, sent: Mapping[str, str]) -> Answer:
            _permit(agent)
            current = await ponte.store.conversation(sent["conversation"])
            contact, agents, page = await asyncio.gather(
                ponte.store.contact(current.contact_id), ponte.store.agents(), _page(ponte, sent)
            )
            quoted = await quoted_by(ponte.store, page)
            say = say_of(request, ponte)
            reader = Reader(agent, {a.id: a for a in agents}, current, contact, say)
            return {"messages": reader.drawn(page, quoted)}

        return await answered(request, ponte, work)

    async def count(self, request: Request) -> Response:
        """Return how many customers wait and how many of the agent's own wrote, together, as ``count``."""
        ponte = self._ponte()

        async def work(agent: Agent, _: Mapping[str, str]) -> Answer:
            _permit(agent)
            counted, held = await asyncio.gather(ponte.store.count_by_status(), ponte.store.count_held())
            unread = held[agent.id].unread if agent.id in held else 0
            return {"count": counted.get(Status.AWAITING_AGENT, 0) + unread}

        return await answered(request, ponte, work)


async def _page(ponte: Ponte, sent: Mapping[str, str]) -> list[Message]:
    conversation_id = sent["conversation"]
    if "after" in sent:
        return await ponte.store.messages(conversation_id, after=_seq(sent["after"]), limit=PAGE)
    before = _seq(sent["around"]) + PAGE // 2 if "around" in sent else _seq(sent["before"])
    return await ponte.store.messages(conversation_id, before=before, limit=PAGE)


def _seq(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise InvalidInput("A seq is a number.")
    return int(text)


def _permit(agent: Agent) -> None:
    if not agent.may(Permission.READ):
        raise Forbidden(f"The role {agent.role} may not {Permission.READ}.")
