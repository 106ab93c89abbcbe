"""A stage for tests: a simulator and a receiver of its webhooks, on real sockets."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from simulator.app import create_app
from simulator.config import SimulatorConfig
from simulator.network import Network
from simulator.serving import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "not-a-real-token"  # noqa: S105 - the password of a fake account
BUSINESS = "whatsapp:+14155238886"
_PATIENCE_SECONDS = 10

Answer = int | Literal["hang"]


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as the application would see it."""

    path: str
    form: dict[str, str]
    signed: bool
    token: str


class Receiver:
    """Stands where the application would be: remembers webhooks, and fails when told to.

    Args:
        auth_token: checks the signatures.
    """

    def __init__(self, auth_token: str) -> None:
        self.calls: list[Received] = []
        self.plan: list[Answer] = []
        self._validator = RequestValidator(auth_token)
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])
        self.app.state.begin_shutdown = self._closing.set

    async def _take(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        signature = request.headers.get("x-twilio-signature", "")
        signed = bool(self._validator.validate(str(request.url), form, signature))
        token = request.headers.get("i-twilio-idempotency-token", "")
        answer = self.plan.pop(0) if self.plan else 200
        async with self._changed:
            self.calls.append(Received(request.url.path, form, signed, token))
            self._changed.notify_all()
        if answer == "hang":
            await self._closing.wait()
            return Response(status_code=503)
        return Response("<Response/>", answer, media_type="text/xml")

    async def until(self, met: Callable[[list[Received]], bool]) -> list[Received]:
        """Wait until the webhooks so far meet a condition, at most 10 s, and return them.

        Raises:
            TimeoutError: the condition was not met in time.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: met(self.calls))
        return list(self.calls)

    def statuses(self, sid: str) -> list[str]:
        """Return the statuses reported of a message, in the order they arrived."""
        return [call.form["MessageStatus"] for call in self.calls if _status_of(call) == sid]


def _status_of(call: Received) -> str | None:
    return call.form.get("MessageSid") if "MessageStatus" in call.form else None


@dataclass(frozen=True, slots=True)
class Stage:
    """A running simulator beside the receiver of its webhooks."""

    network: Network
    url: str
    receiver: Receiver
    receiver_url: str


@asynccontextmanager
async def open_stage(
    *, overrides: str = "", config: SimulatorConfig | None = None, clock: Callable[[], float] | None = None
) -> AsyncIterator[Stage]:
    """Run a simulator whose webhooks reach a receiver at `/webhook`.

    Args:
        overrides: Twilio's connection overrides, such as `#rc=5&rp=all`.
        config: settings in place of the quick ones; its webhook URL is replaced.
        clock: seconds since the epoch, UTC; None takes the real time.
    """
    settings = config or SimulatorConfig(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        business_number=BUSINESS,
        seed=7,
        sent_ms=2,
        delivered_ms=6,
        retry_pause_ms=5,
    )
    receiver = Receiver(settings.auth_token)
    app = create_app(settings) if clock is None else create_app(settings, clock=clock)
    network: Network = app.state.network
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        receiving = await first.enter_async_context(serve(receiver.app))
        simulating = await second.enter_async_context(serve(app))
        network.public_url = simulating.url
        network.set_webhook(f"{receiving.url}/webhook{overrides}")
        yield Stage(network, simulating.url, receiver, receiving.url)
        await asyncio.gather(first.aclose(), second.aclose())
