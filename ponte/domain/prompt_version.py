"""Versions of the prompt files: what was served, what is served, and how it came to that."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version that was served at least once.

    Args:
        version: the hash of its contents.
        first_served_at: ms UTC.
        files: how many.
    """

    version: str
    first_served_at: int
    files: int


@dataclass(frozen=True, slots=True)
class PromptCanary:
    """A version on trial with some of the new conversations.

    Args:
        version: which.
        percent: of new conversations, 0 to 100.
        started_at: ms UTC.
        bounds: by the name of a rate, the value past which the trial ends by itself.
    """

    version: str
    percent: float
    started_at: int
    bounds: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PromptServing:
    """What all processes on one store serve; changed by compare-and-set on ``revision``.

    Args:
        revision: grows by 1 with each change; 0 before the first.
        latest: the newest good version of the files; served unless one is pinned, and after a restart with
            files that cannot be used.
        pinned: a version that is served whatever the files say; None: the files are.
        canary: a trial; None: there is none.
        changed_at: ms UTC.
        changed_by: an agent's id, ``operator`` or ``worker``.
    """

    revision: int = 0
    latest: str | None = None
    pinned: str | None = None
    canary: PromptCanary | None = None
    changed_at: int = 0
    changed_by: str = ""

    @property
    def served(self) -> str | None:
        """The version that is to be served; None before any was."""
        return self.pinned or self.latest

    def changed(self, now: int, by: str, **changes: str | PromptCanary | None) -> PromptServing:
        """Return the next revision with ``changes``."""
        return replace(self, revision=self.revision + 1, changed_at=now, changed_by=by, **changes)  # type: ignore[arg-type]  # the caller names fields of this class


@dataclass(frozen=True, slots=True)
class PromptFault:
    """One thing that is wrong with the files.

    Args:
        file: relative to the prompts' folder.
        line: where; None when it is not known.
        message: what is wrong, and the mend.
    """

    file: str
    line: int | None
    message: str


@dataclass(frozen=True, slots=True)
class PromptStatus:
    """What a process serves, and what it thinks of its files.

    Args:
        served: the version that its turns run with.
        files: the version of the files on its disk, good or not.
        pinned: whether ``served`` is a version that somebody went back to.
        faults: why the files, or the version that is to be served, cannot be; empty when they can.
        at: when this was found, ms UTC.
    """

    served: str
    files: str
    pinned: bool = False
    faults: tuple[PromptFault, ...] = ()
    at: int = 0

    @property
    def differs(self) -> bool:
        """Whether the files are not what is served."""
        return self.served != self.files
