"""Which prompt files are served: the folder's, as soon as they are saved, or a version gone back to.

A saved edit serves the next turn; a turn that runs keeps what it began with. An edit that cannot be used is
told of, and the last good version goes on. A version is in the store before it is served, so that any
process can serve it, and so that a restart finds it again when the folder cannot be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import structlog
import watchfiles

from graph.context import GraphContext
from graph.prompt_problem import Problem
from graph.prompt_source import Files, Snapshot, fingerprint, read_folder
from graph.prompts import PromptSet, read_prompts
from ponte.domain.conversation import Conversation
from ponte.domain.prompt_version import PromptFault, PromptServing, PromptStatus
from ponte.errors import Conflict, NotFound, PromptError, StoreUnavailable
from ponte.prompt_versions import PromptVersions

log = structlog.get_logger(__name__)

# How soon all processes serve what one of them was told to.
POLL_S: Final = 0.5
# How soon an edit is found where the system tells of none: network shares, some bind mounts.
_LOOK_MS: Final = 2_000
_SETTLE_S: Final = 0.05
_SETTLE_TRIES: Final = 20
_FAILED_S: Final = 1.0
# Of a folder that is broken all over, the first faults tell enough.
_LOGGED: Final = 20


class Derive(Protocol):
    """Makes a context; see ``graph.context_factory.ContextFactory.derive``."""

    def __call__(self, prompts: PromptSet, like: GraphContext | None = None) -> GraphContext:
        """Return the context of a version, with what ``like`` has in common."""
        ...


class PromptServer:
    """``graph.contexts.Contexts`` over a folder and the store.

    Args:
        directory: the prompt files.
        versions: what was served and what is to be served.
        derive: makes a version's context; called in a thread.
    """

    def __init__(self, directory: Path, versions: PromptVersions, derive: Derive) -> None:
        self._directory = directory
        self._versions = versions
        self._derive = derive
        self._context: GraphContext | None = None
        # Of the version on trial; None while there is none, or it is not prepared or cannot be.
        self._trial: GraphContext | None = None
        self._serving = PromptServing()
        self._snapshot = Snapshot({})
        # The last version of the files that was looked at, whether it was good, and what was wrong with it.
        self._judged: str | None = None
        self._good: PromptSet | None = None
        self._good_files: Files = {}
        self._file_faults: tuple[PromptFault, ...] = ()
        # Versions that cannot be used here, and why; looked at once.
        self._unusable: dict[str, tuple[PromptFault, ...]] = {}
        self._reported: PromptStatus | None = None
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[GraphContext], None]] = []

    def current(self) -> GraphContext:
        """Return the context that is served. Call ``start`` first."""
        if self._context is None:
            raise RuntimeError("No prompt files are served yet: call start() first.")
        return self._context

    def for_conversation(self, conversation: Conversation) -> GraphContext:
        """Return the context that this conversation is served: the trial's, where it takes part in one.

        A trial is known to the processes before its first conversation (``ponte.canary.LEAD_MS``), so all of
        them give a conversation the same version; but one that cannot prepare the version gives the other.
        """
        trial, canary = self._trial, self._serving.canary
        if trial is None or canary is None or trial.prompts.version != canary.version:
            return self.current()
        return trial if canary.takes(conversation) else self.current()

    def on_switch(self, listener: Callable[[GraphContext], None]) -> None:
        """Call ``listener`` with each context before its first turn."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Serve: the version gone back to, else the files, else the last version that was served.

        Raises:
            PromptError: none of them can be used; names each fault of the files.
            StoreUnavailable: the store does not answer.
        """
        await self.look()
        if self._context is None:
            lines = "\n  ".join(_line(fault) for fault in self._file_faults)
            raise PromptError(
                f"The prompt files in {self._directory} cannot be used, and no version was served before:\n"
                f"  {lines}"
            )

    async def run(self) -> None:
        """Follow the files and the store until cancelled."""
        stop = asyncio.Event()
        # What was saved since ``start`` looked, or while an earlier run failed, is found at once.
        self._wake.set()
        watching = asyncio.create_task(self._watch(stop), name="prompts-watch")
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()
                changed = self._wake.is_set()
                self._wake.clear()
                try:
                    await (self.look() if changed else self.refresh())
                except (StoreUnavailable, Conflict) as error:
                    # What is served goes on; the next look may do better.
                    log.warning("prompts_not_refreshed", reason=str(error))
                    await self._again()
                except Exception:
                    # The loop's edge: else nothing that is saved or gone back to would be served any more.
                    log.exception("prompts_not_followed")
                    await self._again()
        finally:
            stop.set()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _again(self) -> None:
        """Wait a moment, then let ``run`` look anew."""
        await asyncio.sleep(_FAILED_S)
        self._wake.set()

    async def look(self) -> None:
        """Read the folder anew, and serve what is to be served. Raises StoreUnavailable."""
        self._snapshot = await self._settled()
        await self.refresh()

    async def refresh(self) -> None:
        """Serve what is to be served now, if it can be, and tell what is not as it should be.

        Raises:
            StoreUnavailable: the store does not answer; what was served is served on.
        """
        await self._judge_files()
        self._serving = await self._versions.serving()
        faults = self._file_faults
        for wanted in self._candidates():
            if self._context is not None and self._context.prompts.version == wanted:
                break
            context = self._tried(wanted) or await self._prepared(wanted)
            if context is not None:
                await self._switch(context)
                break
            faults = self._unusable.get(wanted, ()) + faults
        if self._context is not None:
            await self._report(await self._follow_canary() + faults)

    def _tried(self, version: str) -> GraphContext | None:
        """Return the trial's context if it is of this version."""
        return self._trial if self._trial is not None and self._trial.prompts.version == version else None

    async def _follow_canary(self) -> tuple[PromptFault, ...]:
        """Prepare the version on trial, if there is one; return why it cannot be served."""
        canary = self._serving.canary
        if canary is None or canary.version == self.current().prompts.version:
            self._trial = None
            return ()
        if self._tried(canary.version) is None:
            self._trial = await self._prepared(canary.version)
            if self._trial is not None:
                log.info("prompts_on_trial", version=canary.version, percent=canary.percent)
        return self._unusable.get(canary.version, ())

    def _candidates(self) -> list[str]:
        """Return the versions to serve, the first that can be used."""
        serving, good = self._serving, self._good
        wanted = [serving.pinned, good.version if good is not None else None]
        if self._context is not None:
            wanted.append(self._context.prompts.version)
        wanted.append(serving.latest)
        return list(dict.fromkeys(version for version in wanted if version is not None))

    async def _judge_files(self) -> None:
        """Look at the files, once for each of their versions."""
        snapshot = self._snapshot
        found = f"{snapshot.version}{sorted(snapshot.unread)}"
        if found == self._judged:
            return
        prompts, problems = await asyncio.to_thread(_judged, snapshot.files)
        problems = [Problem(file, None, said) for file, said in snapshot.unread.items()] + problems
        self._judged = found
        self._file_faults = _faults(problems)
        if problems or prompts is None:
            for fault in self._file_faults[:_LOGGED]:
                log.error("prompts_refused", file=fault.file, line=fault.line, reason=fault.message)
            return
        self._good, self._good_files = prompts, snapshot.files
        self._unusable.pop(prompts.version, None)

    async def _prepared(self, version: str) -> GraphContext | None:
        """Return the context of a version, or None, with the reason in ``_unusable``."""
        if version in self._unusable:
            return None
        good = self._good
        try:
            if good is not None and good.version == version:
                prompts = good
                await self._versions.keep(version, self._good_files)
            else:
                prompts = await self._stored(version)
            return await asyncio.to_thread(self._derive, prompts, self._context)
        except PromptError as error:
            self._refuse(version, str(error))
        except StoreUnavailable:
            raise
        except Exception as error:
            # The loop's edge: whatever a file's contents make the training or the index raise, what was
            # served goes on.
            log.exception("prompts_not_prepared", version=version)
            self._refuse(version, f"version {version} cannot be prepared ({type(error).__name__})")
        return None

    async def _stored(self, version: str) -> PromptSet:
        try:
            files = await self._versions.files(version)
        except NotFound:
            raise PromptError(f"version {version} is not in the store. Roll back to another one.") from None
        prompts, problems = await asyncio.to_thread(read_prompts, files)
        if prompts is None:
            said = "; ".join(map(str, problems))
            raise PromptError(f"version {version} cannot be used by this version of Ponte: {said}")
        return prompts

    def _refuse(self, version: str, message: str) -> None:
        log.error("prompt_version_refused", version=version, reason=message)
        self._unusable[version] = (PromptFault("", None, message),)

    async def _switch(self, context: GraphContext) -> None:
        """Serve another context from the next turn on."""
        version = context.prompts.version
        if self._good is not None and self._good.version == version:
            self._serving = await self._versions.follow_files(version)
        before = self._context.prompts.version if self._context is not None else None
        for listener in self._listeners:
            listener(context)
        self._context = context
        log.info(
            "prompts_served",
            version=version,
            before=before,
            files=self._snapshot.version,
            pinned=self._serving.pinned == version,
        )

    async def _report(self, faults: tuple[PromptFault, ...]) -> None:
        served = self.current().prompts.version
        status = PromptStatus(
            served=served,
            files=self._snapshot.version,
            pinned=self._serving.pinned == served,
            faults=faults,
        )
        if status == self._reported:
            return
        if status.differs:
            log.warning("prompts_differ", served=served, files=status.files, pinned=status.pinned)
        await self._versions.report(status)
        self._reported = status

    async def _settled(self) -> Snapshot:
        """Return what stands in the folder once nobody is writing: two looks in a row found the same."""
        before = await asyncio.to_thread(read_folder, self._directory)
        for _ in range(_SETTLE_TRIES):
            await asyncio.sleep(_SETTLE_S)
            now = await asyncio.to_thread(read_folder, self._directory)
            if now == before:
                break
            before = now
        return before

    async def _watch(self, stop: asyncio.Event) -> None:
        """Wake ``run`` after each change of the folder."""
        known: object = None  # unlike any: what changed since ``start`` looked is found too
        told = ""
        while not stop.is_set():
            try:
                async for _ in _changes(self._directory, stop):
                    known = await self._look(known)
            except (OSError, RuntimeError) as error:
                # No such folder, or no more watches to be had: then looking has to do.
                if str(error) != told:
                    told = str(error)
                    log.warning("prompts_not_watched", reason=told, looked_at_every_ms=_LOOK_MS)
                known = await self._look(known)
                await asyncio.sleep(_LOOK_MS / 1000)

    async def _look(self, known: object) -> object:
        """Wake ``run`` if the folder is not as ``known``; return how it is."""
        now = await asyncio.to_thread(fingerprint, self._directory)
        if now != known:
            self._wake.set()
        return now


async def _changes(directory: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield after a change, and every 2 s in case that nobody tells of changes here."""
    changes = watchfiles.awatch(
        directory,
        watch_filter=None,
        stop_event=stop,
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    async for _ in changes:
        yield


def _judged(files: Files) -> tuple[PromptSet | None, list[Problem]]:
    """Read the files. An edge of its own: whatever they hold, what is served must go on to follow them."""
    try:
        return read_prompts(files)
    except Exception as error:
        log.exception("prompts_not_read")
        said = f"the files cannot be read ({type(error).__name__}); undo the last change."
        return None, [Problem("", None, said)]


def _faults(problems: list[Problem]) -> tuple[PromptFault, ...]:
    return tuple(PromptFault(problem.file, problem.line, problem.message) for problem in problems)


def _line(fault: PromptFault) -> str:
    return str(Problem(fault.file, fault.line, fault.message)) if fault.file else fault.message
