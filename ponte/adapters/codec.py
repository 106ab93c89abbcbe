"""The frozen dataclasses to and from plain dicts of JSON types; shared by all storage adapters.

Texts that people or providers wrote may hold unpaired surrogates (half an emoji): neither SQLite nor BSON
can hold them, so ``encode`` mends them, see ``clean_text``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from enum import Enum
from operator import attrgetter
from typing import Any, Generic, TypeVar

from ponte.domain.agent import Agent, AgentSession, Role
from ponte.domain.contact import Contact, ContactNote
from ponte.domain.conversation import Conversation, Handoff, Resume, ResumeAction, Status, Trigger
from ponte.domain.decision import HandoffDecision, HandoffMark, Mark, Outcome
from ponte.domain.facts import StretchFact
from ponte.domain.inbox import InboxKind, InboxRow, InboxState
from ponte.domain.message import (
    WRITTEN,
    Author,
    Delivery,
    Inbound,
    Kind,
    Media,
    MediaError,
    Message,
    MessageStatus,
)
from ponte.domain.office import OfficeItem, OfficeKind
from ponte.domain.presence import Presence
from ponte.domain.prompt_version import CanaryEnd, EndedCanary, PromptCanary, PromptServing
from ponte.domain.stretch import Stretch
from ponte.errors import InvalidInput
from ponte.ports import AuditEntry

T = TypeVar("T")

Plain = dict[str, Any]
_Convert = Callable[[Any], Any]


def clean_text(text: str) -> str:
    """Return ``text`` as storable Unicode: paired surrogates joined, unpaired ones as U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Codec(Generic[T]):
    """Encodes one dataclass.

    Args:
        cls: the dataclass.
        converters: for each field that is no JSON scalar, how to encode and decode it when it is not None.
        texts: the fields whose text comes from outside and is mended.
    """

    def __init__(
        self, cls: type[T], converters: Mapping[str, tuple[_Convert, _Convert]], texts: tuple[str, ...] = ()
    ) -> None:
        self.names: tuple[str, ...] = tuple(f.name for f in fields(cls))  # type: ignore[arg-type]  # T is a dataclass
        self._cls = cls
        self._get = attrgetter(*self.names)
        self._encoders = [(name, pair[0]) for name, pair in converters.items()]
        self._encoders += [(name, clean_text) for name in texts]
        self._decoders = [(name, pair[1]) for name, pair in converters.items()]

    def encode(self, value: T) -> Plain:
        """Return ``value`` as a dict of all its fields."""
        plain: Plain = dict(zip(self.names, self._get(value), strict=True))
        for name, convert in self._encoders:
            item = plain[name]
            if item is not None:
                plain[name] = convert(item)
        return plain

    def decode(self, plain: Mapping[str, Any]) -> T:
        """Return the value that ``plain`` holds. Keys that are no field are ignored, absent ones default."""
        values = {name: plain[name] for name in self.names if name in plain}
        for name, convert in self._decoders:
            item = values.get(name)
            if item is not None:
                values[name] = convert(item)
        return self._cls(**values)


_value = attrgetter("_value_")


def _enum(cls: type[Enum]) -> tuple[_Convert, _Convert]:
    return _value, cls


def _nested(codec: Codec[Any]) -> tuple[_Convert, _Convert]:
    return codec.encode, codec.decode


def _each(codec: Codec[Any]) -> tuple[_Convert, _Convert]:
    return lambda items: [codec.encode(i) for i in items], lambda items: tuple(codec.decode(i) for i in items)


def _encode_pairs(pairs: tuple[tuple[str, str], ...]) -> list[list[str]]:
    return [[clean_text(name), clean_text(value)] for name, value in pairs]


