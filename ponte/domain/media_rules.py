"""Which files WhatsApp takes, and how large they may be.

Twilio: https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages (types, 16 MB, images 5 MB; a
text goes with images and videos only). Stickers: 500 KB, animated, 100 KB else, by WhatsApp's own rules:
https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ponte.domain.message import Kind, Media
from ponte.errors import InvalidInput

_MB: Final = 1024 * 1024
MAX_BYTES: Final = 16 * _MB
"""No file may be larger."""

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class MediaRule:
    """What WhatsApp makes of a type of file, and how many bytes it may have."""

    kind: Kind
    max_bytes: int


_IMAGE: Final = MediaRule(Kind.IMAGE, 5 * _MB)
_STICKER: Final = MediaRule(Kind.STICKER, 500 * 1024)
_AUDIO: Final = MediaRule(Kind.AUDIO, MAX_BYTES)
_VIDEO: Final = MediaRule(Kind.VIDEO, MAX_BYTES)
_DOCUMENT: Final = MediaRule(Kind.DOCUMENT, MAX_BYTES)

RULES: Final[Mapping[str, MediaRule]] = {
    "image/jpeg": _IMAGE,
    "image/png": _IMAGE,
    "image/webp": _STICKER,
    "audio/ogg": _AUDIO,
    "audio/amr": _AUDIO,
    "audio/3gpp": _AUDIO,
    "audio/aac": _AUDIO,
    "audio/mpeg": _AUDIO,
    "video/mp4": _VIDEO,
    "application/pdf": _DOCUMENT,
    "application/msword": _DOCUMENT,
    f"{_OFFICE}.wordprocessingml.document": _DOCUMENT,
    "application/vnd.ms-excel": _DOCUMENT,
    f"{_OFFICE}.spreadsheetml.sheet": _DOCUMENT,
    "application/vnd.ms-powerpoint": _DOCUMENT,
    f"{_OFFICE}.presentationml.presentation": _DOCUMENT,
}

# Kinds whose message shows a text below the file; with others it would be lost.
CAPTIONED: Final = frozenset({Kind.IMAGE, Kind.VIDEO})


def bare_type(content_type: str) -> str:
    """Return a content type without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def rule_for(media: Media) -> MediaRule:
    """Return the rule for a file of which type and size are known.

    Raises:
        InvalidInput: WhatsApp does not take files of this type, or not this large, or empty.
    """
    found = RULES.get(bare_type(media.content_type))
    if found is None:
        raise InvalidInput(
            f"WhatsApp does not take files of the type {bare_type(media.content_type)!r}. Send JPEG, PNG or "
            "WebP images, MP4 video, OGG, AMR, 3GP, AAC or MP3 audio, PDF or Office documents."
        )
    size = media.size or 0
    if size <= 0:
        raise InvalidInput("The file is empty.")
    if size > found.max_bytes:
        raise InvalidInput(
            f"The file has {size} bytes; WhatsApp takes at most {found.max_bytes} for {found.kind} files."
        )
    return found
