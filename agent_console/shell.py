"""The ASGI shell around Streamlit: login, the session's cookie, live events, headers and health.

Streamlit draws the page under ``/agent``; everything that must not depend on a script run is here. One shell
a process: Streamlit's runtime is a singleton.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from agent_console import assets, bridge
from agent_console.downloads import Downloads
from agent_console.events import HEARTBEAT_S, Events
from agent_console.guard import Guard
from agent_console.login import LoginPages
from agent_console.media import PATH as MEDIA_PATH
from agent_console.media import MessageFiles
from agent_console.people import People
from agent_console.reading import Reading
from agent_console.tabs import PATH as PRESENCE_PATH
from agent_console.tabs import Tabs
from agent_console.writing import Writing
from ponte.bootstrap import OpenAid, OpenLab, OpenVoice, Ponte, open_ponte
from ponte.errors import StoreUnavailable
from ponte.settings import Settings

_PAGE: Final = Path(__file__).with_name("page.py")


class Shell:
    """What is open while the console runs, and the event that ends its streams."""

    def __init__(
        self, settings: Settings, voice: OpenVoice | None, aid: OpenAid | None, lab: OpenLab | None
    ) -> None:
        self._settings = settings
        self._voice = voice
        self._aid = aid
        self._lab = lab
        self._ponte: Ponte | None = None
        self.stopping = asyncio.Event()

    def ponte(self) -> Ponte:
        """Return what is open. Raises StoreUnavailable before the start and after the end."""
        if self._ponte is None:
            raise StoreUnavailable("The console is starting or stopping. Try again in a moment.")
        return self._ponte

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open Ponte, run the feed of changes, and let page scripts find both."""
        async with open_ponte(self._settings, voice=self._voice, aid=self._aid, lab=self._lab) as ponte:
            stop = asyncio.Event()
            feed = asyncio.create_task(ponte.feed.run(stop), name="console-feed")
            presence = asyncio.create_task(ponte.presence.run(stop), name="console-presence")
            self._ponte = ponte
            bridge.install(bridge.Bridge(ponte, asyncio.get_running_loop()))
            try:
                yield
            finally:
                self.stopping.set()
                bridge.uninstall()
                self._ponte = None
                stop.set()
                ponte.feed.ring()
                ponte.presence.ring()
                await asyncio.gather(feed, presence)


def create_console(
    settings: Settings,
    *,
    heartbeat_s: float = HEARTBEAT_S,
    voice: OpenVoice | None = None,
    aid: OpenAid | None = None,
    lab: OpenLab | None = None,
) -> Starlette:
    """Build the console as an ASGI app. Its resources open in its lifespan.

    Args:
        settings: the settings; the store is opened from them.
        heartbeat_s: how often a silent event stream shows life, in seconds.
        voice: opens what speaks agents' answers; None: they are written.
        aid: opens what helps agents to write; None: they write alone.
        lab: opens what tries prompt files out; None: nothing does.

    Returns:
        The app. Call ``app.state.begin_shutdown()`` before the server stops, as ``server.serve`` does: it
        ends the event streams, for which the server would wait.
    """
    shell = Shell(settings, voice, aid, lab)
    ui = st.App(_PAGE)
    ui_lifespan = ui.lifespan()
    tabs = Tabs(shell.ponte)
    events = Events(shell.ponte, shell.stopping, tabs, heartbeat_s)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with shell.open(), ui_lifespan(app):
            yield

    app = Starlette(
        lifespan=lifespan,
        middleware=[Middleware(Guard, accounts=lambda: shell.ponte().accounts)],
        exception_handlers={StoreUnavailable: _unavailable},
        routes=[
            Route("/healthz", _alive, methods=["GET"]),
            Route("/", _home, methods=["GET"]),
            Route("/agent", _page, methods=["GET"]),
            *LoginPages(shell.ponte).routes(),
            Route("/agent/events", events.endpoint, methods=["GET"]),
            Route(PRESENCE_PATH, tabs.endpoint, methods=["POST"]),
            *Writing(shell.ponte).routes(),
            *People(shell.ponte).routes(),
            *Reading(shell.ponte).routes(),
            *Downloads(shell.ponte).routes(),
            Route(MEDIA_PATH, MessageFiles(shell.ponte).endpoint, methods=["GET"]),
            Mount(assets.base(), assets.Assets()),
            Route("/agent/_stcore/host-config", _host_config, methods=["GET"]),
            Mount("/agent", ui),
        ],
    )
    app.state.begin_shutdown = shell.stopping.set
    return app


async def _host_config(_: Request) -> Response:
    """Answer in Streamlit's place, so that its dialogs about a lost server stay away.

    They would take the focus from the box that an agent is writing in; the page says by itself that nothing
    comes in. Streamlit's configuration names this address as the one to override.
    """
    told = {
        "allowedOrigins": [],
        "useExternalAuthToken": False,
        "enableCustomParentMessages": False,
        "enforceDownloadInNewTab": False,
        "metricsUrl": "",
        "blockErrorDialogs": True,
        "resourceCrossOriginMode": None,
    }
    return JSONResponse(told, headers={"Cache-Control": "no-cache"})


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _home(_: Request) -> Response:
    return RedirectResponse("/agent", 303)


async def _page(request: Request) -> Response:
    """Streamlit's relative addresses need the slash."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/agent/{query}", 307)


async def _unavailable(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503)
