"""Both media stores: a file is there whole or not at all, once, and gone when nobody needs it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.adapters.mongo import open_mongo
from ponte.adapters.sqlite import FileMedia
from ponte.errors import NotFound, StoreUnavailable
from ponte.ports import MediaStore
from tests.contract.builders import Crash, CrashAfter

NOW = 1_800_000_000_000
# Three chunks of MongoDB's, the last one short.
LARGE = bytes(range(256)) * 2_200

Open = Callable[[WriteObserver], AbstractAsyncContextManager[MediaStore]]


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield ``data`` as a download does."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def whole(media: MediaStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    """Read a file, or part of it."""
    return b"".join([block async for block in media.read(key, start, end)])


@pytest.fixture
async def open_media(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Return a function that opens the test's media store, as often as wanted: each is like a process."""
    if backend == "sqlite":

        @asynccontextmanager
        async def files(observe: WriteObserver) -> AsyncIterator[MediaStore]:
            yield FileMedia(tmp_path / "data", observe)

        yield files
        return
    uri: str = request.getfixturevalue("mongo_uri")
    name = f"ponte_{uuid.uuid4().hex}"

    @asynccontextmanager
    async def mongo(observe: WriteObserver) -> AsyncIterator[MediaStore]:
        async with open_mongo(uri, name, observe) as store:
            yield store.media

    async with open_mongo(uri, name) as store:
        await store.migrate()
    yield mongo
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    await client.drop_database(name)
    await client.close()


@pytest.fixture
async def media(open_media: Open) -> AsyncIterator[MediaStore]:
    """Return an empty media store."""
    async with open_media(unobserved) as opened:
        yield opened


async def test_a_file_is_kept_under_the_hash_of_its_content(media: MediaStore) -> None:
    """A stored file has the SHA-256 of its content as key, and is read back unchanged."""
    stored = await media.put(pieces(LARGE), "image/png", NOW)
    assert stored.key == hashlib.sha256(LARGE).hexdigest()
    assert (stored.content_type, stored.size, stored.stored_at) == ("image/png", len(LARGE), NOW)
    assert await media.stat(stored.key) == stored
    assert await whole(media, stored.key) == LARGE


async def test_the_same_file_twice_is_kept_once_and_longer(media: MediaStore) -> None:
    """Storing a file again keeps its first type, moves its time, and a prune in between spares it."""
    first = await media.put(pieces(LARGE), "image/png", NOW)
    again = await media.put(pieces(LARGE, 1_000), "image/jpeg", NOW + 10)
    assert (again.key, again.content_type, again.stored_at) == (first.key, "image/png", NOW + 10)
    assert await media.prune(NOW + 5) == 0
    assert await whole(media, first.key) == LARGE


async def test_many_writers_of_one_file_do_not_disturb_each_other(open_media: Open) -> None:
    """Processes that store the same file at the same moment leave it whole."""
    async with open_media(unobserved) as one, open_media(unobserved) as other:
        puts = [store.put(pieces(LARGE), "image/png", NOW + n) for n, store in enumerate((one, other) * 4)]
        keys = {stored.key for stored in await asyncio.gather(*puts)}
        assert len(keys) == 1
        assert await whole(one, keys.pop()) == LARGE


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (5, 5), (261_119, 261_121), (0, 261_120), (261_120, None), (563_199, None), (100, 10**9)],
)
async def test_any_part_of_a_file_can_be_read(media: MediaStore, start: int, end: int | None) -> None:
    """A range gives exactly its bytes, across the boundaries of chunks too, and ends with the file."""
    stored = await media.put(pieces(LARGE), "image/png", NOW)
    assert await whole(media, stored.key, start, end) == LARGE[start:end]


@pytest.mark.parametrize("key", ["0" * 64, "", "../ponte.db", "0" * 63 + "G"])
async def test_an_unknown_key_is_not_found(media: MediaStore, key: str) -> None:
    """What is not there, or is no key at all, is not found, and deleting it changes nothing."""
    assert await media.stat(key) is None
    with pytest.raises(NotFound):
        await whole(media, key)
    await media.delete(key)


