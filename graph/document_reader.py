"""Reads the text of one document; run by ``graph.documents`` as a process of its own, by its path.

A hostile file can make a parser run without end or fill the memory. So the parsers work where the operating
system bounds both and where they can be killed, and in an environment without settings or secrets. Nothing
of Ponte is imported here: the process starts in a fraction of a second.

The document comes on standard input, what to do as one JSON argument, and the result goes to standard output
as JSON: ``{"text": ...}`` or ``{"error": "unreadable" | "too_large"}``.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_CELLS: Final = 20_000
_CONTROL: Final = re.compile(r"[^\S\n\t]+|[\x00-\x08\x0b-\x1f\x7f]")
_EMPTY_LINES: Final = re.compile(r"\n\s*\n\s*")


class _TooLargeError(Exception):
    """The document is larger inside than it may be."""


class _UnreadableError(Exception):
    """There is no text that could be read."""


class _Text:
    """Collects text up to a number of characters."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._parts: list[str] = []

    def add(self, text: str) -> bool:
        """Add a piece; False when there is room for no more."""
        self._parts.append(text[: self._room])
        self._room -= len(text) + 1
        return self._room > 0

    def __str__(self) -> str:
        lines = _CONTROL.sub(" ", "\n".join(self._parts).replace("\r\n", "\n").replace("\r", "\n"))
        text = _EMPTY_LINES.sub("\n\n", lines).strip()
        return f"{text}\n[…]" if self._room <= 0 else text


def read(data: bytes, kind: str, *, max_chars: int, max_pages: int, max_unpacked: int) -> str:
    """Return a document's text, marked where it was cut.

    Args:
        data: the file.
        kind: ``pdf``, ``docx``, ``sheet`` or ``text``.
        max_chars: characters to return.
        max_pages: pages of a PDF to read.
        max_unpacked: bytes that the parts of an office file may have in all.
    """
    text = _Text(max_chars)
    if data.startswith(b"PK"):
        _check_zip(data, max_unpacked)
    pieces = {"pdf": _pdf, "docx": _docx, "sheet": _sheet, "text": _plain}[kind](data, max_pages)
    for piece in pieces:
        if not text.add(piece):
            break
    found = str(text)
    if not re.search(r"\w", found):
        raise _UnreadableError
    return found


def _check_zip(data: bytes, max_unpacked: int) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        # More parts than bytes could hold, or the same bytes as many parts, is how the flat bombs work.
        if sum(part.file_size for part in parts) > max_unpacked or len(parts) > 5_000:  # noqa: PLR2004 - see above
            raise _TooLargeError


def _pdf(data: bytes, max_pages: int) -> Iterator[str]:
    from pypdf import PdfReader  # noqa: PLC0415 - each kind loads its own parser only

    document = PdfReader(io.BytesIO(data))
    if document.is_encrypted and not document.decrypt(""):
        raise _UnreadableError
    pages = len(document.pages)
    for page in document.pages[:max_pages]:
        yield page.extract_text()
    if pages > max_pages:
        yield f"[… {max_pages} / {pages}]"


def _docx(data: bytes, _: int) -> Iterator[str]:
    from docx import Document  # noqa: PLC0415 - as above
    from docx.table import Table  # noqa: PLC0415 - as above

    for block in Document(io.BytesIO(data)).iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                yield " | ".join(cell.text.strip() for cell in row.cells)
        else:
            yield block.text


def _sheet(data: bytes, _: int) -> Iterator[str]:
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - as above

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    room = _CELLS
    for name in book.sheet_names:
        yield f"# {name}"
        for row in book.get_sheet_by_name(name).iter_rows():
            room -= len(row)
            cells = [str(cell) for cell in row]
            if any(cells):
                yield " | ".join(cells).rstrip(" |")
            if room < 0:
                return


def _plain(data: bytes, _: int) -> Iterator[str]:
    if b"\x00" in data:
        raise _UnreadableError
    try:
        yield data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield data.decode("cp1252", "replace")


def _bound(memory: int, seconds: int) -> None:
    """Bound this process where the system can: memory in bytes, processor time in seconds."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    for name, value in (("RLIMIT_AS", memory), ("RLIMIT_CPU", seconds), ("RLIMIT_CORE", 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def main() -> None:
    """Read one document as the argument says."""
    asked = json.loads(sys.argv[1])
    _bound(asked.pop("memory"), asked.pop("seconds"))
    try:
        answer = {"text": read(sys.stdin.buffer.read(), **asked)}
    except (_TooLargeError, MemoryError):
        answer = {"error": "too_large"}
    except Exception:  # noqa: BLE001 - parsers fail on broken files in any way; this process does nothing else
        answer = {"error": "unreadable"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
