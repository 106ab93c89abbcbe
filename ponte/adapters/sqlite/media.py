"""Files in a folder, for the store that needs no server.

``media/ab/<sha256>`` is the content and ``media/ab/<sha256>.json`` what is known of it. The second is written
last and removed first: a file without it is not there. Both appear whole, by renaming.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from ponte.adapters.faults import WriteObserver, unobserved
from ponte.errors import NotFound, StoreUnavailable
from ponte.ports import StoredMedia

T = TypeVar("T")

FOLDER: Final = "media"
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_BLOCK: Final = 256 * 1024
_PRIVATE: Final = 0o700


class FileMedia:
    """``ponte.ports.MediaStore`` in one folder, which several processes of one machine may share.

    Args:
        data_dir: the folder that holds the ``media`` folder; made when missing.
        observe: for tests: told before each change that another process could see.
    """

    def __init__(self, data_dir: Path, observe: WriteObserver = unobserved) -> None:
        self._root = data_dir / FOLDER
        self._observe = observe

    async def put(self, content: AsyncIterator[bytes], content_type: str, now: int) -> StoredMedia:
        """Store a file, see the port. A file that could not be read to its end leaves nothing."""
        file = await _in_thread(self._begin)
        path = Path(file.name)
        digest, size = hashlib.sha256(), 0
        try:
            with file:
                async for block in content:
                    digest.update(block)
                    size += len(block)
                    await _in_thread(file.write, block)
                await _in_thread(_synchronize, file)
            stored = StoredMedia(digest.hexdigest(), content_type, size, now)
            return await _in_thread(self._finish, path, stored)
        finally:
            await asyncio.shield(_in_thread(_remove, path))

    async def stat(self, key: str) -> StoredMedia | None:
        """Return what is known of a file, see the port."""
        return await _in_thread(self._stat, key)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes of a file, see the port. A file that is deleted meanwhile is read to its end."""
        stored = await self.stat(key)
        if stored is None:
            raise NotFound("This file is not kept any more.")
        left = (stored.size if end is None else min(end, stored.size)) - start
        file = await _in_thread(_opened, self._path(key))
        with file:
            await _in_thread(file.seek, start)
            while left > 0 and (block := await _in_thread(file.read, min(_BLOCK, left))):
                left -= len(block)
                yield block

    async def delete(self, key: str) -> None:
        """Delete a file, see the port."""
        await _in_thread(self._delete, key, None)

    async def prune(self, before: int) -> int:
        """Delete old files, see the port, and what crashes left half-written before that."""
        return await _in_thread(self._prune, before)

    def _path(self, key: str) -> Path:
        return self._root / key[:2] / key

    def _begin(self) -> BinaryIO:
        folder = self._root / "new"
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        self._root.chmod(_PRIVATE)
        return tempfile.NamedTemporaryFile(dir=folder, delete=False)  # type: ignore[return-value]  # binary by default

    def _finish(self, written: Path, stored: StoredMedia) -> StoredMedia:
        path = self._path(stored.key)
        path.parent.mkdir(exist_ok=True, mode=_PRIVATE)
        with self._alone():
            known = self._stat(stored.key)
            if known is not None:
                stored = StoredMedia(known.key, known.content_type, known.size, stored.stored_at)
            else:
                self._observe("media.content")
                written.replace(path)
            self._observe("media.facts")
            self._write_facts(path, stored)
            _synchronize_folder(path.parent)
        return stored

    def _write_facts(self, path: Path, stored: StoredMedia) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self._root / "new", delete=False, encoding="utf-8") as file:
            json.dump(asdict(stored), file)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(_facts(path))

    def _stat(self, key: str) -> StoredMedia | None:
        if not _KEY.fullmatch(key):
            return None
        try:
            return StoredMedia(**json.loads(_facts(self._path(key)).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def _delete(self, key: str, before: int | None) -> bool:
        """Delete a file; with ``before``, only one that was not stored again since."""
        with self._alone():
            known = self._stat(key)
            if known is None or (before is not None and known.stored_at >= before):
                return False
            self._observe("media.delete")
            _facts(self._path(key)).unlink(missing_ok=True)
            self._observe("media.delete")
            self._path(key).unlink(missing_ok=True)
            return True

    def _prune(self, before: int) -> int:
        deleted = 0
        for path in self._root.glob("*/*"):
            if _KEY.fullmatch(path.name) and _facts(path).exists():
                deleted += self._delete(path.name, before)
            elif path.suffix != ".json" and _changed_ms(path) < before:
                # Left by a process that died before the file was complete.
                path.unlink(missing_ok=True)
        return deleted

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from deleting a file while it is stored once more."""
        self._root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        with (self._root / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _facts(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _changed_ms(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0


def _synchronize(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _synchronize_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _in_thread(call: Callable[..., T], *args: object) -> T:
    """Run blocking work beside the loop. Raises StoreUnavailable when the disk does not do it."""
    try:
        return await asyncio.to_thread(call, *args)
    except OSError as error:
        raise StoreUnavailable(
            f"A file under DATA_DIR/{FOLDER} cannot be read or written: {error.strerror}. "
            "Check the disk's space and the folder's permissions."
        ) from error
