"""``GET /agent/events``: server-sent events that say which conversations changed.

The page reads what it shows from the store; an event only says *look again*, and which conversations, so a
lost or doubled event does no harm (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_console.cookies import token_of
from ponte.bootstrap import Ponte
from ponte.domain.conversation import Conversation
from ponte.errors import StoreUnavailable, Unauthenticated
from ponte.feed import Lagged

HEARTBEAT_S: Final = 15.0
# A commit and its delivery come within ms of each other: one event for both.
_GATHER_S: Final = 0.08
_MOST_IDS: Final = 50


class Events:
    """The endpoint.

    Args:
        ponte: returns what is open.
        stopping: set when the server is about to shut down: streams end by themselves then.
        heartbeat_s: how often a silent stream says that it lives, and asks whether the session still does.
    """

    def __init__(
        self, ponte: Callable[[], Ponte], stopping: asyncio.Event, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._ponte = ponte
        self._stopping = stopping
        self._heartbeat_s = heartbeat_s

    async def endpoint(self, request: Request) -> Response:
        """Answer a request that the guard has let through."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(
            self._stream(token_of(request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, token: str) -> AsyncIterator[str]:
        ponte = self._ponte()
        async with ponte.feed.listen() as changes:
            inbox = _Inbox()
            reader = asyncio.create_task(inbox.fill(changes), name="console-events")
            stopper = asyncio.create_task(self._stopping.wait(), name="console-events-stop")
            try:
                yield "retry: 1500\n" + _event("hello", {})
                while not self._stopping.is_set():
                    if await inbox.news(stopper, self._heartbeat_s):
                        await asyncio.sleep(_GATHER_S)
                        yield _event("changed", inbox.take())
                        if inbox.ended:
                            return  # the browser comes back and reads everything anew
                    elif not stopper.done():
                        try:
                            await ponte.accounts.who(token)
                        except Unauthenticated:
                            yield _event("ended", {})
                            return
                        except StoreUnavailable:
                            pass  # the session is asked for again at the next heartbeat
                        yield ": alive\n\n"
            finally:
                reader.cancel()
                stopper.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(reader, stopper, return_exceptions=True)


class _Inbox:
    """Conversations that changed since the last event."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._arrived = asyncio.Event()
        self.ended = False

    async def fill(self, changes: AsyncIterator[Conversation]) -> None:
        try:
            async for conversation in changes:
                self._ids[conversation.id] = None
                self._arrived.set()
        except Lagged:
            self.ended = True
            self._arrived.set()

    async def news(self, stopper: asyncio.Task[bool], timeout_s: float) -> bool:
        """Wait for a change; False when none came in time or the server stops."""
        arrival = asyncio.create_task(self._arrived.wait())
        try:
            await asyncio.wait({arrival, stopper}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        return self._arrived.is_set()

    def take(self) -> dict[str, list[str]]:
        """Return the ids and forget them; no ids means *everything*."""
        ids = list(self._ids)
        self._ids.clear()
        self._arrived.clear()
        return {"ids": ids if len(ids) <= _MOST_IDS else []}


def _event(name: str, data: dict[str, list[str]]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
