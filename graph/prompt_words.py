"""Pydantic's errors in the words of somebody who edits prompt files: what is wrong, and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from pydantic_core import ErrorDetails

from graph.prompt_problem import Problem
from graph.prompt_yaml import Document, Loc

_SAID: Final = {
    "string_type": "must be words; put it in quotes (YAML reads yes, no, on and off as no words)",
    "string_too_short": "is empty; write something",
    "string_too_long": "has more than {max_length} characters; shorten it",
    "missing": "is missing; add it",
    "extra_forbidden": "is not known here; mend its name, or remove it",
    "literal_error": "must be {expected}; write one of these",
    "enum": "must be {expected}; write one of these",
    "greater_than": "must be more than {gt}; mend the number",
    "greater_than_equal": "must be {ge} or more; mend the number",
    "less_than": "must be less than {lt}; mend the number",
    "less_than_equal": "must be {le} or less; mend the number",
    "too_short": "needs {min_length} or more; add what is missing",
    "too_long": "has room for {max_length}; remove some",
    "none_required": "must be null or left out",
}
# By the beginning of the type, where the rest says how it was found.
_KINDS: Final = {
    "int": "must be a whole number, without quotes; write one such as 10",
    "float": "must be a number, without quotes; write one such as 0.5",
    "bool": "must be true or false, without quotes",
    "list": "must be a list; write [one, two], or `- one` a line",
    "tuple": "must be a list; write [one, two], or `- one` a line",
    "dict": "must hold keys with values below it; mend the indent",
    "model": "must hold keys with values below it; mend the indent",
    "datetime": "must be a moment with its time zone, such as 2026-09-30T18:30:00-03:00",
    "timezone": "must be a moment with its time zone, such as 2026-09-30T18:30:00-03:00",
}


def in_words(file: str, document: Document, errors: Sequence[ErrorDetails]) -> Iterator[Problem]:
    """Yield a problem for each error, with its line, its place as a path that counts from 1, and the mend."""
    places = [error["loc"] for error in errors]
    missing = {error["loc"] for error in errors if error["type"] == "missing"}
    for error in errors:
        # A list counts as too short, too, once what is in it cannot be used.
        inner = any(
            len(loc) > len(error["loc"]) and loc[: len(error["loc"])] == error["loc"] for loc in places
        )
        if error["type"] == "too_short" and inner:
            continue
        # Pydantic names the ways it tried in brackets.
        loc = [part for part in error["loc"] if isinstance(part, int) or "[" not in part]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)
        yield Problem(
            file, document.line(loc), f"{place or 'the file'}: {_said(error, missing)}.".replace("?.", "?")
        )


def _said(error: ErrorDetails, missing: AbstractSet[Loc]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        beside = [str(loc[-1]) for loc in missing if loc[:-1] == error["loc"][:-1]]
        if near := difflib.get_close_matches(str(error["loc"][-1]), beside, n=1):
            return f"is not known here; did you mean {near[0]!r}?"
    said = _SAID.get(kind) or _KINDS.get(kind.partition("_")[0])
    if said is None:
        return error["msg"].removeprefix("Value error, ").rstrip(".")
    return said.format_map(error.get("ctx") or {})
