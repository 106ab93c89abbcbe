"""Messages: what the customer sent in, what goes out, and what the transcript keeps of both.

The transcript is also the outbox: an outbound message carries a ``Delivery`` until Twilio has it or it
is given up, so a message and its way out can never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Author(StrEnum):
    """Who speaks."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Kind(StrEnum):
    """What a message is. ``CHOICE`` is a button or list answer; customers never see a ``NOTE``."""

    TEXT = "text"
    AUDIO = "audio"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    CHOICE = "choice"
    NOTE = "note"
    UNKNOWN = "unknown"


class MessageStatus(StrEnum):
    """How far a message got. Inbound ones are ``RECEIVED``; notes are ``INTERNAL``.

    ``PARKED`` ones are in the outbox and wait until WhatsApp's 24-hour window opens again.
    Twilio's statuses only move forward: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
    """

    RECEIVED = "received"
    INTERNAL = "internal"
    PARKED = "parked"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


_RANK = {
    MessageStatus.QUEUED: 0,
    MessageStatus.SENDING: 1,
    MessageStatus.SENT: 2,
    MessageStatus.DELIVERED: 3,
    MessageStatus.READ: 4,
}

# Callbacks that say the message is Twilio's, not yet WhatsApp's: no news for the transcript.
_TWILIO_STATUS = {
    "accepted": MessageStatus.SENT,
    "scheduled": MessageStatus.SENT,
    "queued": MessageStatus.SENT,
    "sending": MessageStatus.SENT,
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "failed": MessageStatus.FAILED,
    "undelivered": MessageStatus.FAILED,
    "canceled": MessageStatus.FAILED,
}


def from_twilio(status: str) -> MessageStatus | None:
    """Translate a Twilio MessageStatus; None for one that says nothing about an outbound message."""
    return _TWILIO_STATUS.get(status.lower())


def statuses_before(status: MessageStatus) -> frozenset[MessageStatus]:
    """Return the statuses that may still change to ``status``: only forward, and nothing after an end.

    A failure is accepted until WhatsApp has delivered. A message is cancelled before it is sent: by the
    commit that silences the bot, or by the sender that took it and found it outdated. What is parked changes
    only by ``unpark`` and ``withdraw`` of the store.
    """
    if status is MessageStatus.FAILED:
        return frozenset({MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.SENT})
    if status is MessageStatus.CANCELLED:
        return frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})
    rank = _RANK.get(status, -1)
    return frozenset(s for s, r in _RANK.items() if r < rank)


class MediaError(StrEnum):
    """Why a file cannot be used."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Media:
    """A file that goes with a message.

    Args:
        url: where Twilio keeps it, which needs the account's credentials; empty for our own files.
        content_type: as Twilio declared it; once the file was fetched, as its content shows.
        key: the content's SHA-256 in hex, under which the ``MediaStore`` has it; None until fetched.
        size: bytes.
        name: the file's name, where one is known.
        text: what was said in it, or what is written in it.
        language: of ``text``, as a BCP 47 tag.
        confidence: of ``text``, 0 to 1.
        duration_ms: of audio and video.
        error: why it cannot be used.
    """

    url: str
    content_type: str
    key: str | None = None
    size: int | None = None
    name: str | None = None
    text: str | None = None
    language: str | None = None
    confidence: float | None = None
    duration_ms: int | None = None
    error: MediaError | None = None


Details = tuple[tuple[str, str], ...]

# The details of our own voice notes; the body is what they say, where it is known.
SPOKEN: Details = (("voice", "1"),)
# The details of a message whose file or choices WhatsApp did not take: it goes out once more, as a text.
WRITTEN: Details = (("written", "1"),)
# The details of the one message that a customer who opted out still gets: that they did.
OPT_OUT_NOTICE: Details = (("notice", "opt_out"),)
# In the place of a reaction's sign, when the customer took it back.
REACTION_REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A customer's message as the webhook or the catch-up read it.

    Args:
        sid: Twilio's MessageSid: what makes a redelivery recognisable.
        address: Twilio's From, e.g. ``whatsapp:+5511...`` or a username without a number.
        to: the business's sender that it was written to.
        body: the text; empty for pure media.
        kind: what it is.
        received_at: ms UTC.
        profile_name: the name the customer chose; None when Twilio sent none.
        wa_id: WhatsApp's id of the customer; None when Twilio sent none.
        media: the files that came with it.
        raw: every form field as it came, repeated keys included, so nothing Twilio sent is lost.
        details: what it carries beside its body, by name: a button's payload, a place, a referral ...
        reply_to: Twilio's MessageSid of the message that the customer quoted.
    """

    sid: str
    address: str
    to: str
    body: str
    kind: Kind
    received_at: int
    profile_name: str | None = None
    wa_id: str | None = None
    media: tuple[Media, ...] = ()
    raw: tuple[tuple[str, str], ...] = ()
    details: Details = ()
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the outbox needs to know of a message that Twilio does not have yet.

    Args:
        address: Twilio's To.
        position: orders the outbox of one contact; sorts as text.
        epoch: the conversation's epoch when it was written.
        due_at: ms UTC; not to be sent before.
        attempts: sends begun so far.
        lease_until: ms UTC; while in the future, one process is sending it.
        uncertain: an attempt ended without an answer: look it up at Twilio before a resend.
    """

    address: str
    position: str
    epoch: int
    due_at: int
    attempts: int = 0
    lease_until: int = 0
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the transcript.

    Args:
        id: derived from what caused it, so that a replay writes the same row.
        conversation_id: where it belongs.
        contact_id: whose conversation that is.
        seq: 1, 2, 3 ... within the conversation, without gaps.
        author: who speaks.
        kind: what it is.
        body: the text.
        status: how far it got.
        created_at: ms UTC.
        media: the files that came with it.
        agent_id: the agent who wrote it.
        prompt_version: the version of ``prompts/`` that spoke, for the bot's messages.
        sid: Twilio's MessageSid.
        error_code: Twilio's error code, when it failed.
        delivery: set while it is in the outbox.
        details: what it carries beside its body, by name.
        reply_to: Twilio's MessageSid of the message that it quotes.
    """

    id: str
    conversation_id: str
    contact_id: str
    seq: int
    author: Author
    kind: Kind
    body: str
    status: MessageStatus
    created_at: int
    media: tuple[Media, ...] = ()
    agent_id: str | None = None
    prompt_version: str | None = None
    sid: str | None = None
    error_code: int | None = None
    delivery: Delivery | None = None
    details: Details = ()
    reply_to: str | None = None


# No moment is later; still an integer that every database and client holds.
NEVER: Final = 2**53 - 1


def parked(delivery: Delivery) -> Delivery:
    """Return the delivery of a message that waits for the 24-hour window to open."""
    return replace(delivery, due_at=NEVER, attempts=0, lease_until=0, uncertain=False)


def position(opened_at: int, seq: int) -> str:
    """Return the outbox position of message ``seq`` of the conversation opened at ``opened_at`` (ms UTC).

    A contact has one open conversation at a time, so this orders all that goes to one customer.
    """
    return f"{opened_at:015d}.{seq:08d}"
