"""What agents know of a customer: the card with notes, labels and language; export and erasure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.contact import Contact, ContactNote
from ponte.domain.conversation import Conversation, Status
from ponte.domain.decision import HandoffDecision
from ponte.domain.message import Author
from ponte.domain.searching import fold
from ponte.errors import Conflict, Forbidden, InvalidInput, NotFound
from ponte.people_data import PeopleData
from ponte.ports import AuditEntry, Clock, Commit, Store
from ponte.signals import Signals

_TRIES: Final = 10
_PAST: Final = 10
_KNOWN: Final = 20
MOST_NOTES: Final = 100
MOST_LABELS: Final = 20
LONGEST_NOTE: Final = 2_000
LONGEST_LABEL: Final = 40
_TAG: Final = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,2}")
_CONFIRMED_BY: Final = 4


@dataclass(frozen=True, slots=True)
class Card:
    """A customer as agents see them.

    Args:
        contact: the customer.
        conversations: the newest ones.
        more: there are more of them.
    """

    contact: Contact
    conversations: tuple[Conversation, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What the bot had when a human came.

    Args:
        conversation: which; its ``handoff`` says why.
        decisions: the decisions up to the handoff, the newest last.
        sources: references of the company's texts that the bot answered from.
        prompt_version: the prompt files that spoke last before the handoff.
        memory: what the bot remembers of earlier conversations.
    """

    conversation: Conversation
    decisions: tuple[HandoffDecision, ...]
    sources: tuple[str, ...]
    prompt_version: str | None
    memory: str


def confirmation_of(contact: Contact) -> str:
    """Return what must be typed before a customer is erased: the last four characters of the number."""
    return contact.address[-_CONFIRMED_BY:]


