"""What the rules need from outside, as Protocols. Adapters implement them; fakes ship in ``ponte.testing``.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver

from ponte.domain.agent import Agent, AgentSession
from ponte.domain.choices import Choice
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status, Trigger
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
from ponte.domain.inbox import InboxRow
from ponte.domain.message import Delivery, Inbound, Media, Message, MessageStatus
from ponte.domain.office import OfficeItem, OfficeKind
from ponte.domain.presence import Presence
from ponte.domain.prompt_version import PromptFault, PromptServing, PromptVersion
from ponte.domain.templates import Template
from ponte.domain.trial import PromptFolder, Tried

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> int:
        """Return the time in ms since the epoch, UTC."""
        ...

    async def sleep(self, ms: int) -> None:
        """Wait ``ms`` of this clock's time."""
        ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when. ``actor`` is an agent's id, ``bot`` or ``operator``."""

    id: str
    at: int
    actor: str
    action: str
    conversation_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log are asked for; None lets all pass."""

    actor: str | None = None
    action: str | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of a conversation and all that goes with it, atomic as a whole.

    Args:
        conversation: the new value; its ``version`` is the stored one plus 1, and 1 creates it.
        messages: rows to append; their ``seq`` follows the stored ``last_seq`` without gaps.
        done: inbox rows that are finished by this.
        resume_row: an inbox row to add, unless its id is there; the store gives it its ``seq``.
        silence_bot: cancel the bot's messages that are queued, of this conversation. What is on the wire, or
            was and got no answer (``Delivery.uncertain``), stays for the delivery to settle.
        memory: the contact's new memory; None leaves it.
        opted_out: the customer wants no messages from now on, or wants them again; None leaves it. The
            contact's ``opted_out_at`` becomes the conversation's ``updated_at``.
        unpark: queue the contact's parked messages, of all conversations: the 24-hour window is open again.
            They become due at the conversation's ``updated_at``, with no attempts.
        audit: entries to record.
        decisions: what detection decided in this turn; one whose id is there already is not added again.
        marks: what agents say of handoffs; each replaces the one with the same id.
    """

    conversation: Conversation
    messages: tuple[Message, ...] = ()
    done: tuple[str, ...] = ()
    resume_row: InboxRow | None = None
    silence_bot: bool = False
    memory: str | None = None
    opted_out: bool | None = None
    unpark: bool = False
    audit: tuple[AuditEntry, ...] = field(default=())
    decisions: tuple[HandoffDecision, ...] = ()
    marks: tuple[HandoffMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on ``key`` alone until ``expires_at``. ``token`` grows with every new holder."""

    key: str
    owner: str
    token: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; ``next`` is the cursor of the following page, None on the last."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class HeldCount:
    """How many conversations an agent holds.

    Args:
        awake: those in the queue.
        snoozed: those put off.
        unread: those in the queue with words of the customer that the agent has not seen.
    """

    awake: int
    snoozed: int
    unread: int


@dataclass(frozen=True, slots=True)
class Hit:
    """What a search found: a customer by name or number, or a message.

    Args:
        conversation: the message's, or the customer's newest one.
        contact: the customer.
        message: the message; None where the customer is what was found.
    """

    conversation: Conversation
    contact: Contact
    message: Message | None


class InboxStore(Protocol):
    """The journal of what came in."""

    async def accept(self, inbound: Inbound, contact_id: str) -> str | None:
        """Store a customer's message, and its contact when new (under ``contact_id``), durably.

        Updates the contact's name, WhatsApp id and ``last_inbound_at`` (only forward). Returns the
        contact's id, or None when the MessageSid was stored before: then nothing changes.
        """
        ...

    async def due_contacts(self, now: int, limit: int) -> list[str]:
        """Return contacts with pending rows due at ``now``, the longest waiting first."""
        ...

    async def pending(self, contact_id: str, limit: int) -> list[InboxRow]:
        """Return the contact's pending rows in order of acceptance, due or not."""
        ...

    async def fix_turn(self, row_ids: Sequence[str], turn_id: str) -> None:
        """Write ``turn_id`` on the rows, first to last, and count an attempt on each."""
        ...

    async def postpone(self, row_ids: Sequence[str], due_at: int, error: str) -> None:
        """Keep the rows pending, not to be worked on before ``due_at``."""
        ...

    async def bury(self, row_ids: Sequence[str], error: str) -> None:
        """Make the rows dead."""
        ...

    async def dead(self, limit: int) -> list[InboxRow]:
        """Return dead rows, oldest first."""
        ...

    async def revive(self, row_id: str, now: int) -> bool:
        """Make a dead row pending again with no attempts and no turn. False when there is none."""
        ...

    async def newest_received_at(self) -> int | None:
        """Return when the newest message was accepted; None while the inbox is empty."""
        ...


class ConversationStore(Protocol):
    """Contacts, conversations and their transcripts."""

    async def contact(self, contact_id: str) -> Contact:
        """Return a contact. Raises NotFound."""
        ...

    async def contacts(self, contact_ids: Sequence[str]) -> dict[str, Contact]:
        """Return the contacts that exist among ``contact_ids``, by id, in one query."""
        ...

    async def find_contact(self, address_or_wa_id: str) -> Contact | None:
        """Return the contact with this Twilio address or WhatsApp id."""
        ...

    async def opt_out(self, contact_id: str, now: int) -> bool:
        """Record that the contact wants no messages, as Twilio told us. False when that was known.

        What the customer says to us in a conversation is part of a commit instead.
        """
        ...

    async def conversation(self, conversation_id: str) -> Conversation:
        """Return a conversation; completes a commit that a crash cut short. Raises NotFound."""
        ...

    async def current(self, contact_id: str) -> Conversation | None:
        """Return the contact's newest conversation; completes a commit that a crash cut short."""
        ...

    async def conversations(
        self,
        *,
        status: Status | None,
        contact_id: str | None,
        after: str | None,
        limit: int,
        agent_id: str | None = None,
        label: str | None = None,
        language: str | None = None,
        priority: int | None = None,
        snoozed: bool = False,
    ) -> Page[Conversation]:
        """List conversations that have all that is asked for; None asks for nothing.

        Those awaiting an agent, and those of ``agent_id``, come the most urgent first (see
        ``ponte.domain.urgency``), without the snoozed ones; the snoozed ones the next to wake first; all
        others the latest changed first.

        Args:
            status: who is to act.
            contact_id: whose.
            after: ``next`` of the page before; belongs to the same filters.
            limit: the most.
            agent_id: who holds it now.
            label: one of its labels.
            language: the customer's, as it is stored.
            priority: 0 to 2.
            snoozed: only those that are put off.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...

    async def count_held(self) -> dict[str, HeldCount]:
        """Return what each agent holds, by the agent's id; who holds nothing is left out."""
        ...

    async def labels_in_use(self, limit: int) -> list[str]:
        """Return the first ``limit`` of the labels that conversations have, in order of their code points."""
        ...

    async def sleepers(self, now: int, limit: int) -> list[Conversation]:
        """Return snoozed conversations that are to wake at ``now``, the longest due first."""
        ...

    async def changed_since(self, updated_at: int, limit: int) -> list[Conversation]:
        """Return conversations changed at or after ``updated_at``, the longest ago first."""
        ...

    async def count_by_status(self) -> dict[Status, int]:
        """Return how many conversations are in each status but RESOLVED."""
        ...

    async def overdue(self, waiting_before: int, limit: int) -> list[Conversation]:
        """Return conversations awaiting an agent since before ``waiting_before``, not yet reminded."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Apply a commit, all of it or nothing, whatever crashes.

        Raises Conflict when the stored version is not ``commit.conversation.version - 1``.
        """
        ...

    async def recover(self) -> int:
        """Complete the commits that crashes cut short; returns how many there were."""
        ...

    async def messages(
        self, conversation_id: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> list[Message]:
        """Return messages in order of seq.

        The first ``limit`` after seq ``after``; or with ``before``, the last ``limit`` between the two.
        """
        ...

    async def message(self, message_id: str) -> Message:
        """Return a message. Raises NotFound."""
        ...

    async def set_media_text(self, message_id: str, media: Sequence[Media], now: int) -> bool:
        """Replace what is known of a message's files, found out after it was committed.

        Touches the conversation. Nothing changes, and False returns, unless ``media`` are the message's files
        by key and in order, or when all of it was known.
        """
        ...

    async def media_elsewhere(self, contact_id: str, keys: Sequence[str]) -> set[str]:
        """Return those of the files ``keys`` that a message of another contact has."""
        ...

    async def erase_contact(self, contact_id: str) -> dict[str, int]:
        """Delete a contact, its conversations, messages, ledger and inbox rows; returns how many of each.

        The audit log stays: it says who did what and when, and nothing of what was said.
        """
        ...

    async def mark_seen(self, conversation_id: str, seq: int) -> None:
        """Record that an agent saw the transcript up to ``seq`` (only forward) and recount ``unread``.

        This is a commit: it raises ``version``, so that neither it nor a concurrent commit is lost.
        ``updated_at`` stays. Raises NotFound.
        """
        ...


class SearchStore(Protocol):
    """The search over names, numbers and the transcripts' words, transcribed ones included."""

    async def search(self, text: str, *, after: str | None, limit: int) -> Page[Hit]:
        """Find customers, then messages, the newest first, that have every word of ``text``.

        Letters count without their accents and case. The last word may be the beginning of one, from its
        second letter on. A number finds whose it is by any part of it from four digits on. What the system
        itself said is not found. The index changes in the same commit as the transcript.

        Args:
            text: what to look for; the first words of a long one count.
            after: ``next`` of the page before, of the same text.
            limit: the most.

        Raises InvalidInput when ``after`` is not a cursor that this method gave out.
        """
        ...


class PresenceStore(Protocol):
    """Who has the console open, tab by tab. Rows are forgotten by reading past them, and by ``prune``."""

    async def show_presence(self, presence: Presence) -> None:
        """Store what a tab shows, in place of what it showed before."""
        ...

    async def hide_presence(self, agent_id: str, tab: str) -> None:
        """Forget a tab."""
        ...

    async def presences(self, since: int) -> list[Presence]:
        """Return the tabs that showed themselves at or after ``since`` (ms UTC), by agent and tab."""
        ...


class OutboxStore(Protocol):
    """The messages that Twilio does not have yet: those with a ``Delivery``."""

    async def due_outbox(self, now: int, limit: int) -> list[str]:
        """Return contacts whose head is due at ``now`` and not leased, longest due first."""
        ...

    async def outbox_head(self, contact_id: str) -> Message | None:
        """Return the contact's first message in the outbox that is not parked: the only one to be sent."""
        ...

    async def take(self, message: Message, now: int, lease_until: int) -> Message | None:
        """Take the head for sending: status SENDING, one attempt more, leased. By compare-and-set.

        Returns the message as taken, ``uncertain`` kept; None when it is no longer as given, or leased.
        """
        ...

    async def settle(
        self,
        message_id: str,
        status: MessageStatus,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
    ) -> bool:
        """Take a message out of the outbox, or move its status forward; touches the conversation.

        Only forward (``statuses_before``); an ``sid`` is kept even if the status is late. Returns whether
        anything changed. A message that is in the outbox again (``recall``) keeps the sid of the attempt
        that failed until the next one has its own: what is told of that old sid changes nothing.
        """
        ...

    async def recall(
        self,
        message_id: str,
        status: MessageStatus,
        delivery: Delivery,
        *,
        now: int,
        sid: str | None = None,
        error_code: int | None = None,
    ) -> bool:
        """Put a message that was not delivered back into the outbox, as PARKED or QUEUED.

        Only one that is QUEUED, SENDING or SENT. With ``sid``, the attempt that failed: once an attempt, so
        a repeated callback changes nothing. Touches the conversation. Returns whether it was put back.
        """
        ...

    async def withdraw(self, message_id: str, now: int) -> bool:
        """Cancel a PARKED message; touches the conversation. False when it is not parked."""
        ...

    async def unpark(self, contact_id: str, now: int) -> int:
        """Queue the contact's PARKED messages, due at ``now``, with no attempts; returns how many.

        For a message that was parked while the customer wrote: what parked before, the commit of the
        customer's message queues (``Commit.unpark``). Touches nothing else.
        """
        ...

    async def parked_contacts(self, after: str, limit: int) -> list[str]:
        """Return contacts that have PARKED messages, by id, those after the id ``after``."""
        ...

    async def put_back(self, message_id: str, delivery: Delivery, error_code: int | None) -> None:
        """Return a SENDING message to QUEUED with a new ``delivery``.

        Nothing changes unless ``delivery.attempts`` are the stored ones: a sender that was overtaken does
        not put back what another one is sending.
        """
        ...

    async def requeue_failed(self, message_id: str, delivery: Delivery) -> bool:
        """Put a FAILED message back into the outbox, without its sid. False when it is not failed."""
        ...

    async def message_by_sid(self, sid: str) -> Message | None:
        """Return the outbound message that Twilio knows as ``sid``."""
        ...

    async def outbox_size(self) -> int:
        """Return how many messages are in the outbox and not parked."""
        ...


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


class LeaseStore(Protocol):
    """Leases with fencing tokens, and small values kept by name."""

    async def acquire(self, key: str, owner: str, now: int, ttl_ms: int) -> Lease | None:
        """Take the lease if it is free, expired or the owner's already; None when another holds it.

        Each success has a new token, so a second task of the same owner takes the lease from the first.
        """
        ...

    async def renew(self, lease: Lease, now: int, ttl_ms: int) -> Lease:
        """Prolong a lease. Raises LeaseLost when it is no longer held with the same token."""
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back; one that was lost stays as it is. The token is remembered."""
        ...

    async def get_value(self, name: str) -> str | None:
        """Return a small value kept by name, e.g. the catch-up's cursor."""
        ...

    async def set_value(self, name: str, value: str) -> None:
        """Keep a small value by name."""
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


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A file in the ``MediaStore``."""

    key: str
    content_type: str
    size: int
    stored_at: int


class MediaStore(Protocol):
    """Files by the hash of their content: the same file is kept once. Never part of a checkpoint."""

    async def put(self, content: AsyncIterator[bytes], content_type: str, now: int) -> StoredMedia:
        """Store a file and return it; one that is there already only gets a new ``stored_at``."""
        ...

    async def stat(self, key: str) -> StoredMedia | None:
        """Return what is known of a file; None when it is not there."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``end``. Raises NotFound."""
        ...

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is no error."""
        ...

    async def prune(self, before: int) -> int:
        """Delete the files stored before ``before`` and not put again since; returns how many."""
        ...


class Voice(Protocol):
    """What turns a text into a voice note."""

    async def speak(self, text: str, language: str) -> Media | None:
        """Return the text as a voice note in the ``MediaStore``.

        None when it cannot be spoken well, the speech server fails, or it would take too long: then the text
        goes out as it is.
        """
        ...

    async def run(self) -> None:
        """Keep what was spoken within its bounds, until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that a language model proposes to an agent.

    Args:
        text: the answer, in the customer's language.
        sources: references of the company's texts that it rests on.
        prompt_version: the version of ``prompts/`` that made it.
    """

    text: str
    sources: tuple[str, ...] = ()
    prompt_version: str = ""


class WritingAid(Protocol):
    """A language model that helps an agent to write. Nothing that it makes is sent by itself.

    Every method raises AidFailed where the model does not answer, refuses, or gives an empty answer.
    """

    async def draft(self, messages: Sequence[Message], language: str) -> Draft:
        """Return an answer to what the customer said last, out of the company's texts.

        Args:
            messages: the end of the conversation, in order.
            language: the customer's, as a BCP 47 tag.
        """
        ...

    async def translate(self, text: str, language: str) -> str:
        """Return ``text`` in a language, given as a BCP 47 tag. The same text is translated once."""
        ...

    async def brief(self, messages: Sequence[Message], language: str) -> str:
        """Return what the bot should know of the part of a conversation that an agent had."""
        ...


class PromptLab(Protocol):
    """Reads the folder of the prompt files, and tries versions out on an invented customer."""

    async def folder(self) -> PromptFolder:
        """Return the files as they stand now, and what keeps them from being served."""
        ...

    async def faults(self, files: Mapping[str, bytes]) -> tuple[PromptFault, ...]:
        """Return what keeps a version from being served by this Ponte; empty when nothing does."""
        ...

    async def try_out(self, files: Mapping[str, bytes], texts: Sequence[str]) -> Tried:
        """Let an invented customer write to a version, in a store of its own that is thrown away.

        What keeps it from going on is in ``Tried.error``. Raises InvalidInput for files with faults.
        """
        ...


class MediaFetcher(Protocol):
    """Brings customers' files into the ``MediaStore``."""

    async def fetch(self, media: Media) -> Media:
        """Fetch a file and return it with ``key``, ``size`` and its true ``content_type``; else ``error``.

        Raises MediaNotReady when another try may bring it, and StoreUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message to send.

    Args:
        address: Twilio's To.
        body: the text; may be empty beside a file or a template.
        reference: our message id; status callbacks carry it back.
        media_url: where Twilio fetches the file that goes with it.
        content_sid: the content template to send in place of ``body``
            (https://www.twilio.com/docs/content).
        content_variables: the template's variables as JSON.
    """

    address: str
    body: str
    reference: str
    media_url: str | None = None
    content_sid: str | None = None
    content_variables: str | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """An outbound message as Twilio lists it; ``files`` counts what went with it."""

    sid: str
    body: str
    sent_at: int
    files: int = 0


class Messenger(Protocol):
    """WhatsApp, through Twilio."""

    async def send(self, outbound: Outbound) -> str:
        """Send a message and return Twilio's MessageSid.

        Raises SendRetryable, SendRefused or SendUnknown.
        """
        ...

    async def sent_to(self, address: str, since: int) -> list[SentMessage]:
        """Return what Twilio accepted for ``address`` at or after ``since`` and did not fail, oldest first.

        Raises SendRetryable or SendUnknown when Twilio cannot tell now.
        """
        ...

    async def typing(self, inbound_sid: str) -> None:
        """Show the customer that an answer is being written. Raises MessengerError."""
        ...

    def received_since(self, since: int) -> AsyncIterator[Inbound]:
        """Yield what customers sent at or after ``since``, oldest first. Raises MessengerError."""
        ...


class Templates(Protocol):
    """The content templates of the account (https://www.twilio.com/docs/content).

    Every method raises SendRetryable, SendUnknown or SendRefused, as ``Messenger.send`` does.
    """

    async def templates(self) -> list[Template]:
        """Return all templates with the state of their approval, by name and language."""
        ...

    async def create_choices(self, body: str, choices: Sequence[Choice], button: str) -> str:
        """Create a question with buttons, or with a list behind ``button``; returns its ContentSid."""
        ...


@dataclass(frozen=True, slots=True)
class KnowledgeChunk:
    """A piece of the company's texts, to be searched for.

    Args:
        id: names it within its set.
        lang: its locale.
        text: what full-text search reads.
        vector: its embedding.
    """

    id: str
    lang: str
    text: str
    vector: tuple[float, ...]


class KnowledgeIndex(Protocol):
    """Texts in a database that searches by words and by vectors at once.

    A set is one content under one embedding model; its name says so, and what is in it never changes.
    """

    async def touch(self, set_id: str, count: int, now: int) -> int:
        """Note that a set is in use; returns its dimensions, 0 unless all ``count`` chunks are there."""
        ...

    async def put(self, set_id: str, chunks: Sequence[KnowledgeChunk], now: int) -> None:
        """Store a set; what is there already is replaced."""
        ...

    async def prepare(self, dimensions: int) -> bool:
        """Make the search indexes where they are missing; tells whether they can be searched yet."""
        ...

    async def search(
        self, set_id: str, lang: str, question: str, vector: Sequence[float], limit: int
    ) -> list[str]:
        """Return the ids of the best chunks of a set in a language, the best first."""
        ...

    async def forget(self, before: int) -> int:
        """Delete the chunks of sets that were not touched since ``before``; returns how many went."""
        ...
