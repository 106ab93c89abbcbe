"""Take in what Twilio tells: customers' messages and what became of ours."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from ponte.domain.message import (
    Author,
    Delivery,
    Details,
    Inbound,
    Message,
    MessageStatus,
    from_twilio,
    parked,
    position,
    statuses_before,
)
from ponte.domain.twilio_errors import TRIED_FOR_MS, Fate, fate_of
from ponte.domain.window import wrote_lately
from ponte.errors import Conflict, InvalidInput, NotFound
from ponte.file_order import carries_file, file_arrived
from ponte.locales import Locale
from ponte.metrics import Metrics
from ponte.outgoing import is_template, may_wait, unpark_if_written
from ponte.pace import limited
from ponte.ports import Clock, Store
from ponte.signals import Signals
from ponte.unsent import Unsent
from ponte.written import as_text

log = structlog.get_logger(__name__)

_AT_WHATSAPP: Final = frozenset({"sent", "delivered"})
_SHORTEST_PAUSE_MS: Final = 2_000
_LONGEST_PAUSE_MS: Final = 60_000


class Intake:
    """Stores first, then wakes the worker. Nothing slow happens here: it runs in the webhook's request.

    Args:
        store: inbox, conversations and outbox.
        clock: the time.
        signals: wakes the worker, delivery and consoles.
        metrics: counts what comes in.
        locale: the agents' language.
    """

    def __init__(
        self, store: Store, clock: Clock, signals: Signals, metrics: Metrics, locale: Locale = "pt-BR"
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._unsent = Unsent(store, clock, metrics, locale)

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
        self._metrics.statuses.labels(status).inc()
        if message_id is None:
            return False
        if status is MessageStatus.FAILED:
            log.warning("delivery_failed", sid=sid, error_code=error_code)
            changed = await self._failed(message_id, sid, error_code)
        else:
            changed = await self._store.settle(message_id, status, now=self._clock.now(), sid=sid)
        if twilio_status.lower() in _AT_WHATSAPP:
            await self._arrived(message_id)
        if changed:
            self._signals.changed()
        return changed

    async def _failed(self, message_id: str, sid: str, error_code: int | None) -> bool:
        """Do what the error table says of a message that Twilio took and did not deliver."""
        now, fate = self._clock.now(), fate_of(error_code)
        message = await self._message(message_id)
        if message is None or not _is_news(message, sid):
            return False
        if error_code is not None and may_wait(message, error_code):
            contact = await self._store.contact(message.contact_id)
            # Who wrote a moment ago opened the window; WhatsApp's clock will know soon.
            lately = wrote_lately(contact.last_inbound_at, now)
            waits = MessageStatus.QUEUED if lately else MessageStatus.PARKED
            changed = await self._recall(message, waits, sid, error_code)
            if changed and not lately:
                await unpark_if_written(self._store, contact, self._clock.now())
            return changed
        if fate is Fate.OPT_OUT:
            # Twilio refused it because its receiver wants none: no other one is tried.
            await self._store.opt_out(message.contact_id, now)
        if fate in {Fate.RETRY, Fate.SLOW} and now - message.created_at < TRIED_FOR_MS:
            return await self._recall(message, MessageStatus.QUEUED, sid, error_code)
        written = await as_text(self._store, message, error_code)
        if written is not None:
            return await self._recall(message, MessageStatus.QUEUED, sid, error_code, as_text=written)
        try:
            await self._unsent.given_up(message, error_code)
        except Conflict as error:
            # Twilio does not tell it again: agents see the message as failed, and the operator this.
            log.error("not_handed_over_unsent", message=message_id, error=str(error))  # noqa: TRY400
        return await self._store.settle(
            message_id, MessageStatus.FAILED, now=now, sid=sid, error_code=error_code
        )

    async def _recall(
        self,
        message: Message,
        status: MessageStatus,
        sid: str,
        error_code: int | None,
        *,
        as_text: Details | None = None,
    ) -> bool:
        """Put a message back into the outbox: parked, as a text at once, or after a pause that grows."""
        now = self._clock.now()
        conversation = await self._store.conversation(message.conversation_id)
        if message.author is Author.BOT and conversation.agent_id is not None:
            # The bot is silent by now.
            return await self._store.settle(
                message.id, MessageStatus.FAILED, now=now, sid=sid, error_code=error_code
            )
        contact = await self._store.contact(message.contact_id)
        pause = min(_LONGEST_PAUSE_MS, max(_SHORTEST_PAUSE_MS, now - message.created_at))
        if as_text is not None:
            pause = 0
        delivery = Delivery(
            address=contact.address,
            position=position(conversation.opened_at, message.seq),
            epoch=conversation.epoch,
            due_at=now + pause,
        )
        if status is MessageStatus.PARKED:
            delivery = parked(delivery)
        recalled = await self._store.recall(
            message.id, status, delivery, now=now, sid=sid, error_code=error_code, as_text=as_text
        )
        if recalled and as_text is not None:
            self._signals.outbox(message.contact_id)
        if recalled and fate_of(error_code) is Fate.SLOW and not is_template(message):
            await limited(self._store, message.contact_id, now, now + pause)
        log.info("message_recalled", message=message.id, status=status, error_code=error_code)
        return recalled

    async def _arrived(self, message_id: str) -> None:
        """WhatsApp has the message: what waited for a file may follow it."""
        message = await self._message(message_id)
        if message is not None and carries_file(message):
            await file_arrived(self._store, message, self._clock.now())
            self._signals.outbox(message.contact_id)

    async def _message(self, message_id: str) -> Message | None:
        try:
            return await self._store.message(message_id)
        except NotFound:
            return None


def _is_news(message: Message, sid: str) -> bool:
    """Tell whether a failure is not known yet: not of an attempt that was recalled, nor after an end."""
    recalled = message.delivery is not None and message.sid == sid
    return not recalled and message.status in statuses_before(MessageStatus.FAILED)
