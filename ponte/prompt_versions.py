"""Versions of the prompt files in the store: kept when first served, found again, gone back to."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Final

from ponte.domain.prompt_version import CanaryEnd, PromptFault, PromptServing, PromptStatus, PromptVersion
from ponte.errors import Conflict, InvalidInput, NotFound
from ponte.ports import AuditEntry, Clock, Store

OPERATOR: Final = "operator"
WORKER: Final = "worker"
_STATUS: Final = "prompts_status"
_TRIES: Final = 20
_SHOWN: Final = 5
_HEX: Final = frozenset("0123456789abcdef")


class PromptVersions:
    """What was served and what is to be served, and what this process makes of it.

    Args:
        store: where versions are.
        clock: the time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._here: PromptStatus | None = None

    async def keep(self, version: str, files: Mapping[str, bytes], served_at: int | None = None) -> None:
        """Store a version for good; one that is there stays as it is.

        Args:
            version: of ``files``.
            files: by path.
            served_at: when it is first served, ms UTC; None: now.
        """
        await self._store.keep_prompts(version, files, self._clock.now() if served_at is None else served_at)

    async def files(self, version: str) -> Mapping[str, bytes]:
        """Return a version's files. Raises NotFound."""
        return await self._store.prompt_files(version)

    async def history(self, limit: int = 50) -> list[PromptVersion]:
        """Return the versions, the newest first served first."""
        return await self._store.prompt_versions(limit)

    async def serving(self) -> PromptServing:
        """Return what is to be served."""
        return await self._store.prompt_serving()

    async def find(self, prefix: str) -> PromptVersion:
        """Return the version that begins with ``prefix``.

        Raises:
            NotFound: none does.
            InvalidInput: several do, or it is no version at all.
        """
        wanted = prefix.strip().lower()
        if not wanted or not _HEX.issuperset(wanted):
            raise InvalidInput(
                f"{prefix!r} is no version: one is written in the digits 0-9 and a-f, as "
                "`ponte prompts history` lists them."
            )
        found = await self._store.prompt_versions(_SHOWN + 1, prefix=wanted)
        if not found:
            raise NotFound(
                f"No version begins with {wanted!r}. `ponte prompts history` lists what was served; what "
                "never was is not kept."
            )
        if len(found) > 1:
            names = ", ".join(one.version for one in found[:_SHOWN])
            more = ", ..." if len(found) > _SHOWN else ""
            raise InvalidInput(f"Several versions begin with {wanted!r}: {names}{more}. Write more of it.")
        return found[0]

    async def change(self, change: Callable[[PromptServing, int], PromptServing | None]) -> PromptServing:
        """Change what is to be served, by compare-and-set; again when somebody else was quicker.

        Args:
            change: gets the present value and the time, returns ``PromptServing.changed(...)`` or None to
                leave it.

        Returns:
            What is to be served now.

        Raises:
            Conflict: others kept changing it.
        """
        for _ in range(_TRIES):
            present = await self._store.prompt_serving()
            wanted = change(present, self._clock.now())
            if wanted is None:
                return present
            try:
                await self._store.change_prompt_serving(wanted)
            except Conflict:
                continue
            return wanted
        raise Conflict("What is to be served kept changing. Look at `ponte prompts history` and try again.")

    async def pin(self, version: str, by: str = OPERATOR) -> PromptServing:
        """Serve a stored version whatever the files say, in every process, until ``release``.

        A trial of another version is over.
        """
        before = await self._store.prompt_serving()
        done = await self.change(
            lambda now, at: now.without_canary(at, by, CanaryEnd.STOPPED, pinned=version)
        )
        await self._audit(by, "prompts_rolled_back", f"{before.served or 'nothing'} -> {version}")
        return done

    async def release(self, by: str = OPERATOR) -> PromptServing:
        """Serve the files again; nothing changes when they are."""
        before = await self._store.prompt_serving()
        if before.pinned is None:
            return before
        done = await self.change(lambda now, at: now.changed(at, by, pinned=None))
        await self._audit(by, "prompts_released", f"{before.pinned} -> the files")
        return done

    async def follow_files(self, version: str) -> PromptServing:
        """Record the newest good version of the files; returns what is to be served."""
        return await self.change(
            lambda now, at: None if now.latest == version else now.changed(at, WORKER, latest=version),
        )

    async def report(self, status: PromptStatus) -> None:
        """Tell what this process serves, here and to the other processes."""
        self._here = replace(status, at=self._clock.now())
        await self._store.set_value(_STATUS, json.dumps(asdict(self._here)))

    async def status(self) -> PromptStatus | None:
        """Return what this process serves; what another one told last, when this one serves nothing."""
        if self._here is not None:
            return self._here
        told = await self._store.get_value(_STATUS)
        if told is None:
            return None
        plain = json.loads(told)
        return PromptStatus(**{**plain, "faults": tuple(PromptFault(**fault) for fault in plain["faults"])})

    async def _audit(self, actor: str, action: str, detail: str) -> None:
        entry = AuditEntry(f"au_{secrets.token_hex(12)}", self._clock.now(), actor, action, detail=detail)
        await self._store.audit(entry)
