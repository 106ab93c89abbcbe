"""What files say, for the agent who owns a conversation: soon where it can be, else added afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from graph.context import GraphContext
from graph.understanding import understand
from ponte.domain.message import Media, Message
from ponte.errors import PonteError
from ponte.ports import Clock, ConversationStore
from ponte.signals import Signals

log = structlog.get_logger(__name__)


class LateWords:
    """Understands files within the time that an agent waits, and goes on for those that take longer.

    A file is understood once, however many messages wait for it. What is under way when the process ends is
    lost: the agent can still play and open the file.

    Args:
        store: where the messages are.
        clock: the time.
        signals: wakes consoles.
    """

    def __init__(self, store: ConversationStore, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._running: dict[str, asyncio.Task[Media]] = {}
        # Those that ``soon`` did not wait for, done or not, until ``follow``.
        self._late: dict[str, asyncio.Task[Media]] = {}
        self._adding: set[asyncio.Task[None]] = set()

    async def soon(self, context: GraphContext, files: Sequence[Media], language: str) -> list[Media]:
        """Return the files with their words, as far as ``Limits.agent_media_ms`` allows; see ``follow``.

        Raises:
            StoreUnavailable: the files cannot be read now.
        """
        tasks = {m.key: self._task(context, m, m.key, language) for m in files if m.key is not None}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=context.limits.agent_media_ms / 1000)
        ready = {key: task.result() for key, task in tasks.items() if task.done() and not task.cancelled()}
        self._late.update((key, task) for key, task in tasks.items() if key not in ready)
        return [ready.get(media.key, media) if media.key else media for media in files]

    def follow(self, messages: Sequence[Message]) -> None:
        """Add the words of these messages' files, which were committed meanwhile, once they are known."""
        late, self._late = self._late, {}
        for message in messages:
            mine = {m.key: late[m.key] for m in message.media if m.key is not None and m.key in late}
            if mine:
                adding = asyncio.create_task(self._add(message, mine), name="late-words")
                self._adding.add(adding)
                adding.add_done_callback(self._adding.discard)
        # Of other messages, which are yet to be committed.
        followed = {media.key for message in messages for media in message.media}
        self._late.update((key, task) for key, task in late.items() if key not in followed)

    async def run(self) -> None:
        """Wait until cancelled; then give up what is under way."""
        try:
            await asyncio.Event().wait()
        finally:
            tasks = [*self._running.values(), *self._adding]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, context: GraphContext, media: Media, key: str, language: str) -> asyncio.Task[Media]:
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(_bounded(context, media, language), name="understand")
            self._running[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: str, task: asyncio.Task[Media]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            # Whoever waits reads it from the task; nobody may wait any more.
            task.exception()

    async def _add(self, message: Message, tasks: Mapping[str, asyncio.Task[Media]]) -> None:
        try:
            told = {key: await asyncio.shield(task) for key, task in tasks.items()}
            media = [told.get(known.key or "", known) for known in message.media]
            if await self._store.set_media_text(message.id, media, self._clock.now()):
                log.info("late_words_added", message=message.id)
                self._signals.changed()
        except PonteError as error:
            log.warning("late_words_lost", message=message.id, error=type(error).__name__)


async def _bounded(context: GraphContext, media: Media, language: str) -> Media:
    try:
        async with asyncio.timeout(context.limits.media_deadline_ms / 1000):
            return await understand(media, context, language)
    except TimeoutError:
        return media
