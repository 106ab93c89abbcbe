"""Files of the company's own that go out with an answer: ``attach: prices.pdf`` in a knowledge file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from ponte.domain.media_rules import rule_for
from ponte.domain.message import Media
from ponte.errors import InvalidInput

FOLDER: Final = "knowledge/"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
# By a name's ending: the type, and how and where its content begins.
_TYPES: Final[Mapping[str, tuple[str, int, bytes]]] = {
    ".pdf": ("application/pdf", 0, b"%PDF-"),
    ".jpg": ("image/jpeg", 0, b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", 0, b"\xff\xd8\xff"),
    ".png": ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ".mp4": ("video/mp4", 4, b"ftyp"),
    ".docx": (f"{_OFFICE}.wordprocessingml.document", 0, b"PK\x03\x04"),
    ".xlsx": (f"{_OFFICE}.spreadsheetml.sheet", 0, b"PK\x03\x04"),
    ".pptx": (f"{_OFFICE}.presentationml.presentation", 0, b"PK\x03\x04"),
}


@dataclass(frozen=True)
class Attachment:
    """A file.

    Args:
        path: within ``knowledge/``.
        content_type: its type.
        content: its bytes, a megabyte at most (``graph.prompt_source.MAX_FILE_BYTES``).
    """

    path: str
    content_type: str
    content: bytes = field(repr=False)

    @cached_property
    def media(self) -> Media:
        """The file as a message carries it, under the key that the media store gives its content."""
        name = PurePosixPath(self.path).name
        key = hashlib.sha256(self.content).hexdigest()
        return Media("", self.content_type, key=key, size=len(self.content), name=name)


def attachment(path: str, files: Mapping[str, bytes]) -> Attachment:
    """Return the file that ``attach:`` names.

    Args:
        path: within ``knowledge/``.
        files: the prompt files by path.

    Raises:
        InvalidInput: it is not there, or WhatsApp does not take it; names the mend.
    """
    plain = PurePosixPath(path)
    if not path or plain.is_absolute() or ".." in plain.parts or "\\" in path:
        raise InvalidInput(f"{path!r} is no file within knowledge/; write its name, such as prices.pdf.")
    content = files.get(f"{FOLDER}{plain}")
    if content is None:
        raise InvalidInput(f"there is no file {FOLDER}{plain} of at most 1 MB; add it, or mend the name.")
    ending = plain.suffix.lower()
    if ending not in _TYPES:
        raise InvalidInput(f"{path!r} cannot be sent; attach one of {', '.join(_TYPES)}.")
    content_type, offset, begins = _TYPES[ending]
    if not content.startswith(begins, offset):
        raise InvalidInput(f"{path!r} is no {ending} file inside; save it anew in that format.")
    found = Attachment(str(plain), content_type, content)
    rule_for(found.media)
    return found
