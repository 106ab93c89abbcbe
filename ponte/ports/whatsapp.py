"""Twilio, as Protocols. Times are ms since the epoch, UTC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ponte.domain.choices import Choice
from ponte.domain.message import Inbound
from ponte.domain.templates import Template


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message to send.

    Args:
        address: Twilio's To.
        body: the text; may be empty beside a file or a template.
        reference: our message id; status callbacks carry it back.
        media_url: where Twilio fetches the file that goes with it.
        content_sid: the content template to send in place of ``body``
            (https://www.twilio.com/docs/content).
        content_variables: the template's variables as JSON.
    """

    address: str
    body: str
    reference: str
    media_url: str | None = None
    content_sid: str | None = None
    content_variables: str | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """An outbound message as Twilio lists it; ``files`` counts what went with it."""

    sid: str
    body: str
    sent_at: int
    files: int = 0


class Messenger(Protocol):
    """WhatsApp, through Twilio."""

    async def send(self, outbound: Outbound) -> str:
        """Send a message and return Twilio's MessageSid.

        Raises SendRetryable, SendRefused or SendUnknown.
        """
        ...

    async def sent_to(self, address: str, since: int) -> list[SentMessage]:
        """Return what Twilio accepted for ``address`` at or after ``since`` and did not fail, oldest first.

        Raises SendRetryable or SendUnknown when Twilio cannot tell now.
        """
        ...

    async def typing(self, inbound_sid: str) -> None:
        """Show the customer that an answer is being written. Raises MessengerError."""
        ...

    def received_since(self, since: int) -> AsyncIterator[Inbound]:
        """Yield what customers sent at or after ``since``, oldest first. Raises MessengerError."""
        ...


class Templates(Protocol):
    """The content templates of the account (https://www.twilio.com/docs/content).

    Every method raises SendRetryable, SendUnknown or SendRefused, as ``Messenger.send`` does.
    """

    async def templates(self) -> list[Template]:
        """Return all templates with the state of their approval, by name and language."""
        ...

    async def create_choices(self, body: str, choices: Sequence[Choice], button: str) -> str:
        """Create a question with buttons, or with a list behind ``button``; returns its ContentSid."""
        ...
