"""What reading any prompt file takes, collecting everything that is wrong instead of the first thing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from graph.prompt_problem import Problem
from graph.prompt_source import Files, Snapshot, read_folder
from graph.prompt_words import in_words
from graph.prompt_yaml import Document, NotYamlError, parse_yaml
from graph.templates import TemplateFault, Text, compile_text, line_naming

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---\s*$\r?\n?", re.DOTALL | re.MULTILINE)


class FileReader:
    """Reads one set of files. What cannot be used is in ``problems``.

    Args:
        source: the folder, or what stood in one.
    """

    def __init__(self, source: Path | Files) -> None:
        found = read_folder(source) if isinstance(source, Path) else Snapshot(source)
        self.files = found.files
        self.problems: list[Problem] = [
            Problem(file, None, message) for file, message in sorted(found.unread.items())
        ]
        self._at = ""

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Return what ``read`` does; None, and a problem with the file it was at, if it fails."""
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - whatever a file holds must not end who reads it
            self.problem(self._at, None, f"cannot be used ({type(error).__name__}); undo its last change.")
            return None

    def yaml(self, file: str, model: type[M]) -> M | None:
        """Read a YAML file as ``model``; None when it cannot be used."""
        document = self.document(file)
        return None if document is None else self.model(file, document, document.data, model)

    def document(self, file: str) -> Document | None:
        """Read a YAML file; None when it is none."""
        source = self.source(file)
        return None if source is None else self._document(file, source)

    def model(
        self, file: str, document: Document, data: object, model: type[M], at: tuple[str, ...] = ()
    ) -> M | None:
        """Return a part of a document as ``model``; None when it cannot be used.

        Args:
            file: for the problems.
            document: where it stands.
            data: the part.
            model: what it should be.
            at: the keys that lead to the part.
        """
        try:
            return model.model_validate(data)
        except ValidationError as error:
            wrongs = error.errors()
            for wrong in wrongs:
                wrong["loc"] = (*at, *wrong["loc"])
            self.problems += in_words(file, document, wrongs)
            return None

    def text(
        self, file: str, source: str, line: int | None, allowed: frozenset[str], locale: str = "en"
    ) -> Text | None:
        """Compile a text that may use the ``allowed`` variables; None when it is no template."""
        try:
            text = compile_text(source, file, line, locale)
        except TemplateFault as error:
            self.problem(file, error.line, error.said)
            return None
        for name in sorted(text.variables - allowed):
            offer = ", ".join(sorted(allowed)) or "none"
            self.problem(
                file, line_naming(text, name), f"the variable {name!r} is not known here; there are: {offer}."
            )
        return text

    def front(self, file: str, model: type[M]) -> tuple[M, str, int, Document] | None:
        """Read a file with front matter: its head, its body, the body's line, and the head's YAML."""
        source = self.source(file)
        if source is None:
            return None
        parts = _FRONT.match(source)
        if parts is None:
            self.problem(file, 1, "must begin with front matter between two lines of `---`.")
            return None
        document = self._document(file, parts[1], offset=1)
        if document is None:
            return None
        head = self.model(file, document, document.data, model)
        body = source[parts.end() :]
        line = source[: parts.end()].count("\n") + 1 + (len(body) - len(body.lstrip("\n")))
        return None if head is None else (head, body.strip(), line, document)

    def source(self, file: str) -> str | None:
        """Return a file's text; None when there is none."""
        self._at = file
        content = self.files.get(file)
        if content is None:
            if not any(problem.file == file for problem in self.problems):
                self.problem(file, None, "is missing; add it.")
            return None
        try:
            # Windows' editors put a mark before the first letter.
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            self.problem(file, line, "is not UTF-8; save it as UTF-8.")
        return None

    def problem(self, file: str, line: int | None, message: str) -> None:
        """Note what is wrong with a file."""
        self.problems.append(Problem(file, line, message))

    def _document(self, file: str, source: str, offset: int = 0) -> Document | None:
        try:
            document = parse_yaml(source, offset)
        except NotYamlError as error:
            self.problem(file, error.line, error.said)
            return None
        for key, line in document.twice():
            self.problem(file, line, f"{key!r} stands twice here; join the two, or remove one.")
        return document
