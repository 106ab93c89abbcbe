"""Runs an application on a real socket inside the current event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.applications import Starlette

_LOG = logging.getLogger(__name__)
_GRACE_SECONDS = 3
_POLL_SECONDS = 0.005
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Served:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        return f"http://{self.host}:{self.port}"


class _Server(uvicorn.Server):
    """A server that leaves signals alone, stops within milliseconds, and first lets go of held requests."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app
        self.stop = asyncio.Event()
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not (self.stop.is_set() or await self.on_tick(ticks * 10)):
            ticks += 1
            try:
                async with asyncio.timeout(1):
                    await self.stop.wait()
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        begin_shutdown = getattr(self._app.state, "begin_shutdown", None)
        if begin_shutdown is not None:
            begin_shutdown()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn signals nothing
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            _LOG.warning("requests are cut off at the stop", extra={"requests": len(self.server_state.tasks)})
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def serve(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Served]:
    """Serve an application until the block is left.

    Args:
        app: a Starlette or FastAPI application. A callable `app.state.begin_shutdown`, where there is one, is
            called before the server waits for its requests to end.
        host: the address to listen at.
        port: the port, or 0 for a free one.

    Yields:
        The address it listens at, once its lifespan has started.

    Raises:
        OSError: the port is taken.
        RuntimeError: the application's lifespan failed.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
    )
    server = _Server(config, app)
    running = asyncio.create_task(_run(server, listener))
    up = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait({running, up}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
            raise RuntimeError("The server ended before it had started.")
        yield Served(host, listener.getsockname()[1])
    finally:
        up.cancel()
        server.stop.set()
        await asyncio.wait({running})
        listener.close()
    await running


def _listen(host: str, port: int) -> socket.socket:
    # Named as TCP, so that asyncio switches Nagle's algorithm off for each connection: it looks at the
    # protocol, and without it an answer in two pieces waits 40 ms for the other side's delayed ACK.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def _run(server: _Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:
        # uvicorn leaves the process when the lifespan fails; here it is one of several servers.
        raise RuntimeError("The application did not start: its log tells why.") from error
