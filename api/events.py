"""Live changes as server-sent events.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Final

import structlog
from fastapi import APIRouter, Request
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse

from api.context import Caller, PonteDep, ReaderDep, closing_of
from api.documented import errors
from api.schemas import ChangeOut
from api.views import agent_names, change_out
from ponte.bootstrap import Ponte
from ponte.domain.conversation import Conversation
from ponte.errors import StoreUnavailable, Unauthenticated
from ponte.feed import Lagged

log = structlog.get_logger(__name__)

_RETRY_MS: Final = 2_000
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies must not hold it back


def events_router(heartbeat_ms: int) -> APIRouter:
    """Build the route of the event stream.

    Args:
        heartbeat_ms: how often a quiet stream shows that it lives, and how long an ended session still hears.
    """
    router = APIRouter(prefix="/v1", tags=["Events"], responses=errors(401, 403, 503))

    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "A stream without end.",
                "model": ChangeOut,
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    )
    async def events(request: Request, caller: ReaderDep, ponte: PonteDep) -> StreamingResponse:
        """Hear at once what changes.

        Event `conversation`: a conversation changed; its data is a `ChangeOut`. Event `resync`: some changes
        were missed; read the lists again, and also after every connect. Event `end`: the session ended; log
        in again. A comment comes every 15 s while nothing happens.
        """
        stream = _Stream(ponte, caller, closing_of(request), heartbeat_ms / 1000)
        return StreamingResponse(stream.run(), media_type="text/event-stream", headers=_HEADERS)

    return router


class _Stream:
    """One listener: changes, a heartbeat, and an end."""

    def __init__(self, ponte: Ponte, caller: Caller, closing: asyncio.Event, heartbeat_s: float) -> None:
        self._ponte = ponte
        self._caller = caller
        self._closing = closing
        self._heartbeat_s = heartbeat_s
        self._names: dict[str, str] = {}

    async def run(self) -> AsyncIterator[bytes]:
        """Yield the stream's bytes until the session ends, the server closes or the client goes."""
        yield format_sse_event(retry=_RETRY_MS, comment="connected")
        while not self._closing.is_set():
            try:
                async with self._ponte.feed.listen() as changes, aclosing(self._listen(changes)) as events:
                    async for event in events:
                        yield event
            except Lagged:
                yield format_sse_event(event="resync", data_str="{}")
            else:
                return

    async def _listen(self, changes: AsyncIterator[Conversation]) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        closing = asyncio.ensure_future(self._closing.wait())
        # Kept over heartbeats: cancelling it would end the iterator.
        change = asyncio.ensure_future(_next(changes))
        check_at = loop.time() + self._heartbeat_s
        try:
            while not closing.done():
                await asyncio.wait(
                    {closing, change},
                    timeout=max(0.0, check_at - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if change.done():
                    conversation = change.result()
                    change = asyncio.ensure_future(_next(changes))
                    yield await self._changed(conversation)
                if loop.time() >= check_at:
                    if not await self._session_lives():
                        yield format_sse_event(event="end", data_str="{}")
                        return
                    yield format_sse_event(comment="alive")
                    check_at = loop.time() + self._heartbeat_s
        finally:
            for task in (closing, change):
                task.cancel()
            await asyncio.gather(closing, change, return_exceptions=True)

    async def _changed(self, conversation: Conversation) -> bytes:
        agent_id = conversation.agent_id
        if agent_id is not None and agent_id not in self._names:
            # Without the name the event is still of use.
            with suppress(StoreUnavailable):
                self._names.update(await agent_names(self._ponte.store, [agent_id]))
        data = change_out(conversation, self._names).model_dump_json()
        return format_sse_event(event="conversation", data_str=data)

    async def _session_lives(self) -> bool:
        try:
            await self._ponte.accounts.who(self._caller.token)
        except Unauthenticated:
            return False
        except StoreUnavailable:
            log.warning("session_not_checked")
        return True


async def _next(changes: AsyncIterator[Conversation]) -> Conversation:
    """Wait for the next change; a coroutine, as a task wants one. Raises Lagged."""
    return await anext(changes)
