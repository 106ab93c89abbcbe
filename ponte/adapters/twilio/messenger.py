"""Twilio's REST API as a ``ponte.ports.Messenger``."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final, NoReturn
from urllib.parse import quote

import structlog
from twilio.base import values
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.rest.api.v2010.account.message.media import MediaInstance

from ponte.adapters.twilio.client import open_client
from ponte.adapters.twilio.webhook import parse_form
from ponte.domain.message import Inbound
from ponte.errors import InvalidInput, MessengerError, SendRefused, SendRetryable, SendUnknown
from ponte.ports import Clock, Outbound, SentMessage
from ponte.settings import Settings

_CREDENTIALS: Final = frozenset({401, 403})
log = structlog.get_logger(__name__)

_NOT_DELIVERED: Final = frozenset({"failed", "undelivered", "canceled"})
_NOT_FOUND: Final = 404
_PAGE: Final = 500
_FILES: Final = 10
_NUMBER: Final = re.compile(r"whatsapp:\+(\d{6,15})")
_DAY_MOST: Final = 20_000
_DAY_MS: Final = 24 * 60 * 60 * 1000
_SECOND_MS: Final = 1000


class TwilioMessenger:
    """Sends and reads through the official client.

    Args:
        client: a twilio ``Client`` with an asynchronous transport.
        sender: our address, ``whatsapp:+...``.
        status_callback: the URL of our status webhook, without a query.
        clock: the time.
    """

    def __init__(self, client: Client, sender: str, status_callback: str, clock: Clock) -> None:
        self._client = client
        self._sender = sender
        self._status_callback = status_callback
        self._clock = clock

    async def send(self, outbound: Outbound) -> str:
        """Send a message; see ``ponte.ports.Messenger.send``."""
        try:
            message = await self._client.messages.create_async(
                from_=self._sender,
                to=outbound.address,
                body=outbound.body or values.unset,
                media_url=[outbound.media_url] if outbound.media_url else values.unset,
                content_sid=outbound.content_sid or values.unset,
                content_variables=outbound.content_variables or values.unset,
                status_callback=f"{self._status_callback}?m={quote(outbound.reference, safe='')}",
            )
        except TwilioException as error:
            refused(error)
        if not message.sid:
            raise SendUnknown("Twilio's answer carries no MessageSid.")
        return str(message.sid)

    async def sent_to(self, address: str, since: int) -> list[SentMessage]:
        """Look up what Twilio accepted; see ``ponte.ports.Messenger.sent_to``."""
        try:
            found = await self._client.messages.list_async(
                to=address, from_=self._sender, date_sent_after=_datetime(since), page_size=_PAGE, limit=_PAGE
            )
        except TwilioException as error:
            raise SendRetryable("Twilio could not list messages.", getattr(error, "code", None)) from error
        sent = [
            SentMessage(
                m.sid, m.body or "", _ms(m.date_created or m.date_sent) or since, int(m.num_media or 0)
            )
            for m in found
            if m.direction != "inbound" and m.status not in _NOT_DELIVERED
        ]
        return sorted((m for m in reversed(sent) if m.sent_at >= since), key=lambda m: m.sent_at)

    async def typing(self, inbound_sid: str) -> None:
        """Show that an answer is being written, for up to 25 s; also marks the message as read.

        https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource
        """
        try:
            await self._client.messaging.v2.typing_indicator.create_async(
                channel="whatsapp", message_id=inbound_sid
            )
        except TwilioException as error:
            raise MessengerError("Twilio took no typing indicator.", getattr(error, "code", None)) from error

    async def received_since(self, since: int) -> AsyncIterator[Inbound]:
        """Read what customers sent; see ``ponte.ports.Messenger.received_since``.

        A long gap is read a day at a time, oldest first, so that it fits into memory.
        """
        now = self._clock.now()
        for start in range(since, now + 1, _DAY_MS):
            for message in await self._received(start, min(start + _DAY_MS, now + _DAY_MS)):
                try:
                    yield await self._inbound(message)
                except InvalidInput as error:
                    # One that cannot be read must not keep the others from being found.
                    log.warning("listed_message_unreadable", sid=message.sid, error=str(error))

    async def _received(self, start: int, end: int) -> list[MessageInstance]:
        """List what customers sent from ``start`` to ``end`` (ms UTC), oldest first."""
        try:
            found = await self._client.messages.list_async(
                to=self._sender,
                date_sent_after=_datetime(start),
                date_sent_before=_datetime(end),
                page_size=_PAGE,
                limit=_DAY_MOST,
            )
        except TwilioException as error:
            raise SendRetryable("Twilio could not list messages.", getattr(error, "code", None)) from error
        if len(found) == _DAY_MOST:
            log.error("listed_messages_cut", most=_DAY_MOST, hint="older messages of that day were not read")
        # The list is newest first and its times have whole seconds: within one, only its order tells which
        # came first. The limits are honoured by the day or by the second, so they are checked again.
        found.reverse()
        timed = [(_ms(m.date_sent or m.date_created) or start, m) for m in found if m.direction == "inbound"]
        return [m for at, m in sorted(timed, key=itemgetter(0)) if start - _SECOND_MS < at < end]

    async def _inbound(self, message: MessageInstance) -> Inbound:
        """Build what the webhook would have carried, as far as the list tells it."""
        form = [
            ("MessageSid", str(message.sid)),
            ("AccountSid", str(message.account_sid)),
            ("From", str(message.from_)),
            ("To", str(message.to)),
            ("Body", message.body or ""),
            ("NumMedia", str(message.num_media or 0)),
        ]
        if number := _NUMBER.fullmatch(str(message.from_)):
            # The list has no WaId; for a sender with a phone number it is the number's digits.
            form.append(("WaId", number[1]))
        if int(message.num_media or 0):
            for n, media in enumerate(await self._files(str(message.sid))):
                url = f"{self._client.api.base_url}{str(media.uri).removesuffix('.json')}"
                form += [(f"MediaUrl{n}", url), (f"MediaContentType{n}", str(media.content_type))]
        now = self._clock.now()
        # WhatsApp's 24 hours run from when it was written, not from when it was found.
        written = _ms(message.date_sent or message.date_created) or now
        return parse_form(form, min(written, now))

    async def _files(self, sid: str) -> list[MediaInstance]:
        """List a message's files; none where Twilio has deleted them, or the message, meanwhile."""
        try:
            return list(await self._client.messages(sid).media.list_async(limit=_FILES))
        except TwilioException as error:
            # Of a page that it cannot read the library tells the answer itself, not its status.
            answers = [getattr(part, "status_code", None) for part in error.args]
            if _NOT_FOUND in answers:
                log.warning("listed_files_gone", sid=sid)
                return []
            raise SendRetryable("Twilio could not list files.", getattr(error, "code", None)) from error


@asynccontextmanager
async def open_messenger(settings: Settings, clock: Clock) -> AsyncIterator[TwilioMessenger]:
    """Open the messenger of these settings; close its connections at the end.

    Raises:
        SettingsError: the Twilio account or its token is missing.
    """
    async with open_client(settings) as client:
        yield TwilioMessenger(
            client, settings.twilio_whatsapp_number, f"{settings.base_url}/webhook/status", clock
        )


def refused(error: TwilioException) -> NoReturn:
    """A 4xx answer is final, but for wrong credentials: those an operator can mend."""
    code = getattr(error, "code", None)
    status = getattr(error, "status", None)
    if status in _CREDENTIALS:
        raise SendRetryable(f"Twilio refused our credentials (HTTP {status}, error {code}).", code) from error
    raise SendRefused(f"Twilio refused the message (HTTP {status}, error {code}).", code) from error


def _datetime(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
