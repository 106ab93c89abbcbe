"""The simulator's web application: Twilio's REST API, the control API and the phone page on one port."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from simulator.chat import chat_routes
from simulator.control import control_router
from simulator.network import Network
from simulator.twilio_rest import TwilioRoutes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from simulator.config import SimulatorConfig

_MAX_REQUEST_BYTES = 24 * 1024 * 1024


def create_app(config: SimulatorConfig, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """Build the simulator.

    It is meant for one's own machine: the control API and the page ask for no password.

    Args:
        config: accounts, delays and bounds.
        clock: seconds since the epoch, UTC.

    Returns:
        The application; `app.state.network` is its `Network`, and `app.state.begin_shutdown` lets go of held
        requests, which `simulator.serving` calls before it stops.
    """
    network = Network(config, clock=clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await network.open()
        try:
            yield
        finally:
            await network.close()

    app = FastAPI(
        title="Ponte simulator",
        description="A local WhatsApp: Twilio's REST API and webhooks, and a phone page.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        max_body_size=_MAX_REQUEST_BYTES,
    )
    app.state.network = network
    app.state.begin_shutdown = network.begin_shutdown
    app.include_router(control_router(network))
    app.router.routes.extend([*TwilioRoutes(network).routes(), *chat_routes(network)])
    app.add_middleware(_LearnAddress, network=network)
    return app


class _LearnAddress:
    """Takes the simulator's own address from the first request, when the settings do not give it."""

    def __init__(self, app: ASGIApp, network: Network) -> None:
        self._app = app
        self._network = network

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._network.public_url is None and scope["type"] == "http":
            headers = dict(scope["headers"])
            if host := headers.get(b"host"):
                self._network.public_url = f"{scope['scheme']}://{host.decode('latin-1')}"
        await self._app(scope, receive, send)
