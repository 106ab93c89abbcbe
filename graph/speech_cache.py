"""What was spoken before, so that the same sentence is spoken once, in all processes.

The files are in the ``MediaStore``. The index is a fixed number of small values in the store, each a list of
entries whose names begin alike: it is bounded, and two processes that write the same value at once lose no
more than an entry, whose sentence is spoken once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

from pydantic import TypeAdapter, ValidationError

from graph.prompt_schema import SpeechCachePolicy
from ponte.audio import VOICE_NOTE, VoiceNote
from ponte.domain.message import Media
from ponte.ports import Clock, LeaseStore, MediaStore

_DAY_MS: Final = 24 * 60 * 60 * 1000
_BUCKETS: Final = 64
_PER_BUCKET: Final = 64
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sentence: its digest, the file's key and bytes, its length, and when it was last used (ms UTC)."""

    digest: str
    key: str
    size: int
    duration_ms: int
    used_at: int


_ENTRIES: Final = TypeAdapter(list[_Entry])


class SpeechCache:
    """Voice notes by a digest of what makes them.

    Args:
        store: keeps the index.
        media: keeps the files.
        clock: the time.
        policy: when entries go.
    """

    def __init__(self, store: LeaseStore, media: MediaStore, clock: Clock, policy: SpeechCachePolicy) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._policy = policy
        self._writing = asyncio.Lock()

    async def find(self, digest: str) -> Media | None:
        """Return the voice note, or None. One in use stays: once a day its file counts as stored anew."""
        now = self._clock.now()
        oldest = now - self._policy.days * _DAY_MS
        entries = await self._read(_name(digest))
        entry = next((e for e in entries if e.digest == digest and e.used_at > oldest), None)
        stored = await self._media.stat(entry.key) if entry else None
        if entry is None or stored is None:
            return None
        if now - stored.stored_at > _DAY_MS:
            await self._media.put(self._media.read(entry.key), stored.content_type, now)
        if now - entry.used_at > _DAY_MS:
            await self._write(_name(digest), replace(entry, used_at=now))
        return _media(entry)

    async def keep(self, digest: str, note: VoiceNote) -> Media:
        """Store a voice note and return it as a message's file."""
        now = self._clock.now()
        stored = await self._media.put(_once(note.content), VOICE_NOTE, now)
        entry = _Entry(digest, stored.key, stored.size, note.duration_ms, now)
        await self._write(_name(digest), entry)
        return _media(entry)

    async def prune(self) -> int:
        """Forget what is too old, and of the rest the longest unused until it fits; returns how many.

        Their files go with them; a transcript still has the text. What was used within a day stays, since
        Twilio may not have fetched it yet; uses are noted once a day.
        """
        now = self._clock.now()
        names = [f"speech.{n:02x}" for n in range(_BUCKETS)]
        entries = [entry for name in names for entry in await self._read(name)]
        entries.sort(key=lambda entry: entry.used_at)
        total = sum(entry.size for entry in entries)
        gone: dict[str, list[_Entry]] = {}
        for entry in entries:
            age = now - entry.used_at
            old = age >= self._policy.days * _DAY_MS
            if not old and (total <= self._policy.megabytes * _MEGABYTE or age < 2 * _DAY_MS):
                continue
            total -= entry.size
            gone.setdefault(_name(entry.digest), []).append(entry)
        dropped = {entry.digest for some in gone.values() for entry in some}
        kept = {entry.key for entry in entries if entry.digest not in dropped}
        for name, some in gone.items():
            await self._write(name, drop=frozenset(dropped))
            for entry in some:
                if entry.key not in kept:
                    await self._media.delete(entry.key)
        return sum(len(some) for some in gone.values())

    async def _read(self, name: str) -> list[_Entry]:
        try:
            return _ENTRIES.validate_json(await self._store.get_value(name) or "[]")
        except ValidationError:
            # Written by another version: begin anew, the sentences are spoken again.
            return []

    async def _write(
        self, name: str, entry: _Entry | None = None, *, drop: frozenset[str] = frozenset()
    ) -> None:
        async with self._writing:
            before = await self._read(name)
            gone = drop | {entry.digest} if entry else drop
            kept = [e for e in before if e.digest not in gone] + ([entry] if entry else [])
            kept.sort(key=lambda e: e.used_at)
            await self._store.set_value(name, _ENTRIES.dump_json(kept[-_PER_BUCKET:]).decode())


def _name(digest: str) -> str:
    return f"speech.{int(digest[:8], 16) % _BUCKETS:02x}"


def _media(entry: _Entry) -> Media:
    return Media(
        url="",
        content_type="audio/ogg",
        key=entry.key,
        size=entry.size,
        duration_ms=entry.duration_ms,
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
