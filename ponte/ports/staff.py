"""Agents, what they decided, and what they work with.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ponte.domain.agent import Agent, AgentSession
from ponte.domain.contact import Contact
from ponte.domain.conversation import Trigger
from ponte.domain.decision import (
    DecisionCount,
    DecisionFilter,
    HandoffDecision,
    HandoffMark,
    Mark,
    MarkCount,
    Outcome,
)
from ponte.domain.facts import ConversationFact, StretchFact
from ponte.domain.office import OfficeItem, OfficeKind
from ponte.domain.prompt_version import PromptServing, PromptVersion
from ponte.ports.records import AuditEntry, AuditFilter, Page


class AgentStore(Protocol):
    """Agents, sessions, throttles and the audit log."""

    async def add_agent(self, agent: Agent) -> None:
        """Store a new agent. Raises InvalidInput when the e-mail is taken."""
        ...

    async def update_agent(self, agent: Agent) -> None:
        """Replace an agent. Raises NotFound."""
        ...

    async def agent(self, agent_id: str) -> Agent:
        """Return an agent. Raises NotFound."""
        ...

    async def agent_by_email(self, email: str) -> Agent | None:
        """Return the agent who logs in as ``email`` (lower case)."""
        ...

    async def agents(self) -> list[Agent]:
        """Return all agents, by e-mail."""
        ...

    async def add_session(self, session: AgentSession) -> None:
        """Store a login."""
        ...

    async def session(self, token_hash: str) -> AgentSession | None:
        """Return a login by the hash of its token."""
        ...

    async def sessions(self, agent_id: str, now: int, limit: int = 100) -> list[AgentSession]:
        """Return the logins of an agent that are valid at ``now``, in no order."""
        ...

    async def end_session(self, token_hash: str) -> None:
        """End one login. Ending an unknown one changes nothing."""
        ...

    async def end_sessions(self, agent_id: str) -> int:
        """End all logins of an agent; returns how many there were."""
        ...

    async def hit(self, key: str, now: int, window_ms: int) -> int:
        """Count one try under ``key`` and return the tries within ``window_ms``, this one included.

        A window begins with its first try and is forgotten when it has passed.
        """
        ...

    async def forgive(self, key: str) -> None:
        """Forget the tries under ``key``."""
        ...

    async def audit(self, entry: AuditEntry) -> None:
        """Record an entry that goes with no commit."""
        ...

    async def audit_log(self, *, conversation_id: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return entries, the newest first."""
        ...

    async def audit_page(self, wanted: AuditFilter, *, after: str | None, limit: int) -> Page[AuditEntry]:
        """List the entries that pass a filter, the newest first.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...


class LedgerStore(Protocol):
    """The decision ledger. It is written by ``commit`` alone, and erased with the contact."""

    async def decisions(
        self, conversation_id: str, *, outcome: Outcome | None = None, after: int = 0, limit: int = 50
    ) -> list[HandoffDecision]:
        """Return the first ``limit`` decisions of a conversation with a seq over ``after``, in order of seq.

        Args:
            conversation_id: which; read the conversation first where a crash may have cut its commit short.
            outcome: only those with this outcome; None: all.
            after: see above.
            limit: the most.
        """
        ...

    async def decision(self, decision_id: str) -> HandoffDecision:
        """Return a decision. Raises NotFound."""
        ...

    async def decisions_made(
        self, wanted: DecisionFilter, *, after: str | None, limit: int
    ) -> Page[HandoffDecision]:
        """List the decisions of all conversations that pass a filter, the newest first.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...

    async def last_handoff(self, conversation_id: str) -> HandoffDecision | None:
        """Return the newest decision of a conversation that brought a human in."""
        ...

    async def marks(self, conversation_id: str) -> list[HandoffMark]:
        """Return the marks of a conversation, oldest first, those taken back included."""
        ...

    async def marks_made(self, since: int, *, after: str | None, limit: int) -> Page[HandoffMark]:
        """List all marks made at or after ``since``, oldest first, those taken back included.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...

    async def marks_of(
        self,
        mark: Mark,
        *,
        trigger: Trigger | None = None,
        prompt_version: str | None = None,
        after: str | None,
        limit: int,
    ) -> Page[HandoffMark]:
        """List the marks that say ``mark``, of one trigger and one version where given, the newest first.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...

    async def decision_counts(self, since: int) -> list[DecisionCount]:
        """Count the decisions made at or after ``since`` by prompt version, outcome and trigger."""
        ...

    async def mark_counts(self, since: int) -> list[MarkCount]:
        """Count the marks made at or after ``since`` by the decision's prompt version and trigger, and mark.

        Those taken back do not count.
        """
        ...


class PromptStore(Protocol):
    """The versions of the prompt files that were served, and which one is to be served."""

    async def keep_prompts(self, version: str, files: Mapping[str, bytes], at: int) -> None:
        """Store a version, first served at ``at``. One that is there already stays as it is."""
        ...

    async def prompt_versions(self, limit: int, *, prefix: str = "") -> list[PromptVersion]:
        """Return versions, the newest first served first; with a prefix, those that begin so, by name."""
        ...

    async def prompt_files(self, version: str) -> dict[str, bytes]:
        """Return a version's files by path, as they were to the byte. Raises NotFound."""
        ...

    async def prompt_serving(self) -> PromptServing:
        """Return what is to be served; revision 0 before anything was."""
        ...

    async def change_prompt_serving(self, serving: PromptServing) -> None:
        """Replace what is to be served.

        Raises Conflict when the stored revision is not ``serving.revision - 1``.
        """
        ...


class ReportStore(Protocol):
    """What reports read. ``commit`` alone writes it, and it is erased with the contact."""

    async def stretches_of(self, conversation_id: str) -> list[StretchFact]:
        """Return a conversation's human stretches, the first one first."""
        ...

    async def stretches_asked(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[StretchFact]:
        """List the human stretches that began from ``since`` up to, not including, ``until``, in this order.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...

    async def conversations_opened(
        self, since: int, until: int, *, after: str | None, limit: int
    ) -> Page[ConversationFact]:
        """List the conversations opened from ``since`` up to, not including, ``until``, in this order.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...


class OfficeStore(Protocol):
    """Small documents that the office keeps, by kind."""

    async def office(self, kind: OfficeKind, limit: int = 500) -> list[OfficeItem]:
        """Return the documents of a kind, by id."""
        ...

    async def office_item(self, kind: OfficeKind, item_id: str) -> OfficeItem | None:
        """Return a document; None when there is none."""
        ...

    async def put_office(self, item: OfficeItem) -> None:
        """Store a document; it replaces the one of the same kind and id."""
        ...

    async def drop_office(self, kind: OfficeKind, item_id: str) -> bool:
        """Delete a document; False when there was none."""
        ...


class PeopleStore(Protocol):
    """What agents note about customers; erased with the contact."""

    async def amend_contact(self, was: Contact, contact: Contact) -> bool:
        """Replace a contact's notes, labels and language; nothing else of it changes.

        False, and nothing changes, when the stored ones are not those of ``was``.
        """
        ...
