"""Bring the files of a customer's message into the media store, before anybody looks at them.

What cannot be fetched is told by ``Media.error``; the message goes on without it, and ``graph.late_files``
asks again for what may still come. A turn that is run again
finds what this process fetched already; another process fetches anew, and the store keeps one copy.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import Final

import structlog

from ponte.domain.message import Inbound, Media, MediaError
from ponte.errors import MediaNotReady
from ponte.ports import Clock, MediaFetcher, MediaStore

log = structlog.get_logger(__name__)

# Twilio sends the webhook a moment before its storage has the file.
_PAUSES_MS: Final = (1_000, 3_000)
# A customer waits meanwhile: after this the message goes on without the file.
_LONGEST_S: Final = 30.0
_REMEMBERED: Final = 1_000


class MediaIntake:
    """Fetches what came with a message.

    Args:
        fetcher: fetches one file.
        store: where the files are.
        clock: the time.
    """

    def __init__(self, fetcher: MediaFetcher, store: MediaStore, clock: Clock) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._fetched: OrderedDict[str, Media] = OrderedDict()

    async def fetch(self, inbound: Inbound) -> tuple[Media, ...]:
        """Return the message's files as they are kept, each with a ``key`` or an ``error``.

        Raises:
            StoreUnavailable: a file could not be kept; the turn is to be run again.
        """
        results = await asyncio.gather(*map(self._one, inbound.media), return_exceptions=True)
        found: list[Media] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            found.append(result)
        return tuple(found)

    async def again(self, media: Media) -> Media:
        """Try once more, without patience; return the file, or what was given while it is not there.

        Raises:
            StoreUnavailable: the file could not be kept.
        """
        try:
            async with asyncio.timeout(_LONGEST_S):
                return await self._fetcher.fetch(media)
        except (MediaNotReady, TimeoutError):
            return media

    async def _one(self, media: Media) -> Media:
        known = media if media.key else self._fetched.get(media.url)
        if known is not None and known.key and await self._store.stat(known.key):
            return known
        if not media.url:
            return replace(media, error=MediaError.UNAVAILABLE)
        try:
            async with asyncio.timeout(_LONGEST_S):
                fetched = await self._patiently(media)
        except TimeoutError:
            log.warning("media_unavailable", reason="it took too long")
            return replace(media, error=MediaError.UNAVAILABLE)
        if fetched.key:
            self._fetched[media.url] = fetched
            if len(self._fetched) > _REMEMBERED:
                self._fetched.popitem(last=False)
        return fetched

    async def _patiently(self, media: Media) -> Media:
        for pause_ms in (*_PAUSES_MS, None):
            try:
                return await self._fetcher.fetch(media)
            except MediaNotReady as error:
                if pause_ms is None:
                    log.warning("media_unavailable", reason=str(error))
                    break
                await self._clock.sleep(pause_ms)
        return replace(media, error=MediaError.UNAVAILABLE)
