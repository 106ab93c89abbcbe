"""Every type of message that a customer can send, and the form fields that Twilio adds for it.

Names as in https://www.twilio.com/docs/messaging/guides/webhook-request; for answers to buttons and lists
also https://www.twilio.com/docs/content/twilio-quick-reply and
https://www.twilio.com/docs/content/twiliolist-picker. The phone shows what came of it as `fields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from simulator.records import Message

ContentType = Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+(;.*)?$")]
Forwarded = bool | Literal["frequently"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MediaIn(_Strict):
    """One of several files."""

    media_url: str | None = None
    media_base64: str | None = None
    content_type: ContentType | None = None


class LocationIn(_Strict):
    """A place."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    address: str = ""
    label: str = ""


class ContactIn(_Strict):
    """A contact card; WhatsApp sends it as a vCard file."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    phone: str = ""


class ButtonIn(_Strict):
    """A press of a quick-reply button: of a template, or of a message inside the 24-hour window."""

    text: Annotated[str, Field(min_length=1, max_length=256)]
    payload: str = ""
    template: bool = False


class ListIn(_Strict):
    """A choice from a list."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    title: Annotated[str, Field(min_length=1, max_length=256)]
    description: str = ""


class ReferralIn(_Strict):
    """The advertisement that the customer pressed to begin the chat."""

    headline: str = ""
    body: str = ""
    source_url: str = ""
    source_id: str = ""
    source_type: Literal["ad", "post"] = "ad"
    ctwa_clid: str = ""


class SayIn(_Strict):
    """What a customer sends; `wait` answers only when the webhook was accepted or given up.

    A file is given alone (`media_url`, or `media_base64` with `content_type`), or several as `media`.
    `fields` are put into the form as they are, for types that have no field of their own here.
    """

    body: Annotated[str, Field(max_length=4096)] = ""
    profile_name: Annotated[str, Field(max_length=120)] | None = None
    media_url: str | None = None
    media_base64: str | None = None
    content_type: ContentType | None = None
    media: Annotated[list[MediaIn], Field(max_length=10)] = []
    location: LocationIn | None = None
    contact: ContactIn | None = None
    button: ButtonIn | None = None
    chosen: Annotated[ListIn | None, Field(alias="list")] = None
    reply_to: str | None = None
    forwarded: Forwarded = False
    referral: ReferralIn | None = None
    fields: Annotated[dict[str, str], Field(max_length=50)] = {}
    wait: bool = False


def body_of(data: SayIn) -> str:
    """Return the `Body`: what was written, or else the words of the button or list entry."""
    if data.body:
        return data.body
    if data.button:
        return data.button.text
    return data.chosen.title if data.chosen else ""


def fields_of(data: SayIn, quoted: Message | None) -> dict[str, str]:
    """Return what the form of this message has beside that of a plain text.

    Args:
        data: what the customer sends.
        quoted: the message of `reply_to`, where the simulator knows it.
    """
    fields: dict[str, str] = {}
    if data.location:
        place = data.location
        fields |= {
            "MessageType": "location",
            "Latitude": f"{place.latitude}",
            "Longitude": f"{place.longitude}",
        }
        fields |= _filled({"Address": place.address, "Label": place.label})
    if data.button:
        fields |= {"MessageType": "button" if data.button.template else "interactive"}
        fields |= _filled({"ButtonText": data.button.text, "ButtonPayload": data.button.payload})
    if data.chosen:
        fields |= {"MessageType": "interactive", "ListId": data.chosen.id, "ListTitle": data.chosen.title}
        fields |= _filled({"ListDescription": data.chosen.description})
    if data.reply_to:
        fields["OriginalRepliedMessageSid"] = data.reply_to
        if quoted is not None:
            fields["OriginalRepliedMessageSender"] = quoted.sender
    if data.forwarded:
        often = data.forwarded == "frequently"
        fields |= {"Forwarded": "true", "FrequentlyForwarded": "true" if often else "false"}
    if data.referral:
        fields |= _referral(data.referral)
    return {**fields, **data.fields}


def vcard(contact: ContactIn) -> str:
    """Return the card as WhatsApp writes it."""
    digits = "".join(c for c in contact.phone if c.isdigit())
    number = f"item1.TEL;waid={digits}:{contact.phone}\r\nitem1.X-ABLabel:Celular\r\n" if digits else ""
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:;{contact.name};;;\r\nFN:{contact.name}\r\n{number}END:VCARD\r\n"


def _referral(referral: ReferralIn) -> dict[str, str]:
    return _filled(
        {
            "ReferralHeadline": referral.headline,
            "ReferralBody": referral.body,
            "ReferralSourceUrl": referral.source_url,
            "ReferralSourceId": referral.source_id,
            "ReferralSourceType": referral.source_type,
            "ReferralCtwaClid": referral.ctwa_clid,
        }
    )


def _filled(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
