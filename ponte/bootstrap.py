"""The composition root: from settings to open resources and the services that use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from ponte.accounts import Accounts
from ponte.adapters.media_fetch import open_media_fetcher
from ponte.adapters.mongo import MongoStore, open_mongo, open_mongo_checkpoints
from ponte.adapters.mongo.knowledge import open_mongo_knowledge
from ponte.adapters.sqlite import FileMedia, SqliteStore, open_sqlite, open_sqlite_checkpoints
from ponte.adapters.twilio.content import open_templates
from ponte.adapters.twilio.messenger import open_messenger
from ponte.clock import SystemClock
from ponte.feed import ChangeFeed
from ponte.floor import FloorView
from ponte.handoff import HandoffDesk
from ponte.intake import Intake
from ponte.media_intake import MediaIntake
from ponte.media_links import MediaLinks, link_key
from ponte.metrics import Metrics
from ponte.office import OfficeDesk
from ponte.office_policy import OfficePolicies
from ponte.people import PeopleDesk
from ponte.people_data import PeopleData
from ponte.ports import (
    Checkpoints,
    Clock,
    KnowledgeIndex,
    MediaStore,
    Messenger,
    PromptLab,
    Store,
    Templates,
    Voice,
    WritingAid,
)
from ponte.presence import PresenceBoard
from ponte.prompt_desk import PromptDesk
from ponte.prompt_versions import PromptVersions
from ponte.reports import Reports
from ponte.settings import Settings
from ponte.signals import Signals
from ponte.staff import Staff
from ponte.triage import Triage
from ponte.writing import WritingDesk

# MongoDBSaver runs its blocking calls in the loop's default executor, which has cores + 4 threads.
_EXECUTOR_THREADS: Final = 64
_HOUR_MS: Final = 60 * 60 * 1000


@dataclass(frozen=True)
class Ponte:
    """Everything that is open, and the services over it. One a process."""

    settings: Settings
    clock: Clock
    store: Store
    signals: Signals
    metrics: Metrics
    intake: Intake
    desk: HandoffDesk
    triage: Triage
    presence: PresenceBoard
    accounts: Accounts
    feed: ChangeFeed
    media: MediaStore
    links: MediaLinks
    voice: Voice | None
    templates: Templates | None
    prompts: PromptVersions
    prompt_desk: PromptDesk
    reports: Reports
    floor: FloorView
    writing: WritingDesk
    people: PeopleDesk
    office: OfficeDesk
    staff: Staff
    people_data: PeopleData


OpenVoice = Callable[[Settings, Store, MediaStore, Clock, Metrics], AbstractAsyncContextManager[Voice | None]]
OpenLab = Callable[[Settings, Clock], AbstractAsyncContextManager[PromptLab]]
OpenAid = Callable[[Settings, Store], AbstractAsyncContextManager[WritingAid | None]]


@asynccontextmanager
async def open_ponte(
    settings: Settings,
    *,
    clock: Clock | None = None,
    store: Store | None = None,
    voice: OpenVoice | None = None,
    aid: OpenAid | None = None,
    lab: OpenLab | None = None,
) -> AsyncIterator[Ponte]:
    """Open the store, bring its schema up to date, and build the services.

    Args:
        settings: the settings.
        clock: another clock than the machine's, for tests.
        store: an open store to use in place of the settings' one, for tests.
        voice: opens what speaks, which lives in a layer above; None: everything is written.
        aid: opens what helps agents to write, which lives in a layer above; None: they write alone.
        lab: opens what tries prompt files out, which lives in a layer above; None: nothing does.

    Raises:
        StoreUnavailable: the database does not answer, or is newer than this version.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if store is None:
            store = await _open_store(settings, stack)
        await store.migrate()
        await store.recover()
        signals, metrics = Signals(), Metrics()
        feed = ChangeFeed(store, clock)
        signals.on_change(feed.ring)
        media = store.media if isinstance(store, MongoStore) else FileMedia(settings.data_dir)
        speaker = None
        if voice is not None:
            speaker = await stack.enter_async_context(voice(settings, store, media, clock, metrics))
        helper = None if aid is None else await stack.enter_async_context(aid(settings, store))
        laboratory = None if lab is None else await stack.enter_async_context(lab(settings, clock))
        templates = None
        if settings.twilio_account_sid and settings.twilio_auth_token.get_secret_value():
            templates = await stack.enter_async_context(open_templates(settings, clock))
        prompts = PromptVersions(store, clock)
        policies = OfficePolicies(prompts)
        people_data = PeopleData(store, media, partial(open_checkpoints, settings, store), clock)
        desk = HandoffDesk(store, clock, signals, speaker, templates)
        accounts = Accounts(store, clock)
        yield Ponte(
            settings=settings,
            clock=clock,
            store=store,
            signals=signals,
            metrics=metrics,
            intake=Intake(store, clock, signals, metrics, settings.default_locale),
            desk=desk,
            triage=Triage(store, clock, signals, desk),
            presence=PresenceBoard(store, clock),
            accounts=accounts,
            feed=feed,
            media=media,
            links=MediaLinks(_link_key(settings), settings.base_url),
            voice=speaker,
            templates=templates,
            prompts=prompts,
            prompt_desk=PromptDesk(store, clock, prompts, laboratory, settings.data_dir),
            reports=Reports(store, clock, policies, idle_ms=settings.idle_hours * _HOUR_MS),
            floor=FloorView(store, clock, policies),
            writing=WritingDesk(store, helper),
            people=PeopleDesk(store, clock, signals, people_data),
            office=OfficeDesk(store, clock, templates),
            staff=Staff(store, clock, accounts, desk),
            people_data=people_data,
        )


