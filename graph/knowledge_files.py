"""Cutting a knowledge file into sections, and Markdown into what WhatsApp shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from graph.attachments import Attachment, attachment
from graph.knowledge import Section
from graph.prompt_source import Files
from ponte.errors import InvalidInput

_HEADING = re.compile(r"^##\s+(.+?)\s*$", re.MULTILINE)
_ASKED_AS = re.compile(r"<!--\s*asked as:\s*(.*?)\s*-->", re.DOTALL)
_ATTACH = re.compile(r"^[ \t]*attach:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SUBHEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_NONE: Final[Files] = MappingProxyType({})
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def sections_of(body: str, *, lang: str, source: str, files: Files = _NONE) -> list[Section]:
    """Return the sections of a file: what stands under each ``##`` heading.

    A comment ``<!-- asked as: ... -->`` lists other words that customers use for it; a line
    ``attach: prices.pdf`` names a file that goes out with it.

    Args:
        body: below the front matter.
        lang: the file's locale.
        source: the file's name.
        files: all prompt files, those that are attached among them.
    """
    found: list[Section] = []
    headings = list(_HEADING.finditer(body))
    ends = [*(h.start() for h in headings[1:]), len(body)]
    for heading, end in zip(headings, ends, strict=True):
        part = body[heading.end() : end]
        text = plain(_ATTACH.sub("", part))
        if text:
            asked = " ".join(_ASKED_AS.findall(part))
            found.append(Section(lang, source, heading[1], text, asked, _attached(part, files)))
    return found


def _attached(part: str, files: Files) -> tuple[Attachment, ...]:
    """Return the files that a section attaches and that can be sent."""
    found: list[Attachment] = []
    for path in _ATTACH.findall(part):
        with suppress(InvalidInput):
            found.append(attachment(path, files))
    return tuple(found)


def attachment_faults(body: str, files: Files) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the files that a body attaches: the line, from 0, and what to mend."""
    first = _HEADING.search(body)
    for found in _ATTACH.finditer(body):
        line = body.count("\n", 0, found.start())
        if first is None or found.start() < first.start():
            yield line, "`attach:` stands under no heading; move it below the `##` that it belongs to."
            continue
        try:
            attachment(found[1], files)
        except InvalidInput as error:
            yield line, f"`attach:` {error}"


def plain(markdown: str) -> str:
    """Return Markdown as WhatsApp shows it: its own bold, bullets as dots, links as addresses.

    See https://faq.whatsapp.com/539178204879377 for WhatsApp's formatting.
    """
    text = _COMMENT.sub("", markdown)
    text = _SUBHEADING.sub(r"*\1*", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    text = re.sub(r"^[ \t]*[-*+]\s+", "• ", text, flags=re.MULTILINE)
    text = _LINK.sub(r"\1: \2", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