async def test_prune_takes_what_is_older_and_delete_takes_one(media: MediaStore) -> None:
    """Pruning deletes the files stored before the moment and tells how many; delete removes one now."""
    old = await media.put(pieces(b"old"), "text/plain", NOW - 1)
    kept = await media.put(pieces(b"kept"), "text/plain", NOW)
    gone = await media.put(pieces(b"gone"), "text/plain", NOW)
    assert await media.prune(NOW) == 1
    await media.delete(gone.key)
    assert [await media.stat(s.key) for s in (old, kept, gone)] == [None, kept, None]
    assert await whole(media, kept.key) == b"kept"
    assert (await media.put(pieces(b"old"), "text/plain", NOW)).key == old.key
    assert await whole(media, old.key) == b"old"


async def test_an_empty_file_can_be_kept(media: MediaStore) -> None:
    """A file without content has a key and no bytes."""
    stored = await media.put(pieces(b""), "text/plain", NOW)
    assert stored.size == 0
    assert await whole(media, stored.key) == b""


async def test_a_download_that_breaks_off_leaves_nothing(media: MediaStore) -> None:
    """When the content ends in an error, no part of it is kept, and the error reaches the caller."""

    async def broken() -> AsyncIterator[bytes]:
        yield LARGE
        raise ValueError("the line went dead")

    with pytest.raises(ValueError, match="went dead"):
        await media.put(broken(), "image/png", NOW)
    assert await media.stat(hashlib.sha256(LARGE).hexdigest()) is None


async def test_a_crash_while_storing_leaves_nothing_half_visible(open_media: Open) -> None:
    """Wherever a process dies while it stores a file, the file is whole or not there, and can be stored."""
    crash = CrashAfter()
    async with open_media(crash) as dying, open_media(unobserved) as other:
        for n in range(20):
            data = LARGE + bytes([n])
            key = hashlib.sha256(data).hexdigest()
            crash.arm(n)
            try:
                await dying.put(pieces(data), "image/png", NOW)
            except Crash:
                assert await other.stat(key) is None
                with pytest.raises(NotFound):
                    await whole(other, key)
            else:
                assert n > 0
                break
            crash.arm(None)
            await other.put(pieces(data), "image/png", NOW)
            assert await whole(other, key) == data
        else:
            raise AssertionError("Storing never ended.")


async def test_a_crash_while_deleting_leaves_nothing_half_visible(open_media: Open) -> None:
    """Wherever a process dies while it prunes, a file is whole or gone, and the next prune cleans up."""
    crash = CrashAfter()
    async with open_media(crash) as dying, open_media(unobserved) as other:
        for n in range(20):
            stored = await other.put(pieces(LARGE), "image/png", NOW)
            crash.arm(n)
            try:
                await dying.prune(NOW + 1)
            except Crash:
                crash.arm(None)
            else:
                break
            if await other.stat(stored.key) is not None:
                assert await whole(other, stored.key) == LARGE
            await other.prune(NOW + 1)
            assert await other.stat(stored.key) is None
        assert await other.stat(stored.key) is None


async def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """On disk, folders and files can be read by the user that runs Ponte only, whatever the umask."""
    before = os.umask(0)
    try:
        await FileMedia(tmp_path / "data").put(pieces(b"private"), "text/plain", NOW)
    finally:
        os.umask(before)
    root = tmp_path / "data" / "media"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o077 == 0 for p in root.rglob("*") if p.name != "lock")


async def test_what_a_crash_left_on_disk_is_swept_up(tmp_path: Path) -> None:
    """Pruning removes unfinished files that are old, and leaves one that is being written."""
    media = FileMedia(tmp_path / "data")
    await media.put(pieces(b"kept"), "text/plain", NOW * 2)
    root = tmp_path / "data" / "media"
    old, young = root / "new" / "tmp-old", root / "new" / "tmp-young"
    for path, at in ((old, NOW / 1000 - 1), (young, NOW / 1000 + 1)):
        path.write_bytes(b"part")
        os.utime(path, (at, at))
    assert await media.prune(NOW) == 0
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_disk_that_refuses_is_an_outage(tmp_path: Path) -> None:
    """Where the folder cannot be made, storing raises StoreUnavailable, so that it is tried again."""
    (tmp_path / "data").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="DATA_DIR/media"):
        await FileMedia(tmp_path / "data").put(pieces(b"x"), "text/plain", NOW)
