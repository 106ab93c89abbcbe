"""The official Twilio client with a transport that has time limits and tells what may be done next."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from ponte.errors import SendRetryable, SendUnknown, SettingsError
from ponte.settings import Settings

# See ponte.delivery.LEASE_MS before changing it.
_TIMEOUT_S: Final = 6.0
_CONNECTIONS: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncIterator[Client]:
    """Open a client for the account of these settings; close its connections at the end.

    Raises:
        SettingsError: the account or its token is missing.
    """
    token = settings.twilio_auth_token.get_secret_value()
    if not settings.twilio_account_sid or not token:
        raise SettingsError(
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are needed to talk to WhatsApp. "
            "Set them in .env, or try everything without an account: make demo"
        )
    async with ClientSession(connector=TCPConnector(limit=_CONNECTIONS)) as session:
        client = Client(settings.twilio_account_sid, token, http_client=_HttpClient(session))
        if settings.twilio_api_base_url:
            client.api.base_url = settings.twilio_api_base_url
            client.messaging.base_url = settings.twilio_api_base_url
            client.content.base_url = settings.twilio_api_base_url
        yield client


class _HttpClient(AsyncHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Twilio's transport with a real time limit, and with answers that say what may be done next.

    The SDK's own asynchronous client ignores its ``timeout``, follows no 429, and hides headers.
    """

    def __init__(self, session: ClientSession) -> None:
        super().__init__(logger=None, is_async=True, timeout=_TIMEOUT_S)
        self._session = session

    async def request(  # noqa: PLR0917 - the SDK calls it by position
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> Response:
        """Send one request.

        Raises:
            SendRetryable: the connection was refused, or Twilio answered 429: nothing was accepted.
            SendUnknown: time-out, broken connection or 5xx: it may have been accepted.
        """
        try:
            async with self._session.request(
                method.upper(),
                url,
                params={k: str(v) for k, v in (params or {}).items()},
                data=None if _is_json(headers) else data,
                json=data if _is_json(headers) else None,
                headers={**(headers or {}), **(_basic_auth(*auth) if auth else {})},
                timeout=ClientTimeout(total=timeout or _TIMEOUT_S),
                allow_redirects=allow_redirects,
            ) as answer:
                text = await answer.text()
        except ClientConnectorError as error:
            raise SendRetryable(f"Twilio cannot be reached: {type(error).__name__}.") from error
        except (ClientError, TimeoutError) as error:
            raise SendUnknown(f"Twilio did not answer: {type(error).__name__}.") from error
        if answer.status == _TOO_MANY_REQUESTS:
            raise SendRetryable(
                "Twilio asks to send more slowly.", 20429, _retry_after_ms(answer.headers.get("Retry-After"))
            )
        if answer.status >= _SERVER_ERROR:
            raise SendUnknown(f"Twilio answered {answer.status}.", answer.status)
        return Response(answer.status, text, dict(answer.headers))


def _is_json(headers: dict[str, str] | None) -> bool:
    return (headers or {}).get("Content-Type") == "application/json"


def _basic_auth(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def _retry_after_ms(header: str | None) -> int | None:
    return int(float(header) * 1000) if header and header.replace(".", "", 1).isdigit() else None
