"""What a WhatsApp message is, by the fields of Twilio's webhook, and what it carries beside its text.

Sources of the names:

- https://www.twilio.com/docs/messaging/guides/webhook-request: ``MediaUrl{n}``, ``MediaContentType{n}``,
  ``ProfileName``, ``WaId``, ``Forwarded``, ``FrequentlyForwarded``, ``ButtonText``, ``Latitude``,
  ``Longitude``, ``Address``, ``Label``, ``Referral...`` (ads that click to WhatsApp),
  ``OriginalRepliedMessageSender`` and ``OriginalRepliedMessageSid``. The page also warns that Twilio adds
  parameters without notice, so nothing here refuses a field or a ``MessageType`` it does not know.
- https://www.twilio.com/docs/content/twilio-quick-reply and
  https://www.twilio.com/docs/content/twiliolist-picker: buttons and lists have an id that the customer does
  not see. It comes back as ``ButtonPayload``, or as ``ListId`` beside ``ListTitle`` and ``ListDescription``;
  real deliveries carry ``MessageType=button`` (template) or ``interactive`` (inside the 24-hour window).

Twilio has no documented field for a document's file name: deliveries carry it as the ``Body`` of a document
without a caption. ``MediaFilename{n}`` is read should one come.
"""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Mapping
from typing import Final

from ponte.domain.message import REACTION_REMOVED, Details, Kind, Media

SID: Final = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_MAX_MEDIA: Final = 20
_VCARD: Final = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
_KIND_BY_TYPE: Final = {
    "audio": Kind.AUDIO,
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "application": Kind.DOCUMENT,
    "text": Kind.DOCUMENT,
}
_KIND_BY_NAME: Final = {
    "audio": Kind.AUDIO,
    "voice": Kind.AUDIO,
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "document": Kind.DOCUMENT,
    "sticker": Kind.STICKER,
    "location": Kind.LOCATION,
    "contacts": Kind.CONTACT,
    "contact": Kind.CONTACT,
}
# These are only what they are called when they come with a text.
_KIND_OF_TEXT: Final = {
    "": Kind.TEXT,
    "text": Kind.TEXT,
    "button": Kind.CHOICE,
    "interactive": Kind.CHOICE,
}
_REACTION: Final = "reaction"
_DETAILS: Final = {
    "ButtonText": "button_text",
    "ButtonPayload": "button_payload",
    "ListId": "list_id",
    "ListTitle": "list_title",
    "ListDescription": "list_description",
    "Address": "address",
    "Label": "label",
    "ReferralHeadline": "referral_headline",
    "ReferralBody": "referral_body",
    "ReferralSourceUrl": "referral_url",
    "ReferralSourceType": "referral_type",
    "ReferralSourceId": "referral_source_id",
    "ReferralCtwaClid": "referral_ctwa_clid",
    "ReferralMediaUrl": "referral_media_url",
}
_FLAGS: Final = {"Forwarded": "forwarded", "FrequentlyForwarded": "frequently_forwarded"}
_ENVELOPE: Final = frozenset(
    {
        "MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "MessagingServiceSid", "From", "To", "Body",
        "NumMedia", "NumSegments", "ReferralNumMedia", "SmsStatus", "ApiVersion", "ProfileName", "WaId",
        "MessageType", "ChannelMetadata", "ExternalUserId", "Latitude", "Longitude",
        "OriginalRepliedMessageSid", "OriginalRepliedMessageSender",
        *_DETAILS, *_FLAGS,
    }
)  # fmt: skip
_UNKNOWN_FIELDS: Final = 20
_UNKNOWN_CHARS: Final = 500
_FILE_NAME: Final = re.compile(r"[^/\\\r\n]{1,240}(\.[A-Za-z0-9]{1,8})")


def media_of(fields: Mapping[str, str]) -> tuple[Media, ...]:
    """Return the files of a message, in Twilio's order."""
    declared = fields.get("NumMedia", "0")
    count = min(int(declared), _MAX_MEDIA) if declared.isascii() and declared.isdigit() else 0
    return tuple(
        Media(
            url=fields[f"MediaUrl{n}"],
            content_type=fields.get(f"MediaContentType{n}") or "application/octet-stream",
            name=fields.get(f"MediaFilename{n}") or fields.get(f"MediaFileName{n}") or None,
        )
        for n in range(count)
        if f"MediaUrl{n}" in fields
    )


