"""Links between the prompt files, and out of them, that lead nowhere."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from graph.prompt_problem import Problem
from graph.prompt_schema import TEMPLATES
from graph.prompt_source import Files

_LINK: Final = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+[^)]*)?\)")
_HTML: Final = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\[([^\[\]]+)\]\[([^\[\]]*)\]")
_DEFINED: Final = re.compile(r"^ {0,3}\[([^\[\]]+)\]:\s*<?([^\s>]+)>?", re.MULTILINE)
_FENCE: Final = re.compile(r"^\s*(```|~~~)")
_CODE: Final = re.compile(r"`[^`]*`")
_ELSEWHERE: Final = re.compile(r"[a-zA-Z][a-zA-Z+.-]*:|//")
_WEB: Final = re.compile(r"https?:[^\s)>\"'\]]*", re.IGNORECASE)
_WEB_HOST: Final = re.compile(r"https?://[\w-]+(?:\.[\w-]+)+(?:[:/?#].*)?", re.IGNORECASE)


def link_problems(files: Files, directory: Path) -> Iterator[Problem]:
    """Yield the links of Markdown files and messages that lead to no file or no heading, by line.

    Args:
        files: what stands in the folder.
        directory: the folder; links may lead out of it, e.g. to the documentation.
    """
    for file, content in sorted(files.items()):
        told = file.startswith(("knowledge/", "messages/"))
        if not file.endswith(".md") and not told:
            continue
        text = content.decode("utf-8-sig", "replace")
        for line, link in _links(text):
            said = _wrong(file, link, files, directory)
            if said is not None:
                # The folder may stand elsewhere than the documentation that a README names.
                out = _target(file, link).startswith("..")
                yield Problem(
                    file, line, f"the link {link!r} leads nowhere: {said}.", advice=out and not told
                )
            elif told:
                message = (
                    f"the link {link!r} is to a file of ours, which a customer cannot open; write its words, "
                    "or `attach:` it to a section of knowledge/."
                )
                yield Problem(file, line, message, advice=True)
        if file not in TEMPLATES:
            yield from _undefined(file, text)
        if told:
            yield from _no_host(file, text)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, code apart."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, _CODE.sub("", line)


def _links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the relative links with their lines."""
    for number, line in _lines(text):
        targets = [*_LINK.findall(line), *_HTML.findall(line), *(to for _, to in _DEFINED.findall(line))]
        for link in targets:
            if not _ELSEWHERE.match(link):
                yield number, link


def _undefined(file: str, text: str) -> Iterator[Problem]:
    """Yield what is linked as ``[words][name]`` without a line ``[name]: address``."""
    defined = {name.casefold() for name, _ in _DEFINED.findall(text)}
    for number, line in _lines(text):
        for words, name in _REFERENCE.findall(line):
            if (name or words).casefold() not in defined:
                said = f"there is no line `[{name or words}]: address`; add it, or remove the link"
                yield Problem(file, number, f"the link [{words}][{name}] leads nowhere: {said}.")


def _no_host(file: str, text: str) -> Iterator[Problem]:
    for number, line in _lines(text):
        for link in _WEB.findall(line):
            if "{" not in link and not _WEB_HOST.fullmatch(link):
                said = "it names no host such as example.com; mend it"
                yield Problem(file, number, f"the link {link!r} leads nowhere: {said}.")


def _wrong(file: str, link: str, files: Files, directory: Path) -> str | None:
    """Return why a link leads nowhere; None when it leads somewhere."""
    if link.startswith("/"):
        return "it begins with a `/`; write the whole web address, or a path from this file"
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
