"""How a kept file is handed out over HTTP: which part of it, and with which headers.

Files come from strangers. Only types that browsers merely draw or play are shown in place; all others are
downloads, and none may run anything in our pages' name.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ponte.ports import StoredMedia

_INLINE: Final = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "video/mp4",
        "video/3gpp",
        "video/webm",
        "video/quicktime",
    }
)
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_OK: Final = 200
_PARTIAL: Final = 206
_UNCHANGED: Final = 304
_UNSATISFIABLE: Final = 416
_LONGEST_NAME: Final = 120
# With a parameter at most: WhatsApp plays what is "audio/ogg; codecs=opus".
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(; ?[a-z]+=[a-z0-9_.-]+)?")


@dataclass(frozen=True, slots=True)
class Serving:
    """The answer to a request for a file: the bytes from ``start`` up to, not including, ``end``."""

    status: int
    headers: dict[str, str]
    start: int
    end: int


def shown_in_place(content_type: str) -> bool:
    """Tell whether a browser may show a file of this type rather than download it."""
    return content_type in _INLINE or content_type.startswith("audio/")


def serving(
    stored: StoredMedia,
    *,
    name: str | None = None,
    wanted_range: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
) -> Serving:
    """Return how to answer (https://www.rfc-editor.org/rfc/rfc9110#name-range-requests).

    Args:
        stored: the file.
        name: what it is called, by whoever sent it.
        wanted_range: the request's ``Range``. Of several ranges, the whole file is sent, as is allowed.
        if_range: the request's ``If-Range``.
        if_none_match: the request's ``If-None-Match``.
    """
    tag = f'"{stored.key[:32]}"'
    safe_type = stored.content_type if _TYPE.fullmatch(stored.content_type) else "application/octet-stream"
    headers = {
        "Content-Type": safe_type,
        "Content-Disposition": _disposition(stored, name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=3600",
        "Accept-Ranges": "bytes",
        "ETag": tag,
    }
    if if_none_match is not None and tag in if_none_match:
        return Serving(_UNCHANGED, headers, 0, 0)
    size = stored.size
    part = _part(wanted_range, size) if if_range in {None, tag} else None
    if part is None:
        return Serving(_OK, {**headers, "Content-Length": str(size)}, 0, size)
    start, end = part
    if start >= end:
        return Serving(
            _UNSATISFIABLE, {**headers, "Content-Range": f"bytes */{size}", "Content-Length": "0"}, 0, 0
        )
    length = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    return Serving(_PARTIAL, {**headers, **length}, start, end)


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return the part that a Range asks for, an empty one when there is none such; None for the whole."""
    found = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _disposition(stored: StoredMedia, name: str | None) -> str:
    """Return a Content-Disposition that no name can break out of (RFC 6266)."""
    kind = "inline" if shown_in_place(stored.content_type) else "attachment"
    bare = stored.content_type.partition(";")[0]
    called = safe_name(name) or f"{stored.key[:12]}{mimetypes.guess_extension(bare) or ''}"
    plain = unicodedata.normalize("NFKD", called).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%]', "_", plain).strip() or "file"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(called, safe='')}"


def safe_name(name: str | None) -> str:
    """Return a file name without folders, control characters or marks that turn text around."""
    bare = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(c if unicodedata.category(c)[0] != "C" else "" for c in bare).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > _LONGEST_NAME and dot and len(suffix) < 10:  # noqa: PLR2004 - an extension's length
        return f"{stem[: _LONGEST_NAME - len(suffix) - 1]}.{suffix}"
    return kept[:_LONGEST_NAME]
