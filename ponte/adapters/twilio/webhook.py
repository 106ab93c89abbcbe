"""Read Twilio's webhooks.

Fields: https://www.twilio.com/docs/messaging/guides/webhook-request
Signature: https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hmac import compare_digest
from typing import Final

from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from ponte.adapters.twilio.inbound_fields import SID, details_of, kind_of, media_of, named, quoted_by
from ponte.domain.message import Inbound
from ponte.errors import InvalidInput

_MAX_ADDRESS: Final = 200  # far over any real one


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

    Any message of WhatsApp becomes one, see ``ponte.adapters.twilio.inbound_fields``; one of a type that
    Ponte does not know is ``Kind.UNKNOWN``. Its sid begins with SM, or MM with files. ``From`` may be a
    user without a phone number, e.g. ``whatsapp:US.13491208655302741918``; ``WaId`` is missing then.

    Raises:
        InvalidInput: MessageSid or From is missing or malformed.
    """
    raw = tuple(form)
    fields = dict(reversed(raw))  # of a repeated key, the first counts
    sid = fields.get("MessageSid") or fields.get("SmsMessageSid") or ""
    if not SID.fullmatch(sid):
        raise InvalidInput("MessageSid is missing or malformed.")
    address = fields.get("From", "")
    if not address.startswith("whatsapp:") or len(address) > _MAX_ADDRESS:
        raise InvalidInput("From is not a WhatsApp address.")
    files = media_of(fields)
    kind = kind_of(fields, files)
    body, media = named(kind, fields.get("Body", ""), files)
    return Inbound(
        sid=sid,
        address=address,
        to=fields.get("To", ""),
        body=body,
        kind=kind,
        received_at=now,
        profile_name=fields.get("ProfileName") or None,
        wa_id=fields.get("WaId") or None,
        media=media,
        raw=raw,
        details=details_of(kind, fields),
        reply_to=quoted_by(fields),
    )
