"""Run the console with uvicorn."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette

from agent_console.shell import create_console
from ponte.bootstrap import OpenAid, OpenLab, OpenVoice
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


def create_server(
    settings: Settings,
    *,
    voice: OpenVoice | None = None,
    aid: OpenAid | None = None,
    lab: OpenLab | None = None,
) -> ConsoleServer:
    """Return the console's server on ``HOST`` and ``CONSOLE_PORT``; ``await server.serve()`` runs it.

    Args:
        settings: the settings.
        voice: opens what speaks agents' answers; None: they are written.
        aid: opens what helps agents to write; None: they write alone.
        lab: opens what tries prompt files out; None: nothing does.
    """
    app = create_console(settings, voice=voice, aid=aid, lab=lab)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.console_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    return ConsoleServer(config, app)


async def serve(
    settings: Settings,
    sockets: list[socket.socket] | None = None,
    *,
    voice: OpenVoice | None = None,
    aid: OpenAid | None = None,
    lab: OpenLab | None = None,
) -> None:
    """Run the console until SIGTERM or SIGINT.

    Args:
        settings: the settings.
        sockets: bound sockets to listen on in place of ``HOST`` and ``CONSOLE_PORT``.
        voice: see ``create_server``.
        aid: see ``create_server``.
        lab: see ``create_server``.
    """
    await create_server(settings, voice=voice, aid=aid, lab=lab).serve(sockets)


def console() -> Starlette:
    """Return the console, for ``uvicorn --factory``. It neither speaks nor drafts: `ponte console` does."""
    return create_console(load_settings())
