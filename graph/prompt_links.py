"""Links between the prompt files, and out of them, that lead nowhere."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from graph.prompt_files import Problem
from graph.prompt_source import Files

_LINK: Final = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+[^)]*)?\)")
_FENCE: Final = re.compile(r"^\s*(```|~~~)")
_ELSEWHERE: Final = re.compile(r"[a-zA-Z][a-zA-Z+.-]*:|//")


def link_problems(files: Files, directory: Path) -> Iterator[Problem]:
    """Yield the links of all Markdown files that lead to no file or no heading, by line.

    Args:
        files: what stands in the folder.
        directory: the folder; links may lead out of it, e.g. to the documentation.
    """
    for file, content in sorted(files.items()):
        if not file.endswith(".md"):
            continue
        for line, link in _links(content.decode("utf-8", "replace")):
            said = _wrong(file, link, files, directory)
            if said is not None:
                # The folder may stand elsewhere than the documentation that a README names.
                out = _target(file, link).startswith("..")
                yield Problem(file, line, f"the link {link!r} leads nowhere: {said}.", advice=out)
            elif file.startswith("knowledge/"):
                message = (
                    f"the link {link!r} is to a file of ours, which a customer cannot open; write its words."
                )
                yield Problem(file, line, message, advice=True)


def _links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the relative links with their lines, code apart."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            for link in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if not _ELSEWHERE.match(link):
                    yield number, link


def _wrong(file: str, link: str, files: Files, directory: Path) -> str | None:
    """Return why a link leads nowhere; None when it leads somewhere."""
    target, anchor = _target(file, link), unquote(link).partition("#")[2]
    if target in files:
        content = files[target].decode("utf-8", "replace")
    else:
        found = directory / target
        if not found.exists():
            return f"there is no {target}; mend the path or remove the link"
        content = found.read_text("utf-8", "replace") if found.suffix == ".md" else ""
    if anchor and target.endswith(".md") and anchor not in _anchors(content):
        return f"{target} has no heading for #{anchor}; mend it"
    return None


def _target(file: str, link: str) -> str:
    """Return where a link leads, relative to the folder."""
    path = unquote(link).partition("#")[0]
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file


def _anchors(text: str) -> set[str]:
    """Return the names that GitHub gives to the headings."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
