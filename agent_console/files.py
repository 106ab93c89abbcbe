"""A message's files as the transcript component draws them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from agent_console.i18n import Catalogue
from agent_console.media import media_url
from ponte.domain.message import Media, MediaError, Message
from ponte.media_serving import safe_name, shown_in_place

if TYPE_CHECKING:
    from agent_console.view import Plain

# A transcript under this is likely to have mistakes.
_SURE: Final = 0.8
_LONGEST_TEXT: Final = 4_000


def files(message: Message, say: Catalogue) -> Iterator[dict[str, Plain]]:
    """Yield what is shown of each file."""
    for number, media in enumerate(message.media):
        family = media.content_type.partition("/")[0]
        url = media_url(message.id, number) if media.key else None
        error = media.error or (None if url else MediaError.UNAVAILABLE)
        yield {
            "kind": family if shown_in_place(media.content_type) else "document",
            "url": url,
            "name": safe_name(media.name),
            "size": media.size,
            "text": (media.text or "")[:_LONGEST_TEXT],
            "heading": _heading(media, family, say),
            "error": say(f"file.error.{error}") if error else None,
        }


def _heading(media: Media, family: str, say: Catalogue) -> str:
    parts = [say("file.said" if family in {"audio", "video"} else "file.written")]
    if media.confidence is not None:
        parts.append(say("file.sure", percent=round(media.confidence * 100)))
        if media.confidence < _SURE:
            parts.append(say("file.unsure"))
    return " · ".join(parts)
