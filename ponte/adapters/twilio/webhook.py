"""Read Twilio's webhooks.

Fields: https://www.twilio.com/docs/messaging/guides/webhook-request
Signature: https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hmac import compare_digest
from typing import Final

from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from ponte.domain.message import Inbound, Kind, Media
from ponte.errors import InvalidInput

_SID: Final = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_MAX_MEDIA: Final = 20
_KIND_BY_TYPE: Final = {
    "audio": Kind.AUDIO,
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "application": Kind.DOCUMENT,
    "text": Kind.DOCUMENT,
}


class SignatureCheck:
    """Checks that a webhook comes from Twilio.

    Args:
        auth_token: the account's secret.
        base_url: our public address, as Twilio calls it: that is what was signed, not what a proxy hands on.
    """

    def __init__(self, auth_token: str, base_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._base_url = base_url.rstrip("/")

    def valid(self, path_and_query: str, form: Sequence[tuple[str, str]], signature: str | None) -> bool:
        """Tell whether ``signature`` is Twilio's for this form; a missing or malformed one is not."""
        if not signature or not signature.isascii():
            return False
        url, fields = f"{self._base_url}{path_and_query}", ImmutableMultiDict(list(form))
        try:
            if compare_digest(self._validator.compute_signature(url, fields), signature):
                return True
            # The library also tries the URL with and without its port, which Twilio does not always keep.
            return bool(self._validator.validate(url, fields, signature))
        except (UnicodeEncodeError, ValueError):
            # A lone surrogate in a field, or an address that cannot be parsed: nothing Twilio signs.
            return False


def parse_form(form: Iterable[tuple[str, str]], now: int) -> Inbound:
    """Turn a webhook's form fields into an ``Inbound`` received at ``now`` (ms UTC).

    Raises:
        InvalidInput: MessageSid or From is missing or malformed.
    """
    raw = tuple(form)
    fields = dict(reversed(raw))  # of a repeated key, the first counts
    sid = fields.get("MessageSid") or fields.get("SmsMessageSid") or ""
    if not _SID.fullmatch(sid):
        raise InvalidInput("MessageSid is missing or malformed.")
    address = fields.get("From", "")
    if not address.startswith("whatsapp:") or len(address) > 200:  # noqa: PLR2004 - far over any real one
        raise InvalidInput("From is not a WhatsApp address.")
    media = _media(fields)
    return Inbound(
        sid=sid,
        address=address,
        to=fields.get("To", ""),
        body=fields.get("Body", ""),
        kind=_kind(fields, media),
        received_at=now,
        profile_name=fields.get("ProfileName") or None,
        wa_id=fields.get("WaId") or None,
        media=media,
        raw=raw,
    )


def _media(fields: dict[str, str]) -> tuple[Media, ...]:
    declared = fields.get("NumMedia", "0")
    count = min(int(declared), _MAX_MEDIA) if declared.isascii() and declared.isdigit() else 0
    return tuple(
        Media(fields[f"MediaUrl{n}"], fields.get(f"MediaContentType{n}", "application/octet-stream"))
        for n in range(count)
        if f"MediaUrl{n}" in fields
    )


def _kind(fields: dict[str, str], media: tuple[Media, ...]) -> Kind:
    declared = fields.get("MessageType", "").lower()
    if "Latitude" in fields or declared == "location":
        return Kind.LOCATION
    if declared == "sticker":
        return Kind.STICKER
    if declared == "contacts":
        return Kind.CONTACT
    if media:
        content_type = media[0].content_type.lower()
        if content_type in {"text/vcard", "text/x-vcard"}:
            return Kind.CONTACT
        return _KIND_BY_TYPE.get(content_type.split("/", maxsplit=1)[0], Kind.UNKNOWN)
    return Kind.TEXT if fields.get("Body", "").strip() else Kind.UNKNOWN
