"""Files on their way into the state and back: plain data there, ``Media`` outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graph.state import InboundItem, MediaRecord, clean
from ponte.domain.message import Media, MediaError


def media_record(media: Media) -> MediaRecord:
    """Return what the state keeps of a file: never its bytes, nor the address it came from."""
    return {
        "content_type": media.content_type,
        "key": media.key,
        "size": media.size,
        "name": None if media.name is None else clean(media.name),
        "text": None if media.text is None else clean(media.text),
        "language": media.language,
        "confidence": media.confidence,
        "duration_ms": media.duration_ms,
        "error": None if media.error is None else media.error.value,
    }


def media_of(record: MediaRecord) -> Media:
    """Return the file that a record tells of; its ``url`` is empty."""
    error = record.get("error")
    return Media(
        url="",
        content_type=record["content_type"],
        key=record.get("key"),
        size=record.get("size"),
        name=record.get("name"),
        text=record.get("text"),
        language=record.get("language"),
        confidence=record.get("confidence"),
        duration_ms=record.get("duration_ms"),
        error=None if error is None else MediaError(error),
    )


def understood_media(
    inbound: Sequence[InboundItem], understood: Mapping[str, Sequence[MediaRecord]]
) -> dict[str, tuple[Media, ...]]:
    """Return the files of a turn's messages by message id, with what the turn understood of them.

    A message whose files are not in ``understood`` one for one is left out: its row stays as it is.
    """
    found: dict[str, tuple[Media, ...]] = {}
    for item in inbound:
        records = understood.get(item.id, ())
        if item.media and len(records) == len(item.media):
            found[item.id] = tuple(
                replace(media_of(record), url=media.url)
                for media, record in zip(item.media, records, strict=True)
            )
    return found
