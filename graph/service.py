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
from graph.context_factory import open_contexts
from graph.late_files import LateFiles
from graph.late_words import LateWords
from graph.outgoing_files import OutgoingFiles
from graph.outreach import Invitations, Outreach
from graph.prompt_serving import PromptServer
from graph.reminders import Reminders
from graph.surveys import Surveys
from graph.turn import run_turn
from graph.voice_notes import VoiceNotes
from graph.worker import Worker
from ponte.bootstrap import Ponte, open_checkpoints, open_media_intake, open_whatsapp
from ponte.canary import Canaries, CanaryWatch
from ponte.catch_up import CatchUp
from ponte.delivery import DeliveryService
from ponte.janitor import Janitor, retention_ms
from ponte.media_intake import MediaIntake
from ponte.ports import Checkpoints, Messenger
from ponte.wakes import Wakes

log = structlog.get_logger(__name__)

_HOUR_MS: Final = 60 * 60 * 1000
_MINUTE_MS: Final = 60 * 1000
_RESTART_S: Final = 1.0


@asynccontextmanager
async def run_service(ponte: Ponte) -> AsyncIterator[None]:
    """Run everything in the background until the block ends; then let turns and sends under way finish.

    Raises:
        SettingsError: Twilio's keys are missing.
        PromptError: a file under prompts/ cannot be used, and no version was served before.
    """
    settings = ponte.settings
    async with (
        open_checkpoints(settings, ponte.store) as checkpoints,
        open_whatsapp(settings, ponte.clock) as messenger,
        open_media_intake(ponte) as media,
        open_contexts(settings, ponte.clock, media=ponte.media) as contexts,
    ):
        prompts = PromptServer(settings.prompts_dir, ponte.prompts, contexts.derive)
        if isinstance(ponte.voice, VoiceNotes):
            prompts.on_switch(ponte.voice.follow)
        await prompts.start()
        if not settings.model_configured:
            log.warning("no_model", answers="from prompts/knowledge alone; set OPENAI_API_KEY for a model")
        stop = asyncio.Event()
        loops, errands = _parts(ponte, checkpoints, messenger, prompts, media=media, stop=stop)
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
    prompts: PromptServer,
    *,
    media: MediaIntake,
    stop: asyncio.Event,
) -> tuple[dict[str, _Run], dict[str, _Run]]:
    """Return the loops, which drain when ``stop`` is set, and the errands, which are cancelled."""
    settings, store, clock, signals = ponte.settings, ponte.store, ponte.clock, ponte.signals
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    idle_ms = settings.idle_hours * _HOUR_MS
    outreach = Outreach(ponte.templates, clock)
    late_words = LateWords(store, clock, signals)
    advance = Advance(
        store,
        partial(run_turn, build_graph(checkpoints.saver)),
        messenger=messenger,
        contexts=prompts,
        clock=clock,
        signals=signals,
        metrics=ponte.metrics,
        idle_ms=idle_ms,
        default_language=settings.default_locale,
        voice=ponte.voice,
        media=media,
        understand=late_words,
        surveys=Surveys(store, clock, ponte.metrics, outreach),
        files=OutgoingFiles(ponte.media, clock),
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
        media=ponte.media,
        templates=ponte.templates,
        per_second=settings.twilio_messages_per_second,
        locale=settings.default_locale,
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
    reminders = Reminders(store, clock=clock, signals=signals, contexts=prompts)
    invitations = Invitations(store, outreach, prompts, clock=clock, signals=signals, owner=owner)
    late_files = LateFiles(store, media, late_words, prompts, clock=clock, signals=signals, owner=owner)
    work = worker.loop(concurrency=settings.worker_concurrency)
    deliver = delivery.loop(concurrency=settings.worker_concurrency)
    loops: dict[str, _Run] = {"worker": partial(work.run, stop), "delivery": partial(deliver.run, stop)}
    errands: dict[str, _Run] = {
        "catch-up": partial(catch_up.run, settings.catch_up_minutes * _MINUTE_MS),
        "janitor": partial(janitor.run, 5 * _MINUTE_MS),
        "reminders": reminders.run,
        "wakes": Wakes(store, clock, signals).run,
        "invitations": invitations.run,
        "late-words": late_words.run,
        "late-files": late_files.run,
        "prompts": prompts.run,
        "prompts-canary": CanaryWatch(store, Canaries(store, ponte.prompts, clock), clock, owner).run,
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
