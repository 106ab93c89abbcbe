"""What commands share: Ponte opened for the time of one command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ponte.bootstrap import Ponte, open_ponte
from ponte.settings import load_settings


def with_ponte(act: Callable[[Ponte], Awaitable[None]]) -> None:
    """Open Ponte from the environment, run ``act`` with it, and close it.

    Raises:
        PonteError: the settings or the database cannot be used, or ``act`` failed.
    """

    async def run() -> None:
        async with open_ponte(load_settings()) as ponte:
            await act(ponte)

    asyncio.run(run())
