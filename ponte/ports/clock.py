"""The only source of time, as a Protocol. Times are ms since the epoch, UTC."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> int:
        """Return the time in ms since the epoch, UTC."""
        ...

    async def sleep(self, ms: int) -> None:
        """Wait ``ms`` of this clock's time."""
        ...
