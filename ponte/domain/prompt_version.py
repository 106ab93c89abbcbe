"""Versions of the prompt files: what was served, what is served, and how it came to that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from ponte.domain.conversation import Conversation


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
        started_at: ms UTC; no conversation opened before takes part.
        bounds: by name, what ends the trial by itself; see ``ponte.domain.canary.CanaryBounds``.
    """

    version: str
    percent: float
    started_at: int
    bounds: tuple[tuple[str, float], ...] = ()

    def takes(self, conversation: Conversation) -> bool:
        """Tell whether a conversation is served this version.

        All processes find the same. What a conversation was served once decides for its life, whatever
        becomes of ``percent``; a conversation that was served nothing yet is drawn by its id.
        """
        if conversation.opened_at < self.started_at:
            return False
        if conversation.prompt_version is not None:
            return conversation.prompt_version == self.version
        return _place(self.version, conversation.id) < self.percent


def _place(version: str, conversation_id: str) -> float:
    """Return where a conversation stands in a trial's draw, 0 up to, not including, 100: even, and fixed."""
    digest = hashlib.sha256(f"{version}/{conversation_id}".encode()).digest()
    # 48 bits: a quotient of more could round up to 100.
    return int.from_bytes(digest[:6], "big") * 100 / 2**48


class CanaryEnd(StrEnum):
    """How a trial ended."""

    STOPPED = "stopped"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class EndedCanary:
    """A trial that is over.

    Args:
        version: which was on trial.
        percent: of new conversations, at the end.
        started_at: ms UTC.
        ended_at: ms UTC.
        how: how it ended.
        why: in a sentence; empty where a person ended it.
        by: who ended it: an agent's id, ``operator`` or ``worker``.
    """

    version: str
    percent: float
    started_at: int
    ended_at: int
    how: CanaryEnd
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class PromptServing:
    """What all processes on one store serve; changed by compare-and-set on ``revision``.

    Args:
        revision: grows by 1 with each change; 0 before the first.
        latest: the newest good version of the files; served unless one is pinned, and after a restart with
            files that cannot be used.
        pinned: a version that is served whatever the files say; None: the files are.
        canary: a trial; None: there is none.
        ended: the last trial that is over; None: there was none.
        changed_at: ms UTC.
        changed_by: an agent's id, ``operator`` or ``worker``.
    """

    revision: int = 0
    latest: str | None = None
    pinned: str | None = None
    canary: PromptCanary | None = None
    changed_at: int = 0
    changed_by: str = ""
    ended: EndedCanary | None = None

    @property
    def served(self) -> str | None:
        """The version that is to be served; None before any was."""
        return self.pinned or self.latest

    def changed(self, now: int, by: str, **changes: str | PromptCanary | EndedCanary | None) -> PromptServing:
        """Return the next revision with ``changes``."""
        return replace(self, revision=self.revision + 1, changed_at=now, changed_by=by, **changes)  # type: ignore[arg-type]  # the caller names fields of this class

    def without_canary(
        self, now: int, by: str, how: CanaryEnd, why: str = "", *, pinned: str | None = None
    ) -> PromptServing:
        """Return the next revision with the trial over.

        Args:
            now: ms UTC.
            by: who ends it.
            how: how it ends.
            why: in a sentence.
            pinned: a version to serve from now on; None: what was served is served on.
        """
        ended = self.ended
        if (trial := self.canary) is not None:
            ended = EndedCanary(trial.version, trial.percent, trial.started_at, now, how, why, by)
        return self.changed(now, by, canary=None, ended=ended, pinned=pinned or self.pinned)


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
