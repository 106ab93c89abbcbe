"""Serving an application inside the running loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from simulator.serving import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("oi")


async def test_the_bound_port_is_told_and_free_afterwards() -> None:
    """Port 0 becomes a real one, which nobody holds after the block."""
    app = Starlette(routes=[Route("/", _hello)])
    async with serve(app) as served, aiohttp.ClientSession() as http, http.get(served.url) as answer:
        assert await answer.text() == "oi"
    async with serve(app, port=served.port) as again:
        assert again.url == served.url


async def test_a_taken_port_is_an_error() -> None:
    """A second server on one port raises OSError instead of ending the process."""
    app = Starlette()
    async with serve(app) as served:
        with pytest.raises(OSError, match="in use"):
            async with serve(Starlette(), port=served.port):
                pass


async def test_a_failing_start_is_an_error() -> None:
    """An application whose lifespan fails raises RuntimeError instead of ending the process."""

    @asynccontextmanager
    async def broken(app: Starlette) -> AsyncIterator[None]:
        if not app.routes:
            raise ValueError("no routes")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        async with serve(Starlette(lifespan=broken)):
            pass
