"""The HTTP application: routes, errors, and the life of what they use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

import structlog
from fastapi import FastAPI

from api import (
    conversations,
    decisions,
    floor,
    media,
    office,
    people,
    prompt_desk,
    prompts,
    reports,
    sending,
    sessions,
    triage,
    writing,
)
from api import voice as voice_notes
from api.errors import install_error_handlers
from api.events import events_router
from api.middleware import Edge
from api.operations import ReadinessCheck, operations_router
from api.webhook import LIMITS, webhook_router
from ponte import __version__
from ponte.bootstrap import OpenAid, OpenLab, OpenVoice, Ponte, open_ponte
from ponte.feed import ChangeFeed
from ponte.settings import Settings

log = structlog.get_logger(__name__)

Background = Callable[[Ponte], AbstractAsyncContextManager[object]]

_HEARTBEAT_MS: Final = 15_000
_FEED_RESTART_S: Final = 1.0
_DESCRIPTION: Final = """
A WhatsApp assistant that hands a conversation to a human agent, and takes it back.

Moments are ISO 8601 in UTC with milliseconds. Lists are `{items, next}`: pass `next` as `after` for the next
page. Errors are `{"error": {"code", "message", ...}}`. Every answer carries `X-Request-Id`, as the log does.
"""


def create_app(
    settings: Settings,
    *,
    ponte: Ponte | None = None,
    background: Background | None = None,
    readiness: Mapping[str, ReadinessCheck] | None = None,
    heartbeat_ms: int = _HEARTBEAT_MS,
    voice: OpenVoice | None = None,
    aid: OpenAid | None = None,
    lab: OpenLab | None = None,
) -> FastAPI:
    """Build the application. Its lifespan opens everything, and closes it in the reverse order.

    Args:
        settings: the settings.
        ponte: resources that are open already, and stay open; by default those of ``settings`` are opened.
        background: what runs beside the API when ``settings.run_worker`` is on, e.g. the worker.
        readiness: checks for ``/readyz`` by name, besides the store's.
        heartbeat_ms: how often a quiet event stream shows that it lives, and its session is checked.
        voice: opens what speaks agents' answers and the bot's, unless ``ponte`` is given.
        aid: opens what helps agents to write, unless ``ponte`` is given.
        lab: opens what reads the folder of the prompt files, unless ``ponte`` is given.

    Returns:
        The application. ``app.state.begin_shutdown`` ends the event streams: call it before the server waits
        for its requests to end, as ``api.serving`` does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not settings.twilio_auth_token.get_secret_value():
            log.warning(
                "webhooks_refused",
                hint="TWILIO_AUTH_TOKEN is not set, so nothing can be checked as Twilio's.",
            )
        closing: asyncio.Event = app.state.closing
        async with AsyncExitStack() as stack:
            opened = (
                ponte
                if ponte is not None
                else await stack.enter_async_context(open_ponte(settings, voice=voice, aid=aid, lab=lab))
            )
            app.state.ponte = opened
            await stack.enter_async_context(_feeding(opened.feed))
            if background is not None and settings.run_worker:
                await stack.enter_async_context(background(opened))
            log.info("api_started", worker=background is not None and settings.run_worker)
            try:
                yield
            finally:
                closing.set()
        log.info("api_stopped")

    app = FastAPI(
        title="Ponte",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # The interactive pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.closing = asyncio.Event()
    app.state.begin_shutdown = app.state.closing.set
    install_error_handlers(app)
    app.include_router(webhook_router(settings))
    app.include_router(sessions.router)
    app.include_router(conversations.router)
    app.include_router(triage.router)
    app.include_router(people.router)
    app.include_router(writing.router)
    app.include_router(decisions.router)
    app.include_router(voice_notes.router)
    app.include_router(media.router)
    app.include_router(sending.router)
    app.include_router(prompts.router)
    app.include_router(prompt_desk.router)
    app.include_router(reports.router)
    app.include_router(floor.router)
    app.include_router(office.router)
    app.include_router(events_router(heartbeat_ms))
    app.include_router(operations_router(readiness or {}))
    app.add_middleware(Edge, limits={**LIMITS, **voice_notes.LIMITS, **sending.LIMITS})
    return app


@asynccontextmanager
async def _feeding(feed: ChangeFeed) -> AsyncIterator[None]:
    """Run the change feed beside the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(_keep_feeding(feed, stop), name="change-feed")
    try:
        yield
    finally:
        stop.set()
        feed.ring()
        await task


async def _keep_feeding(feed: ChangeFeed, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await feed.run(stop)
        except Exception:
            # The loop's edge: consoles must not fall silent for good over one bad row.
            log.exception("feed_failed")
            await asyncio.sleep(_FEED_RESTART_S)
