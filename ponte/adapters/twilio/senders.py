"""What Twilio knows of our WhatsApp sender.

https://www.twilio.com/docs/whatsapp/api/senders
"""

from __future__ import annotations

from twilio.base.exceptions import TwilioException

from ponte.adapters.twilio.client import open_client
from ponte.errors import MessengerError
from ponte.settings import Settings


async def webhook_of_sender(settings: Settings) -> str | None:
    """Return the webhook URL set for our sender; None when Twilio lists no such sender.

    The sandbox's number is never listed; its webhook is set in Twilio's console alone.

    Raises:
        SettingsError: the account or its token is missing.
        MessengerError: Twilio could not be read.
    """
    async with open_client(settings) as client:
        try:
            senders = await client.messaging.v2.channels_senders.list_async(channel="whatsapp", limit=200)
        except TwilioException as error:
            raise MessengerError("Twilio did not list the senders.", getattr(error, "code", None)) from error
    for sender in senders:
        if sender.sender_id == settings.twilio_whatsapp_number:
            webhook = sender.webhook or {}
            url = webhook.get("callback_url") if isinstance(webhook, dict) else webhook.callback_url
            return str(url or "")
    return None
