"""The form fields of Twilio's webhooks for WhatsApp.

Names as in https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.records import Customer, Message

API_VERSION = "2010-04-01"


def media_path(account_sid: str, message_sid: str, media_sid: str) -> str:
    """Return the path of a media resource at the REST API."""
    return f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message_sid}/Media/{media_sid}"


def inbound_form(message: Message, customer: Customer, account_sid: str, public_url: str) -> dict[str, str]:
    """Return the fields of a customer's message.

    A customer with a user name instead of a phone number has no `WaId`.

    Args:
        message: what the customer wrote.
        customer: who wrote it.
        account_sid: the account of the business.
        public_url: the simulator's address, which the media URLs start with.
    """
    form = {
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "ProfileName": customer.name,
        "MessageType": _message_type(message),
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "Body": message.body,
        "To": message.recipient,
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": message.sid,
        "AccountSid": account_sid,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    if customer.wa_id.isdecimal():
        form["WaId"] = customer.wa_id
    for index, item in enumerate(message.media):
        form[f"MediaContentType{index}"] = item.content_type
        form[f"MediaUrl{index}"] = public_url + media_path(account_sid, message.sid, item.sid)
    # What a message of this type adds, or says otherwise, e.g. its MessageType.
    return {**form, **message.fields}


def _message_type(message: Message) -> str:
    if not message.media:
        return "text"
    content_type = message.media[0].content_type.partition(";")[0].strip()
    if content_type in {"text/vcard", "text/x-vcard"}:
        return "contacts"
    if content_type == "image/webp":
        return "sticker"
    family = content_type.partition("/")[0]
    return family if family in {"image", "audio", "video"} else "document"


def status_form(message: Message, status: str, account_sid: str) -> dict[str, str]:
    """Return the fields of a status callback.

    Args:
        message: the message the business sent.
        status: the status to report, which may be an earlier one than the message's own.
        account_sid: the account of the business.
    """
    form = {
        "SmsSid": message.sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "ChannelToAddress": message.recipient.removeprefix("whatsapp:"),
        "To": message.recipient,
        "ChannelPrefix": "whatsapp",
        "MessageSid": message.sid,
        "AccountSid": account_sid,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    if status == "read":
        form["EventType"] = "READ"
    if message.error_code is not None and status in {"failed", "undelivered"}:
        form["ErrorCode"] = str(message.error_code)
        form["ChannelStatusMessage"] = f"Error {message.error_code}"
    return form
