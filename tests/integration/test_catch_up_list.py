"""What the catch-up reads from Twilio's list: when it was written, and files that are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ponte.adapters.twilio.messenger import open_messenger
from ponte.errors import SendRetryable
from ponte.settings import load_settings
from ponte.testing import ManualClock
from tests.conftest import ServeApp
from tests.fixtures.inbound_forms import ACCOUNT, MARIA


@dataclass
class Listing:
    """Twilio's list with one message with a file, written long ago."""

    written: datetime
    status: int = 200

    def app(self) -> Starlette:
        """Return the server."""
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
        return Starlette(
            routes=[
                Route(f"{path}.json", self.messages),
                Route(f"{path}/{{sid}}/Media.json", self.files),
            ]
        )

    async def messages(self, request: Request) -> JSONResponse:
        """Return the list."""
        del request
        message = {
            "sid": "MM" + "1" * 32,
            "account_sid": ACCOUNT,
            "from": MARIA,
            "to": "whatsapp:+14155238886",
            "body": "veja",
            "num_media": "1",
            "direction": "inbound",
            "status": "received",
            "date_sent": format_datetime(self.written),
        }
        return JSONResponse({"messages": [message]})

    async def files(self, request: Request) -> JSONResponse:
        """Return the message's files, or an error."""
        uri = f"{request.url.path.removesuffix('.json')}/ME1.json"
        if self.status != 200:
            return JSONResponse({"code": 20404, "message": "gone", "status": self.status}, self.status)
        return JSONResponse({"media_list": [{"uri": uri, "content_type": "image/png"}], "uri": ""})


async def test_what_is_found_late_was_written_when_twilio_says(serve_app: ServeApp) -> None:
    """The 24-hour window runs from then; a file that is gone, or a list that fails, loses no message."""
    clock = ManualClock(1_790_000_000_000)
    written = datetime.fromtimestamp(clock.now() // 1000 - 5 * 3600, UTC)
    listing = Listing(written)
    served = await serve_app(listing.app())
    settings = load_settings(
        twilio_account_sid=ACCOUNT, twilio_auth_token="t", twilio_api_base_url=served.url
    )
    since = clock.now() - 6 * 3_600_000
    async with open_messenger(settings, clock) as messenger:
        (found,) = [inbound async for inbound in messenger.received_since(since)]
        assert found.received_at == int(written.timestamp() * 1000)
        assert [media.content_type for media in found.media] == ["image/png"]
        listing.status = 404
        (found,) = [inbound async for inbound in messenger.received_since(since)]
        assert (found.body, found.media) == ("veja", ())
        listing.status = 401
        with pytest.raises(SendRetryable):
            _ = [inbound async for inbound in messenger.received_since(since)]
