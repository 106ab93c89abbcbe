"""Trials of a version of the prompt files with some of the new conversations: begun, watched, ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from ponte.domain.canary import CanaryBounds, VersionFigures, bounds_from, past_bounds
from ponte.domain.conversation import Trigger
from ponte.domain.prompt_version import CanaryEnd, EndedCanary, PromptCanary, PromptServing
from ponte.errors import Conflict, InvalidInput, StoreUnavailable
from ponte.ledger import counts_by_version
from ponte.ports import AuditEntry, Clock, Store
from ponte.prompt_versions import OPERATOR, WORKER, PromptVersions

log = structlog.get_logger(__name__)

# So long after it was told of, a trial begins: by then every process knows of it and has prepared it, so that
# none of them gives a conversation of the trial another version.
LEAD_MS: Final = 5_000
# More conversations than these tell nothing new; the first ones of the trial count.
MOST: Final = 50_000
_PAGE: Final = 500
_EVERY_MS: Final = 30_000
# The one that watches renews it with each look; another one follows soon after it died.
_LEASE_MS: Final = 2 * _EVERY_MS
_LEASE: Final = "prompts-canary"
_FAILED: Final = frozenset({Trigger.BOT_FAILED, Trigger.ERROR})


@dataclass(frozen=True, slots=True)
class CanaryFigures:
    """What a trial showed so far.

    Args:
        versions: the figures by version, of all that served since the trial began.
        complete: False where there were more conversations than are counted.
    """

    versions: dict[str, VersionFigures]
    complete: bool = True

    def of(self, version: str) -> VersionFigures:
        """Return the figures of one version."""
        return self.versions.get(version, VersionFigures())

    def others(self, version: str) -> VersionFigures:
        """Return the figures of all versions but one, together."""
        total = VersionFigures()
        for name, figures in self.versions.items():
            if name != version:
                total = total.plus(figures)
        return total


async def canary_figures(store: Store, since: int, now: int) -> CanaryFigures:
    """Count what versions did from ``since`` to ``now`` (ms UTC).

    Conversations are those opened in that time; turns, failures and marks are those made in it.
    """
    found: dict[str, VersionFigures] = {}
    cursor: str | None = None
    for _ in range(MOST // _PAGE):
        page = await store.conversations_opened(since, now + 1, after=cursor, limit=_PAGE)
        for fact in page.items:
            if fact.prompt_version is None:
                continue  # only people served it so far
            one = VersionFigures(
                conversations=1,
                handed_over=int(fact.human),
                csat_sum=fact.csat or 0,
                csat_count=int(fact.csat is not None),
            )
            found[fact.prompt_version] = found.get(fact.prompt_version, VersionFigures()).plus(one)
        cursor = page.next
        if cursor is None:
            break
    for count in await counts_by_version(store, since):
        one = VersionFigures(
            turns=count.decisions,
            failures=count.decisions if count.trigger in _FAILED else 0,
            not_needed=count.not_needed,
            late=count.late,
        )
        found[count.prompt_version] = found.get(count.prompt_version, VersionFigures()).plus(one)
    return CanaryFigures(found, complete=cursor is None)


class Canaries:
    """Begins trials and ends them.

    Args:
        store: where figures are, and the audit log.
        prompts: what is to be served.
        clock: the time.
    """

    def __init__(self, store: Store, prompts: PromptVersions, clock: Clock) -> None:
        self._store = store
        self._prompts = prompts
        self._clock = clock

    async def start(
        self, version: str, percent: float, bounds: CanaryBounds, by: str = OPERATOR
    ) -> PromptCanary:
        """Try a stored version with some of the new conversations, from ``LEAD_MS`` on.

        Of a trial that runs, percentage and bounds are changed: its conversations stay with it.

        Raises:
            InvalidInput: the version is served to all, or another one is on trial.
            Conflict: others kept changing what is served.
        """

        def begun(now: PromptServing, at: int) -> PromptServing:
            if now.served == version:
                raise InvalidInput(
                    f"Version {version} is served to everybody already: nothing is to be tried."
                )
            if now.canary is not None and now.canary.version != version:
                raise InvalidInput(
                    f"Version {now.canary.version} is on trial. End that first: `ponte prompts canary stop`."
                )
            trial = now.canary or PromptCanary(version, percent, at + LEAD_MS)
            return now.changed(at, by, canary=replace(trial, percent=percent, bounds=bounds.as_pairs()))

        done = (await self._prompts.change(begun)).canary
        if done is None:  # never: ``begun`` sets it
            raise Conflict("The trial was ended at the same moment. Look at `ponte prompts canary status`.")
        await self._audit(by, "prompts_canary_started", f"{version} with {percent:g} % of new conversations")
        return done

    async def stop(self, by: str = OPERATOR) -> EndedCanary:
        """End the trial; its conversations get the version that all others have.

        Raises:
            InvalidInput: nothing is on trial.
        """
        return await self._end(by, CanaryEnd.STOPPED, "prompts_canary_stopped")

    async def promote(self, by: str = OPERATOR) -> EndedCanary:
        """End the trial and serve its version to everybody, whatever the files say.

        Raises:
            InvalidInput: nothing is on trial.
        """
        return await self._end(by, CanaryEnd.PROMOTED, "prompts_canary_promoted")

    async def figures(self, canary: PromptCanary) -> CanaryFigures:
        """Return what a trial showed so far."""
        return await canary_figures(self._store, canary.started_at, self._clock.now())

    async def end_past_bounds(self) -> EndedCanary | None:
        """End the trial if it is past one of its bounds; return it then.

        One whose version is served to all by now has nothing more to show, and ends as promoted.
        """
        serving = await self._prompts.serving()
        trial = serving.canary
        if trial is None:
            return None
        if serving.served == trial.version:
            how, why, action = CanaryEnd.PROMOTED, "It is served to everybody.", "prompts_canary_promoted"
        else:
            figures = await self.figures(trial)
            past = past_bounds(
                figures.of(trial.version), figures.others(trial.version), bounds_from(trial.bounds)
            )
            if past is None:
                return None
            how, why, action = CanaryEnd.ROLLED_BACK, past, "prompts_canary_rolled_back"

        def same(now: PromptServing) -> bool:
            # One that was begun anew meanwhile, or with other bounds, is another trial.
            return now.canary == trial

        return await self._ended(WORKER, how, action, why=why, met=same)

    async def _end(self, by: str, how: CanaryEnd, action: str) -> EndedCanary:
        ended = await self._ended(by, how, action, met=lambda now: now.canary is not None)
        if ended is None:
            raise InvalidInput("Nothing is on trial. `ponte prompts canary V --percent 10` begins a trial.")
        return ended

    async def _ended(
        self, by: str, how: CanaryEnd, action: str, *, met: Callable[[PromptServing], bool], why: str = ""
    ) -> EndedCanary | None:
        """End the trial while ``met``; None when it is not, any more."""
        ended = False

        def over(now: PromptServing, at: int) -> PromptServing | None:
            nonlocal ended
            ended = met(now)
            if not ended or now.canary is None:
                return None
            # A version that the files have become needs no pin, which would hold back their next edit.
            pinned = (
                now.canary.version if how is CanaryEnd.PROMOTED and now.served != now.canary.version else None
            )
            return now.without_canary(at, by, how, why, pinned=pinned)

        done = (await self._prompts.change(over)).ended
        if not ended or done is None:
            return None
        said = f"{done.version}, {done.percent:g} % of new conversations{f': {why}' if why else ''}"
        await self._audit(by, action, said)
        tell = log.error if how is CanaryEnd.ROLLED_BACK else log.info
        tell(action, version=done.version, reason=why)
        return done

    async def _audit(self, actor: str, action: str, detail: str) -> None:
        entry = AuditEntry(f"au_{secrets.token_hex(12)}", self._clock.now(), actor, action, detail=detail)
        await self._store.audit(entry)


class CanaryWatch:
    """Ends a trial that is past its bounds. Any number of processes may run it: one of them looks.

    Args:
        store: where the lease is.
        canaries: the trials.
        clock: the time.
        owner: this process.
    """

    def __init__(self, store: Store, canaries: Canaries, clock: Clock, owner: str) -> None:
        self._store = store
        self._canaries = canaries
        self._clock = clock
        self._owner = owner

    async def run_once(self) -> EndedCanary | None:
        """Look once; return the trial if it was ended by that."""
        lease = await self._store.acquire(_LEASE, self._owner, self._clock.now(), _LEASE_MS)
        return None if lease is None else await self._canaries.end_past_bounds()

    async def run(self) -> None:
        """Look every 30 s until cancelled."""
        while True:
            try:
                await self.run_once()
            except (StoreUnavailable, Conflict) as error:
                log.warning("prompts_canary_not_watched", reason=str(error))
            await self._clock.sleep(_EVERY_MS)