def kind_of(fields: Mapping[str, str], media: tuple[Media, ...]) -> Kind:
    """Return what a message is.

    A message read from Twilio's list has no ``MessageType``, so what the other fields tell counts, too.
    ``Kind.UNKNOWN`` is what nothing here can read: orders, polls, and whatever WhatsApp invents.
    """
    declared = fields.get("MessageType", "").strip().lower()
    if fields.get("Latitude"):
        return Kind.LOCATION
    if any(fields.get(name) for name in ("ButtonText", "ButtonPayload", "ListId", "ListTitle")):
        return Kind.CHOICE
    if declared in _KIND_BY_NAME:
        return _KIND_BY_NAME[declared]
    if media:
        return _kind_of_file(media[0].content_type)
    if declared == _REACTION:
        # A thumb up is a word of its own, and taken back it is none; neither is a reason to bring a human in.
        return Kind.TEXT
    return _KIND_OF_TEXT.get(declared, Kind.UNKNOWN) if fields.get("Body", "").strip() else Kind.UNKNOWN


def _kind_of_file(content_type: str) -> Kind:
    plain = content_type.partition(";")[0].strip().lower()
    if plain in _VCARD:
        return Kind.CONTACT
    if plain == "image/webp":
        # WhatsApp sends photos as JPEG or PNG, and only stickers as WebP.
        return Kind.STICKER
    return _KIND_BY_TYPE.get(plain.partition("/")[0], Kind.UNKNOWN)


def named(kind: Kind, body: str, media: tuple[Media, ...]) -> tuple[str, tuple[Media, ...]]:
    """Return the caption and the files: the ``Body`` of a lone document may be no caption but its name.

    It is one when it ends like a file of the document's type, e.g. ``contrato.pdf``.
    """
    if kind is not Kind.DOCUMENT or len(media) != 1 or media[0].name or not _names(body, media[0]):
        return body, media
    only = media[0]
    return "", (Media(url=only.url, content_type=only.content_type, name=body.strip()),)


def _names(body: str, media: Media) -> bool:
    match = _FILE_NAME.fullmatch(body.strip())
    if match is None:
        return False
    declared = media.content_type.partition(";")[0].strip().lower()
    guessed = mimetypes.guess_type(f"x{match[1].lower()}")[0]
    return guessed == declared or (guessed is not None and declared == "application/octet-stream")


def details_of(kind: Kind, fields: Mapping[str, str]) -> Details:
    """Return what a message carries beside its text, by Ponte's names, in a fixed order.

    A place whose coordinates are none is left without them. What an unknown message carried is kept under
    Twilio's own names, shortened, for people to look at.
    """
    found = [(ours, fields[theirs]) for theirs, ours in _DETAILS.items() if fields.get(theirs)]
    found += [(ours, "true") for theirs, ours in _FLAGS.items() if fields.get(theirs, "").lower() == "true"]
    place = _place(fields.get("Latitude"), fields.get("Longitude"))
    if place is not None:
        found += [("latitude", place[0]), ("longitude", place[1])]
    declared = fields.get("MessageType", "").strip()
    if declared.lower() == _REACTION:
        found.append(("reaction", fields.get("Body", "").strip() or REACTION_REMOVED))
    if kind is Kind.UNKNOWN:
        found.append(("message_type", declared[:_UNKNOWN_CHARS]))
        found += _unread(fields)
    return tuple((name, value) for name, value in found if value)


def _place(latitude: str | None, longitude: str | None) -> tuple[str, str] | None:
    try:
        north, east = float(latitude or "nan"), float(longitude or "nan")
    except ValueError:
        return None
    if not (math.isfinite(north) and math.isfinite(east) and abs(north) <= 90 and abs(east) <= 180):  # noqa: PLR2004 - degrees
        return None
    # Written anew, so that what ends in a link is a number.
    return f"{north:.6f}", f"{east:.6f}"


def _unread(fields: Mapping[str, str]) -> list[tuple[str, str]]:
    unread = [name for name in fields if name not in _ENVELOPE and not name.startswith("Media")]
    return [(name[:100], fields[name][:_UNKNOWN_CHARS]) for name in sorted(unread)[:_UNKNOWN_FIELDS]]


def quoted_by(fields: Mapping[str, str]) -> str | None:
    """Return the MessageSid of the message that this one answers or reacts to; None when it quotes none."""
    sid = fields.get("OriginalRepliedMessageSid", "")
    return sid if SID.fullmatch(sid) else None
