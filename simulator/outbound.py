"""What becomes of a message that the business sent: statuses, their callbacks, and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.faults import FaultKind
from simulator.forms import status_form
from simulator.records import Message
from simulator.webhooks import MediaFetchError

if TYPE_CHECKING:
    from simulator.network import Network

WINDOW_MS = 24 * 60 * 60 * 1000
"""A freeform message is allowed this long after the customer's last one (WhatsApp's service window)."""

_CONTENT_REFUSED = 63005
_OUTSIDE_WINDOW = 63016
_RATE_LIMITED = 63018
_MEDIA_FAILED = 63019


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A checked request to send.

    Attributes:
        wa_id: the customer it goes to.
        recipient: the channel address it goes to.
        sender: the channel address it comes from.
        body: the text, with a template's variables filled in.
        media_urls: files to fetch and attach.
        content: whether it is one of the account's contents: a question with buttons, a template.
        template_approved: whether it is an approved template, which may leave the 24-hour window.
        status_callback: where statuses are posted, or None.
    """

    wa_id: str
    recipient: str
    sender: str
    body: str
    media_urls: Sequence[str] = ()
    content: bool = False
    template_approved: bool = False
    status_callback: str | None = None


class OutboundCarrier:
    """Takes the business's messages to the phones and reports their statuses.

    Args:
        network: the network this is a part of.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._reports: dict[str, asyncio.Task[None]] = {}

    def accept(self, draft: Draft) -> Message:
        """Take a message as Twilio does: it is `queued`, and what becomes of it is told later."""
        network, now = self._network, self._network.now_ms
        customer = network.ledger.customer(draft.wa_id)
        message = Message(
            sid=network.ledger.new_sid("MM" if draft.media_urls else "SM"),
            seq=network.ledger.next_seq(),
            direction="outbound",
            wa_id=draft.wa_id,
            sender=draft.sender,
            recipient=draft.recipient,
            body=draft.body,
            status="queued",
            created_ms=now,
            updated_ms=now,
            status_callback=draft.status_callback,
        )
        network.ledger.add(message)
        network.set_typing(draft.wa_id, None)
        network.show_customer(customer)
        network.show(message)
        last = customer.last_inbound_ms
        in_window = last is not None and now - last <= WINDOW_MS
        network.spawn(self._carry(message, draft, in_window=in_window or draft.template_approved))
        return message

    async def _carry(self, message: Message, draft: Draft, *, in_window: bool) -> None:
        config = self._network.config
        error = self._failure(message, draft, in_window=in_window)
        if error is None and draft.media_urls:
            error = await self._attach(message, draft.media_urls)
        await asyncio.sleep(config.sent_ms / 1000)
        if error is not None:
            self._change(message, "failed", error)
            self._report(message, ["failed"])
            return
        swapped = bool(self._network.faults.draw(FaultKind.STATUS_DISORDER, wa_id=message.wa_id))
        self._change(message, "sent")
        self._report(message, [] if swapped else ["sent"])
        await asyncio.sleep(max(0, config.delivered_ms - config.sent_ms) / 1000)
        if message.status == "sent":
            self._change(message, "delivered")
        self._report(message, ["delivered", "sent"] if swapped else ["delivered"])
        if config.read_ms is not None:
            await asyncio.sleep(max(0, config.read_ms - config.delivered_ms) / 1000)
            self._read(message)

    def _failure(self, message: Message, draft: Draft, *, in_window: bool) -> int | None:
        """Return the error that the message meets at WhatsApp; None for none."""

        def strikes(kind: FaultKind) -> bool:
            return self._network.faults.draw(kind, wa_id=message.wa_id) is not None

        if not in_window or strikes(FaultKind.OUTBOUND_63016):
            return _OUTSIDE_WINDOW
        if strikes(FaultKind.OUTBOUND_63018):
            return _RATE_LIMITED
        if draft.content and strikes(FaultKind.OUTBOUND_63005):
            return _CONTENT_REFUSED
        if draft.media_urls and strikes(FaultKind.OUTBOUND_63019):
            return _MEDIA_FAILED
        return None

    async def _attach(self, message: Message, urls: Sequence[str]) -> int | None:
        network = self._network
        for url in urls:
            try:
                content_type, data = await network.client.fetch(url)
            except MediaFetchError:
                return _MEDIA_FAILED
            network.ledger.add_media(message, content_type, data, network.now_ms)
        return None

    def read_all(self, wa_id: str) -> int:
        """Make every delivered message of a customer `read`; return how many there were."""
        messages = self._network.ledger.after(0, wa_id=wa_id)
        return sum(self._read(message) for message in messages if message.direction == "outbound")

    def _read(self, message: Message) -> bool:
        if message.status != "delivered":
            return False
        self._change(message, "read")
        self._report(message, ["read"])
        return True

    def _change(self, message: Message, status: str, error_code: int | None = None) -> None:
        message.status = status
        message.error_code = error_code
        message.updated_ms = self._network.now_ms
        if status == "sent":
            message.sent_ms = message.updated_ms
        self._network.show(message)

    def _report(self, message: Message, statuses: Sequence[str]) -> None:
        """Post status callbacks, each after the one before it has been answered."""
        url = message.status_callback
        if url is None or not statuses:
            return
        faults, todo = self._network.faults, list[str]()
        for status in statuses:
            if faults.draw(FaultKind.STATUS_LOST, wa_id=message.wa_id):
                continue
            twice = faults.draw(FaultKind.STATUS_DUPLICATE, wa_id=message.wa_id)
            todo += [status, status] if twice else [status]
        forms = [(name, status_form(message, name, self._network.config.account_sid)) for name in todo]
        before = self._reports.get(message.sid)
        task = self._network.spawn(self._post(url, forms, before))
        self._reports[message.sid] = task
        task.add_done_callback(lambda done: self._forget(message.sid, done))

    def _forget(self, sid: str, done: asyncio.Task[None]) -> None:
        if self._reports.get(sid) is done:
            del self._reports[sid]

    async def _post(
        self, url: str, forms: Sequence[tuple[str, dict[str, str]]], before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        for status, form in forms:
            await self._network.client.post(url, form, token=f"{form['MessageSid']}-{status}")
