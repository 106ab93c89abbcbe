"""Live events for the phone page: one bounded queue a listener."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUEUE_SIZE = 1000


class EventHub:
    """Hands each event to every listener; a listener that lags too far behind is told to read anew."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    @property
    def has_listeners(self) -> bool:
        """Whether anyone would see an event, so that building one is worth its cost."""
        return bool(self._listeners)

    def publish(self, kind: str, data: Mapping[str, object]) -> None:
        """Give an event to every listener.

        Args:
            kind: the event's type, as `EventSource` names it.
            data: what is sent as JSON.
        """
        if not self._listeners:
            return
        frame = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait("event: resync\ndata: {}\n\n")
            else:
                queue.put_nowait(frame)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[str | None]]:
        """Yield a queue of server-sent-event frames; None in it means that the server stops."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_QUEUE_SIZE + 1)
        if self._closed:
            queue.put_nowait(None)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """Tell every listener that the server stops."""
        self._closed = True
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
