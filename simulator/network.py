"""The simulated WhatsApp network between the customers' phones and the application."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.config import split_webhook_url
from simulator.events import EventHub
from simulator.faults import FaultBoard, FaultKind
from simulator.forms import inbound_form
from simulator.ledger import Ledger
from simulator.outbound import OutboundCarrier
from simulator.records import Customer, Message, is_wa_id
from simulator.webhooks import WebhookClient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from simulator.config import SimulatorConfig

_LOG = logging.getLogger(__name__)
_TYPING_MS = 25_000
_DISORDER_HOLD_MS = 2_000
_DELAY_MS = 1_000


class NetworkError(Exception):
    """The network cannot take a customer's message; the text says what to do."""


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """A file that a customer attaches."""

    content_type: str
    data: bytes


@dataclass(slots=True)
class _Line:
    """The order of one customer's webhooks: each waits for the first attempt of the one before."""

    last: asyncio.Event | None = None
    overtaken: list[asyncio.Event] = field(default_factory=list)


class Network:
    """Carries messages both ways, with the delays, retries and faults of the real network.

    Args:
        config: the simulator's settings.
        clock: seconds since the epoch, UTC; `advance` moves it further.
    """

    def __init__(self, config: SimulatorConfig, *, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.seed = secrets.randbits(64) if config.seed is None else config.seed
        # One generator for each purpose: switching a fault on does not change the sids that follow.
        self.ledger = Ledger(
            random.Random(f"{self.seed}:sids"),  # noqa: S311 - repeatable ids of a simulator, not secrets
            max_messages=config.max_messages,
            max_media_bytes=config.max_media_bytes,
        )
        self.faults = FaultBoard(
            random.Random(f"{self.seed}:faults"),  # noqa: S311 - repeatable faults
            changed=self._show_faults,
        )
        self.events = EventHub()
        self.closing = asyncio.Event()
        self.public_url = config.public_url
        self.client = WebhookClient(
            config.auth_token,
            max_concurrency=config.max_concurrency,
            timeout_ms=config.webhook_timeout_ms,
            retry_pause_ms=config.retry_pause_ms,
        )
        self.outbound = OutboundCarrier(self)
        self._clock = clock
        self._offset_ms = 0
        self._webhook_url: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: dict[str, _Line] = {}
        for wa_id, name in config.customers:
            self.ledger.customer(wa_id, name)
        if config.webhook_url is not None:
            self.set_webhook(config.webhook_url)

    async def open(self) -> None:
        """Open the connections; to be called inside the running loop."""
        await self.client.open()

    def begin_shutdown(self) -> None:
        """Let go of every held request and live stream, so that the server can stop at once."""
        self.closing.set()
        self.events.close()

    async def close(self) -> None:
        """Abandon what is under way and close the connections."""
        self.begin_shutdown()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()

    @property
    def now_ms(self) -> int:
        """The network's time, in milliseconds since the epoch, UTC."""
        return int(self._clock() * 1000) + self._offset_ms

    def advance(self, milliseconds: int) -> None:
        """Move the network's clock forward, for instance past the 24-hour window."""
        self._offset_ms += milliseconds

    @property
    def webhook_url(self) -> str | None:
        """Where inbound messages are posted, with Twilio's connection overrides."""
        return self._webhook_url

    def set_webhook(self, url: str) -> None:
        """Set where inbound messages are posted.

        Raises:
            ValueError: the URL or its connection overrides are not ones Twilio takes.
        """
        split_webhook_url(url)
        self._webhook_url = url

    @property
    def pending(self) -> int:
        """How many deliveries are under way."""
        return len(self._tasks)

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a delivery beside the requests; a failure of it is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a delivery broke off", exc_info=error)

    def show(self, message: Message) -> None:
        """Tell the phone page that a message is new or changed."""
        if self.events.has_listeners:
            self.events.publish("message", message.view())

    def show_customer(self, customer: Customer) -> None:
        """Tell the phone page that a customer is new or changed."""
        if self.events.has_listeners:
            self.events.publish("customer", self.ledger.customer_view(customer))

    def _show_faults(self) -> None:
        if self.events.has_listeners:
            self.events.publish("faults", {"items": self.faults.views()})

    async def customer_says(
        self,
        wa_id: str,
        body: str = "",
        *,
        profile_name: str | None = None,
        media: Sequence[InboundMedia] = (),
        fields: Mapping[str, str] | None = None,
    ) -> Message:
        """Let a customer write, and wait until the webhook was accepted or given up.

        Arguments and errors are those of `receive`.

        Returns:
            The message, whose `accepted` and `outcomes` tell how its webhook fared.
        """
        message, task = self.receive(wa_id, body, profile_name=profile_name, media=media, fields=fields)
        await self.settle(task)
        return message

    async def settle(self, task: asyncio.Task[None]) -> None:
        """Wait until a delivery has ended, well or badly; leaving the wait does not stop it."""
        await asyncio.wait({task})

    def receive(
        self,
        wa_id: str,
        body: str = "",
        *,
        profile_name: str | None = None,
        media: Sequence[InboundMedia] = (),
        fields: Mapping[str, str] | None = None,
    ) -> tuple[Message, asyncio.Task[None]]:
        """Take a customer's message and start its webhook.

        Args:
            wa_id: digits of the customer's number, or a user name such as `BR.abc`.
            body: the text.
            profile_name: the name the customer shows; None keeps the one known.
            media: attached files.
            fields: what this type of message adds to the form, see `simulator.kinds`.

        Returns:
            The message, and the task that delivers it.

        Raises:
            NetworkError: there is no webhook URL, a bad `wa_id`, nothing to send, or too much under way.
        """
        self._check(wa_id, body, media, fields)
        now = self.now_ms
        customer = self.ledger.customer(wa_id, profile_name)
        customer.last_inbound_ms = now
        message = Message(
            sid=self.ledger.new_sid("MM" if media else "SM"),
            seq=self.ledger.next_seq(),
            direction="inbound",
            wa_id=wa_id,
            sender=customer.address,
            recipient=self.config.business_number,
            body=body,
            status="received",
            created_ms=now,
            updated_ms=now,
            sent_ms=now,
            fields=dict(fields or {}),
        )
        self.ledger.add(message)
        for item in media:
            self.ledger.add_media(message, item.content_type, item.data, now)
        self.show_customer(customer)
        self.show(message)
        line = self._lines.setdefault(wa_id, _Line())
        before, line.last = line.last, asyncio.Event()
        return message, self.spawn(self._deliver(message, customer, line, before, line.last))

    def _check(
        self, wa_id: str, body: str, media: Sequence[InboundMedia], fields: Mapping[str, str] | None
    ) -> None:
        if self._webhook_url is None:
            raise NetworkError("There is no webhook URL yet: set one with PUT /sim/webhook.")
        if not is_wa_id(wa_id):
            raise NetworkError("The wa_id is neither the digits of a phone number nor a name like BR.abc.")
        if not body and not media and not fields:
            raise NetworkError("The message is empty: give a body or a file.")
        if media and self.public_url is None:
            raise NetworkError("The simulator does not know its own address: set public_url.")
        if self.pending >= self.config.max_pending:
            raise NetworkError("Too many deliveries are under way: wait until some have finished.")

    async def _deliver(
        self,
        message: Message,
        customer: Customer,
        line: _Line,
        before: asyncio.Event | None,
        turn: asyncio.Event,
    ) -> None:
        try:
            if self.faults.draw(FaultKind.INBOUND_LOST, wa_id=message.wa_id):
                message.outcomes.append("lost")
                message.accepted = False
                return
            await self._wait_turn(message, line, before, turn)
            overtaken, line.overtaken = line.overtaken, []

            def attempted(outcome: str) -> None:
                message.outcomes.append(outcome)
                turn.set()
                for held in overtaken:
                    held.set()

            form = inbound_form(message, customer, self.config.account_sid, self.public_url or "")
            token = f"{message.sid}-inbound"
            url = self._webhook_url or ""
            message.accepted = await self.client.post(url, form, token=token, on_attempt=attempted)
            if self.faults.draw(FaultKind.INBOUND_DUPLICATE, wa_id=message.wa_id):
                await self.client.post(url, form, token=token, on_attempt=message.outcomes.append)
        finally:
            turn.set()
            if line.last is turn and not line.overtaken:
                self._lines.pop(message.wa_id, None)
            self.show(message)

    async def _wait_turn(
        self, message: Message, line: _Line, before: asyncio.Event | None, turn: asyncio.Event
    ) -> None:
        if fault := self.faults.draw(FaultKind.INBOUND_DELAY, wa_id=message.wa_id):
            turn.set()
            await asyncio.sleep((fault.delay_ms or _DELAY_MS) / 1000)
        elif fault := self.faults.draw(FaultKind.INBOUND_DISORDER, wa_id=message.wa_id):
            held = asyncio.Event()
            line.overtaken.append(held)
            turn.set()
            await _wait_for(held, fault.delay_ms or _DISORDER_HOLD_MS)
        elif before is not None:
            await before.wait()

    def customer_reads(self, wa_id: str) -> int:
        """Let a customer read every delivered message; return how many became `read`."""
        return self.outbound.read_all(wa_id)

    def typing(self, message_sid: str) -> bool:
        """Show the typing indicator to the writer of a message, which also marks it as read.

        It lasts 25 s, or until the next message (https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource).

        Returns:
            False when no customer wrote a message with this sid.
        """
        message = self.ledger.message(message_sid)
        if message is None or message.direction != "inbound":
            return False
        for earlier in self.ledger.after(0, wa_id=message.wa_id):
            if earlier.accepted and not earlier.seen and earlier.seq <= message.seq:
                earlier.seen = True
                self.show(earlier)
        self.set_typing(message.wa_id, self.now_ms + _TYPING_MS)
        return True

    def set_typing(self, wa_id: str, until_ms: int | None) -> None:
        """Show the typing indicator until a time, or hide it with None."""
        customer = self.ledger.customer(wa_id)
        if until_ms is not None or customer.typing_until_ms is not None:
            customer.typing_until_ms = until_ms
            self.show_customer(customer)


async def _wait_for(event: asyncio.Event, milliseconds: int) -> None:
    try:
        async with asyncio.timeout(milliseconds / 1000):
            await event.wait()
    except TimeoutError:
        return
