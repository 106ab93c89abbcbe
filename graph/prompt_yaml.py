"""YAML as prompt files hold it: the values, where each of them stands, and what is wrong with the writing."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Loc = Sequence[int | str]

# Written in C where PyYAML has it: ten times as fast.
_YAML: Final[type[yaml.SafeLoader | yaml.CSafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A text block begins on the line after the sign that opens it.
_BLOCKS: Final = frozenset({"|", ">"})
# What a file may come to once its `*names` are put in; a few lines could stand for billions of values.
_MOST_VALUES: Final = 200_000
_QUOTED: Final = re.compile(r"^\s*(?:-\s+)*(?:[\w.-]+\s*:\s+)?(?P<mark>[\"'])(?P<rest>.*)$")
_ESCAPED: Final = re.compile(r"\\.|''")


class NotYamlError(Exception):
    """A text is no YAML that can be used.

    Args:
        line: where; None when it is not known.
        said: what is wrong, and the mend.
    """

    def __init__(self, line: int | None, said: str) -> None:
        super().__init__(said)
        self.line = line
        self.said = said


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text, read.

    Args:
        data: its value.
        root: what ``data`` was made of; None for an empty text.
        offset: how many lines of the file stand before it.
    """

    data: object
    root: Node | None
    offset: int = 0

    def line(self, loc: Loc) -> int | None:
        """Return the line of what a path of keys and numbers leads to, as far as it does."""
        if self.root is None:
            return None
        line, node = self.root.start_mark.line, self.root
        for part in loc:
            step = _child(node, part)
            if step is None:
                break
            line, node = step
        return int(line) + 1 + self.offset

    def text_line(self, loc: Loc) -> int | None:
        """Return the line on which the text at ``loc`` begins; else as ``line``."""
        node = self._node(loc)
        if not isinstance(node, ScalarNode):
            return self.line(loc)
        return int(node.start_mark.line) + 1 + self.offset + (node.style in _BLOCKS)

    def twice(self) -> Iterator[tuple[str, int]]:
        """Yield the keys that a mapping has twice, with their lines: YAML takes the last without a word."""
        seen: set[int] = set()
        waiting = [] if self.root is None else [self.root]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, MappingNode):
                yield from ((key, line + self.offset) for key, line in _twice(node))
                waiting += [value for _, value in node.value]
            elif isinstance(node, SequenceNode):
                waiting += node.value

    def _node(self, loc: Loc) -> Node | None:
        node = self.root
        for part in loc:
            step = None if node is None else _child(node, part)
            if step is None:
                return None
            node = step[1]
        return node


def parse_yaml(source: str, offset: int = 0) -> Document:
    """Read a YAML text.

    Args:
        source: the text.
        offset: how many lines of its file stand before it.

    Raises:
        NotYamlError: it is none, or one that cannot be used.
    """
    try:
        loader = _YAML(source)
        try:
            root = loader.get_single_node()
            if root is not None:
                _values(root, {})
            data = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else None
        raise _marked(source, line, str(error.problem), offset) from None
    except yaml.reader.ReaderError as error:
        line = source[: error.position].count("\n") + 1 + offset
        raise NotYamlError(
            line, "holds a character that YAML does not take; delete it and write it anew."
        ) from None
    except RecursionError:
        raise NotYamlError(None, "is nested too deeply to be read; mend the brackets.") from None
    except ValueError as error:
        # A bare 2026-13-45 is a date to YAML, and none.
        raise NotYamlError(None, f"is not valid YAML: {error}. Put dates and times in quotes.") from None
    return Document(data, root, offset)


def _marked(source: str, line: int | None, problem: str, offset: int) -> NotYamlError:
    if line is None:
        return NotYamlError(None, f"is not valid YAML: {problem}. Mend the quotes or the indent.")
    lines = source.splitlines()
    open_at = _unclosed(lines[: line + 1])
    if open_at is not None:
        said = "is not valid YAML: the quotation mark of this text is not closed. Add one at its end."
        return NotYamlError(open_at + 1 + offset, said)
    here, said = lines[line] if line < len(lines) else "", f"is not valid YAML: {problem}."
    if re.match(r" *\t", here):
        said = "is indented with a tab; YAML takes spaces only."
    elif _ends_early(here):
        said += " A quotation mark within the text ends it: write the other kind of mark there."
    elif problem.startswith("mapping values"):
        said += " Put a text that holds a colon in quotes, or mend the indent."
    else:
        said += " Mend the quotes or the indent."
    return NotYamlError(line + 1 + offset, said)


def _ends_early(line: str) -> bool:
    """Tell whether a text in quotation marks goes on after the mark that ends it."""
    found = _QUOTED.match(line)
    if found is None:
        return False
    after = _ESCAPED.sub("", found["rest"]).partition(found["mark"])[2].strip()
    return bool(after) and after[0] not in ",:#]}"


def _unclosed(lines: list[str]) -> int | None:
    """Return the last line whose text begins with a quotation mark that is not closed on it."""
    for number in range(len(lines) - 1, -1, -1):
        found = _QUOTED.match(lines[number])
        if found is not None and found["mark"] not in _ESCAPED.sub("", found["rest"]):
            return number
    return None


def _child(node: Node, part: Hashable) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == part:
                return key.start_mark.line, value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark.line, child
    return None


def _twice(node: MappingNode) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, ScalarNode):
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)


def _values(node: Node, known: dict[int, int]) -> int:
    """Return how many values a node comes to. Raises NotYamlError where they are too many, or without end."""
    found = known.get(id(node))
    if found is not None:
        return found
    # Until it is counted: what leads back here has no end.
    known[id(node)] = _MOST_VALUES
    children: list[Node] = []
    if isinstance(node, MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, SequenceNode):
        children = node.value
    total = 1
    for child in children:
        total += _values(child, known)
        if total > _MOST_VALUES:
            raise NotYamlError(
                child.start_mark.line + 1, "repeats too much with `&name` and `*name`; write it out."
            )
    known[id(node)] = total
    return total