class PeopleDesk:
    """What agents do with a customer, whatever the conversation.

    Every method raises Forbidden for a role that may not, and NotFound for an unknown customer.

    Args:
        store: where all is kept.
        clock: the time.
        signals: wakes the consoles.
        data: exports and erases.
    """

    def __init__(self, store: Store, clock: Clock, signals: Signals, data: PeopleData) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._data = data

    async def card(self, agent: Agent, contact_id: str) -> Card:
        """Return a customer with the newest conversations."""
        _permit(agent, Permission.READ)
        contact = await self._store.contact(contact_id)
        page = await self._store.conversations(status=None, contact_id=contact_id, after=None, limit=_PAST)
        return Card(contact, page.items, page.next is not None)

    async def known(self, agent: Agent, conversation_id: str) -> Known:
        """Return what the bot had when it handed a conversation over."""
        _permit(agent, Permission.READ)
        current = await self._store.conversation(conversation_id)
        contact = await self._store.contact(current.contact_id)
        end = current.handoff_seq
        decisions = await self._store.decisions(conversation_id, after=max(0, end - _KNOWN), limit=_KNOWN)
        said = [
            m
            for m in await self._store.messages(conversation_id, before=end + 1, limit=_KNOWN)
            if m.author is Author.BOT
        ]
        sources = [s for m in said for s in dict(m.details).get("sources", "").split(", ") if s]
        versions = [m.prompt_version for m in said if m.prompt_version]
        return Known(
            conversation=current,
            decisions=tuple(d for d in decisions if d.seq <= end),
            sources=tuple(dict.fromkeys(sources)),
            prompt_version=versions[-1] if versions else current.prompt_version,
            memory=contact.memory,
        )

    async def add_note(self, agent: Agent, contact_id: str, text: str) -> Contact:
        """Add a note for colleagues. Raises InvalidInput: it is empty, too long, or there are too many."""
        _permit(agent, Permission.WORK)
        if not 0 < len(text.strip()) <= LONGEST_NOTE:
            raise InvalidInput(f"A note has 1 to {LONGEST_NOTE} characters.")
        note = ContactNote(f"cn-{secrets.token_hex(8)}", self._clock.now(), agent.id, text.strip())

        def change(contact: Contact) -> Contact:
            if len(contact.notes) >= MOST_NOTES:
                raise InvalidInput(f"There are {MOST_NOTES} notes. Delete one first.")
            return replace(contact, notes=(*contact.notes, note))

        return await self._amend(agent, contact_id, "contact_note", note.id, change)

    async def drop_note(self, agent: Agent, contact_id: str, note_id: str) -> Contact:
        """Delete a note. Only its author may, and who may act on others' conversations."""
        _permit(agent, Permission.WORK)

        def change(contact: Contact) -> Contact:
            note = next((n for n in contact.notes if n.id == note_id), None)
            if note is not None and note.agent_id != agent.id:
                _permit(agent, Permission.OVERRIDE)
            return replace(contact, notes=tuple(n for n in contact.notes if n.id != note_id))

        return await self._amend(agent, contact_id, "contact_note_deleted", note_id, change)

    async def set_labels(self, agent: Agent, contact_id: str, labels: Sequence[str]) -> Contact:
        """Replace the labels; one is there once, however it is spelt in case and accents.

        Raises:
            InvalidInput: a label is empty or too long, or there are too many.
        """
        _permit(agent, Permission.WORK)
        kept = _labels([_label(label) for label in labels])
        detail = ", ".join(kept)[:200]
        return await self._amend(
            agent, contact_id, "contact_labels", detail, lambda contact: replace(contact, labels=kept)
        )

    async def label(
        self, agent: Agent, contact_id: str, *, add: Sequence[str] = (), drop: Sequence[str] = ()
    ) -> Contact:
        """Add labels and take others off; what colleagues do to the others meanwhile stays.

        Raises:
            InvalidInput: a label is empty or too long, or there would be too many.
        """
        _permit(agent, Permission.WORK)
        wanted = [_label(text) for text in add]
        unwanted = {fold(text.strip()) for text in drop}

        def change(contact: Contact) -> Contact:
            kept = [text for text in (*contact.labels, *wanted) if fold(text) not in unwanted]
            return replace(contact, labels=_labels(kept))

        detail = " ".join([*(f"+{text}" for text in wanted), *(f"-{text.strip()}" for text in drop)])
        return await self._amend(agent, contact_id, "contact_labels", detail[:200], change)

    async def set_language(self, agent: Agent, contact_id: str, language: str | None) -> Contact:
        """Say which language the customer writes, as a BCP 47 tag; None: as is detected.

        The customer's newest conversation is in that language from now on.

        Raises:
            InvalidInput: it is no language tag.
        """
        _permit(agent, Permission.WORK)
        if language is not None and not _TAG.fullmatch(language):
            raise InvalidInput("Write a language as a tag such as pt-BR, es or en.")
        changed = await self._amend(
            agent,
            contact_id,
            "contact_language",
            language or "",
            lambda contact: replace(contact, language=language),
        )
        if language is not None:
            await self._converse_in(contact_id, language)
        return changed

    async def _converse_in(self, contact_id: str, language: str) -> None:
        for _ in range(_TRIES):
            current = await self._store.current(contact_id)
            if current is None or current.status is Status.RESOLVED or current.language == language:
                return
            version, now = current.version + 1, self._clock.now()
            with suppress(Conflict):
                await self._store.commit(
                    Commit(replace(current, language=language, version=version, updated_at=now))
                )
                self._signals.changed()
                return
        raise Conflict("The conversation changed all the time while this was tried. Try again.")

    async def export(self, agent: Agent, contact_id: str) -> dict[str, object]:
        """Return everything that is kept of a customer; recorded in the audit log."""
        _permit(agent, Permission.ERASE)
        contact = await self._store.contact(contact_id)
        found = await self._data.everything(contact)
        await self._audit(agent, "contact_export", contact_id)
        return found

    async def erase(self, agent: Agent, contact_id: str, confirmed: str) -> dict[str, int]:
        """Delete everything that is kept of a customer; recorded in the audit log. It cannot be undone.

        Args:
            agent: who erases.
            contact_id: whom.
            confirmed: the last four characters of the customer's number, so that it is the right one.

        Raises:
            InvalidInput: ``confirmed`` is not that.
            Conflict: a turn of the customer went on for too long.
        """
        _permit(agent, Permission.ERASE)
        contact = await self._store.contact(contact_id)
        if confirmed.strip() != confirmation_of(contact):
            raise InvalidInput("That is not the end of this customer's number. Nothing was erased.")
        # First: who dies in between has erased nothing that the log does not tell of.
        await self._audit(agent, "contact_erase", contact_id)
        counts = await self._data.erase(contact)
        self._signals.changed()
        return counts

    async def _amend(
        self,
        agent: Agent,
        contact_id: str,
        action: str,
        detail: str,
        change: Callable[[Contact], Contact],
    ) -> Contact:
        for _ in range(_TRIES):
            was = await self._store.contact(contact_id)
            changed = change(was)
            if changed == was:
                return was
            if await self._store.amend_contact(was, changed):
                await self._audit(agent, action, contact_id, detail)
                self._signals.changed()
                return changed
        raise Conflict("Others changed this customer's card at the same time. Try again.")

    async def _audit(self, agent: Agent, action: str, contact_id: str, detail: str = "") -> None:
        entry_id = f"{action}:{contact_id}:{secrets.token_hex(6)}"
        told = f"{contact_id} {detail}".strip()
        await self._store.audit(AuditEntry(entry_id, self._clock.now(), agent.id, action, None, told))


def _labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return each label once; of several spellings the first counts."""
    clean = {fold(text): text for text in reversed(labels)}
    if len(clean) > MOST_LABELS:
        raise InvalidInput(f"A customer has at most {MOST_LABELS} labels.")
    return tuple(clean[key] for key in sorted(clean))


def _label(text: str) -> str:
    label = " ".join(text.split())
    if not 0 < len(label) <= LONGEST_LABEL:
        raise InvalidInput(f"A label has 1 to {LONGEST_LABEL} characters.")
    return label


def _permit(agent: Agent, permission: Permission) -> None:
    if agent.disabled or not agent.may(permission):
        raise Forbidden(f"The role {agent.role} may not {permission}.")


async def contact_of(store: Store, customer: str) -> Contact:
    """Return the customer with this contact id, WhatsApp id or Twilio address. Raises NotFound."""
    found = await store.find_contact(customer) or (await store.contacts([customer])).get(customer)
    if found is None:
        raise NotFound("No such customer. Give a contact id, a WhatsApp id, or an address.")
    return found
