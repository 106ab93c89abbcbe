"""What a file is, by its content. What its sender declared only decides between types that look the same."""

from __future__ import annotations

import codecs
import zipfile
from typing import BinaryIO, Final

import puremagic

UNKNOWN: Final = "application/octet-stream"
_HEAD: Final = 8 * 1024
_PLAIN: Final = "text/plain"
_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/opus": "audio/ogg",
    "application/ogg": "audio/ogg",
    "text/x-vcard": "text/vcard",
    "text/directory": "text/vcard",
}
# Offset, first bytes, and the types whose files begin so; the first where none of them was declared.
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_SIGNATURES: Final[tuple[tuple[int, bytes, tuple[str, ...]], ...]] = (
    (0, b"\xff\xd8\xff", ("image/jpeg",)),
    (0, b"\x89PNG\r\n\x1a\n", ("image/png",)),
    (0, b"GIF87a", ("image/gif",)),
    (0, b"GIF89a", ("image/gif",)),
    (8, b"WEBP", ("image/webp",)),
    (8, b"WAVE", ("audio/wav",)),
    (0, b"OggS", ("audio/ogg", "video/ogg")),
    (0, b"#!AMR", ("audio/amr",)),
    (0, b"ID3", ("audio/mpeg", "audio/aac")),
    (0, b"\xff\xf1", ("audio/aac",)),
    (0, b"\xff\xf9", ("audio/aac",)),
    (0, b"\xff\xfb", ("audio/mpeg",)),
    (0, b"\xff\xf3", ("audio/mpeg",)),
    (0, b"\xff\xf2", ("audio/mpeg",)),
    (4, b"ftypM4A", ("audio/mp4",)),
    (4, b"ftyphei", ("image/heic",)),
    (4, b"ftypavif", ("image/avif",)),
    (4, b"ftyp3g", ("video/3gpp", "audio/3gpp", "video/mp4", "audio/mp4")),
    (4, b"ftypqt", ("video/quicktime", "video/mp4")),
    (4, b"ftyp", ("video/mp4", "audio/mp4", "video/3gpp", "audio/3gpp", "video/quicktime")),
    (0, b"\x1aE\xdf\xa3", ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska")),
    (0, b"%PDF-", ("application/pdf",)),
    (0, b"{\\rtf", ("application/rtf", "text/rtf")),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        (
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook",
        ),
    ),
)
_ARCHIVED: Final = (
    ("word/", _OFFICE + "wordprocessingml.document"),
    ("xl/", _OFFICE + "spreadsheetml.sheet"),
    ("ppt/", _OFFICE + "presentationml.presentation"),
)
_PDF: Final = "application/pdf"
# Readers take a PDF that has something before its mark.
_PDF_WITHIN: Final = 1_024
# Files of these types begin in a known way: what does not is none of them, whatever was declared.
_SIGNED: Final = frozenset(
    {"application/zip"} | {t for _, _, types in _SIGNATURES for t in types} | {t for _, t in _ARCHIVED}
)
_MARKUP: Final = ("text/", "image/svg", "application/xml", "application/xhtml", "application/json")


def plain_type(declared: str) -> str:
    """Return a declared type without parameters, in lower case, by its usual name."""
    bare = declared.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def content_type_of(file: BinaryIO, declared: str) -> str:
    """Return the media type of a file that was declared as ``declared``. Moves the file's position."""
    file.seek(0)
    head = file.read(_HEAD)
    wanted = plain_type(declared)
    for offset, signature, types in _SIGNATURES:
        if head.startswith(signature, offset):
            return wanted if wanted in types else types[0]
    if head.startswith(b"PK\x03\x04"):
        return _archive(file, wanted)
    if b"%PDF-" in head[:_PDF_WITHIN] and (wanted == _PDF or not _is_text(head)):
        return _PDF
    found = _magic(head)
    if _is_text(head):
        markup = next((t for t in found if t.startswith(_MARKUP)), None)
        return markup or (wanted if wanted.startswith(("text/", "application/json")) else _PLAIN)
    if found:
        return wanted if wanted in found else found[0]
    # Nothing is known of it: a kind of document may keep its name, since those are never shown in place.
    return wanted if wanted.startswith("application/") and wanted not in _SIGNED else UNKNOWN


def _magic(head: bytes) -> list[str]:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    return [plain_type(match.mime_type) for match in matches if match.mime_type]


def _is_text(head: bytes) -> bool:
    if not head or b"\0" in head:
        return False
    try:
        # The head may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _archive(file: BinaryIO, wanted: str) -> str:
    """Return what a ZIP archive holds: the newer office formats are archives."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return UNKNOWN
    if "[Content_Types].xml" in names:
        for folder, content_type in _ARCHIVED:
            if any(name.startswith(folder) for name in names):
                # Templates and such have types of their own within the family.
                family = content_type.rpartition(".")[0]
                return wanted if wanted.startswith(family) else content_type
    if "mimetype" in names and wanted.startswith("application/vnd.oasis.opendocument."):
        return wanted
    return "application/zip"
