"""The customer as a contact: an internal id that maps to whatever WhatsApp calls the person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContactNote:
    """What an agent noted about a customer, for colleagues.

    Args:
        id: opaque.
        at: ms UTC.
        agent_id: who wrote it.
        text: the note.
    """

    id: str
    at: int
    agent_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer.

    Args:
        id: opaque.
        address: Twilio's address. May be a username without a phone: ``whatsapp:US.ABC...``
            (https://www.twilio.com/docs/whatsapp/key-concepts).
        created_at: ms UTC.
        wa_id: WhatsApp's id, where Twilio gave one.
        name: the profile name, where Twilio gave one.
        last_inbound_at: ms UTC of the customer's last message: opens WhatsApp's 24-hour window.
        memory: a few lines about earlier conversations, for the bot.
        opted_out_at: ms UTC; set while the customer wants no messages.
        notes: what agents noted about the person, oldest first.
        labels: words that agents file the person under, in order of the alphabet.
        language: the one that agents say the customer writes, as a BCP 47 tag; None: as is detected.
    """

    id: str
    address: str
    created_at: int
    wa_id: str | None = None
    name: str | None = None
    last_inbound_at: int | None = None
    memory: str = ""
    opted_out_at: int | None = None
    notes: tuple[ContactNote, ...] = ()
    labels: tuple[str, ...] = ()
    language: str | None = None
