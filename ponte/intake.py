"""Take in what Twilio tells: customers' messages and what became of ours."""

from __future__ import annotations

import secrets

import structlog

from ponte.domain.message import Inbound, MessageStatus, from_twilio
from ponte.errors import InvalidInput
from ponte.metrics import Metrics
from ponte.ports import Clock, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)


class Intake:
    """Stores first, then wakes the worker. Nothing slow happens here: it runs in the webhook's request."""

    def __init__(self, store: Store, clock: Clock, signals: Signals, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._metrics = metrics

    async def accept(self, inbound: Inbound, *, source: str = "webhook") -> bool:
        """Store a customer's message. Returns False when its MessageSid was stored before.

        Raises:
            StoreUnavailable: nothing was stored; the webhook must say so, and Twilio tries again.
        """
        contact_id = await self._store.accept(inbound, f"ct_{secrets.token_hex(12)}")
        self._metrics.inbound.labels(source, "duplicate" if contact_id is None else "new").inc()
        if contact_id is None:
            # A look at Twilio's list finds little but what is known already.
            tell = log.info if source == "webhook" else log.debug
            tell("inbound_duplicate", sid=inbound.sid, source=source)
            return False
        log.info("inbound_accepted", sid=inbound.sid, kind=inbound.kind, contact=contact_id, source=source)
        self._signals.inbox(contact_id)
        return True

    async def status(
        self, *, sid: str, twilio_status: str, error_code: int | None, reference: str | None
    ) -> bool:
        """Record what became of one of our messages; only forward, so late callbacks change nothing.

        Args:
            sid: Twilio's MessageSid.
            twilio_status: Twilio's MessageStatus.
            error_code: Twilio's error code, with a failure.
            reference: our message id, as the status callback's URL carries it back; finds the message even
                before Twilio's answer to the send was stored.

        Raises:
            InvalidInput: the status is none of Twilio's.
        """
        status = from_twilio(twilio_status)
        if status is None:
            raise InvalidInput(
                f"MessageStatus {twilio_status[:20]!r} is not a status of an outbound message."
            )
        message_id = reference
        if message_id is None:
            message = await self._store.message_by_sid(sid)
            message_id = message.id if message else None
        changed = message_id is not None and await self._store.settle(
            message_id, status, now=self._clock.now(), sid=sid, error_code=error_code
        )
        self._metrics.statuses.labels(status).inc()
        if status is MessageStatus.FAILED:
            log.warning("delivery_failed", sid=sid, error_code=error_code)
        if changed:
            self._signals.changed()
        return changed
