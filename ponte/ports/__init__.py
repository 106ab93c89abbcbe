"""What the rules need from outside, as Protocols. Adapters implement them; fakes ship in ``ponte.testing``.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from ponte.ports.clock import Clock
from ponte.ports.conversations import ConversationStore, PresenceStore, SearchStore
from ponte.ports.language import Draft, KnowledgeChunk, KnowledgeIndex, PromptLab, Voice, WritingAid
from ponte.ports.media import MediaFetcher, MediaStore, StoredMedia
from ponte.ports.queues import InboxStore, LeaseStore, OutboxStore
from ponte.ports.records import AuditEntry, AuditFilter, Commit, HeldCount, Hit, Lease, Page
from ponte.ports.staff import AgentStore, LedgerStore, OfficeStore, PeopleStore, PromptStore, ReportStore
from ponte.ports.store import Checkpoints, Store
from ponte.ports.whatsapp import Messenger, Outbound, SentMessage, Templates

__all__ = [
    "AgentStore",
    "AuditEntry",
    "AuditFilter",
    "Checkpoints",
    "Clock",
    "Commit",
    "ConversationStore",
    "Draft",
    "HeldCount",
    "Hit",
    "InboxStore",
    "KnowledgeChunk",
    "KnowledgeIndex",
    "Lease",
    "LeaseStore",
    "LedgerStore",
    "MediaFetcher",
    "MediaStore",
    "Messenger",
    "OfficeStore",
    "Outbound",
    "OutboxStore",
    "Page",
    "PeopleStore",
    "PresenceStore",
    "PromptLab",
    "PromptStore",
    "ReportStore",
    "SearchStore",
    "SentMessage",
    "Store",
    "StoredMedia",
    "Templates",
    "Voice",
    "WritingAid",
]
