"""Between Streamlit's script threads and the shell's event loop.

A script run is synchronous and has a thread of its own; Ponte lives on the shell's loop. There is one Ponte
a process, and one ``st.App`` a process, so the bridge is found through this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeVar

from ponte.bootstrap import Ponte
from ponte.errors import StoreUnavailable

T = TypeVar("T")

_TIMEOUT_S: Final = 10.0


class Bridge:
    """Runs coroutines on the shell's loop from any other thread.

    Args:
        ponte: what is open on that loop.
        loop: the shell's loop.
    """

    def __init__(self, ponte: Ponte, loop: asyncio.AbstractEventLoop) -> None:
        self.ponte = ponte
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = _TIMEOUT_S) -> T:
        """Run ``work`` on the loop and return its result, or raise what it raises.

        Raises:
            StoreUnavailable: it took longer than ``timeout_s``, or the console is shutting down.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise StoreUnavailable("The console is shutting down. Reload the page in a moment.") from None
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            future.cancel()
            raise StoreUnavailable(
                f"The database did not answer within {timeout_s:.0f} s. Try again."
            ) from None


_bridges: list[Bridge] = []


def install(bridge: Bridge) -> None:
    """Make ``bridge`` the one that page scripts find."""
    _bridges[:] = [bridge]


def uninstall() -> None:
    """Forget the bridge, at the shell's end."""
    _bridges.clear()


def current() -> Bridge:
    """Return the installed bridge. Raises StoreUnavailable when the shell is not running."""
    if not _bridges:
        raise StoreUnavailable("The console is not running. Start it with `ponte console`.")
    return _bridges[0]
