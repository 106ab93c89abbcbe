"""What prompt engineers do in the console and over HTTP: versions, differences, the ledger, trials."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.decision import DecisionFilter, HandoffDecision, HandoffMark, Mark
from ponte.domain.prompt_version import PromptServing, PromptStatus, PromptVersion
from ponte.domain.trial import Compared, PromptFolder, RecentTalk, Tried
from ponte.errors import InvalidInput, NotFound, WrongState
from ponte.eval_reports import last_report
from ponte.ledger import HEADER, labelled_examples
from ponte.masking import masked
from ponte.ports import AuditEntry, Clock, Page, PromptLab, Store
from ponte.prompt_diff import FileDiff, compare
from ponte.prompt_versions import PromptVersions
from ponte.staff import permit

FILES: Final = "files"
"""Stands for the folder where a version is asked for."""
MOST_TURNS: Final = 12
LONGEST_TURN: Final = 1_000
_HISTORY: Final = 50
_RECENT: Final = 30
_NO_LAB: Final = "The prompt files cannot be read from this process. Use `ponte prompts` where they are."


@dataclass(frozen=True, slots=True)
class PromptsView:
    """What is served, and what was.

    Args:
        status: what the serving process told last; None: none serves.
        serving: what is to be served.
        versions: the newest first served first.
        folder: the files in the folder; None where this process cannot read them.
    """

    status: PromptStatus | None
    serving: PromptServing
    versions: tuple[PromptVersion, ...]
    folder: PromptFolder | None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A decision, and what agents say of it."""

    decision: HandoffDecision
    marks: tuple[HandoffMark, ...] = ()


