"""A file that cannot be used, and why."""

from __future__ import annotations

from ponte.domain.message import MediaError
from ponte.errors import PonteError


class Unusable(PonteError):
    """A customer's file cannot be used; another try would not help.

    Args:
        error: why, as the transcript keeps it.
        detail: more, for the log; nothing of the file's content.
    """

    def __init__(self, error: MediaError, detail: str) -> None:
        super().__init__(f"{error.value}: {detail}")
        self.error = error
