"""Signed webhooks as Twilio posts them, with its timeouts and retries."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from simulator.config import split_webhook_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.config import RetryPolicy

_CONNECT_SECONDS = 5.0
_MAX_MEDIA_BYTES = 16 * 1024 * 1024
_OK = range(200, 300)


class MediaFetchError(Exception):
    """A media URL could not be read; Twilio reports it as error 63019 on the message."""


class WebhookClient:
    """Posts forms to the application, and reads the media it offers, over pooled connections.

    Args:
        auth_token: the key of the signatures.
        max_concurrency: how many requests may be under way.
        timeout_ms: time for all attempts of one webhook together (Twilio: 15 s).
        retry_pause_ms: pause before another attempt.
    """

    def __init__(
        self, auth_token: str, *, max_concurrency: int, timeout_ms: int, retry_pause_ms: int
    ) -> None:
        self._validator = RequestValidator(auth_token)
        self._slots = asyncio.Semaphore(max_concurrency)
        self._total = timeout_ms / 1000
        self._pause = retry_pause_ms / 1000
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the connection pool; to be called inside the running loop."""
        # Idle connections go before the receiver's own limit (uvicorn: 5 s), so that a post never meets a
        # connection that the receiver is about to close.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        token: str,
        on_attempt: Callable[[str], None] | None = None,
    ) -> bool:
        """Post a signed form until it is accepted or the retry policy of the URL is used up.

        Args:
            url: where to, with Twilio's connection overrides in its fragment.
            form: the fields; every one is signed.
            token: sent as `I-Twilio-Idempotency-Token`, the same for all attempts.
            on_attempt: told the outcome of each attempt: an HTTP status, `connect`, `timeout` or `reset`.

        Returns:
            Whether an attempt was answered with a 2xx.

        Raises:
            ValueError: the URL's overrides are not Twilio's.
        """
        address, policy = split_webhook_url(url)
        deadline = time.monotonic() + self._total
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": str(self._validator.compute_signature(address, dict(form))),
            "I-Twilio-Idempotency-Token": token,
        }
        body = urlencode(form).encode()
        for attempt in range(policy.retries + 1):
            if attempt:
                await asyncio.sleep(self._pause)
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            async with self._slots:
                outcome = await self._attempt(address, body, headers, left)
            if on_attempt is not None:
                on_attempt(outcome)
            if outcome.isdecimal() and int(outcome) in _OK:
                return True
            if not _retried(outcome, policy):
                return False
        return False

    async def _attempt(self, address: str, body: bytes, headers: dict[str, str], seconds: float) -> str:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(_CONNECT_SECONDS, seconds))
        try:
            async with self._opened().post(
                URL(address, encoded=True), data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                await response.read()
                return str(response.status)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return "connect"
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError):
            return "reset"

    async def fetch(self, url: str) -> tuple[str, bytes]:
        """Read a file that a message refers to.

        Args:
            url: an http or https URL.

        Returns:
            Its content type without parameters, and its bytes.

        Raises:
            MediaFetchError: it cannot be read, is empty, or is larger than WhatsApp's 16 MB.
        """
        timeout = aiohttp.ClientTimeout(total=self._total, sock_connect=min(_CONNECT_SECONDS, self._total))
        try:
            async with self._slots, self._opened().get(url, timeout=timeout) as response:
                if response.status not in _OK:
                    raise MediaFetchError(f"The media URL answered {response.status}.")
                data = await response.content.read(_MAX_MEDIA_BYTES + 1)
                while len(data) <= _MAX_MEDIA_BYTES and not response.content.at_eof():
                    data += await response.content.read(_MAX_MEDIA_BYTES + 1 - len(data))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise MediaFetchError(f"The media URL cannot be read: {type(error).__name__}.") from error
        if not data or len(data) > _MAX_MEDIA_BYTES:
            raise MediaFetchError(f"The media is empty or larger than {_MAX_MEDIA_BYTES} bytes.")
        return response.content_type, data

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The webhook client is not open: call open() first.")
        return self._session


def _retried(outcome: str, policy: RetryPolicy) -> bool:
    if outcome == "connect":
        condition = "ct"
    elif outcome.isdecimal():
        condition = f"{outcome[0]}xx"
    else:
        condition = "rt"
    return condition in policy.on
