"""The things the simulated network remembers, and how the phone shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypedDict

Direction = Literal["inbound", "outbound"]
Ticks = Literal["sent", "delivered", "read", "failed"]

_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_USER_NAME = re.compile(r"[A-Z]{2}\.[A-Za-z0-9._-]{2,128}")
_CHANNEL = "whatsapp:"


class MediaView(TypedDict):
    """One file as the phone page sees it."""

    sid: str
    content_type: str
    url: str


class MessageView(TypedDict):
    """One message as the customer's phone shows it; times in epoch milliseconds, UTC."""

    seq: int
    sid: str
    wa_id: str
    direction: Direction
    body: str
    media: list[MediaView]
    fields: dict[str, str]
    status: str
    error_code: int | None
    ticks: Ticks | None
    accepted: bool | None
    attempts: int
    outcomes: list[str]
    at: int


class CustomerView(TypedDict):
    """One customer as the page lists them; times in epoch milliseconds, UTC."""

    wa_id: str
    name: str
    messages: int
    last_seq: int
    last_inbound_at: int | None
    typing_until: int | None


@dataclass(slots=True)
class Media:
    """A stored file of a message."""

    sid: str
    message_sid: str
    content_type: str
    data: bytes
    created_ms: int

    def view(self) -> MediaView:
        """Return what the phone page needs to show the file."""
        return {"sid": self.sid, "content_type": self.content_type, "url": f"/sim/media/{self.sid}"}


@dataclass(slots=True, kw_only=True)
class Message:
    """One message at Twilio, with the record of how its webhook fared.

    `outcomes` has one word an attempt: an HTTP status, or `connect`, `timeout`, `reset`, `lost`. `fields` are
    the form fields that only this type of message has, as Twilio names them.
    """

    sid: str
    seq: int
    direction: Direction
    wa_id: str
    sender: str
    recipient: str
    body: str
    status: str
    created_ms: int
    updated_ms: int
    sent_ms: int | None = None
    media: list[Media] = field(default_factory=list)
    error_code: int | None = None
    status_callback: str | None = None
    accepted: bool | None = None
    outcomes: list[str] = field(default_factory=list)
    seen: bool = False
    fields: dict[str, str] = field(default_factory=dict)

    def ticks(self) -> Ticks | None:
        """Return the marks beside a customer's own message; the business's messages have none."""
        if self.direction == "outbound":
            return None
        if self.seen:
            return "read"
        if self.accepted is None:
            return "sent"
        return "delivered" if self.accepted else "failed"

    def view(self) -> MessageView:
        """Return the message as the phone shows it."""
        return {
            "seq": self.seq,
            "sid": self.sid,
            "wa_id": self.wa_id,
            "direction": self.direction,
            "body": self.body,
            "media": [item.view() for item in self.media],
            "fields": dict(self.fields),
            "status": self.status,
            "error_code": self.error_code,
            "ticks": self.ticks(),
            "accepted": self.accepted,
            "attempts": len(self.outcomes),
            "outcomes": list(self.outcomes),
            "at": self.created_ms,
        }


@dataclass(slots=True)
class Customer:
    """Somebody with a phone. `wa_id` is the number's digits, or a business-scoped user name."""

    wa_id: str
    name: str
    last_inbound_ms: int | None = None
    typing_until_ms: int | None = None

    @property
    def address(self) -> str:
        """The channel address of the customer."""
        return address_of(self.wa_id)


def address_of(wa_id: str) -> str:
    """Return the channel address of a customer: `whatsapp:+551199…` or `whatsapp:BR.abc…`."""
    return f"{_CHANNEL}+{wa_id}" if wa_id.isdecimal() else f"{_CHANNEL}{wa_id}"


def wa_id_of(address: str) -> str | None:
    """Return the customer behind a channel address, or None when it is not a WhatsApp address."""
    name = address.removeprefix(_CHANNEL)
    if name == address:
        return None
    if _PHONE.fullmatch(name):
        return name.removeprefix("+")
    return name if _USER_NAME.fullmatch(name) else None


def is_wa_id(text: str) -> bool:
    """Tell whether a text names a customer: digits of a phone number, or a user name such as `BR.abc`."""
    return wa_id_of(address_of(text)) is not None
