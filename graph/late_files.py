"""Files that Twilio did not hand over when their message came: asked for again, for about an hour."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from graph.contexts import Contexts
from graph.late_words import LateWords
from ponte.domain.message import Media, MediaError, Message
from ponte.errors import NotFound, StoreUnavailable
from ponte.media_intake import MediaIntake
from ponte.ports import Clock, Store
from ponte.signals import Signals

log = structlog.get_logger(__name__)

_MINUTE_MS: Final = 60_000
# A file is asked for when its message is so old.
_AGES_MS: Final = tuple(minutes * _MINUTE_MS for minutes in (1, 2, 4, 8, 16, 32, 64))
_EVERY_MS: Final = 30_000
_LEASE_MS: Final = 5 * _MINUTE_MS
_CURSOR: Final = "late_files.cursor"
# At each age; those beyond wait for their next one.
_MOST: Final = 200
_AT_ONCE: Final = 8


class LateFiles:
    """Fetches late files and adds them to their messages, so that the agent can play and see them.

    One process at a time. Whoever dies in between is followed by another one that looks at the same time
    again; a file that is there already is only found.

    Args:
        store: where the messages are.
        intake: fetches a file.
        words: finds out what is said or written in it, for the agent who has the conversation.
        contexts: what that takes.
        clock: the time.
        signals: wakes consoles.
        owner: names this process; unique.
    """

    def __init__(
        self,
        store: Store,
        intake: MediaIntake,
        words: LateWords,
        contexts: Contexts,
        *,
        clock: Clock,
        signals: Signals,
        owner: str,
    ) -> None:
        self._store = store
        self._intake = intake
        self._words = words
        self._contexts = contexts
        self._clock = clock
        self._signals = signals
        self._owner = owner

    async def run_once(self) -> int:
        """Ask for the files that came to one of their ages since the last look.

        Returns:
            How many messages got one.

        Raises:
            StoreUnavailable: the next look covers the same time.
        """
        now = self._clock.now()
        lease = await self._store.acquire("late-files", self._owner, now, _LEASE_MS)
        if lease is None:
            return 0
        try:
            since = int(await self._store.get_value(_CURSOR) or now - _EVERY_MS)
            due: dict[str, Message] = {}
            for age in _AGES_MS:
                found = await self._store.missing_files(since - age, now - age, _MOST)
                due.update((message.id, message) for message in found)
            got = await self._fetch_all(list(due.values()))
            await self._store.set_value(_CURSOR, str(now))
        finally:
            await self._store.release_lease(lease)
        if got:
            self._signals.changed()
        return got

    async def run(self) -> None:
        """Look every 30 s until cancelled."""
        while True:
            try:
                await self.run_once()
            except StoreUnavailable as error:
                log.warning("late_files_failed", error=str(error))
            await self._clock.sleep(_EVERY_MS)

    async def _fetch_all(self, messages: list[Message]) -> int:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(message: Message) -> bool:
            async with slots:
                try:
                    return await self._fetch(message)
                except NotFound:
                    return False  # erased meanwhile

        return sum(await asyncio.gather(*map(one, messages)))

    async def _fetch(self, message: Message) -> bool:
        """Ask for a message's missing files; add what came."""
        files = [await self._intake.again(m) if _missing(m) else m for m in message.media]
        if not any(file.key and not old.key for file, old in zip(files, message.media, strict=True)):
            return False
        current = await self._store.conversation(message.conversation_id)
        if current.human:
            context = self._contexts.for_conversation(current)
            files = await self._words.soon(context, files, current.language)
        if not await self._store.set_media_text(message.id, files, self._clock.now()):
            return False  # another process was quicker
        log.info("late_file_added", message=message.id)
        self._words.follow([await self._store.message(message.id)])
        return True


def _missing(media: Media) -> bool:
    return media.error is MediaError.UNAVAILABLE and bool(media.url) and not media.key
