"""Files in MongoDB, laid out as GridFS, so that its tools can read them.

The driver's own upload is not used: two processes that store the same file under one id would abort each
other, and an abort deletes the other's chunks
(https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md). Here each chunk has an
id made of the content's hash and its number, so that any number of writers write the same documents. The
document in ``media.files`` comes last and goes first: a file without it is not there.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

from pymongo.errors import DuplicateKeyError

from ponte.adapters.codec import Plain
from ponte.adapters.faults import WriteObserver, unobserved
from ponte.adapters.mongo.store_client import Collection, Database, translated
from ponte.errors import NotFound
from ponte.ports import StoredMedia

CHUNK: Final = 255 * 1024
FILES: Final = "media.files"
CHUNKS: Final = "media.chunks"
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_IN_MEMORY: Final = 1024 * 1024
_PAGE: Final = 200


class MongoMedia:
    """``ponte.ports.MediaStore`` in one MongoDB database.

    Args:
        database: where the collections are.
        observe: for tests, see ``open_mongo``.
    """

    def __init__(self, database: Database, observe: WriteObserver = unobserved) -> None:
        self._files = Collection(database[FILES], observe)
        self._chunks = Collection(database[CHUNKS], observe)
        self._all_chunks = database[CHUNKS]

    async def put(self, content: AsyncIterator[bytes], content_type: str, now: int) -> StoredMedia:
        """Store a file, see the port. Its key is known at its end only: until then it is kept aside."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            file = cast("BinaryIO", spool)
            digest, size = hashlib.sha256(), 0
            async for block in content:
                digest.update(block)
                size += len(block)
                await asyncio.to_thread(file.write, block)
            key = digest.hexdigest()
            if not await self._files.change({"_id": key}, {"$max": {"metadata.stored_at": now}}):
                await self._write(file, StoredMedia(key, content_type, size, now))
        stored = await self.stat(key)
        return stored or StoredMedia(key, content_type, size, now)

    async def _write(self, file: BinaryIO, stored: StoredMedia) -> None:
        file.seek(0)
        n = 0
        while data := await asyncio.to_thread(file.read, CHUNK):
            chunk = {"files_id": stored.key, "n": n, "data": data}
            # The time moves in any case, so that a clean-up under way leaves what is written anew.
            where, update = (
                {"_id": f"{stored.key}:{n}"},
                {"$setOnInsert": chunk, "$max": {"stored_at": stored.stored_at}},
            )
            await _upsert(self._chunks, where, update)
            n += 1
        facts = {
            "length": stored.size,
            "chunkSize": CHUNK,
            "uploadDate": datetime.fromtimestamp(stored.stored_at / 1000, UTC),
            "metadata.content_type": stored.content_type,
        }
        update = {"$setOnInsert": facts, "$max": {"metadata.stored_at": stored.stored_at}}
        await _upsert(self._files, {"_id": stored.key}, update)

    async def stat(self, key: str) -> StoredMedia | None:
        """Return what is known of a file, see the port."""
        found = await self._files.first({"_id": key}) if _KEY.fullmatch(key) else None
        if found is None:
            return None
        facts = found["metadata"]
        return StoredMedia(key, str(facts["content_type"]), int(found["length"]), int(facts["stored_at"]))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes of a file, see the port."""
        stored = await self.stat(key)
        if stored is None:
            raise NotFound("This file is not kept any more.")
        end = stored.size if end is None else min(end, stored.size)
        for n in range(start // CHUNK, -(-end // CHUNK)):
            chunk = await self._chunks.first({"_id": f"{key}:{n}"})
            if chunk is None:
                raise NotFound("This file was deleted while it was read.")
            data = bytes(chunk["data"])[max(0, start - n * CHUNK) : max(0, end - n * CHUNK)]
            if data:
                yield data

    async def delete(self, key: str) -> None:
        """Delete a file, see the port."""
        if _KEY.fullmatch(key):
            await self._files.delete({"_id": key})
            await self._chunks.delete({"files_id": key})

    async def prune(self, before: int) -> int:
        """Delete old files, see the port, and the chunks that crashes left without a file."""
        deleted = 0
        old = {"metadata.stored_at": {"$lt": before}}
        while page := await self._files.find(old, [("metadata.stored_at", 1)], _PAGE):
            for found in page:
                deleted += await self._files.delete({"_id": found["_id"], **old})
        with translated():
            keys = await self._all_chunks.distinct("files_id", {"stored_at": {"$lt": before}})
        for key in keys:
            if await self._files.first({"_id": key}) is None:
                await self._chunks.delete({"files_id": key, "stored_at": {"$lt": before}})
        return deleted


async def _upsert(collection: Collection, where: Plain, update: Plain) -> None:
    try:
        await collection.change(where, update, upsert=True)
    except DuplicateKeyError:
        # Another writer inserted it in between; now it is there to be updated.
        await collection.change(where, update)
