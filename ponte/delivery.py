"""Send what the outbox holds: in order per contact, never twice, and the bot only while it owns.

A message is taken by compare-and-set, the conversation's epoch is read again right before the send, and a
bot's message of an older epoch is cancelled. Fixed notices of the system and the words of people are never
withdrawn: they say what was true when they were written, and the outbox keeps their order.

What Twilio refuses has the fate that ``ponte.domain.twilio_errors`` gives it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from ponte.choice_contents import ChoiceContents
from ponte.domain.contact import Contact
from ponte.domain.message import OPT_OUT_NOTICE, Author, Delivery, Message, MessageStatus, parked
from ponte.domain.twilio_errors import GAVE_UP, OPTED_OUT, OUTSIDE_WINDOW, TRIED_FOR_MS, Fate, fate_of
from ponte.domain.window import window_open, wrote_lately
from ponte.errors import SendRefused, SendRetryable, SendUnknown
from ponte.file_order import carries_file, file_leaves, may_follow
from ponte.keyed_loop import KeyedLoop
from ponte.locales import Locale
from ponte.media_links import MediaLinks
from ponte.metrics import Metrics
from ponte.outgoing import Prepared, Preparer, is_template, may_wait, unpark_if_written
from ponte.pace import Pace
from ponte.ports import Clock, MediaStore, Messenger, Store, Templates
from ponte.signals import Signals
from ponte.unsent import Unsent
from ponte.written import as_text

log = structlog.get_logger(__name__)

# A look-up and a send take 6 s each at most, so a live sender is never overtaken; and a customer whose
# message was being sent when the process died waits no longer than this.
LEASE_MS: Final = 15_000
_SEND_MS: Final = 6_500
# Also what has waited for days, for the window to open, is tried so often before it is given up.
_MIN_ATTEMPTS: Final = 12
_FIRST_BACKOFF_MS: Final = 1_000
_MAX_BACKOFF_MS: Final = 60_000
# Twilio's clock and ours may differ by this much when a lost answer is looked up.
_LOOKUP_MARGIN_MS: Final = 120_000
DEFAULT_PER_SECOND: Final = 80.0


class DeliveryService:
    """Empties the outbox through a ``Messenger``.

    Args:
        store: where the outbox is.
        messenger: the way to WhatsApp.
        clock: the time.
        signals: wakes consoles; rings when the outbox grew.
        metrics: counts sends.
        links: makes the links to files.
        media: tells whether a file is still kept; None: it is taken to be.
        templates: makes contents for questions with choices; None: those go out as numbered texts.
        per_second: the most messages a second that this process sends.
        locale: the agents' language.
    """

    def __init__(
        self,
        store: Store,
        messenger: Messenger,
        clock: Clock,
        signals: Signals,
        metrics: Metrics,
        *,
        links: MediaLinks | None = None,
        media: MediaStore | None = None,
        templates: Templates | None = None,
        per_second: float = DEFAULT_PER_SECOND,
        locale: Locale = "pt-BR",
    ) -> None:
        self._store = store
        self._messenger = messenger
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._pace = Pace(store, clock, per_second)
        self._preparer = Preparer(store, links, ChoiceContents(store, templates), media)
        self._unsent = Unsent(store, clock, metrics, locale)

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
            if head.delivery is None or head.delivery.due_at > now or self._pace.held:
                return
            if not await may_follow(self._store, head, now):
                return
            await self._pace.turn()
            if self._pace.held:
                return
            now = self._clock.now()
            taken = await self._store.take(head, now, now + LEASE_MS)
            if taken is None:
                return
            contact = contact or await self._store.contact(contact_id)
            if not await self._send(taken, contact):
                return

    async def _due(self, limit: int) -> list[str]:
        if await self._pace.look():
            return []
        return await self._store.due_outbox(self._clock.now(), limit)

    async def _send(self, message: Message, contact: Contact) -> bool:
        """Send a taken message. Returns False when the contact's queue has to wait."""
        delivery = message.delivery
        if delivery is None:
            return True
        if contact.opted_out_at is not None and message.details != OPT_OUT_NOTICE:
            await self._settle(message, MessageStatus.FAILED, error_code=OPTED_OUT)
            return True
        if not is_template(message) and not window_open(contact.last_inbound_at, self._clock.now()):
            # As it is now: the customer may have written since.
            contact = await self._store.contact(contact.id)
            if not window_open(contact.last_inbound_at, self._clock.now()):
                await self._outside_window(message, delivery, contact)
                return True
        return await self._try(message, delivery)

    async def _try(self, message: Message, delivery: Delivery) -> bool:
        """Make one attempt at Twilio. Returns False when the contact's queue has to wait."""
        try:
            prepared = await self._preparer.prepare(message, delivery.address)
            sid = await self._accepted_before(message, prepared) if delivery.uncertain else None
            if sid is None:
                if message.author is Author.BOT and await self._outdated(message, delivery):
                    await self._settle(message, MessageStatus.CANCELLED)
                    return True
                if self._late(delivery):
                    # This process stood still: by the end of a send another one may have begun its own.
                    log.warning("send_too_late", message=message.id)
                    return False
                sid = await self._hand_over(message, delivery, prepared)
        except SendRefused as error:
            return await self._refused(message, delivery, error)
        except (SendRetryable, SendUnknown) as error:
            await self._retry_later(message, delivery, error)
            return False
        self._pace.went_well()
        await self._settle(message, MessageStatus.SENT, sid=sid)
        return True

    async def _hand_over(self, message: Message, delivery: Delivery, prepared: Prepared) -> str:
        """Hand a message to Twilio: a question without its choices, should those be refused."""
        if carries_file(message):
            await file_leaves(self._store, message, self._clock.now())
        try:
            return await self._messenger.send(prepared.outbound)
        except SendRefused as error:
            if prepared.fallback is None or fate_of(error.code) is not Fate.FAIL:
                raise
            log.warning("choices_refused", message=message.id, code=error.code)
            await self._preparer.refused(message)
            if self._late(delivery):
                raise SendRetryable("The choices were refused; the text is still to be sent.") from error
        return await self._messenger.send(prepared.fallback)

    def _late(self, delivery: Delivery) -> bool:
        return self._clock.now() > delivery.lease_until - _SEND_MS

    async def _refused(self, message: Message, delivery: Delivery, error: SendRefused) -> bool:
        """Do what the error table says. Returns False when the contact's queue has to wait."""
        log.warning("send_refused", message=message.id, code=error.code, error=str(error))
        fate = fate_of(error.code)
        if fate in {Fate.RETRY, Fate.SLOW}:
            await self._retry_later(message, delivery, SendRetryable(str(error), error.code))
            return False
        if fate is Fate.PARK:
            contact = await self._store.contact(message.contact_id)
            if not is_template(message) and wrote_lately(contact.last_inbound_at, self._clock.now()):
                # The customer wrote; WhatsApp's clock will know in a moment.
                await self._retry_later(message, delivery, SendRetryable(str(error), error.code))
                return False
            await self._outside_window(message, delivery, contact)
            return True
        if fate is Fate.OPT_OUT:
            # Twilio knows of an opt-out that no message to us told of.
            await self._store.opt_out(message.contact_id, self._clock.now())
        written = await as_text(self._store, message, error.code)
        if written is not None:
            now = self._clock.now()
            again = replace(delivery, due_at=now, attempts=0, lease_until=0, uncertain=False)
            await self._store.recall(
                message.id, MessageStatus.QUEUED, again, now=now, error_code=error.code, as_text=written
            )
            return True
        await self._give_up(message, error.code)
        return True

    async def _give_up(self, message: Message, error_code: int | None) -> None:
        await self._unsent.given_up(message, error_code)
        await self._settle(message, MessageStatus.FAILED, error_code=error_code)

    async def _outside_window(self, message: Message, delivery: Delivery, seen: Contact) -> None:
        """An agent's words wait until the customer writes; other words would come too late.

        ``seen`` is the contact as it was when this was decided: who wrote since waits for nothing.
        """
        if not may_wait(message, OUTSIDE_WINDOW):
            await self._give_up(message, OUTSIDE_WINDOW)
            return
        await self._store.recall(
            message.id,
            MessageStatus.PARKED,
            parked(delivery),
            now=self._clock.now(),
            error_code=OUTSIDE_WINDOW,
        )
        self._metrics.sends.labels(MessageStatus.PARKED).inc()
        await unpark_if_written(self._store, seen, self._clock.now())
        self._signals.changed()

    async def _outdated(self, message: Message, delivery: Delivery) -> bool:
        conversation = await self._store.conversation(message.conversation_id)
        return conversation.epoch != delivery.epoch

    async def _accepted_before(self, message: Message, prepared: Prepared) -> str | None:
        """Look for an earlier attempt of this message among what Twilio accepted."""
        outbound = prepared.outbound
        # Twilio lists a content as the text that it became.
        bodies = {message.body if outbound.content_sid else outbound.body}
        if prepared.fallback is not None:
            bodies.add(prepared.fallback.body)
        for sent in await self._messenger.sent_to(outbound.address, message.created_at - _LOOKUP_MARGIN_MS):
            alike = sent.body in bodies and bool(sent.files) == (outbound.media_url is not None)
            if alike and await self._store.message_by_sid(sent.sid) is None:
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
        slow = fate_of(error.code) is Fate.SLOW
        asked = 0 if isinstance(error, SendUnknown) else error.retry_after_ms or 0
        if slow:
            asked = await self._pace.hold(asked)
        old = self._clock.now() - message.created_at >= TRIED_FOR_MS
        if old and delivery.attempts >= _MIN_ATTEMPTS:
            log.error("send_given_up", message=message.id, attempts=delivery.attempts, code=error.code)
            await self._give_up(message, error.code or GAVE_UP)
            return
        uncertain = isinstance(error, SendUnknown)
        # A paused number begins again as one: its messages have no pauses of their own.
        own = 0 if slow else min(_MAX_BACKOFF_MS, _FIRST_BACKOFF_MS * 2 ** min(delivery.attempts - 1, 10))
        wait = max(own, asked)
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
