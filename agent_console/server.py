"""Run the console with uvicorn."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from agent_console.shell import create_console
from ponte.settings import Settings, load_settings

_DRAIN_S = 5


class ConsoleServer(uvicorn.Server):
    """Ends the open event streams first: uvicorn waits for running responses before anything else."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down, event streams first."""
        self._app.state.begin_shutdown()
        await super().shutdown(sockets)


def create_server(settings: Settings) -> ConsoleServer:
    """Return the console's server on ``HOST`` and ``CONSOLE_PORT``; ``await server.serve()`` runs it."""
    app = create_console(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.console_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    return ConsoleServer(config, app)


async def serve(settings: Settings, sockets: list[socket.socket] | None = None) -> None:
    """Run the console until SIGTERM or SIGINT.

    Args:
        settings: the settings.
        sockets: bound sockets to listen on in place of ``HOST`` and ``CONSOLE_PORT``.
    """
    await create_server(settings).serve(sockets)


def console() -> Starlette:
    """Return the console with the environment's settings, for ``uvicorn --factory``."""
    return create_console(load_settings())
