"""Run the application until SIGINT or SIGTERM, and let it end its event streams first."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

_GRACE_S = 10
_KEEP_ALIVE_S = 30


class ApiServer(uvicorn.Server):
    """A server that ends the application's event streams before it waits for requests to end.

    uvicorn would wait for them until its grace time is over.

    Args:
        app: an application of ``api.app.create_app``.
        host: the address to listen at.
        port: the port.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                # ponte.logs renders uvicorn's log too; its access log would name addresses.
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                lifespan="on",
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._begin_shutdown = app.state.begin_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else."""
        self._begin_shutdown()
        await super().shutdown(sockets)


def run_api(app: FastAPI, host: str, port: int) -> None:
    """Serve ``app`` in this thread until a signal comes.

    X-Forwarded-For and X-Forwarded-Proto are trusted from the proxies in FORWARDED_ALLOW_IPS (uvicorn's own
    variable; this machine by default).

    Raises:
        SystemExit: the port is taken or the application could not start; the log says which.
    """
    ApiServer(app, host, port).run()