class PromptDesk:
    """Every method raises Forbidden for a role that may not.

    Args:
        store: where versions and the ledger are.
        clock: the time.
        versions: what was served and what is to be.
        lab: reads the folder and tries versions out; it lives in a layer above. None: there is none.
        data_dir: where the last evaluation's report is.
    """

    def __init__(
        self, store: Store, clock: Clock, versions: PromptVersions, lab: PromptLab | None, data_dir: Path
    ) -> None:
        self._store = store
        self._clock = clock
        self._versions = versions
        self._lab = lab
        self._data_dir = data_dir

    @property
    def can_try(self) -> bool:
        """Whether this process can read the folder and try versions out."""
        return self._lab is not None

    async def view(self, agent: Agent) -> PromptsView:
        """Return what is served, what was, and how the folder stands."""
        permit(agent, Permission.PROMPTS)
        status, serving, versions = await asyncio.gather(
            self._versions.status(), self._versions.serving(), self._versions.history(_HISTORY)
        )
        folder = None if self._lab is None else await self._lab.folder()
        return PromptsView(status, serving, tuple(versions), folder)

    async def diff(self, agent: Agent, before: str, after: str) -> list[FileDiff]:
        """Return what changed from one version to another; ``FILES`` stands for the folder.

        Raises:
            NotFound: there is no such version.
            InvalidInput: the folder cannot be read from here, or a name fits several versions.
        """
        permit(agent, Permission.PROMPTS)
        old, new = await self._files(before), await self._files(after)
        return await asyncio.to_thread(compare, old, new)

    async def roll_back(self, agent: Agent, version: str) -> PromptServing:
        """Serve a version that was served before, whatever the files say, in every process.

        Raises:
            NotFound: there is no such version.
            InvalidInput: it cannot be read from here, or a name fits several versions.
            WrongState: this Ponte cannot serve it.
        """
        permit(agent, Permission.ENGINEER)
        if self._lab is None:
            raise InvalidInput(_NO_LAB)
        wanted = (await self._versions.find(version)).version
        faults = await self._lab.faults(await self._versions.files(wanted))
        if faults:
            said = "; ".join(f"{fault.file}: {fault.message}" for fault in faults[:3])
            raise WrongState(f"Version {wanted} cannot be served by this version of Ponte: {said}")
        return await self._versions.pin(wanted, agent.id)

    async def release(self, agent: Agent) -> PromptServing:
        """Serve the files again; nothing changes when they are."""
        permit(agent, Permission.ENGINEER)
        return await self._versions.release(agent.id)

    async def report(self, agent: Agent) -> dict[str, object] | None:
        """Return the report of the last ``ponte prompts eval``; None when there is none here."""
        permit(agent, Permission.PROMPTS)
        return await asyncio.to_thread(last_report, self._data_dir)

    async def ledger(
        self,
        agent: Agent,
        wanted: DecisionFilter,
        *,
        mark: Mark | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[LedgerRow]:
        """List decisions, the newest first; with a mark those that agents say it of, the newest mark first.

        Raises InvalidInput for a foreign cursor.
        """
        permit(agent, Permission.PROMPTS)
        if mark is None:
            page = await self._store.decisions_made(wanted, after=after, limit=limit)
            found = await asyncio.gather(*(self._marked(decision) for decision in page.items))
            return Page(tuple(found), page.next)
        marks = await self._store.marks_of(
            mark, trigger=wanted.trigger, prompt_version=wanted.prompt_version, after=after, limit=limit
        )
        rows = await asyncio.gather(*(self._decided(each) for each in marks.items))
        return Page(tuple(row for row in rows if row is not None), marks.next)

    async def examples(self, agent: Agent) -> str:
        """Return the marks as labelled examples in TSV, names and numbers masked; see ``ponte.ledger``.

        The export is recorded in the audit log.
        """
        permit(agent, Permission.PROMPTS)
        rows = [example.row() for example in await labelled_examples(self._store)]
        entry_id = f"au_{secrets.token_hex(12)}"
        detail = str(len(rows))
        await self._store.audit(
            AuditEntry(entry_id, self._clock.now(), agent.id, "examples_exported", None, detail)
        )
        return "".join(f"{line}\n" for line in ("\t".join(HEADER), *rows))

    async def try_out(self, agent: Agent, version: str, texts: Sequence[str]) -> Tried:
        """Let an invented customer write to a version, or to the folder's files. No customer hears of it.

        Raises:
            NotFound: there is no such version.
            InvalidInput: it cannot be read from here, or the messages are too many, too long or none.
        """
        permit(agent, Permission.ENGINEER)
        if self._lab is None:
            raise InvalidInput(_NO_LAB)
        said = [text.strip() for text in texts]
        if not 0 < len(said) <= MOST_TURNS or not all(0 < len(text) <= LONGEST_TURN for text in said):
            raise InvalidInput(f"Write 1 to {MOST_TURNS} messages of at most {LONGEST_TURN} characters.")
        return await self._lab.try_out(await self._files(version), said)

    async def recent(self, agent: Agent) -> list[RecentTalk]:
        """Return the conversations that changed last, for ``try_past``; names and numbers are masked."""
        permit(agent, Permission.ENGINEER)
        page = await self._store.conversations(status=None, contact_id=None, after=None, limit=_RECENT)
        contacts = await self._store.contacts(sorted({each.contact_id for each in page.items}))
        agents = [each.name for each in await self._store.agents()]
        talks = []
        for each in page.items:
            contact = contacts.get(each.contact_id)
            names = (contact.name or "" if contact else "", *agents)
            talks.append(RecentTalk(each.id, each.updated_at, each.language, masked(each.preview, names)))
        return talks

    async def try_past(self, agent: Agent, version: str, conversation_id: str) -> Compared:
        """Let the customer of a stored conversation say it again to a version, or to the folder's files.

        Names and numbers are masked before the version, or a model, gets them. Nobody hears of it, and
        nothing is kept; only the first ``MOST_TURNS`` turns are said.

        Raises:
            NotFound: there is no such version or conversation, or nothing in it that can be said again.
            InvalidInput: it cannot be read from here.
        """
        permit(agent, Permission.ENGINEER)
        if self._lab is None:
            raise InvalidInput(_NO_LAB)
        files = await self._files(version)
        return await self._lab.try_past(files, self._store, conversation_id, MOST_TURNS)

    async def _files(self, name: str) -> Mapping[str, bytes]:
        if name == FILES:
            if self._lab is None:
                raise InvalidInput(_NO_LAB)
            return (await self._lab.folder()).files
        return await self._versions.files((await self._versions.find(name)).version)

    async def _marked(self, decision: HandoffDecision) -> LedgerRow:
        if decision.trigger is None:
            return LedgerRow(decision)
        marks = await self._store.marks(decision.conversation_id)
        said = [m for m in marks if m.decision_id == decision.id and m.mark is not Mark.NONE]
        return LedgerRow(decision, tuple(said))

    async def _decided(self, mark: HandoffMark) -> LedgerRow | None:
        try:
            return LedgerRow(await self._store.decision(mark.decision_id), (mark,))
        except NotFound:
            return None  # erased meanwhile
