"""Where tests cut a store short."""

from __future__ import annotations

from typing import Protocol


class WriteObserver(Protocol):
    """Called by a store at each point where a killed process would leave a different database behind.

    What it raises reaches the caller as if the process had died there: nothing after it is done.
    """

    def __call__(self, point: str) -> None:
        """Learn that the store is at ``point``, e.g. ``commit.messages``."""
        ...


def unobserved(point: str) -> None:
    """Observe nothing: what every store outside of tests is opened with."""
