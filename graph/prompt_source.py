"""The prompt files as bytes: one snapshot of a folder, and the version that its contents give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

Files = Mapping[str, bytes]

VERSION_LENGTH: Final = 12
# A prompt of this size would cost a fortune in tokens: somebody dropped another file into the folder.
MAX_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Snapshot:
    """What stood in a folder at one moment.

    Args:
        files: the contents by path relative to the folder, with ``/`` between its parts.
        unread: why a file could not be read, by its path.
    """

    files: Files
    unread: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def version(self) -> str:
        """The version of the contents."""
        return version_of(self.files)


def version_of(files: Files) -> str:
    """Return the version of the files: 12 hex digits of a hash over sorted paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode())
        digest.update(files[path])
    return digest.hexdigest()[:VERSION_LENGTH]


def read_folder(directory: Path) -> Snapshot:
    """Return what stands in the folder now; empty when there is none.

    Hidden files and editors' backups do not count. What is too large or may not be read is in ``unread``.
    """
    files: dict[str, bytes] = {}
    unread: dict[str, str] = {}
    for path in _paths(directory):
        name = path.relative_to(directory).as_posix()
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                unread[name] = f"is larger than {MAX_FILE_BYTES // 1000} kB; keep it outside of this folder."
            else:
                files[name] = path.read_bytes()
        except FileNotFoundError:
            continue  # an editor replaced it just now: the next look finds it
        except OSError as error:
            unread[name] = f"cannot be read ({error.strerror}); mend its rights."
    return Snapshot(files, unread)


def fingerprint(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes whenever a file does, without reading any: paths, sizes and times."""
    found: list[tuple[str, int, int]] = []
    for path in _paths(directory):
        try:
            known = path.stat()
        except OSError:
            continue
        found.append((path.as_posix(), known.st_size, known.st_mtime_ns))
    return tuple(found)


def _paths(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        hidden = any(part.startswith(".") for part in parts)
        if not hidden and not path.name.endswith("~") and not path.name.startswith("#") and path.is_file():
            yield path
