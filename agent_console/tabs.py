"""The open tabs of the console: an event stream keeps a tab present, and the tab says what it shows.

Timers of a tab in the background run once a minute or less
(https://developer.chrome.com/blog/timer-throttling-in-chrome-88), so the heartbeat is the server's: a tab is
there as long as its stream is open.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agent_console.cookies import same_origin, token_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent

PATH: Final = "/agent/presence"
_MOST_BYTES: Final = 1_000
_LONGEST_ID: Final = 200
_TAB: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


def tab_of(request: Request) -> str | None:
    """Return the name that a request gives its tab; None without a proper one."""
    name = request.query_params.get("tab", "")
    return name if _TAB.fullmatch(name) else None


class Tabs:
    """``POST /agent/presence``, and what each tab of this process shows.

    Args:
        ponte: returns what is open.
    """

    def __init__(self, ponte: Callable[[], Ponte]) -> None:
        self._ponte = ponte
        self._shown: dict[tuple[str, str], str | None] = {}
        # A browser may come back before the death of its old stream is noticed.
        self._streams: Counter[tuple[str, str]] = Counter()

    def opened(self, agent: Agent, tab: str) -> None:
        """A tab's stream began; ``closed`` is to follow for each."""
        self._streams[agent.id, tab] += 1
        self._shown.setdefault((agent.id, tab), None)

    async def beat(self, agent: Agent, tab: str) -> None:
        """A tab's stream is still open."""
        await self._ponte().presence.show(agent, tab, self._shown.get((agent.id, tab)))

    async def closed(self, agent: Agent, tab: str) -> None:
        """A tab's stream ended; the tab is gone with its last one."""
        self._streams[agent.id, tab] -= 1
        if self._streams[agent.id, tab] > 0:
            return
        del self._streams[agent.id, tab]
        self._shown.pop((agent.id, tab), None)
        await self._ponte().presence.hide(agent.id, tab)

    async def endpoint(self, request: Request) -> Response:
        """Take what a tab shows: ``{conversation, typing}`` as JSON, its name in the query."""
        if not same_origin(request):
            return PlainTextResponse("This request came from another site.", 403)
        tab = tab_of(request)
        body = await _body(request)
        shown = _read(body)
        if tab is None or shown is None:
            return PlainTextResponse("Send {conversation, typing} as JSON, and ?tab=NAME.", 422)
        conversation_id, typing = shown
        agent = await self._ponte().accounts.who(token_of(request))
        if (agent.id, tab) in self._shown:
            self._shown[agent.id, tab] = conversation_id
            await self._ponte().presence.show(agent, tab, conversation_id, typing=typing)
        return Response(status_code=204)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return b""
    return body


def _read(body: bytes) -> tuple[str | None, bool] | None:
    try:
        sent = json.loads(body)
    except ValueError:
        return None
    if not isinstance(sent, dict):
        return None
    conversation_id = sent.get("conversation")
    if conversation_id is not None and not isinstance(conversation_id, str):
        return None
    if conversation_id is not None and not 0 < len(conversation_id) <= _LONGEST_ID:
        return None
    return conversation_id, sent.get("typing") is True
