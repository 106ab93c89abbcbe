"""Conversations, their messages and contacts: kept, searched, looked at.

Times are ms since the epoch, UTC. Every method of ``Store`` may raise ``StoreUnavailable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation, Status
from ponte.domain.message import Media, Message
from ponte.domain.presence import Presence
from ponte.ports.records import Commit, HeldCount, Hit, Page


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
        in order, by key, or by address where there was no file yet; or when all of it was known.
        """
        ...

    async def missing_files(self, after: int, until: int, limit: int) -> list[Message]:
        """Return messages with a file that was UNAVAILABLE, written after ``after``, ``until`` included.

        The oldest first, ``limit`` at most.
        """
        ...

    async def media_of(self, contact_id: str) -> set[str]:
        """Return the keys of all files of a contact's messages, also of those that became a text."""
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
