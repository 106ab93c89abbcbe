"""The text of documents, with bounds on everything a file can be made to grow in."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from graph.unusable import Unusable
from ponte.domain.message import MediaError

DocumentKind = Literal["pdf", "docx", "sheet", "text"]

_READER: Final = Path(__file__).with_name("document_reader.py")
_TEXT_TYPES: Final = frozenset({"application/json", "application/xml", "application/vcard"})
_SHEET_TYPES: Final = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.ms-excel",
    }
)
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bounds of what is read of a document.

    Args:
        file_bytes: a larger file is refused.
        chars: characters that are kept; what follows is cut, and the cut marked.
        pages: pages of a PDF that are read.
        unpacked_bytes: an office file whose parts have more is refused.
        memory_bytes: of the process that reads.
        seconds: processor time, and time by the clock, of the process that reads.
    """

    file_bytes: int = 32 * 1024 * 1024
    chars: int = 16_000
    pages: int = 40
    unpacked_bytes: int = 100 * 1024 * 1024
    memory_bytes: int = 1024 * 1024 * 1024
    seconds: int = 15


def document_kind(data: bytes, content_type: str) -> DocumentKind | None:
    """Return how to read a file, by its content; a plain text has none, there its declared type decides."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _packed(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "sheet"  # Excel's old form; what else has this beginning fails there
    declared = content_type.partition(";")[0].strip().lower()
    if declared.startswith("text/") or declared in _TEXT_TYPES:
        return "text"
    return None


def is_document(content_type: str) -> bool:
    """Return whether a declared type is one that can be read here."""
    declared = content_type.partition(";")[0].strip().lower()
    known = {"application/pdf", _DOCX} | _SHEET_TYPES | _TEXT_TYPES
    return declared in known or declared.startswith("text/")


def _packed(data: bytes) -> DocumentKind | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            if "word/document.xml" in names:
                return "docx"
            if any(name.startswith("xl/workbook.") for name in names):
                return "sheet"
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:  # noqa: PLR2004 - one line
                return "sheet" if b"opendocument.spreadsheet" in archive.read("mimetype") else None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, OSError):
        return None
    return None


async def document_text(data: bytes, content_type: str, limits: DocumentLimits) -> str:
    """Return a document's text, read in a process of its own.

    Raises:
        Unusable: UNREADABLE, for what is broken, encrypted, has no text or takes too long; TOO_LARGE, above
            a limit.
    """
    if len(data) > limits.file_bytes:
        raise Unusable(MediaError.TOO_LARGE, f"{len(data)} bytes")
    kind = document_kind(data, content_type)
    if kind is None:
        raise Unusable(MediaError.UNREADABLE, "no document that is known here")
    asked = {
        "kind": kind,
        "max_chars": limits.chars,
        "max_pages": limits.pages,
        "max_unpacked": limits.unpacked_bytes,
        "memory": limits.memory_bytes,
        "seconds": limits.seconds,
    }
    output = await _run(data, json.dumps(asked), limits.seconds)
    try:
        answer = json.loads(output)
    except ValueError:
        # Killed by the system at one of its bounds, without a word.
        raise Unusable(MediaError.UNREADABLE, "reading it failed at a bound of time or memory") from None
    if "text" not in answer:
        raise Unusable(MediaError(answer["error"]), f"a {kind} that cannot be read")
    return str(answer["text"])


async def _run(data: bytes, argument: str, seconds: int) -> bytes:
    # Isolated (-I): neither the folder of the reader nor the user's own modules can stand in for a library.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_READER),
        argument,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(data)
    except TimeoutError:
        raise Unusable(MediaError.UNREADABLE, f"reading it took more than {seconds} s") from None
    else:
        return output
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
