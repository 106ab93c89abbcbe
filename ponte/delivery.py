"""Send what the outbox holds: in order per contact, never twice, and the bot only while it owns.

A message is taken by compare-and-set, the conversation's epoch is read again right before the send, and a
bot's message of an older epoch is cancelled. Fixed notices of the system and the words of people are never
withdrawn: they say what was true when they were written, and the outbox keeps their order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from ponte.domain.contact import Contact
from ponte.domain.message import Author, Delivery, Message, MessageStatus
from ponte.domain.window import window_open
from ponte.errors import SendRefused, SendRetryable, SendUnknown
from ponte.keyed_loop import KeyedLoop
from ponte.metrics import Metrics
from ponte.ports import Clock, Messenger, Outbound, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

# A look-up and a send take 6 s each at most, so a live sender is never overtaken; and a customer whose
# message was being sent when the process died waits no longer than this.
LEASE_MS: Final = 15_000
_SEND_MS: Final = 6_500
MAX_ATTEMPTS: Final = 12
_FIRST_BACKOFF_MS: Final = 1_000
_MAX_BACKOFF_MS: Final = 60_000
# Twilio's clock and ours may differ by this much when a lost answer is looked up.
_LOOKUP_MARGIN_MS: Final = 120_000

OUTSIDE_WINDOW: Final = 63016
GAVE_UP: Final = 30008


class DeliveryService:
    """Empties the outbox through a ``Messenger``."""

    def __init__(
        self, store: Store, messenger: Messenger, clock: Clock, signals: Signals, metrics: Metrics
    ) -> None:
        self._store = store
        self._messenger = messenger
        self._clock = clock
        self._signals = signals
        self._metrics = metrics

    def loop(self, *, concurrency: int, poll_ms: int = 500) -> KeyedLoop:
        """Return the loop that delivers, one task a contact. The caller runs it."""
        loop = KeyedLoop("delivery", self.deliver, self._due, poll_ms=poll_ms, concurrency=concurrency)
        self._signals.on_outbox(loop.ring)
        return loop

    async def deliver(self, contact_id: str) -> None:
        """Send the contact's messages until none is due, or one has to wait."""
        contact: Contact | None = None
        while head := await self._store.outbox_head(contact_id):
            now = self._clock.now()
            if head.delivery is None or head.delivery.due_at > now:
                return
            taken = await self._store.take(head, now, now + LEASE_MS)
            if taken is None:
                return
            contact = contact or await self._store.contact(contact_id)
            if not await self._send(taken, contact):
                return

    async def _due(self, limit: int) -> list[str]:
        return await self._store.due_outbox(self._clock.now(), limit)

    async def _send(self, message: Message, contact: Contact) -> bool:
        """Send a taken message. Returns False when the contact's queue has to wait."""
        delivery = message.delivery
        if delivery is None:
            return True
        if not window_open(contact.last_inbound_at, self._clock.now()):
            await self._settle(message, MessageStatus.FAILED, error_code=OUTSIDE_WINDOW)
            return True
        return await self._try(message, delivery)

    async def _try(self, message: Message, delivery: Delivery) -> bool:
        """Make one attempt at Twilio. Returns False when the contact's queue has to wait."""
        try:
            sid = await self._accepted_before(message, delivery) if delivery.uncertain else None
            if sid is None:
                if message.author is Author.BOT and await self._outdated(message, delivery):
                    await self._settle(message, MessageStatus.CANCELLED)
                    return True
                if self._clock.now() > delivery.lease_until - _SEND_MS:
                    # This process stood still: by the end of a send another one may have begun its own.
                    log.warning("send_too_late", message=message.id)
                    return False
                sid = await self._messenger.send(Outbound(delivery.address, message.body, message.id))
        except SendRefused as error:
            log.warning("send_refused", message=message.id, code=error.code, error=str(error))
            await self._settle(message, MessageStatus.FAILED, error_code=error.code)
            return True
        except (SendRetryable, SendUnknown) as error:
            await self._retry_later(message, delivery, error)
            return False
        await self._settle(message, MessageStatus.SENT, sid=sid)
        return True

    async def _outdated(self, message: Message, delivery: Delivery) -> bool:
        conversation = await self._store.conversation(message.conversation_id)
        return conversation.epoch != delivery.epoch

    async def _accepted_before(self, message: Message, delivery: Delivery) -> str | None:
        """Look for an earlier attempt of this message among what Twilio accepted."""
        for sent in await self._messenger.sent_to(delivery.address, message.created_at - _LOOKUP_MARGIN_MS):
            if sent.body == message.body and await self._store.message_by_sid(sent.sid) is None:
                log.info("send_found", message=message.id, sid=sent.sid)
                return sent.sid
        return None

    async def _settle(
        self,
        message: Message,
        status: MessageStatus,
        *,
        sid: str | None = None,
        error_code: int | None = None,
    ) -> None:
        now = self._clock.now()
        await self._store.settle(message.id, status, now=now, sid=sid, error_code=error_code)
        self._metrics.sends.labels(status).inc()
        if status is MessageStatus.SENT:
            self._metrics.reply_seconds.observe(max(0, now - message.created_at) / 1000)
        self._signals.changed()

    async def _retry_later(
        self, message: Message, delivery: Delivery, error: SendRetryable | SendUnknown
    ) -> None:
        if delivery.attempts >= MAX_ATTEMPTS:
            log.error("send_given_up", message=message.id, attempts=delivery.attempts, code=error.code)
            await self._settle(message, MessageStatus.FAILED, error_code=error.code or GAVE_UP)
            return
        uncertain = isinstance(error, SendUnknown)
        asked = 0 if isinstance(error, SendUnknown) else error.retry_after_ms or 0
        wait = max(min(_MAX_BACKOFF_MS, _FIRST_BACKOFF_MS * 2 ** (delivery.attempts - 1)), asked)
        log.warning(
            "send_retried_later",
            message=message.id,
            attempts=delivery.attempts,
            error=str(error),
            wait_ms=wait,
        )
        self._metrics.sends.labels("unknown" if uncertain else "retry").inc()
        later = replace(
            delivery,
            due_at=self._clock.now() + wait,
            lease_until=0,
            uncertain=delivery.uncertain or uncertain,
        )
        await self._store.put_back(message.id, later, error.code)