def _decode_pairs(pairs: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


def _encode_texts(texts: tuple[str, ...]) -> list[str]:
    return [clean_text(text) for text in texts]


def _encode_rates(rates: tuple[tuple[str, float], ...]) -> list[list[str | float]]:
    return [[name, value] for name, value in rates]


def _decode_rates(rates: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple((name, value) for name, value in rates)


_PAIRS = (_encode_pairs, _decode_pairs)
MEDIA = Codec(Media, {"error": _enum(MediaError)}, ("url", "content_type", "name", "text"))
INBOUND = Codec(
    Inbound,
    {"kind": _enum(Kind), "media": _each(MEDIA), "raw": _PAIRS, "details": _PAIRS},
    ("sid", "address", "to", "body", "profile_name", "wa_id", "reply_to"),
)
INBOX_ROW = Codec(
    InboxRow, {"kind": _enum(InboxKind), "state": _enum(InboxState), "inbound": _nested(INBOUND)}, ("error",)
)
DELIVERY = Codec(Delivery, {}, ("address",))
MESSAGE = Codec(
    Message,
    {
        "author": _enum(Author),
        "kind": _enum(Kind),
        "status": _enum(MessageStatus),
        "media": _each(MEDIA),
        "delivery": _nested(DELIVERY),
        "details": _PAIRS,
    },
    ("body", "reply_to"),
)
HANDOFF = Codec(Handoff, {"trigger": _enum(Trigger)}, ("reason", "summary"))
RESUME = Codec(Resume, {"action": _enum(ResumeAction)}, ("brief",))
STRETCH = Codec(Stretch, {"trigger": _enum(Trigger), "how": _enum(ResumeAction)})
CONVERSATION = Codec(
    Conversation,
    {
        "status": _enum(Status),
        "handoff": _nested(HANDOFF),
        "resume": _nested(RESUME),
        "stretch": _nested(STRETCH),
        "labels": (_encode_texts, tuple),
    },
    ("language", "disposition", "preview"),
)
CONTACT_NOTE = Codec(ContactNote, {}, ("text",))
CONTACT = Codec(
    Contact,
    {"notes": _each(CONTACT_NOTE), "labels": (_encode_texts, tuple)},
    ("address", "wa_id", "name", "memory", "language"),
)
OFFICE_ITEM = Codec(OfficeItem, {"kind": _enum(OfficeKind), "fields": _PAIRS}, ("id",))
AGENT = Codec(Agent, {"role": _enum(Role)}, ("email", "name"))
STRETCH_FACT = Codec(
    StretchFact, {"trigger": _enum(Trigger), "how": _enum(ResumeAction)}, ("language", "disposition")
)
SESSION = Codec(AgentSession, {})
PRESENCE = Codec(Presence, {}, ("tab", "name", "conversation_id"))
AUDIT = Codec(AuditEntry, {}, ("detail",))
PROMPT_CANARY = Codec(PromptCanary, {"bounds": (_encode_rates, _decode_rates)})
ENDED_CANARY = Codec(EndedCanary, {"how": _enum(CanaryEnd)}, ("why",))
PROMPT_SERVING = Codec(PromptServing, {"canary": _nested(PROMPT_CANARY), "ended": _nested(ENDED_CANARY)})


def _encode_figures(figures: tuple[tuple[str, float], ...]) -> list[list[str | float]]:
    return [[name, value] for name, value in figures]


def _decode_figures(figures: list[list[Any]]) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(value)) for name, value in figures)


_FIGURES = (_encode_figures, _decode_figures)
DECISION = Codec(
    HandoffDecision,
    {"outcome": _enum(Outcome), "trigger": _enum(Trigger), "scores": _FIGURES, "thresholds": _FIGURES},
    ("language", "phrase"),
)
MARK = Codec(HandoffMark, {"mark": _enum(Mark), "trigger": _enum(Trigger)})


_KEY_DIGITS = 18  # fit in 63 bits


def write_cursor(order: str, key: int, row_id: str) -> str:
    """Return the cursor of the page that follows the row ``(key, row_id)`` in the order named ``order``."""
    return f"{order}{key}.{row_id}"


def read_cursor(order: str, cursor: str) -> tuple[int, str]:
    """Return what ``write_cursor`` was given.

    Raises:
        InvalidInput: it is no cursor of this order.
    """
    key, dot, row_id = cursor.removeprefix(order).partition(".")
    number = key.isascii() and key.isdigit() and len(key) <= _KEY_DIGITS
    if not (cursor.startswith(order) and dot and row_id and number):
        raise InvalidInput("The page's cursor is not one that this list gave out. Start from the first page.")
    return int(key), row_id


def same_files(stored: Sequence[Plain], media: Sequence[Plain]) -> bool:
    """Tell whether ``media`` are the same files as ``stored``, and more is known of them.

    One that had no key yet is the same by its address.
    """
    if not media or len(stored) != len(media) or list(stored) == list(media):
        return False
    return all(
        old["key"] == new.get("key") if old.get("key") else old.get("url") == new.get("url")
        for old, new in zip(stored, media, strict=True)
    )


def message_of(plain: Mapping[str, Any]) -> Message:
    """Return the message that was encoded as ``plain``.

    One that became a text has no file for whoever sends or shows it. The store keeps which it had, so that it
    is erased with its customer.
    """
    message = MESSAGE.decode(plain)
    return replace(message, media=()) if set(WRITTEN) <= set(message.details) else message


def taken_message(message: Message, now: int, lease_until: int) -> Message | None:
    """Return ``message`` as it is once taken for sending at ``now``; None when it may not be taken.

    A SENDING message whose lease ran out was being sent by a process that died: nobody knows whether
    Twilio has it.
    """
    delivery = message.delivery
    if delivery is None or delivery.lease_until > now:
        return None
    if message.status not in {MessageStatus.QUEUED, MessageStatus.SENDING}:
        return None
    abandoned = message.status is MessageStatus.SENDING
    return replace(
        message,
        status=MessageStatus.SENDING,
        delivery=replace(
            delivery,
            attempts=delivery.attempts + 1,
            lease_until=lease_until,
            uncertain=delivery.uncertain or abandoned,
        ),
    )
