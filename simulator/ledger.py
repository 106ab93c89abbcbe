"""What the network keeps, within bounds: customers, messages and media."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simulator.records import Customer, CustomerView, Media, Message

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator


class Ledger:
    """Messages in the order they came, by sid and by customer; the oldest are forgotten first.

    Args:
        rng: draws the sids, so that a seed repeats them.
        max_messages: how many messages are kept.
        max_media_bytes: how many bytes of media are kept.
    """

    def __init__(self, rng: random.Random, *, max_messages: int, max_media_bytes: int) -> None:
        self._rng = rng
        self._max_messages = max_messages
        self._max_media_bytes = max_media_bytes
        self._messages: dict[str, Message] = {}
        self._threads: dict[str, deque[Message]] = {}
        self._customers: dict[str, Customer] = {}
        self._media: dict[str, Media] = {}
        self._media_bytes = 0
        self._seq = 0

    def new_sid(self, prefix: str) -> str:
        """Return a fresh sid: a prefix such as `SM` and 32 hexadecimal digits."""
        return f"{prefix}{self._rng.getrandbits(128):032x}"

    def next_seq(self) -> int:
        """Return the next place in the order of all messages, from 1."""
        self._seq += 1
        return self._seq

    def add(self, message: Message) -> None:
        """Keep a message and forget the oldest beyond the bound."""
        self._messages[message.sid] = message
        self._threads.setdefault(message.wa_id, deque()).append(message)
        while len(self._messages) > self._max_messages:
            self.remove(next(iter(self._messages)))

    def remove(self, sid: str) -> bool:
        """Forget a message and its media; return whether there was one."""
        message = self._messages.pop(sid, None)
        if message is None:
            return False
        self._threads[message.wa_id].remove(message)
        for item in message.media:
            self._drop_media(item.sid)
        return True

    def message(self, sid: str) -> Message | None:
        """Return the message with this sid, or None."""
        return self._messages.get(sid)

    def newest_first(self) -> Iterator[Message]:
        """Iterate over all messages from the newest to the oldest."""
        return reversed(self._messages.values())

    def after(self, seq: int, *, wa_id: str | None = None, limit: int | None = None) -> list[Message]:
        """Return messages with a higher seq, oldest first, of one customer or of all."""
        source = self._messages.values() if wa_id is None else self._threads.get(wa_id, deque())
        found: list[Message] = []
        for message in reversed(source):
            if message.seq <= seq:
                break
            found.append(message)
        found.reverse()
        return found if limit is None else found[:limit]

    def add_media(self, message: Message, content_type: str, data: bytes, created_ms: int) -> Media:
        """Attach a file to a message and forget the oldest files beyond the bound."""
        item = Media(self.new_sid("ME"), message.sid, content_type, data, created_ms)
        message.media.append(item)
        self._media[item.sid] = item
        self._media_bytes += len(data)
        while self._media_bytes > self._max_media_bytes and len(self._media) > 1:
            self._drop_media(next(iter(self._media)))
        return item

    def media(self, sid: str) -> Media | None:
        """Return the stored file with this sid, or None."""
        return self._media.get(sid)

    def _drop_media(self, sid: str) -> None:
        item = self._media.pop(sid, None)
        if item is not None:
            self._media_bytes -= len(item.data)
            item.data = b""

    def customer(self, wa_id: str, name: str | None = None) -> Customer:
        """Return the customer, made on first sight; a given name replaces the old one."""
        found = self._customers.get(wa_id)
        if found is None:
            found = self._customers[wa_id] = Customer(wa_id, name or wa_id)
            self._forget_silent_customers()
        elif name:
            found.name = name
        return found

    def known_customer(self, wa_id: str) -> Customer | None:
        """Return the customer when there is one."""
        return self._customers.get(wa_id)

    def _forget_silent_customers(self) -> None:
        if len(self._customers) > self._max_messages:
            silent = next((key for key in self._customers if not self._threads.get(key)), None)
            if silent is not None:
                del self._customers[silent]
                self._threads.pop(silent, None)

    def customers(self) -> list[Customer]:
        """Return all customers, in the order they appeared."""
        return list(self._customers.values())

    def customer_view(self, customer: Customer) -> CustomerView:
        """Return the customer as the page lists them."""
        thread = self._threads.get(customer.wa_id)
        return {
            "wa_id": customer.wa_id,
            "name": customer.name,
            "messages": len(thread) if thread else 0,
            "last_seq": thread[-1].seq if thread else 0,
            "last_inbound_at": customer.last_inbound_ms,
            "typing_until": customer.typing_until_ms,
        }
