"""Everything that is kept, as one port, and the graph's checkpoints.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from typing import Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver

from ponte.ports.conversations import ConversationStore, PresenceStore, SearchStore
from ponte.ports.queues import InboxStore, LeaseStore, OutboxStore
from ponte.ports.staff import AgentStore, LedgerStore, OfficeStore, PeopleStore, PromptStore, ReportStore


class Store(
    InboxStore,
    ConversationStore,
    OutboxStore,
    AgentStore,
    LeaseStore,
    LedgerStore,
    PromptStore,
    ReportStore,
    SearchStore,
    PresenceStore,
    OfficeStore,
    PeopleStore,
    Protocol,
):
    """All that is kept, checkpoints apart."""

    async def migrate(self) -> None:
        """Bring schema and indexes to this version's; idempotent, safe to run from several processes.

        Raises StoreUnavailable when the database is newer than this version of Ponte.
        """
        ...

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        ...

    async def prune(self, before: int) -> dict[str, int]:
        """Delete done inbox rows, ended sessions, throttles and free leases older than ``before``.

        Returns how many of each. Transcripts stay.
        """
        ...


class Checkpoints(Protocol):
    """The LangGraph checkpoints and what the savers lack: pruning."""

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """The saver to compile the graph with."""
        ...

    async def keep_newest(self, thread_id: str) -> int:
        """Delete all checkpoints of a thread but its newest; returns how many went."""
        ...

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        ...
