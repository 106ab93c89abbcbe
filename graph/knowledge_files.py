"""Cutting a knowledge file into sections, and Markdown into what WhatsApp shows."""

from __future__ import annotations

import re

from graph.knowledge import Section

_HEADING = re.compile(r"^##\s+(.+?)\s*$", re.MULTILINE)
_ASKED_AS = re.compile(r"<!--\s*asked as:\s*(.*?)\s*-->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SUBHEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def sections_of(body: str, *, lang: str, source: str) -> list[Section]:
    """Return the sections of a file: what stands under each ``##`` heading.

    A comment ``<!-- asked as: ... -->`` lists other words that customers use for it.
    """
    found: list[Section] = []
    headings = list(_HEADING.finditer(body))
    ends = [*(h.start() for h in headings[1:]), len(body)]
    for heading, end in zip(headings, ends, strict=True):
        part = body[heading.end() : end]
        text = plain(part)
        if text:
            asked = " ".join(_ASKED_AS.findall(part))
            found.append(Section(lang, source, heading[1], text, asked))
    return found


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