@asynccontextmanager
async def open_checkpoints(settings: Settings, store: Store | None = None) -> AsyncIterator[Checkpoints]:
    """Open the LangGraph checkpoints beside the store. Only a worker needs them.

    Args:
        settings: the settings.
        store: the open store: on SQLite the checkpoints share its file and its writer.
    """
    mongo_uri = settings.mongo_uri.get_secret_value()
    if not mongo_uri:
        where = store if isinstance(store, SqliteStore) else settings.data_dir
        async with open_sqlite_checkpoints(where) as checkpoints:
            yield checkpoints
        return
    executor = ThreadPoolExecutor(_EXECUTOR_THREADS, thread_name_prefix="checkpoints")
    asyncio.get_running_loop().set_default_executor(executor)
    async with open_mongo_checkpoints(mongo_uri, settings.db_name) as checkpoints:
        yield checkpoints


@asynccontextmanager
async def open_whatsapp(settings: Settings, clock: Clock) -> AsyncIterator[Messenger]:
    """Open the way to WhatsApp. Only a worker needs it. Raises SettingsError without Twilio's keys."""
    async with open_messenger(settings, clock) as messenger:
        yield messenger


@asynccontextmanager
async def open_knowledge_index(settings: Settings) -> AsyncIterator[KnowledgeIndex | None]:
    """Open the database's search for the company's texts. Only a worker needs it.

    Yields None where there is none: with SQLite, and with a MongoDB that has no mongot beside it.
    """
    mongo_uri = settings.mongo_uri.get_secret_value()
    if not mongo_uri:
        yield None
        return
    async with open_mongo_knowledge(mongo_uri, settings.db_name) as index:
        yield index


@asynccontextmanager
async def open_media_intake(ponte: Ponte) -> AsyncIterator[MediaIntake]:
    """Open what fetches customers' files. Only a worker needs it."""
    settings = ponte.settings
    async with open_media_fetcher(
        ponte.media,
        ponte.clock,
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        api_base_url=settings.twilio_api_base_url,
    ) as fetcher:
        yield MediaIntake(fetcher, ponte.media, ponte.clock)


def _link_key(settings: Settings) -> str:
    return link_key(settings.secret_key.get_secret_value(), settings.twilio_auth_token.get_secret_value())


async def _open_store(settings: Settings, stack: AsyncExitStack) -> Store:
    mongo_uri = settings.mongo_uri.get_secret_value()
    if mongo_uri:
        return await stack.enter_async_context(open_mongo(mongo_uri, settings.db_name))
    return await stack.enter_async_context(open_sqlite(settings.data_dir))
