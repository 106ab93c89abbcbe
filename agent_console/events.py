"""``GET /agent/events``: server-sent events that say what changed, who is here, and what calls for the agent.

* ``hello``: the stream is open; ``now`` is the server's time.
* ``changed``: conversations changed, by their ``ids``; none means any. The page reads what it shows from the
  store, so a lost or doubled event does no harm. ``elsewhere``: these are not the agent's, nobody waits in
  them, and who is to act in them is as it was: only a page that shows them has to look.
* ``present``: who has the console open, and what they look at or type in.
* ``alert``: see ``agent_console.alerts``.
* ``ended``: the session ended.

A stream names its tab (``?tab=``) and keeps it present. The id of an event is the server's time: a browser
that comes back tells the last one (https://html.spec.whatwg.org/multipage/server-sent-events.html), and is
told what called for the agent in between.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_console.alerts import Alerts, alert_of
from agent_console.cookies import token_of
from agent_console.tabs import Tabs, tab_of
from ponte.bootstrap import Ponte
from ponte.domain.agent import Agent
from ponte.domain.conversation import Conversation, Status
from ponte.domain.presence import Present
from ponte.errors import StoreUnavailable, Unauthenticated
from ponte.feed import Lagged

log = structlog.get_logger(__name__)

HEARTBEAT_S: Final = 15.0
# A commit and its delivery come within ms of each other: one event for both.
_GATHER_S: Final = 0.08
_MOST_IDS: Final = 50
# Who was away for longer reads the queue anyway.
_LOOK_BACK_MS: Final = 5 * 60 * 1000
_MOST_MISSED: Final = 200
# So many conversations a stream remembers; what it forgot counts as changed altogether.
_REMEMBERED: Final = 2_000


class Events:
    """The endpoint.

    Args:
        ponte: returns what is open.
        stopping: set when the server is about to shut down: streams end by themselves then.
        tabs: which tabs are open.
        heartbeat_s: how often a stream says that it lives, keeps its tab present, and asks whether the
            session still lasts.
    """

    def __init__(
        self,
        ponte: Callable[[], Ponte],
        stopping: asyncio.Event,
        tabs: Tabs,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._ponte = ponte
        self._stopping = stopping
        self._tabs = tabs
        self._heartbeat_s = heartbeat_s
        self._leaving: set[asyncio.Task[None]] = set()

    async def endpoint(self, request: Request) -> Response:
        """Answer a request that the guard has let through."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        token = token_of(request)
        agent = await self._ponte().accounts.who(token)
        return StreamingResponse(
            self._stream(agent, token, tab_of(request), _since(request, self._ponte().clock.now())),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _stream(self, agent: Agent, token: str, tab: str | None, since: int) -> AsyncIterator[str]:
        ponte = self._ponte()
        if tab is not None:
            self._tabs.opened(agent, tab)
        try:
            async with ponte.feed.listen() as changes, ponte.presence.listen() as presents:
                inbox = _Inbox(agent)
                tasks = [
                    asyncio.create_task(inbox.fill(changes), name="console-events"),
                    asyncio.create_task(inbox.watch(presents), name="console-present"),
                ]
                stopper = asyncio.create_task(self._stopping.wait(), name="console-events-stop")
                try:
                    alerts = await self._begin(ponte, agent, tab, since, inbox)
                    yield "retry: 1500\n" + _event("hello", {}, ponte.clock.now())
                    async for event in self._events(ponte, agent, token, tab, inbox, alerts, stopper):
                        yield event
                finally:
                    for task in (*tasks, stopper):
                        task.cancel()
                    with suppress(asyncio.CancelledError):
                        await asyncio.gather(*tasks, stopper, return_exceptions=True)
        finally:
            self._end(agent, tab)

    async def _begin(self, ponte: Ponte, agent: Agent, tab: str | None, since: int, inbox: _Inbox) -> Alerts:
        """Make the tab present, and find what it missed. Without the database there is less to tell."""
        asleep: list[str] = []
        try:
            if tab is not None:
                await self._tabs.beat(agent, tab)
            page = await ponte.store.conversations(
                status=None, contact_id=None, after=None, limit=_MOST_MISSED, agent_id=agent.id, snoozed=True
            )
            asleep = [conversation.id for conversation in page.items]
            held = await ponte.store.conversations(
                status=Status.AGENT_ACTIVE, contact_id=None, after=None, limit=_MOST_MISSED
            )
            inbox.know(held.items)
            for conversation in await ponte.store.changed_since(since, _MOST_MISSED):
                inbox.note(conversation)
        except StoreUnavailable:
            log.warning("console_stream_begins_without_store")
        return Alerts(agent, since, asleep)

    async def _events(  # noqa: PLR0917 - the stream's parts, once
        self,
        ponte: Ponte,
        agent: Agent,
        token: str,
        tab: str | None,
        inbox: _Inbox,
        alerts: Alerts,
        stopper: asyncio.Task[bool],
    ) -> AsyncIterator[str]:
        clock = asyncio.get_running_loop().time
        beat_at = clock() + self._heartbeat_s
        while not self._stopping.is_set():
            if await inbox.news(stopper, max(0.0, beat_at - clock())):
                await asyncio.sleep(_GATHER_S)
                for event in await inbox.take(ponte, alerts):
                    yield event
                if inbox.ended:
                    return  # the browser comes back and reads everything anew
            if clock() >= beat_at and not stopper.done():
                beat_at = clock() + self._heartbeat_s
                if not await self._beat(ponte, agent, token, tab):
                    yield _event("ended", {}, ponte.clock.now())
                    return
                yield ": alive\n\n"

    async def _beat(self, ponte: Ponte, agent: Agent, token: str, tab: str | None) -> bool:
        """Keep the tab present; False when the session is over."""
        try:
            await ponte.accounts.who(token)
            if tab is not None:
                await self._tabs.beat(agent, tab)
        except Unauthenticated:
            return False
        except StoreUnavailable:
            pass  # both are tried again at the next heartbeat
        return True

    def _end(self, agent: Agent, tab: str | None) -> None:
        """Take the tab away; when that fails its row is over after 45 s."""
        if tab is None:
            return
        # A task of its own: when the browser is gone, this one is cancelled at every await.
        leaving = asyncio.create_task(self._close(agent, tab), name="console-tab-closed")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _close(self, agent: Agent, tab: str) -> None:
        with suppress(StoreUnavailable):
            await self._tabs.closed(agent, tab)


_Placed = tuple[object, ...]


class _Inbox:
    """What happened since the last event."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._changed: dict[str, Conversation] = {}
        self._places: dict[str, _Placed] = {}
        self._near = False
        self._present: list[Present] | None = None
        self._arrived = asyncio.Event()
        self.ended = False

    async def fill(self, changes: AsyncIterator[Conversation]) -> None:
        try:
            async for conversation in changes:
                self.note(conversation)
        except Lagged:
            self.ended = True
            self._arrived.set()

    async def watch(self, presents: AsyncIterator[list[Present]]) -> None:
        async for present in presents:
            self._present = present
            self._arrived.set()

    def know(self, conversations: Iterable[Conversation]) -> None:
        """Remember where conversations are, so that it is noticed when they move."""
        for conversation in conversations:
            self._places.setdefault(conversation.id, _place(conversation))

    def note(self, conversation: Conversation) -> None:
        self._changed[conversation.id] = conversation
        place = _place(conversation)
        moved = self._places.get(conversation.id) != place
        mine = conversation.agent_id == self._agent.id
        self._near = self._near or moved or mine or conversation.status is Status.AWAITING_AGENT
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[conversation.id] = place
        self._arrived.set()

    async def news(self, stopper: asyncio.Task[bool], timeout_s: float) -> bool:
        """Wait for something to happen; False when nothing did in time or the server stops."""
        arrival = asyncio.create_task(self._arrived.wait())
        try:
            await asyncio.wait({arrival, stopper}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        return self._arrived.is_set()

    async def take(self, ponte: Ponte, alerts: Alerts) -> list[str]:
        """Return what happened as events, and forget it."""
        changed, present, now = list(self._changed.values()), self._present, ponte.clock.now()
        elsewhere = bool(changed) and not self._near and not self.ended
        self._changed.clear()
        self._near = False
        self._present = None
        self._arrived.clear()
        events: list[str] = []
        if changed or self.ended:
            ids = [conversation.id for conversation in changed]
            events.append(
                _event("changed", {"ids": ids if len(ids) <= _MOST_IDS else [], "elsewhere": elsewhere}, now)
            )
        if present is not None:
            events.append(_event("present", _present(present, self._agent.id, now), now))
        for conversation in changed:
            told = alerts.kind_of(conversation)
            if told is not None and (alert := await alert_of(ponte.store, conversation, *told)):
                events.append(_event("alert", alert, now))
        return events


def _place(conversation: Conversation) -> _Placed:
    """Return where in the queue a conversation is, and under what."""
    return (
        conversation.status,
        conversation.agent_id,
        conversation.priority,
        conversation.labels,
        conversation.snoozed_until,
        conversation.language,
    )


def _present(present: list[Present], me: str, now: int) -> dict[str, object]:
    others = [
        {"id": one.agent_id, "name": one.name, "looking": list(one.looking), "typing": one.typing}
        for one in present
    ]
    return {"me": me, "now": now, "agents": others}


def _since(request: Request, now: int) -> int:
    """Return when the browser heard last, at most five minutes ago; now for one that comes anew."""
    told = request.headers.get("last-event-id") or request.query_params.get("since", "")
    if not (told.isascii() and told.isdigit()):
        return now
    return min(now, max(int(told[:16]), now - _LOOK_BACK_MS))


def _event(name: str, data: Mapping[str, object], at: int) -> str:
    return f"id: {at}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
