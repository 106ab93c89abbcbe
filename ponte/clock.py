"""The clock that production uses."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Implements ``ponte.ports.Clock`` with the machine's time."""

    def now(self) -> int:
        """Return the time in ms since the epoch, UTC."""
        return time.time_ns() // 1_000_000

    async def sleep(self, ms: int) -> None:
        """Wait ``ms``."""
        await asyncio.sleep(ms / 1000)
