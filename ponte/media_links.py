"""Short-lived signed links to files, for Twilio to fetch what we send.

The token holds the file's key and when the link ends; nobody can make one, or prolong one, without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

from ponte.errors import NotFound

# Twilio fetches a file within moments of the send; WhatsApp's servers may ask once more.
LINK_SECONDS: Final = 60 * 60
_SALT: Final = "ponte.media"
_DERIVED_FOR: Final = b"ponte media links"


def link_key(secret_key: str, auth_token: str) -> str:
    """Return what signs links: the secret key, or else one that follows from Twilio's auth token.

    Every process that has the same settings gets the same. Empty when there is neither. Derived as in
    RFC 5869 (HKDF with SHA-256, one block), so that the key tells nothing of the token.
    """
    if secret_key or not auth_token:
        return secret_key
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), auth_token.encode(), hashlib.sha256)
    return hmac.digest(extracted, _DERIVED_FOR + b"\x01", hashlib.sha256).hex()


class MediaLinks:
    """Makes and opens links.

    Args:
        secret: signs them, see ``link_key``; the same in every process. Empty: links hold until this
            process ends, in this process only.
        base_url: our public address.
    """

    def __init__(self, secret: str, base_url: str) -> None:
        key = secret or secrets.token_hex(32)
        self._signer = URLSafeTimedSerializer(key, _SALT, signer_kwargs={"digest_method": hashlib.sha256})
        self._base_url = base_url

    def url(self, key: str) -> str:
        """Return a link to the file ``key`` of the media store."""
        return f"{self._base_url}/media/{self._signer.dumps(key)}"

    def open(self, token: str) -> str:
        """Return the key that a link's token holds.

        Raises:
            NotFound: the token is not one of ours, or has ended.
        """
        try:
            return str(self._signer.loads(token, max_age=LINK_SECONDS))
        except BadSignature:
            raise NotFound("This link is not valid any more.") from None
