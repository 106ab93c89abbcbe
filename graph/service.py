"""What runs in the background of `ponte api` and alone as `ponte worker`: turns, delivery, and upkeep."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog

from graph.advance import Advance
from graph.builder import build_graph
from graph.context import GraphContext
from graph.context_factory import open_graph_context
from graph.reminders import Reminders
from graph.turn import run_turn
from graph.understanding import understand_for_agent
from graph.voice_answers import VoiceAnswers
from graph.worker import Worker
from ponte.bootstrap import Ponte, open_checkpoints, open_media_intake, open_whatsapp
from ponte.catch_up import CatchUp
from ponte.delivery import DeliveryService
from ponte.janitor import Janitor, retention_ms
from ponte.media_intake import MediaIntake
from ponte.ports import Checkpoints, Messenger

log = structlog.get_logger(__name__)

_HOUR_MS: Final = 60 * 60 * 1000
_MINUTE_MS: Final = 60 * 1000
_RESTART_S: Final = 1.0


@asynccontextmanager
async def run_service(ponte: Ponte) -> AsyncIterator[None]:
    """Run everything in the background until the block ends; then let turns and sends under way finish.

    Raises:
        SettingsError: Twilio's keys are missing.
        PromptError: a file under prompts/ cannot be used.
    """
    settings = ponte.settings
    async with (
        open_checkpoints(settings, ponte.store) as checkpoints,
        open_whatsapp(settings, ponte.clock) as messenger,
        open_media_intake(ponte) as media,
        open_graph_context(settings, ponte.clock, media=ponte.media) as context,
    ):
        if not settings.model_configured:
            log.warning("no_model", answers="from prompts/knowledge alone; set OPENAI_API_KEY for a model")
        stop = asyncio.Event()
        loops, errands = _parts(ponte, checkpoints, messenger, context, media=media, stop=stop)
        running = [
            asyncio.create_task(_supervised(name, run, stop), name=name) for name, run in loops.items()
        ]
        upkeep = [
            asyncio.create_task(_supervised(name, run, stop), name=name) for name, run in errands.items()
        ]
        log.info("service_started", worker_concurrency=settings.worker_concurrency)
        try:
            yield
        finally:
            stop.set()
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*running, *upkeep, return_exceptions=True)
            log.info("service_stopped")


_Run = Callable[[], Awaitable[None]]


def _parts(
    ponte: Ponte,
    checkpoints: Checkpoints,
    messenger: Messenger,
    context: GraphContext,
    *,
    media: MediaIntake,
    stop: asyncio.Event,
) -> tuple[dict[str, _Run], dict[str, _Run]]:
    """Return the loops, which drain when ``stop`` is set, and the errands, which are cancelled."""
    settings, store, clock, signals = ponte.settings, ponte.store, ponte.clock, ponte.signals
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    idle_ms = settings.idle_hours * _HOUR_MS
    advance = Advance(
        store,
        partial(run_turn, build_graph(checkpoints.saver), context),
        messenger=messenger,
        texts=context.prompts,
        clock=clock,
        signals=signals,
        metrics=ponte.metrics,
        idle_ms=idle_ms,
        default_language=settings.default_locale,
        voice=VoiceAnswers(ponte.voice, context.prompts.policy.voice) if ponte.voice else None,
        media=media,
        understand=partial(understand_for_agent, context),
    )
    worker = Worker(
        store,
        advance,
        clock=clock,
        signals=signals,
        metrics=ponte.metrics,
        owner=owner,
        debounce_ms=settings.debounce_ms,
    )
    delivery = DeliveryService(
        store,
        messenger,
        clock,
        signals,
        ponte.metrics,
        links=ponte.links,
        templates=ponte.templates,
        per_second=settings.twilio_messages_per_second,
    )
    catch_up = CatchUp(store, messenger, ponte.intake, clock=clock, metrics=ponte.metrics, owner=owner)
    janitor = Janitor(
        store,
        checkpoints,
        clock,
        retention_ms=retention_ms(settings.retention_days),
        idle_ms=idle_ms,
        owner=owner,
        media=ponte.media,
    )
    reminder_minutes = context.prompts.policy.waiting_reminder_minutes
    reminders = Reminders(
        store,
        clock=clock,
        signals=signals,
        texts=context.prompts,
        after_ms=None if reminder_minutes is None else reminder_minutes * _MINUTE_MS,
    )
    work = worker.loop(concurrency=settings.worker_concurrency)
    deliver = delivery.loop(concurrency=settings.worker_concurrency)
    loops: dict[str, _Run] = {"worker": partial(work.run, stop), "delivery": partial(deliver.run, stop)}
    errands: dict[str, _Run] = {
        "catch-up": partial(catch_up.run, settings.catch_up_minutes * _MINUTE_MS),
        "janitor": partial(janitor.run, 5 * _MINUTE_MS),
        "reminders": reminders.run,
    }
    if ponte.voice is not None:
        errands["voice"] = ponte.voice.run
    return loops, errands


async def _supervised(name: str, run: _Run, stop: asyncio.Event) -> None:
    """Run ``run`` again should it ever raise: a background part must not die unnoticed."""
    while not stop.is_set():
        try:
            await run()
        except Exception:
            # The loop's edge: recorded, and begun anew.
            log.exception("background_part_failed", part=name)
            await asyncio.sleep(_RESTART_S)
        else:
            return
